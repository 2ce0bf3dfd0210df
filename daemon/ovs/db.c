/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db.h"

#include "values.h"

#include <string.h>

#define TRUNKS_MAX 4096

typedef enum { OPEN_VSWITCH, BRIDGE, PORT, INTERFACE, SFLOW, N_TABLES } Table;

static const struct {
    const char *name, *columns;
} tables[N_TABLES] = {
    [OPEN_VSWITCH] = {"Open_vSwitch", "\"ovs_version\""},
    [BRIDGE] = {"Bridge", "\"name\",\"ports\",\"sflow\""},
    [PORT] = {"Port", "\"name\",\"interfaces\",\"tag\",\"trunks\",\"vlan_mode\""},
    [INTERFACE] = {"Interface",
                   "\"name\",\"type\",\"ofport\",\"ifindex\",\"link_state\",\"external_ids\""},
    [SFLOW] = {"sFlow", "\"agent\",\"targets\",\"sampling\",\"polling\",\"header\","
                        "\"external_ids\""},
};

/* What is kept of a row of any table; each uses what it has. */
typedef struct {
    char *name; /* or the version */
    char *type, *vlan_mode, *trunks, *iface_id, *attached_mac, *agent, *mark, *targets;
    char *sflow;
    GPtrArray *below; /* UUIDs: a bridge's ports, a port's interfaces */
    gboolean up;
    gint64 ofport, ifindex, tag, sampling, polling, header;
    gsize bytes; /* of its texts */
} Row;

struct VsfOvsDb {
    gint references;            /* atomic */
    GHashTable *rows[N_TABLES]; /* UUID -> Row */
    gsize bytes;                /* of all rows */
    GHashTable *counters;       /* name -> VsfOvsCounters; or NULL */
    gint64 counters_us;
};

static void
row_free(gpointer data)
{
    Row *row = data;

    g_free(row->name);
    g_free(row->type);
    g_free(row->vlan_mode);
    g_free(row->trunks);
    g_free(row->iface_id);
    g_free(row->attached_mac);
    g_free(row->agent);
    g_free(row->mark);
    g_free(row->targets);
    g_free(row->sflow);
    g_clear_pointer(&row->below, g_ptr_array_unref);
    g_free(row);
}

VsfOvsDb *
vsf_ovs_db_new(void)
{
    VsfOvsDb *db = g_new0(VsfOvsDb, 1);

    db->references = 1;
    for (guint i = 0; i < N_TABLES; i++)
        db->rows[i] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, row_free);
    return db;
}

VsfOvsDb *
vsf_ovs_db_ref(VsfOvsDb *db)
{
    g_atomic_int_inc(&db->references);
    return db;
}

void
vsf_ovs_db_unref(VsfOvsDb *db)
{
    if (db == NULL || !g_atomic_int_dec_and_test(&db->references))
        return;
    for (guint i = 0; i < N_TABLES; i++)
        g_hash_table_unref(db->rows[i]);
    g_clear_pointer(&db->counters, g_hash_table_unref);
    g_free(db);
}

char *
vsf_ovs_db_monitor_params(void)
{
    g_autoptr(GString) text = g_string_new("[\"Open_vSwitch\",null,{");

    for (guint i = 0; i < N_TABLES; i++)
        g_string_append_printf(text, "%s\"%s\":{\"columns\":[%s]}", i == 0 ? "" : ",",
                               tables[i].name, tables[i].columns);
    g_string_append(text, "}]");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

#define SELECT_COUNTERS(type)                                                                \
    "{\"op\":\"select\",\"table\":\"Interface\",\"where\":[[\"type\",\"==\",\"" type "\"]]," \
    "\"columns\":[\"name\",\"statistics\"]}"

char *
vsf_ovs_db_counters_params(void)
{
    return g_strdup("[\"Open_vSwitch\"," SELECT_COUNTERS("dpdkvhostuserclient") "," SELECT_COUNTERS(
        "dpdkvhostuser") "]");
}

/* --- rows ------------------------------------------------------------------ */

static void
add_uuid(JsonNode *element, gpointer user_data)
{
    const char *uuid = vsf_ovs_uuid(element);

    if (uuid != NULL)
        g_ptr_array_add(user_data, g_strdup(uuid));
}

static GPtrArray *
uuids_of(JsonNode *node)
{
    GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);

    vsf_ovs_each(node, add_uuid, uuids);
    return uuids;
}

