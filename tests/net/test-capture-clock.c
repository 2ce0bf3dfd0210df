/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wall clocks that are set: injected, since a test must not set the machine's. */
#include "../../daemon/net/capture-frame.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MS_NS G_GINT64_CONSTANT(1000000)
#define S_NS (1000 * MS_NS)
#define DAY_NS (86400 * S_NS)
#define WALL_NS (G_GINT64_CONSTANT(1700000000) * S_NS)
#define MONOTONIC_NS (5000 * S_NS)

static const gint64 steps_ns[] = {DAY_NS,       10 * S_NS, 5 * S_NS,  S_NS,       100 * MS_NS,
                                  -100 * MS_NS, -S_NS,     -5 * S_NS, -10 * S_NS, -DAY_NS};

/* What a wall clock that was set by @step_ns shows at a monotonic time. */
static gint64
wall_at(gint64 time_ns, gint64 step_ns)
{
    return WALL_NS + (time_ns - MONOTONIC_NS) + step_ns;
}

static void
look(VsfCaptureClock *clock, gint64 time_ns, gint64 step_ns)
{
    vsf_capture_clock_note(clock, wall_at(time_ns, step_ns), time_ns);
}

/* Looked at twice, the last time at MONOTONIC_NS. */
static VsfCaptureClock
clock_new(void)
{
    VsfCaptureClock clock = {0};

    look(&clock, MONOTONIC_NS - S_NS, 0);
    look(&clock, MONOTONIC_NS, 0);
    return clock;
}

static void
test_a_stamp_becomes_a_monotonic_time(void)
{
    /* The oldest are of before a SIGSTOP. */
    static const gint64 ages_ns[] = {
        0, 1, 1234567, S_NS, 11 * S_NS, 60 * S_NS, VSF_CAPTURE_CLOCK_AGE_NS};
    VsfCaptureClock clock = clock_new();

    for (guint i = 0; i < G_N_ELEMENTS(ages_ns); i++)
        g_assert_cmpint(vsf_capture_clock_time(&clock, WALL_NS - ages_ns[i]), ==,
                        MONOTONIC_NS - ages_ns[i]);
}

/* 50 ms pass between two looks, and the wall clock was set in the middle. */
static void
test_a_stamp_of_before_the_clock_was_set_keeps_its_time(void)
{
    static const gint64 before_ns[] = {0, 10 * MS_NS, 25 * MS_NS};
    static const gint64 after_ns[] = {25 * MS_NS + 1, 40 * MS_NS, 50 * MS_NS};

    for (guint i = 0; i < G_N_ELEMENTS(steps_ns); i++) {
        VsfCaptureClock clock = clock_new();

        look(&clock, MONOTONIC_NS + 50 * MS_NS, steps_ns[i]);
        for (guint j = 0; j < G_N_ELEMENTS(after_ns); j++)
            g_assert_cmpint(
                vsf_capture_clock_time(&clock, wall_at(MONOTONIC_NS + after_ns[j], steps_ns[i])),
                ==, MONOTONIC_NS + after_ns[j]);
        for (guint j = 0; j < G_N_ELEMENTS(before_ns); j++)
            g_assert_cmpint(vsf_capture_clock_time(&clock, wall_at(MONOTONIC_NS + before_ns[j], 0)),
                            ==, MONOTONIC_NS + before_ns[j]);
    }
}

/* Each ring is read after a look of its own: the last one some time after the first. */
static void
test_every_ring_knows_that_the_clock_was_set(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(steps_ns); i++) {
        VsfCaptureClock clock = clock_new();

        for (guint looks = 1; looks <= 20; looks++)
            look(&clock, MONOTONIC_NS + looks * MS_NS, steps_ns[i]);
        g_assert_cmpint(vsf_capture_clock_time(&clock, wall_at(MONOTONIC_NS - 10 * MS_NS, 0)), ==,
                        MONOTONIC_NS - 10 * MS_NS);
        g_assert_cmpint(
            vsf_capture_clock_time(&clock, wall_at(MONOTONIC_NS + 10 * MS_NS, steps_ns[i])), ==,
            MONOTONIC_NS + 10 * MS_NS);
    }
}

