/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "switch-text.h"

#include "member.h"
#include "table.h"

#include <string.h>

/* "LABEL VALUE" behind a comma, where it is known. */
static void
add_part(GString *text, JsonObject *port, const char *label, const char *member)
{
    g_autofree char *value = vsf_member_text(port, member);

    if (strcmp(value, "-") == 0)
        return;
    g_string_append_printf(text, ", %s ", label);
    vsf_table_cell(text, value, 0, FALSE);
}

void
vsf_switch_text(GString *text, JsonObject *interface)
{
    JsonObject *port = vsf_member_object(interface, "switch");
    g_autofree char *iface_id = vsf_member_text(port, "iface_id"),
                    *bridge = vsf_member_text(port, "bridge"),
                    *name = vsf_member_text(port, "port");

    if (port == NULL)
        return;
    g_string_append(text, "  port ");
    vsf_table_cell(text, name, 0, FALSE);
    g_string_append(text, " of ");
    vsf_table_cell(text, bridge, 0, FALSE);
    add_part(text, port, "number", "ofport");
    add_part(text, port, "VLAN", "vlan");
    add_part(text, port, "tagged", "trunks");
    g_string_append_c(text, '\n');
    if (strcmp(iface_id, "-") == 0)
        return;
    g_string_append(text, "  iface-id ");
    vsf_table_cell(text, iface_id, 0, FALSE);
    g_string_append_c(text, '\n');
}

void
vsf_ovs_text(GString *text, JsonObject *status)
{
    JsonObject *ovs = vsf_member_object(status, "ovs");
    g_autofree char *state = vsf_member_text(ovs, "state"), *error = vsf_member_text(ovs, "error"),
                    *version = vsf_member_text(ovs, "version"),
                    *bridges = vsf_member_text(ovs, "bridges"),
                    *ports = vsf_member_text(ovs, "ports"),
                    *trouble = vsf_member_text(ovs, "trouble"),
                    *since = vsf_age_text(vsf_member(ovs, "since_s"));

    if (ovs == NULL || strcmp(state, "absent") == 0)
        return;
    vsf_table_line(text, "switch", "Open vSwitch ", strcmp(version, "-") == 0 ? "" : version,
                   strcmp(version, "-") == 0 ? "" : ", ", state, " for ", since, ", ", bridges,
                   " bridges, ", ports, " ports", NULL);
    if (strcmp(error, "-") != 0)
        vsf_table_line(text, "", error, NULL);
    if (strcmp(trouble, "-") != 0)
        vsf_table_line(text, "", trouble, NULL);
}