static void
add_vlan(JsonNode *element, gpointer user_data)
{
    gint64 vlan = vsf_ovs_integer(element, -1);
    gboolean *vlans = user_data;

    if (vlan >= 0 && vlan < TRUNKS_MAX)
        vlans[vlan] = TRUE;
}

/* "1,7,20-29"; NULL: no VLAN is named. */
static char *
trunks_of(JsonNode *node)
{
    g_autofree gboolean *vlans = g_new0(gboolean, TRUNKS_MAX + 1);
    g_autoptr(GString) text = g_string_new(NULL);

    vsf_ovs_each(node, add_vlan, vlans);
    for (guint i = 0; i < TRUNKS_MAX; i++) {
        guint first = i;

        if (!vlans[i])
            continue;
        while (vlans[i + 1])
            i++;
        g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", first);
        if (i > first)
            g_string_append_printf(text, "-%u", i);
    }
    if (text->len > VSF_OVS_TEXT_MAX) {
        g_string_truncate(text, VSF_OVS_TEXT_MAX - 3);
        g_string_append(text, "...");
    }
    return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static void
add_text(JsonNode *element, gpointer user_data)
{
    const char *text = vsf_ovs_text(element);

    if (text != NULL)
        g_ptr_array_add(user_data, (gpointer)text);
}

static gint
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *
targets_of(JsonNode *node)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();

    vsf_ovs_each(node, add_text, texts);
    g_ptr_array_sort(texts, compare_texts);
    g_ptr_array_add(texts, NULL);
    return g_strjoinv(" ", (char **)texts->pdata);
}

static char *
external_id(JsonObject *object, const char *key)
{
    JsonNode *value = vsf_ovs_map_value(vsf_ovs_column(object, "external_ids"), key);

    return g_strdup(value != NULL ? vsf_ovs_text(value) : NULL);
}

static Row *
read_row(Table table, JsonObject *object)
{
    Row *row = g_new0(Row, 1);
    const char *name = table == OPEN_VSWITCH ? "ovs_version" : "name";

    row->name = g_strdup(vsf_ovs_text(vsf_ovs_column(object, name)));
    if (table == BRIDGE) {
        row->below = uuids_of(vsf_ovs_column(object, "ports"));
        row->sflow = g_strdup(vsf_ovs_uuid(vsf_ovs_column(object, "sflow")));
    } else if (table == PORT) {
        row->below = uuids_of(vsf_ovs_column(object, "interfaces"));
        row->tag = vsf_ovs_integer(vsf_ovs_column(object, "tag"), -1);
        row->trunks = trunks_of(vsf_ovs_column(object, "trunks"));
        row->vlan_mode = g_strdup(vsf_ovs_text(vsf_ovs_column(object, "vlan_mode")));
    } else if (table == INTERFACE) {
        row->type = g_strdup(vsf_ovs_text(vsf_ovs_column(object, "type")));
        row->ofport = vsf_ovs_integer(vsf_ovs_column(object, "ofport"), -1);
        row->ifindex = vsf_ovs_integer(vsf_ovs_column(object, "ifindex"), 0);
        row->up = g_strcmp0(vsf_ovs_text(vsf_ovs_column(object, "link_state")), "up") == 0;
        row->iface_id = external_id(object, "iface-id");
        row->attached_mac = external_id(object, "attached-mac");
    } else if (table == SFLOW) {
        row->agent = g_strdup(vsf_ovs_text(vsf_ovs_column(object, "agent")));
        row->targets = targets_of(vsf_ovs_column(object, "targets"));
        row->sampling = vsf_ovs_integer(vsf_ovs_column(object, "sampling"), -1);
        row->polling = vsf_ovs_integer(vsf_ovs_column(object, "polling"), -1);
        row->header = vsf_ovs_integer(vsf_ovs_column(object, "header"), -1);
        row->mark = external_id(object, "virt-sflow");
    }
    return row;
}

static gsize
bytes_of(const Row *row)
{
    const char *texts[] = {row->name,     row->type,         row->vlan_mode, row->trunks,
                           row->iface_id, row->attached_mac, row->agent,     row->mark,
                           row->targets,  row->sflow};
    gsize bytes = 0;

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        bytes += texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
    for (guint i = 0; row->below != NULL && i < row->below->len; i++)
        bytes += strlen(row->below->pdata[i]) + 1;
    return bytes;
}

