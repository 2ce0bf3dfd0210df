/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/capture-pace.h"

#define SECOND G_USEC_PER_SEC
#define RING 400

/* What a ring goes through that is fed a frame every @interval_us: looks as the
 * pace says. */
typedef struct {
    guint looks, fullest;
    gint64 longest_wait_us;
} Run;

static Run
feed(gint64 interval_us, gint64 total_us)
{
    VsfCapturePace pace;
    Run run = {0};
    gint64 now = 0, next_frame = interval_us;

    vsf_capture_pace_init(&pace, RING, now);
    while (now < total_us) {
        guint waiting = 0;
        gint64 pause;

        while (next_frame <= now) {
            run.longest_wait_us = MAX(run.longest_wait_us, now - next_frame);
            next_frame += interval_us;
            waiting++;
        }
        run.looks++;
        run.fullest = MAX(run.fullest, waiting);
        pause = vsf_capture_pace_next(&pace, waiting, now);
        now = pause == 0 ? MAX(next_frame, now + 20) : now + pause;
    }
    return run;
}

static void
test_few_frames_wake_at_most_twenty_times_a_second(void)
{
    static const gint64 intervals[] = {1000, 7000, 20000, 33000, 49000, 51000, 90000};

    for (guint i = 0; i < G_N_ELEMENTS(intervals); i++) {
        Run run = feed(intervals[i], 60 * SECOND);

        g_assert_cmpuint(run.looks, <=, 60 * 20 + 11);
        g_assert_cmpint(run.longest_wait_us, <=, 51000);
    }
}

static void
test_a_ring_never_fills_at_any_rate(void)
{
    for (gint64 interval = 2; interval < 20000; interval = interval * 3 / 2 + 1) {
        Run run = feed(interval, 5 * SECOND);

        g_assert_cmpuint(run.fullest, <, RING / 2);
    }
}

static void
test_the_first_frames_of_a_burst_are_fetched_at_once(void)
{
    VsfCapturePace pace;

    vsf_capture_pace_init(&pace, RING, 0);
    for (gint64 i = 1; i <= 8; i++)
        g_assert_cmpint(vsf_capture_pace_next(&pace, 1, i * 10), ==, 0);
}

/* A machine that stood still for a moment saw no frames in it; the flood goes
 * on afterwards. */
static void
test_a_gap_in_a_flood_makes_no_long_pause(void)
{
    VsfCapturePace pace;
    gint64 now = 0;

    vsf_capture_pace_init(&pace, RING, now);
    for (guint i = 0; i < 200; i++)
        g_assert_cmpint(vsf_capture_pace_next(&pace, 32, now += 100), ==, 0);
    g_assert_cmpint(vsf_capture_pace_next(&pace, 32, now += 20000), ==, 0);
}

static void
test_nothing_found_costs_nothing(void)
{
    VsfCapturePace pace;

    vsf_capture_pace_init(&pace, RING, 0);
    for (gint64 i = 1; i <= 100; i++)
        g_assert_cmpint(vsf_capture_pace_next(&pace, 0, i), ==, 0);
    g_assert_cmpint(vsf_capture_pace_next(&pace, 1, 101), ==, 0);
}

static void
test_a_clock_that_stands_or_jumps_is_survived(void)
{
    VsfCapturePace pace;

    vsf_capture_pace_init(&pace, RING, 1000);
    for (gint64 i = 0; i < 100; i++)
        g_assert_cmpint(vsf_capture_pace_next(&pace, G_MAXUINT, i % 2 ? 0 : G_MAXINT64 / 2), >=, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/capture-pace/few-frames-wake-at-most-twenty-times-a-second",
                    test_few_frames_wake_at_most_twenty_times_a_second);
    g_test_add_func("/net/capture-pace/a-ring-never-fills-at-any-rate",
                    test_a_ring_never_fills_at_any_rate);
    g_test_add_func("/net/capture-pace/the-first-frames-of-a-burst-are-fetched-at-once",
                    test_the_first_frames_of_a_burst_are_fetched_at_once);
    g_test_add_func("/net/capture-pace/a-gap-in-a-flood-makes-no-long-pause",
                    test_a_gap_in_a_flood_makes_no_long_pause);
    g_test_add_func("/net/capture-pace/nothing-found-costs-nothing",
                    test_nothing_found_costs_nothing);
    g_test_add_func("/net/capture-pace/a-clock-that-stands-or-jumps-is-survived",
                    test_a_clock_that_stands_or_jumps_is_survived);
    return g_test_run();
}
