/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domain value: made, freed, and its UUID between text and bytes. */
#include "domain.h"

#include <string.h>

VsfDomainDef *
vsf_domain_def_new(void)
{
    VsfDomainDef *def = g_new0(VsfDomainDef, 1);

    def->id = -1;
    def->monitor.sampling = VSF_MONITOR_UNSET;
    def->nics = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_nic_free);
    def->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_disk_free);
    return def;
}

void
vsf_domain_def_free(VsfDomainDef *def)
{
    if (def == NULL)
        return;
    g_free(def->name);
    g_free(def->title);
    vsf_nova_free(def->nova);
    g_free(def->arch);
    g_ptr_array_unref(def->nics);
    g_ptr_array_unref(def->disks);
    g_free(def);
}

void
vsf_nic_free(VsfNic *nic)
{
    if (nic == NULL)
        return;
    g_free(nic->type);
    g_free(nic->device);
    g_free(nic->bridge);
    g_free(nic->socket);
    g_free(nic->alias);
    g_free(nic->port);
    g_free(nic);
}

void
vsf_disk_free(VsfDisk *disk)
{
    if (disk == NULL)
        return;
    g_free(disk->target);
    g_free(disk->source);
    g_free(disk->serial);
    g_free(disk);
}

#define PORT_IN_NAME 11 /* characters: nova cuts device names at 14 */

const char *
vsf_domain_port(const VsfDomainDef *def, const VsfNic *nic)
{
    const char *slash = nic->socket != NULL ? strrchr(nic->socket, '/') : NULL;
    const char *device = nic->device == NULL && slash != NULL ? slash + 1 : nic->device;
    const char *found = NULL;

    if (nic->port != NULL)
        return nic->port;
    if (def->nova == NULL || device == NULL || strlen(device) != 3 + PORT_IN_NAME ||
        (!g_str_has_prefix(device, "tap") && !g_str_has_prefix(device, "vhu")))
        return NULL;
    for (guint i = 0; i < def->nova->ports->len; i++) {
        const VsfNovaPort *port = def->nova->ports->pdata[i];

        if (strncmp(port->id, device + 3, PORT_IN_NAME) != 0)
            continue;
        /* Two that begin alike: neither. */
        if (found != NULL && strcmp(found, port->id) != 0)
            return NULL;
        found = port->id;
    }
    return found;
}

const char *
vsf_domain_volume(const VsfDomainDef *def, const VsfDisk *disk)
{
    guint8 bytes[16];
    char id[VSF_UUID_TEXT];

    /* Elsewhere a serial is anybody's. */
    if (def->nova == NULL || !vsf_uuid_parse(disk->serial, bytes))
        return NULL;
    vsf_uuid_format(bytes, id);
    return strcmp(disk->serial, id) == 0 ? disk->serial : NULL;
}

const VsfDisk *
vsf_domain_disk(const VsfDomainDef *def, const char *target)
{
    for (guint i = 0; i < def->disks->len; i++) {
        const VsfDisk *disk = def->disks->pdata[i];

        if (disk->target != NULL && strcmp(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

gboolean
vsf_uuid_parse(const char *text, guint8 bytes[16])
{
    gboolean dashes;
    guint8 parsed[16];
    const char *at = text;

    if (text == NULL)
        return FALSE;
    dashes = strnlen(text, 9) == 9 && text[8] == '-';
    for (guint i = 0; i < 16; i++) {
        if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
            return FALSE;
        /* The first digit is looked at first, so the NUL is never passed. */
        if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1]))
            return FALSE;
        parsed[i] = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
        at += 2;
    }
    if (*at != '\0')
        return FALSE;
    memcpy(bytes, parsed, sizeof(parsed));
    return TRUE;
}

void
vsf_uuid_format(const guint8 bytes[16], char text[VSF_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    for (guint i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 0x0f];
    }
    *at = '\0';
}
