/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of the status document. */
#include "status.h"

void
vsf_status_int_member(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
vsf_status_number_member(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    /* JSON's integers are signed here; no real number is beyond. */
    if (value > G_MAXINT64)
        json_builder_add_null_value(builder);
    else
        json_builder_add_int_value(builder, (gint64)value);
}

void
vsf_status_text_member(JsonBuilder *builder, const char *name, const char *text)
{
    json_builder_set_member_name(builder, name);
    vsf_status_text_element(builder, text);
}

void
vsf_status_text_element(JsonBuilder *builder, const char *text)
{
    g_autofree char *valid = text == NULL ? NULL : g_utf8_make_valid(text, -1);

    if (valid == NULL)
        json_builder_add_null_value(builder);
    else
        json_builder_add_string_value(builder, valid);
}

void
vsf_status_age_member(JsonBuilder *builder, const char *name, gint64 since_us)
{
    json_builder_set_member_name(builder, name);
    if (since_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(
            builder, (double)((g_get_monotonic_time() - since_us) / 1000) / 1000.0);
}

void
vsf_status_switch_member(JsonBuilder *builder, const VsfOvsPort *port)
{
    json_builder_set_member_name(builder, "switch");
    if (port == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "bridge", port->bridge);
    vsf_status_text_member(builder, "port", port->port);
    vsf_status_text_member(builder, "type", port->type);
    vsf_status_number_member(builder, "ofport",
                             port->ofport >= 0 ? (guint64)port->ofport : VSF_UNKNOWN);
    vsf_status_number_member(builder, "vlan", port->tag >= 0 ? (guint64)port->tag : VSF_UNKNOWN);
    vsf_status_text_member(builder, "vlan_mode", port->vlan_mode);
    vsf_status_text_member(builder, "trunks", port->trunks);
    vsf_status_text_member(builder, "iface_id", port->iface_id);
    json_builder_end_object(builder);
}
