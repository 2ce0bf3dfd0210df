/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written into Open vSwitch's database, and what is never touched there. */
#include "../../daemon/ovs/plan.h"

#include <string.h>

#define OURS "11111111-0000-0000-0000-000000000001"
#define THEIRS "22222222-0000-0000-0000-000000000002"
#define TARGETS "192.0.2.1:6343 [2001:db8::1]:6343"

static VsfOvsWanted
wanted(const char *const *bridges)
{
    return (VsfOvsWanted){.agent = (char *)"eth0",
                          .targets = (char *)TARGETS,
                          .sampling = 512,
                          .polling_s = 20,
                          .header_bytes = 128,
                          .bridges = (char **)bridges};
}

/* Bridges a and b with these rows (NULL: none), of which OURS has @sampling. */
static VsfOvsSnapshot *
bridges_with(const char *a, const char *b, gint64 sampling)
{
    VsfOvsSnapshot *snapshot = vsf_ovs_snapshot_new(NULL);

    vsf_ovs_snapshot_add_bridge(snapshot, &(VsfOvsBridge){"uuid-a", "br-a", a});
    vsf_ovs_snapshot_add_bridge(snapshot, &(VsfOvsBridge){"uuid-b", "br-b", b});
    vsf_ovs_snapshot_add_sflow(
        snapshot, &(VsfOvsSflow){OURS, "eth0", VSF_OVS_MARK, TARGETS, sampling, 20, 128});
    vsf_ovs_snapshot_add_sflow(snapshot,
                               &(VsfOvsSflow){THEIRS, "eth9", NULL, "192.0.2.9:6343", 64, 30, 128});
    vsf_ovs_snapshot_seal(snapshot);
    return snapshot;
}

#define WAIT(bridge, row)                                                                    \
    "{\"op\":\"wait\",\"table\":\"Bridge\",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"" bridge \
    "\"]]],\"timeout\":0,\"columns\":[\"sflow\"],\"until\":\"==\",\"rows\":[{\"sflow\":" row \
    "}]},"
#define SET(bridge, row)                                                                       \
    "{\"op\":\"update\",\"table\":\"Bridge\",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"" bridge \
    "\"]]],\"row\":{\"sflow\":" row "}},"
#define NONE "[\"set\",[]]"
#define REF(uuid) "[\"uuid\",\"" uuid "\"]"
#define ROW                                                                                    \
    "\"row\":{\"agent\":\"eth0\",\"sampling\":512,\"polling\":20,\"header\":128,\"targets\":[" \
    "\"set\",[\"192.0.2.1:6343\",\"[2001:db8::1]:6343\"]],\"external_ids\":[\"map\",[["        \
    "\"virt-sflow\",\"virt-sflowd\"]]]}},"
#define PLAN(operations) \
    "[\"Open_vSwitch\"," operations "{\"op\":\"comment\",\"comment\":\"virt-sflowd\"}]"
#define NEW "[\"named-uuid\",\"ours\"]"

static void
test_plans(void)
{
    static const char *const all[] = {NULL}, *const only_a[] = {"*-a", NULL};
    static const struct {
        const char *what, *a, *b;
        gint64 sampling;
        const char *const *bridges; /* NULL: nothing of ours is wanted */
        const char *plan;
    } cases[] = {
        {"none has a row", NULL, NULL, 512, all,
         PLAN(WAIT("uuid-a", NONE) SET("uuid-a", NEW) WAIT("uuid-b", NONE) SET(
             "uuid-b", NEW) "{\"op\":\"insert\",\"table\":\"sFlow\",\"uuid-name\":\"ours\"," ROW)},
        {"a bridge came", OURS, NULL, 512, all,
         PLAN(WAIT("uuid-b", NONE) SET("uuid-b", REF(OURS)))},
        {"all is as wanted", OURS, OURS, 512, all, NULL},
        {"another rate", OURS, OURS, 64, all,
         PLAN("{\"op\":\"update\",\"table\":\"sFlow\",\"where\":[[\"_uuid\",\"==\"," REF(
             OURS) "]]," ROW)},
        {"another's row stays", OURS, THEIRS, 512, all, NULL},
        {"a bridge that is not wanted", OURS, OURS, 512, only_a,
         PLAN(WAIT("uuid-b", REF(OURS)) SET("uuid-b", NONE))},
        {"not wanted, and another's", NULL, THEIRS, 512, only_a,
         PLAN(WAIT("uuid-a", NONE) SET(
             "uuid-a", NEW) "{\"op\":\"insert\",\"table\":\"sFlow\",\"uuid-name\":\"ours\"," ROW)},
        {"nothing of ours is wanted", OURS, THEIRS, 512, NULL,
         PLAN(WAIT("uuid-a", REF(OURS)) SET("uuid-a", NONE))},
        {"nothing of ours is there", NULL, THEIRS, 512, NULL, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfOvsSnapshot)
            snapshot = bridges_with(cases[i].a, cases[i].b, cases[i].sampling);
        VsfOvsWanted what = wanted(cases[i].bridges);
        g_autofree char *plan = vsf_ovs_plan(snapshot, cases[i].bridges != NULL ? &what : NULL);

        g_test_message("%s", cases[i].what);
        g_assert_cmpstr(plan, ==, cases[i].plan);
    }
}

static void
test_rivals(void)
{
    g_autoptr(VsfOvsSnapshot) snapshot = bridges_with(OURS, THEIRS, 512);
    g_autofree char *none = vsf_ovs_rival(snapshot, vsf_ovs_snapshot_bridge(snapshot, 0));
    g_autofree char *rival = vsf_ovs_rival(snapshot, vsf_ovs_snapshot_bridge(snapshot, 1));

    g_assert_null(none);
    g_assert_cmpstr(rival, ==, "agent eth9, targets 192.0.2.9:6343");
    g_assert_true(vsf_ovs_bridge_is_ours(snapshot, vsf_ovs_snapshot_bridge(snapshot, 0)));
    g_assert_false(vsf_ovs_bridge_is_ours(snapshot, vsf_ovs_snapshot_bridge(snapshot, 1)));
}

static void
test_equality(void)
{
    static const char *const bridges[] = {"x", NULL}, *const none[] = {NULL};
    VsfOvsWanted one = wanted(NULL), other = wanted(none);
    g_autoptr(VsfOvsWanted) copy = vsf_ovs_wanted_copy(&one);

    g_assert_true(vsf_ovs_wanted_equal(&one, copy));
    g_assert_true(vsf_ovs_wanted_equal(&one, &other));
    g_assert_true(vsf_ovs_wanted_equal(NULL, NULL));
    g_assert_false(vsf_ovs_wanted_equal(&one, NULL));
    other = wanted(bridges);
    g_assert_false(vsf_ovs_wanted_equal(&one, &other));
    other = wanted(NULL);
    other.polling_s = 5;
    g_assert_false(vsf_ovs_wanted_equal(&one, &other));
    other = wanted(NULL);
    other.agent = (char *)"eth1";
    g_assert_false(vsf_ovs_wanted_equal(&one, &other));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ovs/plan/only-what-differs-is-written", test_plans);
    g_test_add_func("/ovs/plan/rivals-are-named", test_rivals);
    g_test_add_func("/ovs/plan/what-is-wanted-is-compared", test_equality);
    return g_test_run();
}
