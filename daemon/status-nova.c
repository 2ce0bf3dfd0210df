/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the status says of a VM by nova's metadata. */
#include "status.h"

static void
add_party(JsonBuilder *builder, const char *name, const VsfNovaParty *party)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "id", party->id);
    vsf_status_text_member(builder, "name", party->name);
    json_builder_end_object(builder);
}

static void
add_flavor(JsonBuilder *builder, const VsfNovaFlavor *flavor)
{
    json_builder_set_member_name(builder, "flavor");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "name", flavor->name);
    vsf_status_number_member(builder, "vcpus", flavor->vcpus);
    vsf_status_number_member(builder, "memory", flavor->memory);
    vsf_status_number_member(builder, "disk", flavor->disk);
    vsf_status_number_member(builder, "ephemeral", flavor->ephemeral);
    vsf_status_number_member(builder, "swap", flavor->swap);
    json_builder_end_object(builder);
}

static void
add_ports(JsonBuilder *builder, const GPtrArray *ports)
{
    json_builder_set_member_name(builder, "ports");
    json_builder_begin_array(builder);
    for (guint i = 0; i < ports->len; i++) {
        const VsfNovaPort *port = ports->pdata[i];

        json_builder_begin_object(builder);
        vsf_status_text_member(builder, "id", port->id);
        json_builder_set_member_name(builder, "addresses");
        json_builder_begin_array(builder);
        for (guint j = 0; j < port->addresses->len; j++)
            json_builder_add_string_value(builder, port->addresses->pdata[j]);
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

void
vsf_status_nova_member(JsonBuilder *builder, const VsfNova *nova)
{
    g_autoptr(GDateTime) created = NULL;
    g_autofree char *created_text = NULL;

    json_builder_set_member_name(builder, "nova");
    if (nova == NULL) {
        json_builder_add_null_value(builder);
        return;
    }
    if (nova->created_s != VSF_NOVA_UNKNOWN)
        created = g_date_time_new_from_unix_utc((gint64)nova->created_s);
    if (created != NULL)
        created_text = g_date_time_format(created, "%Y-%m-%dT%H:%M:%SZ");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "name", nova->name);
    vsf_status_text_member(builder, "created", created_text);
    add_flavor(builder, &nova->flavor);
    add_party(builder, "project", &nova->project);
    add_party(builder, "user", &nova->user);
    vsf_status_text_member(builder, "image", nova->image);
    add_ports(builder, nova->ports);
    json_builder_end_object(builder);
}
