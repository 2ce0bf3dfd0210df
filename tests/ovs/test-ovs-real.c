/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The watcher and a real ovsdb-server, on a socket of its own. Skipped where there is none. */
#include "../../daemon/ovs/writer.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define SCHEMA "/usr/share/openvswitch/vswitch.ovsschema"

typedef struct {
    char *folder, *path, *db_option;
    GPid server;
    VsfOvsClient *client;
} House;

static const VsfOvsPace quick = {
    .retry_min_ms = 5,
    .retry_max_ms = 50,
    .probe_ms = 100,
    .patience_ms = 500,
    .first_ms = 60000,
    .collect_ms = 1,
    .counters_ms = 20,
};

static void
nothing(gpointer user_data G_GNUC_UNUSED)
{
}

static const VsfOvsClientCallbacks callbacks = {.changed = nothing};

static void
run(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL, *errors = NULL;
    int status;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &errors,
                 &status, &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, NULL))
        g_error("%s: %s", argv[0], errors);
}

/* @words: behind ovs-vsctl's own options. */
static void
vsctl(const House *house, const char *words)
{
    g_auto(GStrv) all = NULL;
    g_autofree char *line = g_strdup_printf("ovs-vsctl %s --no-wait --timeout=20 %s",
                                            house->db_option, words);

    g_assert_true(g_shell_parse_argv(line, NULL, &all, NULL));
    run((const char *const *)all);
}

/* Also of one that fails. In the child. */
static void
die_with_parent(gpointer user_data G_GNUC_UNUSED)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void
server_starts(House *house)
{
    g_autofree char *file = g_build_filename(house->folder, "conf.db", NULL);
    g_autofree char *remote = g_strdup_printf("--remote=punix:%s", house->path);
    g_autofree char *control = g_strdup_printf("--unixctl=%s/ctl", house->folder);
    const char *argv[] = {"ovsdb-server", file, remote, control, NULL};
    g_autoptr(GError) error = NULL;

    g_spawn_async(NULL, (char **)argv, NULL,
                  G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                      G_SPAWN_STDERR_TO_DEV_NULL,
                  die_with_parent, NULL, &house->server, &error);
    g_assert_no_error(error);
}

static void
server_ends(House *house)
{
    kill(house->server, SIGKILL);
    waitpid(house->server, NULL, 0);
}

static void
wait_state(House *house, VsfOvsState state)
{
    while (vsf_ovs_client_state(house->client) != state)
        g_main_context_iteration(NULL, TRUE);
}

static void
house_open(House *house)
{
    g_autofree char *file = NULL;

    house->folder = g_dir_make_tmp("vsf-ovs-XXXXXX", NULL);
    house->path = g_build_filename(house->folder, "db.sock", NULL);
    house->db_option = g_strdup_printf("--db=unix:%s", house->path);
    file = g_build_filename(house->folder, "conf.db", NULL);
    run((const char *const[]){"ovsdb-tool", "create", file, SCHEMA, NULL});
    server_starts(house);
    house->client = vsf_ovs_client_new(house->path, &quick, &callbacks, house);
    wait_state(house, VSF_OVS_WATCHED);
    vsctl(house, "init");
}

static void
house_close(House *house)
{
    static const char *const files[] = {"conf.db", ".conf.db.~lock~", "db.sock", "ctl"};

    vsf_ovs_client_free(house->client);
    server_ends(house);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(house->folder, files[i], NULL);

        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(house->folder), ==, 0);
    g_free(house->folder);
    g_free(house->path);
    g_free(house->db_option);
}

static const VsfOvsPort *
port_of(const House *house, const char *name)
{
    return vsf_ovs_snapshot_by_name(vsf_ovs_client_snapshot(house->client), name);
}

