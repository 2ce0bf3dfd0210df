/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of Open vSwitch's database, by messages recorded from ovsdb-server 3.1, as a snapshot. */
#include "../../daemon/ovs/db.h"

#include <string.h>

static VsfOvsMessage *
recorded(const char *name)
{
    g_autofree char *path = g_build_filename(g_getenv("VSF_OVSDB_FILES"), name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    VsfOvsMessage *message;
    gsize length;

    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    message = vsf_ovs_message_parse(text, length, &error);
    g_assert_no_error(error);
    return message;
}

static JsonNode *
updates_of(const VsfOvsMessage *message)
{
    return message->kind == VSF_OVS_REPLY ? message->result
                                          : json_array_get_element(message->params, 1);
}

/* @db with these messages, one after the other. */
static VsfOvsSnapshot *
snapshot_after(VsfOvsDb *db, const char *const *names)
{
    for (; *names != NULL; names++) {
        g_autoptr(VsfOvsMessage) message = recorded(*names);
        g_autoptr(GError) error = NULL;

        g_assert_true(vsf_ovs_db_update(db, updates_of(message), &error));
        g_assert_no_error(error);
    }
    return vsf_ovs_db_snapshot(db);
}

static void
test_first_answer(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autoptr(VsfOvsSnapshot) snapshot = snapshot_after(db, (const char *[]){"monitor", NULL});
    const VsfOvsPort *tap = vsf_ovs_snapshot_by_name(snapshot, "tap1");
    const VsfOvsPort *vhost = vsf_ovs_snapshot_by_name(snapshot, "vhu1");
    const VsfOvsBridge *bridge = vsf_ovs_snapshot_bridge(snapshot, 0);
    const VsfOvsSflow *sflow = vsf_ovs_snapshot_sflow_by_uuid(snapshot, bridge->sflow);

    g_assert_cmpuint(vsf_ovs_snapshot_n_ports(snapshot), ==, 3);
    g_assert_cmpstr(tap->bridge, ==, "br-int");
    g_assert_cmpstr(tap->port, ==, "tap1");
    g_assert_cmpint(tap->tag, ==, 7);
    g_assert_null(tap->trunks);
    g_assert_cmpint(tap->ofport, ==, -1);
    g_assert_cmpstr(tap->iface_id, ==, "11111111-2222-3333-4444-555555555555");
    g_assert_cmpstr(tap->attached_mac, ==, "fa:16:3e:00:00:01");
    g_assert_false(vsf_ovs_port_is_vhost_user(tap));
    g_assert_true(vsf_ovs_port_is_vhost_user(vhost));
    g_assert_cmpint(vhost->tag, ==, -1);
    g_assert_cmpstr(vhost->trunks, ==, "1-3,9");
    g_assert_cmpuint(vsf_ovs_snapshot_n_bridges(snapshot), ==, 1);
    g_assert_cmpstr(bridge->name, ==, "br-int");
    g_assert_cmpstr(sflow->agent, ==, "eth0");
    g_assert_cmpstr(sflow->targets, ==, "10.0.0.1:6343");
    g_assert_cmpint(sflow->sampling, ==, 64);
    g_assert_cmpint(sflow->polling, ==, -1);
    g_assert_cmpstr(sflow->mark, ==, "x");
}

static void
test_updates(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autoptr(VsfOvsSnapshot) before = snapshot_after(db, (const char *[]){"monitor", NULL});
    g_autoptr(VsfOvsSnapshot) changed = snapshot_after(db, (const char *[]){"change", NULL});
    g_autoptr(VsfOvsSnapshot)
        gone = snapshot_after(db, (const char *[]){"delete", "delete-sflow", NULL});

    g_assert_cmpint(vsf_ovs_snapshot_by_name(changed, "tap1")->tag, ==, 9);
    g_assert_null(vsf_ovs_snapshot_by_name(gone, "tap1"));
    g_assert_nonnull(vsf_ovs_snapshot_by_name(gone, "vhu1"));
    g_assert_cmpuint(vsf_ovs_snapshot_n_sflows(gone), ==, 0);
    g_assert_cmpint(vsf_ovs_snapshot_by_name(before, "tap1")->tag, ==, 7);
}

static void
test_counters(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autoptr(VsfOvsMessage) reply = recorded("counters");
    g_autoptr(VsfOvsSnapshot) snapshot = NULL;
    const VsfOvsCounters *counters;

    vsf_ovs_db_counters(db, reply, 1000);
    snapshot = snapshot_after(db, (const char *[]){"monitor", NULL});
    counters = vsf_ovs_snapshot_counters(snapshot, "vhu1", 1000);
    g_assert_cmpuint(counters->rx_bytes, ==, 5);
    g_assert_cmpuint(counters->tx_bytes, ==, 9);
    g_assert_cmpuint(counters->rx_packets, ==, VSF_OVS_UNKNOWN);
    g_assert_null(vsf_ovs_snapshot_counters(snapshot, "vhu1", 1001));
    g_assert_null(vsf_ovs_snapshot_counters(snapshot, "tap1", 0));
}

/* A row outlives its interface, whose name is free then. */
static void
test_link_is_known_by_its_number(void)
{
    g_autoptr(VsfOvsSnapshot) snapshot = vsf_ovs_snapshot_new(NULL);

    vsf_ovs_snapshot_add_port(snapshot, &(VsfOvsPort){.name = "vnet0", .type = "", .ifindex = 7});
    vsf_ovs_snapshot_seal(snapshot);
    g_assert_nonnull(vsf_ovs_snapshot_of_link(snapshot, "vnet0", 7));
    g_assert_null(vsf_ovs_snapshot_of_link(snapshot, "vnet0", 8));
    g_assert_null(vsf_ovs_snapshot_of_link(snapshot, "vnet1", 7));
    g_assert_null(vsf_ovs_snapshot_of_link(NULL, "vnet0", 7));
}

static void
test_odd_rows(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autoptr(VsfOvsMessage) none = recorded("no-rows");
    g_autoptr(VsfOvsSnapshot) snapshot = snapshot_after(db, (const char *[]){"odd-rows", NULL});
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint(vsf_ovs_snapshot_n_bridges(snapshot), ==, 2);
    g_assert_cmpuint(vsf_ovs_snapshot_n_ports(snapshot), ==, 1);
    g_assert_cmpint(vsf_ovs_snapshot_by_name(snapshot, "b")->tag, ==, -1);
    g_assert_cmpstr(vsf_ovs_snapshot_by_name(snapshot, "b")->trunks, ==, "1");
    g_assert_false(vsf_ovs_db_update(db, updates_of(none), &error));
    g_assert_cmpstr(error->message, ==, "an update of table Bridge has a row that is none");
}

/* Rows like @pattern, in which @ stands for the number. */
static void
add_members(GString *text, const char *table, const char *prefix, guint n, const char *pattern)
{
    g_auto(GStrv) parts = g_strsplit(pattern, "@", -1);

    g_string_append_printf(text, ",\"%s\":{", table);
    for (guint i = 0; i < n; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        g_autofree char *row = g_strjoinv(number, parts);

        g_string_append_printf(text, "%s\"%s%u\":{\"new\":%s}", i == 0 ? "" : ",", prefix, i, row);
    }
    g_string_append(text, "}");
}

/* The first answer of a host with @n ports, whose rows have UUIDs that begin so. */
static char *
many_ports(const char *prefix, guint n)
{
    GString *text = g_string_new(
        "{\"id\":\"monitor\",\"error\":null,\"result\":{\"Open_vSwitch\":{}");

    add_members(text, "Interface", prefix, n,
                "{\"name\":\"tap@\",\"ofport\":@,\"ifindex\":@,\"external_ids\":[\"map\",[["
                "\"attached-mac\",\"fa:16:3e:00:00:01\"],[\"iface-id\",\"11111111-2222-3333-4444-"
                "555555555555\"],[\"iface-status\",\"active\"],[\"vm-uuid\",\"11111111-2222-3333-"
                "4444-555555555555\"]]],\"type\":\"\"}");
    add_members(text, "Port", prefix, n,
                "{\"name\":\"tap@\",\"vlan_mode\":[\"set\",[]],\"interfaces\":[\"uuid\","
                "\"@\"],\"tag\":7,\"trunks\":[\"set\",[1]]}");
    g_string_append(text, ",\"Bridge\":{\"b\":{\"new\":{\"name\":\"br-int\",\"ports\":[\"set\",[");
    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "%s[\"uuid\",\"%s%u\"]", i == 0 ? "" : ",", prefix, i);
    g_string_append(text, "]]}}}}}");
    return g_string_free(text, FALSE);
}

