/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/frame-kinds.h"

#define U VSF_UNKNOWN

static VsfInterfaceKindsLast last;

/* The next sample of an interface whose two directions are the same to the kernel but for
 * multicast, and to the MAC. */
static gboolean
next(guint64 packets, guint64 multicast, VsfMacFrames mac, gboolean anew, VsfInterfaceKinds *kinds)
{
    VsfNetCounters net = vsf_net_counters_unknown();
    VsfMacCounters both = {mac, mac};

    net.packets_in = net.packets_out = packets;
    net.multicast_in = multicast;
    return vsf_interface_kinds_next(&last, &net, &both, anew, kinds);
}

static void
assert_kinds(const VsfFrameKinds *kinds, guint64 unicast, guint64 multicast, guint64 broadcast)
{
    g_assert_cmpuint(kinds->unicast, ==, unicast);
    g_assert_cmpuint(kinds->multicast, ==, multicast);
    g_assert_cmpuint(kinds->broadcast, ==, broadcast);
}

static void
test_who_tells_what(void)
{
    static const struct {
        guint64 packets, multicast;
        VsfMacFrames mac;
        VsfFrameKinds in, out;
    } cases[] = {
        /* the kernel alone, which may not count multicast */
        {100, 7, {U, U, U}, {93, 7, U}, {100, U, U}},
        {100, 0, {U, U, U}, {100, U, U}, {100, U, U}},
        {100, U, {U, U, U}, {100, U, U}, {100, U, U}},
        {U, 7, {U, U, U}, {U, 7, U}, {U, U, U}},
        {5, 7, {U, U, U}, {0, 7, U}, {5, U, U}},
        /* the MAC counts all */
        {100, 7, {1000, 20, 30}, {950, 20, 30}, {950, 20, 30}},
        {100, 7, {1000, 0, 0}, {1000, 0, 0}, {1000, 0, 0}},
        {U, U, {1000, 20, 30}, {950, 20, 30}, {950, 20, 30}},
        {100, 7, {40, 20, 30}, {0, 20, 30}, {0, 20, 30}},
        {100, 7, {40, U - 1, U - 1}, {0, U - 1, U - 1}, {0, U - 1, U - 1}},
        /* it counts some: what it does not is the kernel's, or unknown */
        {100, 7, {U, 20, 30}, {50, 20, 30}, {50, 20, 30}},
        {100, 7, {1000, U, 30}, {63, 7, 30}, {70, U, 30}},
        {100, 7, {1000, 20, U}, {80, 20, U}, {80, 20, U}},
        /* of all its frames alone nothing follows */
        {100, 7, {1000, U, U}, {93, 7, U}, {100, U, U}},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfInterfaceKinds kinds;

        last = vsf_interface_kinds_last_none();
        g_assert_false(next(cases[i].packets, cases[i].multicast, cases[i].mac, FALSE, &kinds));
        assert_kinds(&kinds.in, cases[i].in.unicast, cases[i].in.multicast, cases[i].in.broadcast);
        assert_kinds(&kinds.out, cases[i].out.unicast, cases[i].out.multicast,
                     cases[i].out.broadcast);
    }
}

/* A driver that does not answer once: unicast would be another number. */
static void
test_what_was_told_once_is_unknown_without(void)
{
    VsfInterfaceKinds kinds;

    last = vsf_interface_kinds_last_none();
    g_assert_false(next(100, 7, (VsfMacFrames){1000, 20, 30}, FALSE, &kinds));
    g_assert_false(next(110, 8, (VsfMacFrames){U, U, U}, FALSE, &kinds));
    assert_kinds(&kinds.in, U, U, U);
    assert_kinds(&kinds.out, U, U, U);
    g_assert_false(next(110, 8, (VsfMacFrames){U, 21, 31}, FALSE, &kinds));
    assert_kinds(&kinds.in, U, U, U);
    g_assert_false(next(120, 9, (VsfMacFrames){1010, 21, 31}, FALSE, &kinds));
    assert_kinds(&kinds.in, 958, 21, 31);
}