/* We were stopped for a minute, in which it was set: whatever is not certain is no
 * further off than that. */
static void
test_a_doubt_is_no_larger_than_the_step(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(steps_ns); i++) {
        VsfCaptureClock clock = clock_new();

        look(&clock, MONOTONIC_NS + 60 * S_NS, steps_ns[i]);
        for (gint64 at_ns = MONOTONIC_NS; at_ns <= MONOTONIC_NS + 60 * S_NS; at_ns += S_NS / 2) {
            gboolean is_set = at_ns > MONOTONIC_NS + 30 * S_NS;
            gint64 time_ns = vsf_capture_clock_time(&clock,
                                                    wall_at(at_ns, is_set ? steps_ns[i] : 0));

            g_assert_cmpint(ABS(time_ns - at_ns), <=, ABS(steps_ns[i]));
            if (ABS(steps_ns[i]) > 60 * S_NS)
                g_assert_cmpint(time_ns, ==, at_ns);
        }
    }
}

static void
test_a_stamp_of_no_clock_is_now(void)
{
    static const gint64 stamps_ns[] = {WALL_NS + 1,         WALL_NS + S_NS,
                                       WALL_NS + DAY_NS,    WALL_NS - DAY_NS,
                                       MONOTONIC_NS - S_NS, 0,
                                       G_MAXINT64,          WALL_NS - VSF_CAPTURE_CLOCK_AGE_NS - 1};
    VsfCaptureClock clock = clock_new();

    for (guint i = 0; i < G_N_ELEMENTS(stamps_ns); i++)
        g_assert_cmpint(vsf_capture_clock_time(&clock, stamps_ns[i]), ==, MONOTONIC_NS);
    look(&clock, MONOTONIC_NS, 7 * DAY_NS);
    for (guint i = 0; i < G_N_ELEMENTS(stamps_ns); i++)
        g_assert_cmpint(vsf_capture_clock_time(&clock, stamps_ns[i]), ==, MONOTONIC_NS);
}

/* An interruption between the looks at the two clocks is not the wall clock being set. */
static void
test_a_slow_look_changes_little(void)
{
    VsfCaptureClock clock = clock_new();

    vsf_capture_clock_note(&clock, wall_at(MONOTONIC_NS + S_NS, 0),
                           MONOTONIC_NS + S_NS + 4 * MS_NS);
    g_assert_cmpint(clock.unset_ns, ==, 0);
    look(&clock, MONOTONIC_NS + 2 * S_NS, 0);
    g_assert_cmpint(clock.unset_ns, ==, 0);
}

/* A fake: how long each look at a clock takes, in ns; 0 ends it, and the kernel's are read. */
static const guint *script;
static gint64 script_ns;

int
clock_gettime(clockid_t id, struct timespec *now)
{
    gint64 time_ns;

    if (script == NULL || *script == 0)
        return (int)syscall(SYS_clock_gettime, id, now);
    script_ns += *script++;
    time_ns = id == CLOCK_MONOTONIC ? script_ns : wall_at(script_ns, 0);
    *now = (struct timespec){time_ns / S_NS, time_ns % S_NS};
    return 0;
}

/* By how much the wall clock seems to be ahead of what it is. */
static gint64
error_of_look(const guint *takes)
{
    VsfCaptureClock clock = {0};

    script = takes;
    script_ns = MONOTONIC_NS;
    vsf_capture_clock_look(&clock);
    g_assert_cmpuint(*script, ==, 0);
    script = NULL;
    return clock.wall_ns - clock.monotonic_ns - (WALL_NS - MONOTONIC_NS);
}

/* Who is interrupted between two looks looks again, and the closest ones count. */
static void
test_an_interrupted_look_counts_for_little(void)
{
    g_assert_cmpint(error_of_look((guint[]){10, 100, 100, 0}), ==, 0);
    g_assert_cmpint(error_of_look((guint[]){10, 100, 15000, 10, 100, 100, 0}), ==, 0);
    g_assert_cmpint(error_of_look((guint[]){10, 15000, 100, 10, 100, 160, 0}), ==, -30);
    g_assert_cmpint(
        error_of_look((guint[]){10, 9000, 90, 10, 100, 700, 10, 8000, 80, 10, 90, 7000, 0}), ==,
        -300);
}

