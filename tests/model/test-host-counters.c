/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/host-counters.h"

static VsfHostCounters *
counters_of(guint64 reads, guint64 bytes_in, guint64 idle_ms)
{
    VsfHostCounters *counters = vsf_host_counters_new();

    counters->disk.reads = reads;
    counters->net.bytes_in = bytes_in;
    counters->cpu.idle_ms = idle_ms;
    return counters;
}

static gboolean
steps_back(VsfHostLast *last, guint64 reads, guint64 bytes_in)
{
    g_autoptr(VsfHostCounters) counters = counters_of(reads, bytes_in, VSF_UNKNOWN);

    return vsf_host_counters_step_back(last, counters);
}

static void
test_a_sum_that_falls_is_a_step_back(void)
{
    VsfHostLast last = vsf_host_last_none();

    g_assert_false(steps_back(&last, 10, 20));
    g_assert_false(steps_back(&last, 10, 21));
    g_assert_true(steps_back(&last, 9, 22)); /* a disk is gone */
    g_assert_false(steps_back(&last, 9, 22));
    g_assert_true(steps_back(&last, 9, 0)); /* an interface is gone */
    g_assert_true(steps_back(&last, 8, 1));
}

static void
test_unknown_is_no_step_back(void)
{
    VsfHostLast last = vsf_host_last_none();

    g_assert_false(steps_back(&last, VSF_UNKNOWN, VSF_UNKNOWN));
    g_assert_false(steps_back(&last, 10, 20));
    g_assert_false(steps_back(&last, VSF_UNKNOWN, VSF_UNKNOWN));
    g_assert_false(steps_back(&last, 10, 20));
    g_assert_true(steps_back(&last, VSF_UNKNOWN, 19));
    g_assert_true(steps_back(&last, 9, VSF_UNKNOWN));
}

/* Every counter of a disk by itself. */
static void
test_each_disk_counter_is_looked_at(void)
{
    for (gsize i = 0; i < sizeof(VsfHostDisk) / sizeof(guint64); i++) {
        g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();
        guint64 *values = (guint64 *)&counters->disk;
        VsfHostLast last = vsf_host_last_none();

        for (gsize j = 0; j < sizeof(VsfHostDisk) / sizeof(guint64); j++)
            values[j] = 100;
        g_assert_false(vsf_host_counters_step_back(&last, counters));
        values[i] = 99;
        g_assert_true(vsf_host_counters_step_back(&last, counters));
        g_assert_false(vsf_host_counters_step_back(&last, counters));
    }
}

static guint64
set_of(const guint *members, guint n)
{
    guint64 set = 0;

    for (guint i = 0; i < n; i++)
        set = vsf_host_set_with(set, members[i]);
    return set;
}

/* One that joins may have counted before. */
static void
test_another_set_is_a_step_back(void)
{
    static const guint two[] = {3, 2}, turned[] = {2, 3}, three[] = {3, 2, 1}, other[] = {1, 4};
    const struct {
        guint64 disks, interfaces;
        gboolean back;
    } steps[] = {
        {set_of(two, 2), set_of(two, 2), FALSE},  {set_of(turned, 2), set_of(two, 2), FALSE},
        {VSF_UNKNOWN, VSF_UNKNOWN, FALSE},        {set_of(two, 2), set_of(two, 2), FALSE},
        {set_of(three, 3), set_of(two, 2), TRUE}, {set_of(three, 3), set_of(two, 2), FALSE},
        {VSF_UNKNOWN, set_of(three, 3), TRUE},    {set_of(two, 2), VSF_UNKNOWN, TRUE},
        {set_of(other, 2), set_of(two, 2), TRUE},
    };
    VsfHostLast last = vsf_host_last_none();

    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(VsfHostCounters) counters = counters_of(10, 20, VSF_UNKNOWN);

        counters->disk_set = steps[i].disks;
        counters->net_set = steps[i].interfaces;
        g_test_message("%u", i);
        g_assert_true(vsf_host_counters_step_back(&last, counters) == steps[i].back);
    }
}

static guint64
steadied(VsfHostLast *last, guint64 idle_ms)
{
    g_autoptr(VsfHostCounters) counters = counters_of(1, 1, idle_ms);

    vsf_host_counters_steady(last, counters);
    return counters->cpu.idle_ms;
}

static void
test_idle_time_stands_still_rather_than_goes_back(void)
{
    VsfHostLast last = vsf_host_last_none();

    g_assert_cmpuint(steadied(&last, 1000), ==, 1000);
    g_assert_cmpuint(steadied(&last, 990), ==, 1000);
    g_assert_cmpuint(steadied(&last, 999), ==, 1000);
    g_assert_cmpuint(steadied(&last, VSF_UNKNOWN), ==, VSF_UNKNOWN);
    g_assert_cmpuint(steadied(&last, 995), ==, 1000);
    g_assert_cmpuint(steadied(&last, 1001), ==, 1001);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/model/host-counters/" name, func)
    ADD("a-sum-that-falls-is-a-step-back", test_a_sum_that_falls_is_a_step_back);
    ADD("unknown-is-no-step-back", test_unknown_is_no_step_back);
    ADD("each-disk-counter-is-looked-at", test_each_disk_counter_is_looked_at);
    ADD("another-set-is-a-step-back", test_another_set_is_a_step_back);
    ADD("idle-time-stands-still-rather-than-goes-back",
        test_idle_time_stands_still_rather_than_goes_back);
    return g_test_run();
}