static void
test_many_ports(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autofree char *text = many_ports("", 10000), *too_many = many_ports("", VSF_OVS_ROWS_MAX + 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GTimer) timer = g_timer_new();
    g_autoptr(VsfOvsMessage) message = vsf_ovs_message_parse(text, strlen(text), &error);
    g_autoptr(VsfOvsMessage) none = NULL;
    g_autoptr(VsfOvsSnapshot) snapshot = NULL;

    g_assert_no_error(error);
    g_assert_true(vsf_ovs_db_update(db, updates_of(message), &error));
    snapshot = vsf_ovs_db_snapshot(db);
    g_test_message("10,000 ports: %u bytes, %.0f ms", (guint)strlen(text),
                   g_timer_elapsed(timer, NULL) * 1000);
    g_assert_cmpuint(vsf_ovs_snapshot_n_ports(snapshot), ==, 10000);
    g_assert_cmpuint(vsf_ovs_snapshot_by_name(snapshot, "tap9999")->ifindex, ==, 9999);
    none = vsf_ovs_message_parse(too_many, strlen(too_many), &error);
    g_assert_null(none);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

static void
test_rows_are_bounded_over_messages(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autofree char *text = many_ports("", VSF_OVS_ROWS_MAX / 2);
    const char *more =
        "{\"id\":\"monitor\",\"result\":{\"Port\":{\"x\":{\"new\":{\"name\":\"x\"}}}}}";
    g_autoptr(VsfOvsMessage) message = vsf_ovs_message_parse(text, strlen(text), NULL);
    g_autoptr(VsfOvsMessage) one = vsf_ovs_message_parse(more, strlen(more), NULL);
    g_autofree char *other = many_ports("0", VSF_OVS_ROWS_MAX / 2);
    g_autoptr(VsfOvsMessage) again = NULL;
    g_autoptr(GError) error = NULL;

    again = vsf_ovs_message_parse(other, strlen(other), NULL);
    g_assert_true(vsf_ovs_db_update(db, updates_of(message), &error));
    g_assert_true(vsf_ovs_db_update(db, updates_of(again), &error));
    g_assert_false(vsf_ovs_db_update(db, updates_of(one), &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static void
test_counters_are_bounded(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    g_autoptr(GString) text = g_string_new("{\"id\":\"counters\",\"result\":[{\"rows\":[");
    g_autoptr(VsfOvsMessage) reply = NULL;
    g_autoptr(VsfOvsSnapshot) snapshot = NULL;

    for (guint i = 0; i <= VSF_OVS_ROWS_MAX; i++)
        g_string_append_printf(text, "%s{\"name\":\"%u\",\"statistics\":1}", i == 0 ? "" : ",", i);
    g_string_append(text, "]}]}");
    reply = vsf_ovs_message_parse(text->str, text->len, NULL);
    vsf_ovs_db_counters(db, reply, 1);
    snapshot = vsf_ovs_db_snapshot(db);
    g_assert_nonnull(vsf_ovs_snapshot_counters(snapshot, "65535", 0));
    g_assert_null(vsf_ovs_snapshot_counters(snapshot, "65536", 0));
}

/* One row of a bridge that has so many ports, of UUIDs as long as any. */
static VsfOvsMessage *
bridge_of(const char *bridge, guint n)
{
    g_autoptr(GString) text = g_string_new("{\"id\":\"monitor\",\"result\":{\"Bridge\":{");

    g_string_append_printf(text, "\"%s\":{\"new\":{\"name\":\"x\",\"ports\":[\"set\",[", bridge);
    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "%s[\"uuid\",\"%0250u\"]", i == 0 ? "" : ",", i);
    g_string_append(text, "]]}}}}}");
    return vsf_ovs_message_parse(text->str, text->len, NULL);
}

/* Few rows may be large, each of a message that is legal; one that is replaced or gone takes none.
 */
static void
test_bytes_are_bounded_over_messages(void)
{
    g_autoptr(VsfOvsDb) db = vsf_ovs_db_new();
    guint n = VSF_OVS_KEPT_MAX / 250 * 2 / 3;
    g_autoptr(VsfOvsMessage) one = bridge_of("one", n), other = bridge_of("other", n);
    const char *gone = "{\"id\":1,\"result\":{\"Bridge\":{\"one\":{\"old\":{}}}}}";
    g_autoptr(VsfOvsMessage) end = vsf_ovs_message_parse(gone, strlen(gone), NULL);
    g_autoptr(GError) error = NULL;

    for (guint times = 0; times < 3; times++)
        g_assert_true(vsf_ovs_db_update(db, updates_of(one), &error));
    g_assert_true(vsf_ovs_db_update(db, updates_of(end), &error));
    g_assert_true(vsf_ovs_db_update(db, updates_of(other), &error));
    g_assert_false(vsf_ovs_db_update(db, updates_of(one), &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
    g_assert_cmpstr(error->message, ==, "an update of table Bridge makes its rows too large");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ovs/db/first-answer-tells-bridges-and-ports", test_first_answer);
    g_test_add_func("/ovs/db/updates-change-later-snapshots-alone", test_updates);
    g_test_add_func("/ovs/db/counters-are-of-their-moment", test_counters);
    g_test_add_func("/ovs/db/link-is-known-by-its-number", test_link_is_known_by_its_number);
    g_test_add_func("/ovs/db/odd-rows-are-as-none", test_odd_rows);
    g_test_add_func("/ovs/db/ten-thousand-ports-are-legal", test_many_ports);
    g_test_add_func("/ovs/db/rows-are-bounded-over-messages", test_rows_are_bounded_over_messages);
    g_test_add_func("/ovs/db/counters-are-bounded", test_counters_are_bounded);
    g_test_add_func("/ovs/db/bytes-are-bounded-over-messages",
                    test_bytes_are_bounded_over_messages);
    return g_test_run();
}