static void
test_both_clocks_are_read_together(void)
{
    gint64 wall_us = g_get_real_time(), monotonic_us = g_get_monotonic_time();
    VsfCaptureClock clock = {0};

    vsf_capture_clock_look(&clock);
    g_assert_cmpint(clock.wall_ns, >=, wall_us * 1000);
    g_assert_cmpint(clock.monotonic_ns, >=, monotonic_us * 1000);
    g_assert_cmpint(clock.monotonic_ns, <=, g_get_monotonic_time() * 1000 + 1000);
    g_assert_cmpint(clock.unset_ns, ==, 0);
}

static guint32
rate_of(const VsfCaptureRates *rates, gint64 stamp_ns, const VsfCaptureClock *clock)
{
    struct pcap_pkthdr header = {
        .ts = {stamp_ns / S_NS, stamp_ns % S_NS / 1000}, .caplen = 64, .len = 64};
    guint8 bytes[64] = {0};
    VsfPacket packet = vsf_capture_frame_packet(&header, bytes, 7, 128, rates, clock);

    g_assert_cmpint(packet.stamp_ns, ==, stamp_ns);
    return packet.rate;
}

/* The rate changed 100 ms ago; then the wall clock was set. */
static void
test_a_rate_holds_whatever_the_wall_clock_says(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(steps_ns); i++) {
        VsfCaptureClock clock = clock_new();
        VsfCaptureRates rates;

        vsf_capture_rates_init(&rates, 1);
        vsf_capture_rates_change(&rates, 512, MONOTONIC_NS - 100 * MS_NS);
        look(&clock, MONOTONIC_NS + 50 * MS_NS, steps_ns[i]);
        g_assert_cmpuint(rate_of(&rates, wall_at(MONOTONIC_NS + MS_NS, 0), &clock), ==, 512);
        g_assert_cmpuint(rate_of(&rates, clock.wall_ns - MS_NS, &clock), ==, 512);
        if (ABS(steps_ns[i]) > 200 * MS_NS)
            g_assert_cmpuint(rate_of(&rates, wall_at(MONOTONIC_NS - 101 * MS_NS, 0), &clock), ==,
                             1);
    }
}

/* We were stopped, and the rate changes as we go on, before the ring is read. */
static void
test_a_rate_holds_over_a_stop(void)
{
    VsfCaptureClock clock = clock_new();
    VsfCaptureRates rates;

    vsf_capture_rates_init(&rates, 1);
    look(&clock, MONOTONIC_NS + 60 * S_NS, 0);
    vsf_capture_rates_change(&rates, 512, MONOTONIC_NS + 60 * S_NS);
    g_assert_cmpuint(rate_of(&rates, wall_at(MONOTONIC_NS + S_NS, 0), &clock), ==, 1);
}

#define CASE(name, func) g_test_add_func("/net/capture-clock/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASE("a-stamp-becomes-a-monotonic-time", test_a_stamp_becomes_a_monotonic_time);
    CASE("a-stamp-of-before-the-clock-was-set-keeps-its-time",
         test_a_stamp_of_before_the_clock_was_set_keeps_its_time);
    CASE("every-ring-knows-that-the-clock-was-set", test_every_ring_knows_that_the_clock_was_set);
    CASE("a-doubt-is-no-larger-than-the-step", test_a_doubt_is_no_larger_than_the_step);
    CASE("a-stamp-of-no-clock-is-now", test_a_stamp_of_no_clock_is_now);
    CASE("a-slow-look-changes-little", test_a_slow_look_changes_little);
    CASE("an-interrupted-look-counts-for-little", test_an_interrupted_look_counts_for_little);
    CASE("both-clocks-are-read-together", test_both_clocks_are_read_together);
    CASE("a-rate-holds-whatever-the-wall-clock-says",
         test_a_rate_holds_whatever_the_wall_clock_says);
    CASE("a-rate-holds-over-a-stop", test_a_rate_holds_over_a_stop);
    return g_test_run();
}
