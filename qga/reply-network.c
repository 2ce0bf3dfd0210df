/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-network-get-interfaces. */
#include "envelope.h"
#include "field.h"
#include "reply.h"

#include <string.h>

static void
address_free(gpointer data)
{
    VsfQgaAddress *address = data;

    g_free(address->address);
    g_free(address);
}

static void
interface_free(gpointer data)
{
    VsfQgaInterface *interface = data;

    g_free(interface->name);
    g_free(interface->hardware_address);
    g_clear_pointer(&interface->addresses, g_ptr_array_unref);
    g_free(interface);
}

static guint32
family_of(const char *type)
{
    if (g_strcmp0(type, "ipv4") == 0)
        return 4;
    return g_strcmp0(type, "ipv6") == 0 ? 6 : 0;
}

static GPtrArray *
parse_addresses(JsonArray *list)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(address_free);

    for (guint i = 0; list != NULL && i < json_array_get_length(list); i++) {
        JsonObject *entry = vsf_qga_element(list, i);
        char *text = entry != NULL ? vsf_qga_field_text(entry, "ip-address") : NULL;
        VsfQgaAddress *address;

        if (text == NULL)
            continue;
        address = g_new0(VsfQgaAddress, 1);
        address->address = text;
        address->family = family_of(vsf_qga_field_raw_text(entry, "ip-address-type"));
        address->prefix = vsf_qga_field_u32(entry, "prefix");
        g_ptr_array_add(all, address);
        if (all->len == VSF_QGA_ADDRESSES_MAX)
            break;
    }
    return all;
}

static guint64
counter(JsonObject *stats, const char *name)
{
    return stats != NULL ? vsf_qga_field_u64(stats, name) : VSF_QGA_UNKNOWN;
}

/* Takes @name. */
static VsfQgaInterface *
parse_interface(JsonObject *entry, char *name)
{
    JsonObject *stats = vsf_qga_field_object(entry, "statistics");
    VsfQgaInterface *interface = g_new0(VsfQgaInterface, 1);

    *interface = (VsfQgaInterface){
        .name = name,
        .hardware_address = vsf_qga_field_text(entry, "hardware-address"),
        .addresses = parse_addresses(vsf_qga_field_array(entry, "ip-addresses")),
        .rx_bytes = counter(stats, "rx-bytes"),
        .rx_packets = counter(stats, "rx-packets"),
        .rx_errors = counter(stats, "rx-errs"),
        .rx_dropped = counter(stats, "rx-dropped"),
        .tx_bytes = counter(stats, "tx-bytes"),
        .tx_packets = counter(stats, "tx-packets"),
        .tx_errors = counter(stats, "tx-errs"),
        .tx_dropped = counter(stats, "tx-dropped"),
    };
    return interface;
}

GPtrArray *
vsf_qga_parse_interfaces(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonArray) list = vsf_qga_envelope_array(reply, length, error);
    GPtrArray *all;

    if (list == NULL)
        return NULL;
    all = g_ptr_array_new_with_free_func(interface_free);
    for (guint i = 0; i < json_array_get_length(list) && all->len < VSF_QGA_INTERFACES_MAX; i++) {
        JsonObject *entry = vsf_qga_element(list, i);
        char *name = entry != NULL ? vsf_qga_field_text(entry, "name") : NULL;

        if (name != NULL)
            g_ptr_array_add(all, parse_interface(entry, name));
    }
    return all;
}