/* --- updates ---------------------------------------------------------------- */

static gboolean
refuse(GError **error, GIOErrorEnum code, const char *table, const char *what)
{
    g_set_error(error, G_IO_ERROR, (int)code, "an update%s%s %s", table != NULL ? " of table " : "",
                table != NULL ? table : "", what);
    return FALSE;
}

/* <row-update>: what has "new" is so now, with each column that we asked for; else it is gone. */
static gboolean
update_row(VsfOvsDb *db, Table table, const char *uuid, JsonNode *update, GError **error)
{
    GHashTable *rows = db->rows[table];
    const Row *before = g_hash_table_lookup(rows, uuid);
    JsonNode *after;
    Row *row;

    if (!JSON_NODE_HOLDS_OBJECT(update) || strlen(uuid) > VSF_OVS_TEXT_MAX)
        return refuse(error, G_IO_ERROR_INVALID_DATA, tables[table].name, "has a row that is none");
    after = json_object_get_member(json_node_get_object(update), "new");
    if (after == NULL) {
        db->bytes -= before != NULL ? before->bytes : 0;
        g_hash_table_remove(rows, uuid);
        return TRUE;
    }
    if (!JSON_NODE_HOLDS_OBJECT(after))
        return refuse(error, G_IO_ERROR_INVALID_DATA, tables[table].name, "has a row that is none");
    if (g_hash_table_size(rows) >= VSF_OVS_ROWS_MAX && before == NULL)
        return refuse(error, G_IO_ERROR_NO_SPACE, tables[table].name, "makes too many rows");
    row = read_row(table, json_node_get_object(after));
    row->bytes = bytes_of(row);
    db->bytes += row->bytes - (before != NULL ? before->bytes : 0);
    g_hash_table_replace(rows, g_strdup(uuid), row);
    if (db->bytes > VSF_OVS_KEPT_MAX)
        return refuse(error, G_IO_ERROR_NO_SPACE, tables[table].name, "makes its rows too large");
    return TRUE;
}

static gboolean
update_table(VsfOvsDb *db, Table table, JsonNode *update, GError **error)
{
    JsonObjectIter iter;
    const char *uuid;
    JsonNode *row;

    if (!JSON_NODE_HOLDS_OBJECT(update))
        return refuse(error, G_IO_ERROR_INVALID_DATA, tables[table].name, "is no object");
    json_object_iter_init(&iter, json_node_get_object(update));
    while (json_object_iter_next(&iter, &uuid, &row))
        if (!update_row(db, table, uuid, row, error))
            return FALSE;
    return TRUE;
}

gboolean
vsf_ovs_db_update(VsfOvsDb *db, JsonNode *updates, GError **error)
{
    if (updates == NULL || !JSON_NODE_HOLDS_OBJECT(updates))
        return refuse(error, G_IO_ERROR_INVALID_DATA, NULL, "is no object");
    for (Table i = 0; i < N_TABLES; i++) {
        JsonNode *update = json_object_get_member(json_node_get_object(updates), tables[i].name);

        if (update != NULL && !update_table(db, i, update, error))
            return FALSE;
    }
    return TRUE;
}

/* --- counters --------------------------------------------------------------- */

static guint64
statistic(JsonNode *map, const char *name)
{
    JsonNode *value = vsf_ovs_map_value(map, name);
    gint64 number = value != NULL ? vsf_ovs_integer(value, -1) : -1;

    return number >= 0 ? (guint64)number : VSF_OVS_UNKNOWN;
}

static void
add_counters(JsonNode *element, GHashTable *table)
{
    JsonObject *row;
    JsonNode *map;
    const char *name;
    VsfOvsCounters *counters;

    if (!JSON_NODE_HOLDS_OBJECT(element))
        return;
    row = json_node_get_object(element);
    name = vsf_ovs_text(vsf_ovs_column(row, "name"));
    map = vsf_ovs_column(row, "statistics");
    if (name == NULL || map == NULL || g_hash_table_size(table) >= VSF_OVS_ROWS_MAX)
        return;
    counters = g_new0(VsfOvsCounters, 1);
    *counters = (VsfOvsCounters){
        .rx_packets = statistic(map, "rx_packets"),
        .tx_packets = statistic(map, "tx_packets"),
        .rx_bytes = statistic(map, "rx_bytes"),
        .tx_bytes = statistic(map, "tx_bytes"),
        .rx_errors = statistic(map, "rx_errors"),
        .tx_errors = statistic(map, "tx_errors"),
        .rx_dropped = statistic(map, "rx_dropped"),
        .tx_dropped = statistic(map, "tx_dropped"),
    };
    g_hash_table_replace(table, g_strdup(name), counters);
}

