/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-ports.h"

#include "../hsflowd/hsflowd-values.h"

#include <string.h>

#define INTERFACES_MAX 256 /* as virt-sflowd takes sections */
#define SPEEDS_MAX 16      /* as it takes rates by speed */

static gboolean
is_tap_name(const char *name)
{
    return g_str_has_prefix(name, "vnet") || g_str_has_prefix(name, "tap") ||
           g_str_has_prefix(name, "macvtap");
}

/* FALSE: no section of its own is made for that interface. */
static gboolean
add_interface(VsfHsflowdSettings *settings, const char *device, guint64 sampling)
{
    g_autofree char *header = g_strdup_printf("[interface %s]", device);

    for (guint i = 0; i < settings->interfaces->len; i++)
        if (strcmp(((const VsfHsflowdInterface *)settings->interfaces->pdata[i])->header, header) ==
            0)
            return FALSE;
    if (settings->interfaces->len < INTERFACES_MAX) {
        VsfHsflowdInterface *interface = g_new0(VsfHsflowdInterface, 1);

        interface->header = g_steal_pointer(&header);
        interface->sampling = sampling;
        g_ptr_array_add(settings->interfaces, interface);
        return TRUE;
    }
    return FALSE;
}

static gboolean
has_port(const VsfHsflowdSettings *settings, const char *device)
{
    return g_ptr_array_find_with_equal_func(settings->ports, device, g_str_equal, NULL);
}

/* Of an interface that is no tap by its name. FALSE: none is made of it. */
static gboolean
add_port(VsfHsflowdSettings *settings, const char *device, guint64 sampling)
{
    /* Words of [capture] ports. */
    if (strcmp(device, "off") == 0 || strcmp(device, "uplinks") == 0 ||
        has_port(settings, device) || settings->ports->len == INTERFACES_MAX ||
        (sampling > 0 && !add_interface(settings, device, sampling)))
        return FALSE;
    g_ptr_array_add(settings->ports, g_strdup(device));
    return TRUE;
}

void
vsf_hsflowd_add_pcap(VsfHsflowdSettings *settings, const VsfHsflowdSetting *block,
                     const VsfHsflowdPcap *pcap)
{
    if (pcap->device != NULL && vsf_hsflowd_check_device(pcap->device, NULL)) {
        if (is_tap_name(pcap->device)
                ? pcap->sampling > 0 && add_interface(settings, pcap->device, pcap->sampling)
                : add_port(settings, pcap->device, pcap->sampling))
            return;
    } else if (pcap->device == NULL && pcap->pattern == NULL && pcap->speed != NULL) {
        settings->all_ports = TRUE;
        vsf_hsflowd_note(settings, block, NULL,
                         "[capture] ports = uplinks are the physical ports of all speeds; "
                         "sampling.SPEED in [sflow] is the rate of those of one, and 0 leaves them "
                         "out");
        return;
    }
    vsf_hsflowd_note(settings, block, NULL,
                     "taps of VMs are sampled as they appear, at [sflow] sampling or that of their "
                     "section [interface PATTERN] or [vm PATTERN]; physical ports if [capture] "
                     "ports has their names (patterns have * and ? alone); bridges are not");
}

/* "2.5G", as virt-sflowd reads it; 0: is none. */
static guint64
speed_of(const char *text)
{
    static const char units[] = "KMGT";
    gsize digits = strspn(text, "0123456789"), point = 0;
    const char *unit;
    guint64 tenths = 10 * g_ascii_strtoull(text, NULL, 10), scale = 100;

    if (digits == 0 || digits > 6)
        return 0;
    if (text[digits] == '.' && g_ascii_isdigit(text[digits + 1])) {
        tenths += (guint64)(text[digits + 1] - '0');
        point = 2;
    }
    text += digits + point;
    unit = *text != '\0' ? strchr(units, g_ascii_toupper(*text)) : NULL;
    if (unit == NULL || text[1] != '\0')
        return 0;
    for (; unit > units; unit--)
        scale *= 1000;
    return tenths * scale;
}

gboolean
vsf_hsflowd_add_speed(VsfHsflowdSettings *settings, const char *text, guint64 sampling)
{
    guint64 bits = speed_of(text);
    VsfHsflowdSpeed *speed = NULL;

    for (guint i = 0; i < settings->speeds->len; i++)
        if (((VsfHsflowdSpeed *)settings->speeds->pdata[i])->bits_per_second == bits)
            speed = settings->speeds->pdata[i];
    if (bits == 0 || (speed == NULL && settings->speeds->len == SPEEDS_MAX))
        return FALSE;
    if (speed == NULL) {
        speed = g_new0(VsfHsflowdSpeed, 1);
        speed->bits_per_second = bits;
        speed->key = g_strconcat("sampling.", text, NULL);
        g_ptr_array_add(settings->speeds, speed);
    }
    speed->sampling = sampling;
    return TRUE;
}
