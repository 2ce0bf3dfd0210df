/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts lie in one chunk and rows in arrays, so that the end of a snapshot of 10,000 ports, which
 * comes on the main loop, is that of a few blocks. */
#include "snapshot.h"

#include <string.h>

struct VsfOvsSnapshot {
    gint references; /* atomic */
    GStringChunk *texts;
    const char *version;
    GArray *ports;       /* VsfOvsPort */
    GArray *bridges;     /* VsfOvsBridge */
    GArray *sflows;      /* VsfOvsSflow */
    GHashTable *by_name; /* into ports, once it is sealed */
    GHashTable *sflow_by_uuid;
    GHashTable *counters; /* name -> VsfOvsCounters, shared with other snapshots; or NULL */
    gint64 counters_us;
    gboolean has_vhost_user;
};

VsfOvsSnapshot *
vsf_ovs_snapshot_new(const char *version)
{
    VsfOvsSnapshot *snapshot = g_new0(VsfOvsSnapshot, 1);

    snapshot->references = 1;
    snapshot->texts = g_string_chunk_new(4096);
    snapshot->version = version != NULL ? g_string_chunk_insert(snapshot->texts, version) : NULL;
    snapshot->ports = g_array_new(FALSE, FALSE, sizeof(VsfOvsPort));
    snapshot->bridges = g_array_new(FALSE, FALSE, sizeof(VsfOvsBridge));
    snapshot->sflows = g_array_new(FALSE, FALSE, sizeof(VsfOvsSflow));
    snapshot->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    snapshot->sflow_by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
    return snapshot;
}

VsfOvsSnapshot *
vsf_ovs_snapshot_ref(VsfOvsSnapshot *snapshot)
{
    g_atomic_int_inc(&snapshot->references);
    return snapshot;
}

void
vsf_ovs_snapshot_unref(VsfOvsSnapshot *snapshot)
{
    if (snapshot == NULL || !g_atomic_int_dec_and_test(&snapshot->references))
        return;
    g_hash_table_unref(snapshot->by_name);
    g_hash_table_unref(snapshot->sflow_by_uuid);
    g_clear_pointer(&snapshot->counters, g_hash_table_unref);
    g_array_unref(snapshot->ports);
    g_array_unref(snapshot->bridges);
    g_array_unref(snapshot->sflows);
    g_string_chunk_free(snapshot->texts);
    g_free(snapshot);
}

/* Names of bridges and types come again and again. */
static const char *
keep(VsfOvsSnapshot *snapshot, const char *text)
{
    return text != NULL ? g_string_chunk_insert_const(snapshot->texts, text) : NULL;
}

void
vsf_ovs_snapshot_add_port(VsfOvsSnapshot *snapshot, const VsfOvsPort *port)
{
    VsfOvsPort kept = *port;

    kept.name = keep(snapshot, port->name);
    kept.port = keep(snapshot, port->port);
    kept.bridge = keep(snapshot, port->bridge);
    kept.type = keep(snapshot, port->type);
    kept.vlan_mode = keep(snapshot, port->vlan_mode);
    kept.trunks = keep(snapshot, port->trunks);
    kept.iface_id = keep(snapshot, port->iface_id);
    kept.attached_mac = keep(snapshot, port->attached_mac);
    g_array_append_val(snapshot->ports, kept);
    snapshot->has_vhost_user = snapshot->has_vhost_user || vsf_ovs_port_is_vhost_user(&kept);
}

void
vsf_ovs_snapshot_add_bridge(VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge)
{
    VsfOvsBridge kept = {keep(snapshot, bridge->uuid), keep(snapshot, bridge->name),
                         keep(snapshot, bridge->sflow)};

    g_array_append_val(snapshot->bridges, kept);
}

void
vsf_ovs_snapshot_add_sflow(VsfOvsSnapshot *snapshot, const VsfOvsSflow *sflow)
{
    VsfOvsSflow kept = *sflow;

    kept.uuid = keep(snapshot, sflow->uuid);
    kept.agent = keep(snapshot, sflow->agent);
    kept.mark = keep(snapshot, sflow->mark);
    kept.targets = keep(snapshot, sflow->targets);
    g_array_append_val(snapshot->sflows, kept);
}