static void
test_what_is_told_later_begins_anew(void)
{
    VsfInterfaceKinds kinds;

    last = vsf_interface_kinds_last_none();
    g_assert_false(next(100, 7, (VsfMacFrames){U, U, U}, FALSE, &kinds));
    g_assert_true(next(110, 7, (VsfMacFrames){60, 20, 30}, FALSE, &kinds));
    assert_kinds(&kinds.in, 10, 20, 30);
    g_assert_false(next(120, 7, (VsfMacFrames){61, 20, 30}, FALSE, &kinds));
    assert_kinds(&kinds.in, 11, 20, 30);
}

/* Each of the MAC's counters by itself, in each direction. */
static void
test_a_counter_that_falls_begins_anew(void)
{
    for (gsize i = 0; i < sizeof(VsfMacCounters) / sizeof(guint64); i++) {
        VsfNetCounters net = vsf_net_counters_unknown();
        VsfMacCounters mac = {{100, 20, 30}, {100, 20, 30}};
        VsfInterfaceKinds kinds;

        last = vsf_interface_kinds_last_none();
        g_assert_false(vsf_interface_kinds_next(&last, &net, &mac, FALSE, &kinds));
        g_assert_false(vsf_interface_kinds_next(&last, &net, &mac, FALSE, &kinds));
        ((guint64 *)&mac)[i]--;
        g_assert_true(vsf_interface_kinds_next(&last, &net, &mac, FALSE, &kinds));
        g_assert_false(vsf_interface_kinds_next(&last, &net, &mac, FALSE, &kinds));
    }
}

/* The MAC's counters are read a little later than the kernel's. */
static void
test_unicast_stands_still_rather_than_fall(void)
{
    VsfInterfaceKinds kinds;

    last = vsf_interface_kinds_last_none();
    g_assert_false(next(100, 0, (VsfMacFrames){U, 20, 30}, FALSE, &kinds));
    assert_kinds(&kinds.out, 50, 20, 30);
    g_assert_false(next(110, 0, (VsfMacFrames){U, 20, 45}, FALSE, &kinds));
    assert_kinds(&kinds.out, 50, 20, 45);
    g_assert_false(next(118, 0, (VsfMacFrames){U, 20, 45}, FALSE, &kinds));
    assert_kinds(&kinds.out, 53, 20, 45);
    /* The same of the kernel's own two. */
    last = vsf_interface_kinds_last_none();
    g_assert_false(next(100, 20, (VsfMacFrames){U, U, U}, FALSE, &kinds));
    g_assert_false(next(105, 30, (VsfMacFrames){U, U, U}, FALSE, &kinds));
    assert_kinds(&kinds.in, 80, 30, U);
}

static void
test_the_kernels_beginning_is_theirs(void)
{
    VsfInterfaceKinds kinds;

    last = vsf_interface_kinds_last_none();
    g_assert_false(next(100, 7, (VsfMacFrames){1000, 20, 30}, FALSE, &kinds));
    g_assert_true(next(5, 0, (VsfMacFrames){U, U, U}, TRUE, &kinds));
    assert_kinds(&kinds.in, 5, U, U);
    g_assert_false(next(6, 0, (VsfMacFrames){U, U, U}, FALSE, &kinds));
    assert_kinds(&kinds.in, 6, U, U);
}

static void
test_who_has_kinds(void)
{
    VsfMacCounters mac = vsf_mac_counters_unknown();

    g_assert_false(vsf_mac_counters_has_kinds(&mac));
    mac.in.frames = mac.out.frames = 5;
    g_assert_false(vsf_mac_counters_has_kinds(&mac));
    mac.out.broadcast = 0;
    g_assert_true(vsf_mac_counters_has_kinds(&mac));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/model/frame-kinds/" name, func)
    ADD("who-tells-what", test_who_tells_what);
    ADD("what-was-told-once-is-unknown-without", test_what_was_told_once_is_unknown_without);
    ADD("what-is-told-later-begins-anew", test_what_is_told_later_begins_anew);
    ADD("a-counter-that-falls-begins-anew", test_a_counter_that_falls_begins_anew);
    ADD("unicast-stands-still-rather-than-fall", test_unicast_stands_still_rather_than_fall);
    ADD("the-kernels-beginning-is-theirs", test_the_kernels_beginning_is_theirs);
    ADD("who-has-kinds", test_who_has_kinds);
    return g_test_run();
}