static void
test_changes(void)
{
    House house;

    house_open(&house);
    vsctl(&house, "add-br br-int -- add-port br-int tap1 tag=7 -- set interface tap1 "
                  "external_ids:iface-id=port-1 ofport_request=3");
    while (port_of(&house, "tap1") == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(port_of(&house, "tap1")->tag, ==, 7);
    g_assert_cmpstr(port_of(&house, "tap1")->iface_id, ==, "port-1");
    g_assert_cmpstr(port_of(&house, "tap1")->bridge, ==, "br-int");
    vsctl(&house, "clear port tap1 tag -- set port tap1 trunks=1,2,3");
    while (port_of(&house, "tap1")->trunks == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(port_of(&house, "tap1")->tag, ==, -1);
    vsctl(&house, "del-port tap1");
    while (port_of(&house, "tap1") != NULL)
        g_main_context_iteration(NULL, TRUE);
    house_close(&house);
}

static void
transacted(const char *trouble, gpointer user_data)
{
    *(char **)user_data = g_strdup(trouble != NULL ? trouble : "well");
}

static char *
transact(const House *house, const char *params)
{
    char *trouble = NULL;

    g_assert_true(vsf_ovs_client_transact(house->client, params, transacted, &trouble));
    while (trouble == NULL)
        g_main_context_iteration(NULL, TRUE);
    return trouble;
}

static void
test_counters_and_transactions(void)
{
    g_autofree char *well = NULL, *bad = NULL;
    House house;

    house_open(&house);
    vsctl(&house, "add-br br-int -- add-port br-int vhu1 -- set interface vhu1 "
                  "type=dpdkvhostuserclient");
    while (port_of(&house, "vhu1") == NULL)
        g_main_context_iteration(NULL, TRUE);
    well = transact(&house, "[\"Open_vSwitch\",{\"op\":\"update\",\"table\":\"Interface\","
                            "\"where\":[[\"name\",\"==\",\"vhu1\"]],\"row\":{\"statistics\":"
                            "[\"map\",[[\"rx_bytes\",5],[\"tx_packets\",6]]]}}]");
    g_assert_cmpstr(well, ==, "well");
    for (;;) {
        const VsfOvsCounters *counters = vsf_ovs_snapshot_counters(
            vsf_ovs_client_snapshot(house.client), "vhu1", 0);

        if (counters != NULL && counters->rx_bytes == 5 && counters->tx_packets == 6)
            break;
        g_main_context_iteration(NULL, TRUE);
    }
    bad = transact(&house, "[\"Open_vSwitch\",{\"op\":\"update\",\"table\":\"None\","
                           "\"where\":[],\"row\":{}}]");
    g_assert_nonnull(strstr(bad, "No table named None"));
    house_close(&house);
}

static void
test_restart_and_hang(void)
{
    House house;

    house_open(&house);
    server_ends(&house);
    wait_state(&house, VSF_OVS_AWAY);
    server_starts(&house);
    wait_state(&house, VSF_OVS_WATCHED);
    kill(house.server, SIGSTOP);
    wait_state(&house, VSF_OVS_AWAY);
    g_assert_true(g_str_has_suffix(vsf_ovs_client_error(house.client), "does not answer"));
    kill(house.server, SIGCONT);
    wait_state(&house, VSF_OVS_WATCHED);
    house_close(&house);
}

/* ---- the writer ---- */

#define MINUTE_US (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)

/* Until bridge @i has our row, or has none of ours. */
static void
wait_ours(House *house, VsfOvsWriter *writer, guint i, gboolean ours, gint64 now_us)
{
    for (;;) {
        const VsfOvsSnapshot *snapshot = vsf_ovs_client_snapshot(house->client);

        vsf_ovs_writer_look(writer, now_us);
        if (i < vsf_ovs_snapshot_n_bridges(snapshot) &&
            vsf_ovs_bridge_is_ours(snapshot, vsf_ovs_snapshot_bridge(snapshot, i)) == ours)
            return;
        g_main_context_iteration(NULL, TRUE);
    }
}

static VsfOvsWanted
everything(void)
{
    return (VsfOvsWanted){.agent = (char *)"lo",
                          .targets = (char *)"192.0.2.1:6343",
                          .sampling = 64,
                          .polling_s = 20,
                          .header_bytes = 128};
}

static void
test_rows_follow_bridges(void)
{
    VsfOvsWanted wanted = everything();
    g_autoptr(VsfOvsWriter) writer = NULL;
    House house;

    house_open(&house);
    /* A daemon that was killed left one, which stays until it is known what is wanted. */
    vsctl(&house, "add-br br0 -- --id=@s create sflow targets='\"192.0.2.9:6343\"' "
                  "external_ids:virt-sflow=virt-sflowd -- set bridge br0 sflow=@s");
    writer = vsf_ovs_writer_new(house.client);
    wait_ours(&house, writer, 0, TRUE, MINUTE_US);
    g_assert_false(vsf_ovs_client_is_transacting(house.client));
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    wait_ours(&house, writer, 0, TRUE, MINUTE_US);
    vsctl(&house, "add-br br1");
    wait_ours(&house, writer, 1, TRUE, MINUTE_US);
    g_assert_cmpuint(vsf_ovs_writer_n_bridges(writer), ==, 2);
    g_assert_cmpuint(vsf_ovs_snapshot_n_sflows(vsf_ovs_client_snapshot(house.client)), ==, 1);
    g_assert_true(vsf_ovs_writer_covers(writer, &(VsfOvsPort){.bridge = "br1"}));
    g_assert_false(vsf_ovs_writer_covers(writer, &(VsfOvsPort){.bridge = "br2"}));
    vsf_ovs_writer_set_dead(writer, TRUE);
    g_assert_false(vsf_ovs_writer_covers(writer, &(VsfOvsPort){.bridge = "br1"}));
    g_assert_nonnull(strstr(vsf_ovs_writer_trouble(writer), "does not run"));
    vsf_ovs_writer_set_dead(writer, FALSE);
    g_assert_true(vsf_ovs_writer_covers(writer, &(VsfOvsPort){.bridge = "br1"}));
    vsf_ovs_writer_want(writer, NULL, MINUTE_US);
    wait_ours(&house, writer, 0, FALSE, MINUTE_US);
    wait_ours(&house, writer, 1, FALSE, MINUTE_US);
    g_assert_cmpuint(vsf_ovs_writer_n_bridges(writer), ==, 0);
    g_assert_null(vsf_ovs_writer_trouble(writer));
    house_close(&house);
}

/* What a killed daemon left sends to its collectors, and the database takes no better row. */
static void
test_refused_rows(void)
{
    VsfOvsWanted wanted = everything();
    g_autoptr(VsfOvsWriter) writer = NULL;
    House house;

    house_open(&house);
    vsctl(&house, "add-br br0 -- --id=@s create sflow targets='\"192.0.2.9:6343\"' "
                  "external_ids:virt-sflow=virt-sflowd -- set bridge br0 sflow=@s");
    writer = vsf_ovs_writer_new(house.client);
    wait_ours(&house, writer, 0, TRUE, MINUTE_US);
    g_assert_cmpuint(vsf_ovs_writer_n_bridges(writer), ==, 1);
    wanted.targets = (char *)""; /* which the schema forbids */
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    while (vsf_ovs_writer_trouble(writer) == NULL)
        g_main_context_iteration(NULL, TRUE);
    vsf_ovs_writer_look(writer, MINUTE_US);
    g_assert_nonnull(strstr(vsf_ovs_writer_trouble(writer), "refuses to be written"));
    g_assert_cmpuint(vsf_ovs_writer_n_bridges(writer), ==, 0);
    wanted = everything();
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    while (vsf_ovs_writer_n_bridges(writer) == 0) {
        g_main_context_iteration(NULL, TRUE);
        vsf_ovs_writer_look(writer, g_get_monotonic_time() + MINUTE_US);
    }
    house_close(&house);
}

/* Once may be an operator's hand; twice within 5 minutes is another agent. */
static void
test_claims(void)
{
    VsfOvsWanted wanted = everything();
    g_autoptr(VsfOvsWriter) writer = NULL;
    House house;

    house_open(&house);
    writer = vsf_ovs_writer_new(house.client);
    vsctl(&house, "add-br br0");
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    wait_ours(&house, writer, 0, TRUE, MINUTE_US);
    for (gint64 minute = 10; minute <= 30; minute += 10) {
        vsctl(&house, "clear bridge br0 sflow");
        wait_ours(&house, writer, 0, FALSE, minute * MINUTE_US);
        wait_ours(&house, writer, 0, TRUE, minute * MINUTE_US);
        g_assert_false(vsf_ovs_writer_has_stopped(writer));
    }
    vsctl(&house, "clear bridge br0 sflow");
    wait_ours(&house, writer, 0, FALSE, 33 * MINUTE_US);
    g_assert_true(vsf_ovs_writer_has_stopped(writer));
    g_assert_nonnull(strstr(vsf_ovs_writer_trouble(writer), "bridge br0 vanished twice"));
    vsf_ovs_writer_look(writer, 100 * MINUTE_US);
    g_assert_true(vsf_ovs_writer_has_stopped(writer));
    wanted.sampling = 65; /* the configuration changes */
    vsf_ovs_writer_want(writer, &wanted, 101 * MINUTE_US);
    wait_ours(&house, writer, 0, TRUE, 101 * MINUTE_US);
    g_assert_null(vsf_ovs_writer_trouble(writer));
    house_close(&house);
}

/* Another agent may take our row for its own, mark and all. */
static void
test_changed_rows(void)
{
    VsfOvsWanted wanted = everything();
    g_autoptr(VsfOvsWriter) writer = NULL;
    House house;

    house_open(&house);
    writer = vsf_ovs_writer_new(house.client);
    vsctl(&house, "add-br br0");
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    wait_ours(&house, writer, 0, TRUE, MINUTE_US);
    wanted.sampling = 65; /* our own change is none */
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    for (guint times = 1; times <= 2; times++) {
        const VsfOvsSflow *row;

        do {
            g_main_context_iteration(NULL, TRUE);
            vsf_ovs_writer_look(writer, MINUTE_US);
            row = vsf_ovs_our_row(vsf_ovs_client_snapshot(house.client));
        } while (row == NULL || !vsf_ovs_row_is_as_wanted(row, &wanted));
        g_assert_false(vsf_ovs_writer_has_stopped(writer));
        vsctl(&house, "set sflow br0 agent=eth9");
        do {
            g_main_context_iteration(NULL, TRUE);
            row = vsf_ovs_our_row(vsf_ovs_client_snapshot(house.client));
        } while (strcmp(row->agent, "eth9") != 0);
        vsf_ovs_writer_look(writer, MINUTE_US);
    }
    g_assert_true(vsf_ovs_writer_has_stopped(writer));
    vsf_ovs_writer_look(writer, MINUTE_US);
    g_assert_cmpuint(vsf_ovs_writer_n_bridges(writer), ==, 0); /* it sends to others now */
    g_assert_nonnull(strstr(vsf_ovs_writer_trouble(writer),
                            "was changed twice within 5 minutes: another agent claims it (agent "
                            "eth9, targets 192.0.2.1:6343)"));
    house_close(&house);
}

/* ---- the end ---- */

#define HALF_A_SECOND_US (500 * G_GINT64_CONSTANT(1000))

/* A row that is on its way is ours as well, though no snapshot shows it when the end begins. */
static void
test_end_amid_a_transaction(void)
{
    VsfOvsWanted wanted = everything();
    g_autoptr(VsfOvsWriter) writer = NULL;
    g_autoptr(VsfOvsParting) parting = NULL;
    g_autofree char *leave = NULL, *early = NULL;
    House house;

    house_open(&house);
    vsctl(&house, "add-br br0");
    writer = vsf_ovs_writer_new(house.client);
    wait_ours(&house, writer, 0, FALSE, MINUTE_US);
    g_assert_true(kill(house.server, SIGSTOP) == 0);
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    g_assert_true(vsf_ovs_client_is_transacting(house.client));
    g_assert_false(vsf_ovs_writer_may_leave(writer, MINUTE_US, HALF_A_SECOND_US));
    g_assert_null(early = vsf_ovs_writer_leave(writer));
    g_assert_true(vsf_ovs_writer_may_leave(writer, MINUTE_US + HALF_A_SECOND_US, HALF_A_SECOND_US));
    g_assert_true(kill(house.server, SIGCONT) == 0);
    while (!vsf_ovs_writer_may_leave(writer, MINUTE_US, HALF_A_SECOND_US))
        g_main_context_iteration(NULL, TRUE);
    wanted.sampling++;
    vsf_ovs_writer_want(writer, &wanted, MINUTE_US);
    g_assert_false(vsf_ovs_client_is_transacting(house.client));
    g_assert_nonnull(leave = vsf_ovs_writer_leave(writer));
    parting = vsf_ovs_client_part(house.client, leave);
    while (!vsf_ovs_parting_is_over(parting))
        g_main_context_iteration(NULL, TRUE);
    g_clear_pointer(&house.client, vsf_ovs_client_free);
    house.client = vsf_ovs_client_new(house.path, &quick, &callbacks, &house);
    wait_state(&house, VSF_OVS_WATCHED);
    g_assert_cmpuint(vsf_ovs_snapshot_n_sflows(vsf_ovs_client_snapshot(house.client)), ==, 0);
    house_close(&house);
}

int
main(int argc, char **argv)
{
    g_autofree char *server = g_find_program_in_path("ovsdb-server");

    g_test_init(&argc, &argv, NULL);
    if (server == NULL || !g_file_test(SCHEMA, G_FILE_TEST_EXISTS)) {
        g_print("1..0 # SKIP no ovsdb-server\n");
        return 0;
    }
    g_test_add_func("/ovs/real/changes-are-followed", test_changes);
    g_test_add_func("/ovs/real/counters-and-transactions", test_counters_and_transactions);
    g_test_add_func("/ovs/real/restart-and-hang-are-outlived", test_restart_and_hang);
    g_test_add_func("/ovs/real/rows-follow-bridges", test_rows_follow_bridges);
    g_test_add_func("/ovs/real/a-row-that-cannot-be-made-right-covers-nothing", test_refused_rows);
    g_test_add_func("/ovs/real/who-takes-a-row-twice-has-the-bridge", test_claims);
    g_test_add_func("/ovs/real/who-changes-our-row-twice-has-the-bridge", test_changed_rows);
    g_test_add_func("/ovs/real/end-amid-a-transaction-leaves-no-row", test_end_amid_a_transaction);
    return g_test_run();
}
