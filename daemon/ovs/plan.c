/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "../model/glob.h"

#define NEW_ROW "ours" /* of the transaction alone */

VsfOvsWanted *
vsf_ovs_wanted_copy(const VsfOvsWanted *wanted)
{
    VsfOvsWanted *copy = wanted != NULL ? g_memdup2(wanted, sizeof(*wanted)) : NULL;

    if (copy == NULL)
        return NULL;
    copy->agent = g_strdup(wanted->agent);
    copy->targets = g_strdup(wanted->targets);
    copy->bridges = g_strdupv(wanted->bridges);
    return copy;
}

void
vsf_ovs_wanted_free(VsfOvsWanted *wanted)
{
    if (wanted == NULL)
        return;
    g_free(wanted->agent);
    g_free(wanted->targets);
    g_strfreev(wanted->bridges);
    g_free(wanted);
}

static gboolean
same_patterns(char **one, char **other)
{
    static char *none[] = {NULL};

    return g_strv_equal((const char *const *)(one != NULL ? one : none),
                        (const char *const *)(other != NULL ? other : none));
}

gboolean
vsf_ovs_wanted_equal(const VsfOvsWanted *one, const VsfOvsWanted *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    return strcmp(one->agent, other->agent) == 0 && strcmp(one->targets, other->targets) == 0 &&
           one->sampling == other->sampling && one->polling_s == other->polling_s &&
           one->header_bytes == other->header_bytes && same_patterns(one->bridges, other->bridges);
}

static gboolean
is_ours(const VsfOvsSflow *row)
{
    return row != NULL && g_strcmp0(row->mark, VSF_OVS_MARK) == 0;
}

gboolean
vsf_ovs_bridge_is_ours(const VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge)
{
    return is_ours(vsf_ovs_snapshot_sflow_by_uuid(snapshot, bridge->sflow));
}

gboolean
vsf_ovs_port_is_covered(const VsfOvsSnapshot *snapshot, const VsfOvsPort *port)
{
    for (guint i = 0; i < vsf_ovs_snapshot_n_bridges(snapshot); i++) {
        const VsfOvsBridge *bridge = vsf_ovs_snapshot_bridge(snapshot, i);

        if (strcmp(bridge->name, port->bridge) == 0)
            return vsf_ovs_bridge_is_ours(snapshot, bridge);
    }
    return FALSE;
}

gboolean
vsf_ovs_bridge_is_wanted(const VsfOvsWanted *wanted, const VsfOvsBridge *bridge)
{
    if (wanted == NULL)
        return FALSE;
    if (wanted->bridges == NULL || wanted->bridges[0] == NULL)
        return TRUE;
    for (char **pattern = wanted->bridges; *pattern != NULL; pattern++)
        if (vsf_glob_matches(*pattern, bridge->name))
            return TRUE;
    return FALSE;
}

char *
vsf_ovs_rival(const VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge)
{
    const VsfOvsSflow *row = vsf_ovs_snapshot_sflow_by_uuid(snapshot, bridge->sflow);

    if (bridge->sflow == NULL || is_ours(row))
        return NULL;
    if (row == NULL)
        return g_strdup("a row that is not told");
    return g_strdup_printf("agent %s, targets %s", row->agent != NULL ? row->agent : "not set",
                           row->targets);
}

/* --- operations ---------------------------------------------------------------- */

static void
add_text(JsonBuilder *builder, const char *name, const char *text)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, text);
}

static void
add_pair(JsonBuilder *builder, const char *tag, const char *value)
{
    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, tag);
    json_builder_add_string_value(builder, value);
    json_builder_end_array(builder);
}

/* A column "sflow": no row, or that one. */
static void
add_reference(JsonBuilder *builder, const char *tag, const char *uuid)
{
    json_builder_set_member_name(builder, "sflow");
    if (uuid != NULL) {
        add_pair(builder, tag, uuid);
        return;
    }
    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, "set");
    json_builder_begin_array(builder);
    json_builder_end_array(builder);
    json_builder_end_array(builder);
}

static void
begin_operation(JsonBuilder *builder, const char *op, const char *table, const char *uuid)
{
    json_builder_begin_object(builder);
    add_text(builder, "op", op);
    add_text(builder, "table", table);
    if (uuid == NULL)
        return;
    json_builder_set_member_name(builder, "where");
    json_builder_begin_array(builder);
    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, "_uuid");
    json_builder_add_string_value(builder, "==");
    add_pair(builder, "uuid", uuid);
    json_builder_end_array(builder);
    json_builder_end_array(builder);
}

/* Not done at all if the bridge is another than it was when it was seen. */
static void
add_wait(JsonBuilder *builder, const VsfOvsBridge *bridge)
{
    begin_operation(builder, "wait", "Bridge", bridge->uuid);
    json_builder_set_member_name(builder, "timeout");
    json_builder_add_int_value(builder, 0);
    json_builder_set_member_name(builder, "columns");
    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, "sflow");
    json_builder_end_array(builder);
    add_text(builder, "until", "==");
    json_builder_set_member_name(builder, "rows");
    json_builder_begin_array(builder);
    json_builder_begin_object(builder);
    add_reference(builder, "uuid", bridge->sflow);
    json_builder_end_object(builder);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void