void
vsf_ovs_snapshot_set_counters(VsfOvsSnapshot *snapshot, GHashTable *counters, gint64 read_us)
{
    snapshot->counters = counters != NULL ? g_hash_table_ref(counters) : NULL;
    snapshot->counters_us = read_us;
}

static gint
compare_bridges(gconstpointer a, gconstpointer b)
{
    return strcmp(((const VsfOvsBridge *)a)->name, ((const VsfOvsBridge *)b)->name);
}

void
vsf_ovs_snapshot_seal(VsfOvsSnapshot *snapshot)
{
    g_array_sort(snapshot->bridges, compare_bridges);
    for (guint i = 0; i < snapshot->ports->len; i++) {
        VsfOvsPort *port = &g_array_index(snapshot->ports, VsfOvsPort, i);

        if (!g_hash_table_contains(snapshot->by_name, port->name))
            g_hash_table_insert(snapshot->by_name, (gpointer)port->name, port);
    }
    for (guint i = 0; i < snapshot->sflows->len; i++) {
        VsfOvsSflow *sflow = &g_array_index(snapshot->sflows, VsfOvsSflow, i);

        g_hash_table_insert(snapshot->sflow_by_uuid, (gpointer)sflow->uuid, sflow);
    }
}

const char *
vsf_ovs_snapshot_version(const VsfOvsSnapshot *snapshot)
{
    return snapshot != NULL ? snapshot->version : NULL;
}

guint
vsf_ovs_snapshot_n_ports(const VsfOvsSnapshot *snapshot)
{
    return snapshot != NULL ? snapshot->ports->len : 0;
}

const VsfOvsPort *
vsf_ovs_snapshot_port(const VsfOvsSnapshot *snapshot, guint i)
{
    return &g_array_index(snapshot->ports, VsfOvsPort, i);
}

const VsfOvsPort *
vsf_ovs_snapshot_by_name(const VsfOvsSnapshot *snapshot, const char *name)
{
    return snapshot != NULL && name != NULL ? g_hash_table_lookup(snapshot->by_name, name) : NULL;
}

const VsfOvsPort *
vsf_ovs_snapshot_of_link(const VsfOvsSnapshot *snapshot, const char *name, int ifindex)
{
    const VsfOvsPort *port = vsf_ovs_snapshot_by_name(snapshot, name);

    return port != NULL && port->ifindex == (guint32)ifindex ? port : NULL;
}

guint
vsf_ovs_snapshot_n_bridges(const VsfOvsSnapshot *snapshot)
{
    return snapshot != NULL ? snapshot->bridges->len : 0;
}

const VsfOvsBridge *
vsf_ovs_snapshot_bridge(const VsfOvsSnapshot *snapshot, guint i)
{
    return &g_array_index(snapshot->bridges, VsfOvsBridge, i);
}

guint
vsf_ovs_snapshot_n_sflows(const VsfOvsSnapshot *snapshot)
{
    return snapshot != NULL ? snapshot->sflows->len : 0;
}

const VsfOvsSflow *
vsf_ovs_snapshot_sflow(const VsfOvsSnapshot *snapshot, guint i)
{
    return &g_array_index(snapshot->sflows, VsfOvsSflow, i);
}

const VsfOvsSflow *
vsf_ovs_snapshot_sflow_by_uuid(const VsfOvsSnapshot *snapshot, const char *uuid)
{
    return snapshot != NULL && uuid != NULL ? g_hash_table_lookup(snapshot->sflow_by_uuid, uuid)
                                            : NULL;
}

gboolean
vsf_ovs_port_is_vhost_user(const VsfOvsPort *port)
{
    return g_str_has_prefix(port->type, "dpdkvhostuser");
}

gboolean
vsf_ovs_snapshot_has_vhost_user(const VsfOvsSnapshot *snapshot)
{
    return snapshot != NULL && snapshot->has_vhost_user;
}

const VsfOvsCounters *
vsf_ovs_snapshot_counters(const VsfOvsSnapshot *snapshot, const char *name, gint64 since_us)
{
    if (snapshot == NULL || snapshot->counters == NULL || name == NULL ||
        snapshot->counters_us < since_us)
        return NULL;
    return g_hash_table_lookup(snapshot->counters, name);
}
