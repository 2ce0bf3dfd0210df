/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The member "host_interfaces" of the status: the host's own, and how often each is polled. */
#include "app-private.h"
#include "status.h"

static const char *
state_of(const VsfUplink *uplink, guint polling_s)
{
    if (uplink->elsewhere)
        return "by its switch";
    return polling_s == 0 ? "off" : "polled";
}

void
vsf_app_status_uplinks_member(JsonBuilder *builder, const VsfApp *app)
{
    const GArray *uplinks = vsf_poller_uplinks(app->poller);

    json_builder_set_member_name(builder, "host_interfaces");
    json_builder_begin_array(builder);
    for (guint i = 0; i < uplinks->len; i++) {
        const VsfUplink *uplink = &g_array_index(uplinks, VsfUplink, i);
        guint polling_s = vsf_uplinks_polling_s(app->config, uplink->name);

        json_builder_begin_object(builder);
        vsf_status_int_member(builder, "ifindex", uplink->ifindex);
        vsf_status_text_member(builder, "name", uplink->name);
        vsf_status_text_member(builder, "kind", uplink->is_bridge ? "bridge" : "physical");
        vsf_status_text_member(builder, "state", state_of(uplink, polling_s));
        vsf_status_int_member(builder, "polling", polling_s);
        vsf_status_text_member(builder, "frames", uplink->has_kinds ? "mac" : "kernel");
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}