void
vsf_ovs_db_counters(VsfOvsDb *db, const VsfOvsMessage *reply, gint64 read_us)
{
    g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    JsonArray *results;

    if (reply->result == NULL || !JSON_NODE_HOLDS_ARRAY(reply->result))
        return;
    results = json_node_get_array(reply->result);
    for (guint i = 0; i < json_array_get_length(results); i++) {
        JsonNode *one = json_array_get_element(results, i), *rows = NULL;

        if (JSON_NODE_HOLDS_OBJECT(one))
            rows = json_object_get_member(json_node_get_object(one), "rows");
        if (rows == NULL || !JSON_NODE_HOLDS_ARRAY(rows))
            continue;
        for (guint j = 0; j < json_array_get_length(json_node_get_array(rows)); j++)
            add_counters(json_array_get_element(json_node_get_array(rows), j), table);
    }
    g_clear_pointer(&db->counters, g_hash_table_unref);
    db->counters = g_steal_pointer(&table);
    db->counters_us = read_us;
}

/* --- the snapshot ----------------------------------------------------------- */

static void
add_interfaces(const VsfOvsDb *db, VsfOvsSnapshot *snapshot, const Row *bridge, const Row *port,
               GHashTable *seen)
{
    for (guint i = 0; i < port->below->len; i++) {
        const Row *row = g_hash_table_lookup(db->rows[INTERFACE], port->below->pdata[i]);

        if (row == NULL || row->name == NULL || !g_hash_table_add(seen, (gpointer)row))
            continue;
        vsf_ovs_snapshot_add_port(
            snapshot,
            &(VsfOvsPort){
                .name = row->name,
                .port = port->name,
                .bridge = bridge->name,
                .type = row->type != NULL ? row->type : "",
                .vlan_mode = port->vlan_mode,
                .trunks = port->trunks,
                .iface_id = row->iface_id,
                .attached_mac = row->attached_mac,
                .ofport = row->ofport,
                .up = row->up,
                .ifindex = row->ifindex > 0 && row->ifindex <= G_MAXINT ? (guint32)row->ifindex : 0,
                .tag = port->tag >= 0 && port->tag < TRUNKS_MAX ? (int)port->tag : -1,
            });
    }
}

/* Each port is of one bridge, and each interface of one port: a database that says otherwise
 * makes no more work for that. */
static void
add_bridge(const VsfOvsDb *db, VsfOvsSnapshot *snapshot, const char *uuid, const Row *bridge,
           GHashTable *seen)
{
    if (bridge->name == NULL)
        return;
    vsf_ovs_snapshot_add_bridge(snapshot, &(VsfOvsBridge){uuid, bridge->name, bridge->sflow});
    for (guint i = 0; i < bridge->below->len; i++) {
        const Row *port = g_hash_table_lookup(db->rows[PORT], bridge->below->pdata[i]);

        if (port != NULL && port->name != NULL && g_hash_table_add(seen, (gpointer)port))
            add_interfaces(db, snapshot, bridge, port, seen);
    }
}

VsfOvsSnapshot *
vsf_ovs_db_snapshot(const VsfOvsDb *db)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    VsfOvsSnapshot *snapshot;
    const char *version = NULL;
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, db->rows[OPEN_VSWITCH]);
    if (g_hash_table_iter_next(&iter, NULL, &value))
        version = ((const Row *)value)->name;
    snapshot = vsf_ovs_snapshot_new(version);
    g_hash_table_iter_init(&iter, db->rows[BRIDGE]);
    while (g_hash_table_iter_next(&iter, &key, &value))
        add_bridge(db, snapshot, key, value, seen);
    g_hash_table_iter_init(&iter, db->rows[SFLOW]);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Row *row = value;

        vsf_ovs_snapshot_add_sflow(snapshot,
                                   &(VsfOvsSflow){key, row->agent, row->mark, row->targets,
                                                  row->sampling, row->polling, row->header});
    }
    vsf_ovs_snapshot_set_counters(snapshot, db->counters, db->counters_us);
    vsf_ovs_snapshot_seal(snapshot);
    return snapshot;
}
