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
    ADD("idle-time-stands-still-rather-than-goes-back",
        test_idle_time_stands_still_rather_than_goes_back);
    return g_test_run();
}
