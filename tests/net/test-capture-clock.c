/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wall clocks that are set: injected, since a test must not set the machine's. */
#include "../../daemon/net/capture-frame.h"

#define S_NS G_GINT64_CONSTANT(1000000000)
#define DAY_NS (86400 * S_NS)
#define WALL_NS (G_GINT64_CONSTANT(1700000000) * S_NS)
#define MONOTONIC_NS (5000 * S_NS)

static const VsfCaptureClock clock_now = {WALL_NS, MONOTONIC_NS};

static void
test_a_stamp_becomes_a_monotonic_time(void)
{
    static const gint64 ages_ns[] = {0, 1, 1234567, S_NS, VSF_CAPTURE_CLOCK_AGE_NS};

    for (guint i = 0; i < G_N_ELEMENTS(ages_ns); i++)
        g_assert_cmpint(vsf_capture_clock_time(&clock_now, WALL_NS - ages_ns[i]), ==,
                        MONOTONIC_NS - ages_ns[i]);
}

static void
test_a_stamp_of_before_the_clock_was_set_is_now(void)
{
    /* Back and forth, by a second that shows, by a day, and out of all bounds. */
    static const gint64 stamps_ns[] = {WALL_NS + 1,
                                       WALL_NS + S_NS,
                                       WALL_NS + DAY_NS,
                                       WALL_NS - DAY_NS,
                                       0,
                                       G_MAXINT64,
                                       WALL_NS - VSF_CAPTURE_CLOCK_AGE_NS - 1};

    for (guint i = 0; i < G_N_ELEMENTS(stamps_ns); i++)
        g_assert_cmpint(vsf_capture_clock_time(&clock_now, stamps_ns[i]), ==, MONOTONIC_NS);
}

static void
test_both_clocks_are_read_together(void)
{
    gint64 wall_us = g_get_real_time(), monotonic_us = g_get_monotonic_time();
    VsfCaptureClock clock = vsf_capture_clock_read();

    g_assert_cmpint(clock.wall_ns, >=, wall_us * 1000);
    g_assert_cmpint(clock.monotonic_ns, >=, monotonic_us * 1000);
    g_assert_cmpint(clock.monotonic_ns, <=, g_get_monotonic_time() * 1000 + 1000);
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

/* The rate changed ten seconds ago, and then the wall clock was set. */
static void
test_a_rate_holds_whatever_the_wall_clock_says(void)
{
    static const gint64 steps_ns[] = {0, DAY_NS, -DAY_NS, 5 * S_NS, -5 * S_NS};

    for (guint i = 0; i < G_N_ELEMENTS(steps_ns); i++) {
        VsfCaptureClock clock = {WALL_NS + steps_ns[i], MONOTONIC_NS};
        VsfCaptureRates rates;

        vsf_capture_rates_init(&rates, 1);
        vsf_capture_rates_change(&rates, 512, MONOTONIC_NS - 10 * S_NS);
        /* Stamped after that, and before, by the clock that was. */
        g_assert_cmpuint(rate_of(&rates, clock.wall_ns - 1000, &clock), ==, 512);
        g_assert_cmpuint(rate_of(&rates, WALL_NS - 1000, &clock), ==, 512);
    }
}

#define CASE(name, func) g_test_add_func("/net/capture-clock/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASE("a-stamp-becomes-a-monotonic-time", test_a_stamp_becomes_a_monotonic_time);
    CASE("a-stamp-of-before-the-clock-was-set-is-now",
         test_a_stamp_of_before_the_clock_was_set_is_now);
    CASE("both-clocks-are-read-together", test_both_clocks_are_read_together);
    CASE("a-rate-holds-whatever-the-wall-clock-says",
         test_a_rate_holds_whatever_the_wall_clock_says);
    return g_test_run();
}
