/* SPDX-License-Identifier: GPL-2.0-or-later */
/* More interfaces than there is room for: some are sampled, the others wait, and
 * have their turn when room comes back. */
#include "../../daemon/flows.h"
#include "fake-net.h"

#include <net/if.h>

#define TAPS 4

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    VsfLinkStatsReader *reader;
    VsfRegistry *registry;
    VsfFlows *flows;
    VsfDomain domain;
    VsfTap taps[TAPS]; /* their ifindexes are 1 and so on */
} Fixture;

static void
ignore(const guint8 *data G_GNUC_UNUSED, gsize size G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
}

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const patterns[] = {"vnet*", NULL};
    static const VsfRegistryCallbacks callbacks = {0};
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};

    fake_net_reset();
    fixture->config = vsf_config_new();
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, ignore, NULL);
    fixture->reader = vsf_link_stats_new(NULL);
    fixture->registry = vsf_registry_new(patterns, &callbacks, NULL);
    fixture->flows = vsf_flows_new(fixture->config, fixture->registry, fixture->exporter,
                                   fixture->reader, NULL);
    fixture->domain = (VsfDomain){.def = vsf_domain_def_new()};
    fixture->domain.def->monitor.sampling = VSF_MONITOR_UNSET;
    for (int i = 0; i < TAPS; i++) {
        VsfLink *link = &fixture->taps[i].link;

        fixture->taps[i] = (VsfTap){.kind = VSF_NIC_TAP, .domain = &fixture->domain};
        link->ifindex = i + 1;
        link->flags = IFF_UP;
        g_snprintf(link->name, sizeof(link->name), "vnet%d", i);
    }
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    for (guint i = 0; i < TAPS; i++)
        vsf_flows_tap_removed(fixture->flows, &fixture->taps[i]);
    vsf_registry_free(fixture->registry);
    vsf_flows_free(fixture->flows);
    vsf_exporter_free(fixture->exporter);
    vsf_link_stats_free(fixture->reader);
    vsf_domain_def_free(fixture->domain.def);
    vsf_config_free(fixture->config);
}

static void
expect_warning(const char *pattern)
{
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, pattern);
}

static void
add_all(Fixture *fixture)
{
    for (guint i = 0; i < TAPS; i++)
        vsf_flows_tap_added(fixture->flows, &fixture->taps[i]);
}

static guint
waiting(const Fixture *fixture)
{
    VsfFlowsRoom room;

    vsf_flows_room(fixture->flows, &room);
    return room.waiting;
}

static gboolean
is_sampled(int ifindex)
{
    return g_hash_table_contains(fake_samplers, GINT_TO_POINTER(ifindex));
}

static void
test_who_finds_no_room_says_so_and_waits(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    fake_capture_set_room(2);
    /* Once, not for each. */
    expect_warning("vnet2: cannot sample: no room: * open files allow 2 samplers;*LimitNOFILE*");
    add_all(fixture);
    g_test_assert_expected_messages();
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 2);
    g_assert_cmpuint(waiting(fixture), ==, 2);
    g_assert_true(vsf_flows_status(fixture->flows, 4, &status));
    g_assert_true(g_str_has_prefix(status.state, "no room: "));
    /* News of it change nothing while there is none. */
    vsf_flows_tap_changed(fixture->flows, &fixture->taps[3]);
    g_assert_cmpuint(waiting(fixture), ==, 2);
}

static void
test_room_is_taken_by_who_waits(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    fake_capture_set_room(2);
    fixture->taps[2].domain = NULL; /* may not be a VM's */
    expect_warning("*no room*");
    add_all(fixture);
    vsf_flows_tap_removed(fixture->flows, &fixture->taps[0]);
    fake_capture_room_came();
    g_assert_true(is_sampled(4));
    g_assert_false(is_sampled(3));
    fake_capture_opened(4);
    g_assert_true(vsf_flows_status(fixture->flows, 4, &status));
    g_assert_cmpstr(status.state, ==, "sampling");

    fake_capture_set_room(3);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE,
                          "*room for a sampler on every interface*");
    fake_capture_room_came();
    g_test_assert_expected_messages();
    g_assert_true(is_sampled(3));
    g_assert_cmpuint(waiting(fixture), ==, 0);
}

static void
test_who_goes_waits_no_more(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_room(2);
    expect_warning("*no room*");
    add_all(fixture);
    vsf_flows_tap_removed(fixture->flows, &fixture->taps[2]);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*every interface*");
    fixture->domain.def->monitor.sampling = 0;
    vsf_flows_tap_changed(fixture->flows, &fixture->taps[3]);
    g_test_assert_expected_messages();
    g_assert_cmpuint(waiting(fixture), ==, 0);
    vsf_flows_tap_changed(fixture->flows, &fixture->taps[0]); /* off as well */
    fake_capture_room_came();
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 1);
}

static void
test_one_trouble_of_many_is_told_once(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    add_all(fixture);
    expect_warning("vnet0: cannot sample: as the test said; its counters go on;*CAP_NET_RAW");
    for (int i = 1; i <= TAPS; i++)
        fake_capture_failed(i, VSF_CAPTURE_ERROR_PERMISSION);
    g_test_assert_expected_messages();
    g_assert_true(vsf_flows_status(fixture->flows, TAPS, &status));
    g_assert_cmpstr(status.state, ==, "as the test said");
}

static void
test_descriptors_are_left_for_everything_else(void)
{
    g_assert_cmpuint(vsf_flows_samplers_max(256), ==, 160);
    g_assert_cmpuint(vsf_flows_samplers_max(65536), ==, 65440);
    g_assert_cmpuint(vsf_flows_samplers_max(100), ==, 25);
    g_assert_cmpuint(vsf_flows_samplers_max(0), ==, 1);
}

#define ADD(name, func) g_test_add("/flows-room/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("who-finds-no-room-says-so-and-waits", test_who_finds_no_room_says_so_and_waits);
    ADD("room-is-taken-by-who-waits", test_room_is_taken_by_who_waits);
    ADD("who-goes-waits-no-more", test_who_goes_waits_no_more);
    ADD("one-trouble-of-many-is-told-once", test_one_trouble_of_many_is_told_once);
    g_test_add_func("/flows-room/descriptors-are-left-for-everything-else",
                    test_descriptors_are_left_for_everything_else);
    return g_test_run();
}