set_bridge(JsonBuilder *builder, const VsfOvsBridge *bridge, const char *tag, const char *uuid)
{
    add_wait(builder, bridge);
    begin_operation(builder, "update", "Bridge", bridge->uuid);
    json_builder_set_member_name(builder, "row");
    json_builder_begin_object(builder);
    add_reference(builder, tag, uuid);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

static void
add_int(JsonBuilder *builder, const char *name, guint value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static void
add_row(JsonBuilder *builder, const VsfOvsWanted *wanted)
{
    g_auto(GStrv) targets = g_strsplit(wanted->targets, " ", -1);

    json_builder_set_member_name(builder, "row");
    json_builder_begin_object(builder);
    add_text(builder, "agent", wanted->agent);
    add_int(builder, "sampling", wanted->sampling);
    add_int(builder, "polling", wanted->polling_s);
    add_int(builder, "header", wanted->header_bytes);
    json_builder_set_member_name(builder, "targets");
    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, "set");
    json_builder_begin_array(builder);
    for (guint i = 0; targets[i] != NULL; i++)
        json_builder_add_string_value(builder, targets[i]);
    json_builder_end_array(builder);
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "external_ids");
    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, "map");
    json_builder_begin_array(builder);
    add_pair(builder, "virt-sflow", VSF_OVS_MARK);
    json_builder_end_array(builder);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

gboolean
vsf_ovs_row_is_as_wanted(const VsfOvsSflow *row, const VsfOvsWanted *wanted)
{
    return g_strcmp0(row->agent, wanted->agent) == 0 &&
           strcmp(row->targets, wanted->targets) == 0 && row->sampling == wanted->sampling &&
           row->polling == wanted->polling_s && row->header == wanted->header_bytes;
}

/* Of several, one stays. */
const VsfOvsSflow *
vsf_ovs_our_row(const VsfOvsSnapshot *snapshot)
{
    for (guint i = 0; i < vsf_ovs_snapshot_n_bridges(snapshot); i++) {
        const VsfOvsBridge *bridge = vsf_ovs_snapshot_bridge(snapshot, i);

        if (vsf_ovs_bridge_is_ours(snapshot, bridge))
            return vsf_ovs_snapshot_sflow_by_uuid(snapshot, bridge->sflow);
    }
    return NULL;
}

/* How many bridges change. */
static guint
plan_bridges(JsonBuilder *builder, const VsfOvsSnapshot *snapshot, const VsfOvsWanted *wanted,
             const VsfOvsSflow *row, gboolean *needs_row)
{
    guint n = 0;

    for (guint i = 0; i < vsf_ovs_snapshot_n_bridges(snapshot); i++) {
        const VsfOvsBridge *bridge = vsf_ovs_snapshot_bridge(snapshot, i);
        gboolean has_ours = vsf_ovs_bridge_is_ours(snapshot, bridge);

        if (!vsf_ovs_bridge_is_wanted(wanted, bridge)) {
            if (has_ours)
                set_bridge(builder, bridge, NULL, NULL);
            n += has_ours;
        } else if (bridge->sflow == NULL || (has_ours && strcmp(bridge->sflow, row->uuid) != 0)) {
            *needs_row = row == NULL;
            set_bridge(builder, bridge, row != NULL ? "uuid" : "named-uuid",
                       row != NULL ? row->uuid : NEW_ROW);
            n++;
        }
    }
    return n;
}

char *
vsf_ovs_plan(const VsfOvsSnapshot *snapshot, const VsfOvsWanted *wanted)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    const VsfOvsSflow *row = vsf_ovs_our_row(snapshot);
    gboolean needs_row = FALSE, changes;

    json_builder_begin_array(builder);
    json_builder_add_string_value(builder, "Open_vSwitch");
    changes = plan_bridges(builder, snapshot, wanted, row, &needs_row) > 0;
    if (needs_row) {
        begin_operation(builder, "insert", "sFlow", NULL);
        add_text(builder, "uuid-name", NEW_ROW);
        add_row(builder, wanted);
        json_builder_end_object(builder);
    } else if (wanted != NULL && row != NULL && !vsf_ovs_row_is_as_wanted(row, wanted)) {
        begin_operation(builder, "update", "sFlow", row->uuid);
        add_row(builder, wanted);
        json_builder_end_object(builder);
        changes = TRUE;
    }
    if (!changes)
        return NULL;
    json_builder_begin_object(builder);
    add_text(builder, "op", "comment");
    add_text(builder, "comment", VSF_OVS_MARK);
    json_builder_end_object(builder);
    json_builder_end_array(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}
