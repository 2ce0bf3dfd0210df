/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/sample-pool.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static VsfLinkStats
reading(guint64 rx, guint64 tx, guint64 tx_dropped)
{
    return (VsfLinkStats){.rx_packets = rx, .tx_packets = tx, .tx_dropped = tx_dropped};
}

static VsfSamplePool
new_pool(VsfDirection direction, VsfNicKind kind)
{
    VsfSamplePool pool;
    VsfLinkStats start = reading(1000, 2000, 300);

    vsf_sample_pool_init(&pool, direction);
    vsf_sample_pool_read(&pool, &start, kind, SECOND);
    return pool;
}

static void
read_at(VsfSamplePool *pool, VsfNicKind kind, VsfLinkStats stats, gint64 now_ns)
{
    vsf_sample_pool_read(pool, &stats, kind, now_ns);
}

static void
test_each_direction_counts_its_frames(void)
{
    static const struct {
        VsfDirection direction;
        VsfNicKind kind;
        guint32 want;
    } cases[] = {
        /* 100 received, 200 transmitted, 50 dropped at the tap. */
        {VSF_DIRECTION_IN, VSF_NIC_TAP, 100},       {VSF_DIRECTION_OUT, VSF_NIC_TAP, 250},
        {VSF_DIRECTION_BOTH, VSF_NIC_TAP, 350},     {VSF_DIRECTION_ONCE, VSF_NIC_TAP, 350},
        {VSF_DIRECTION_IN, VSF_NIC_MACVTAP, 250},   {VSF_DIRECTION_OUT, VSF_NIC_MACVTAP, 100},
        {VSF_DIRECTION_BOTH, VSF_NIC_MACVTAP, 350},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfSamplePool pool = new_pool(cases[i].direction, cases[i].kind);

        read_at(&pool, cases[i].kind, reading(1100, 2200, 350), 2 * SECOND);
        g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND), ==, cases[i].want);
    }
}

static void
note(VsfSamplePool *pool, guint n, guint one_kept_in)
{
    for (guint i = 0; i < n; i++)
        vsf_sample_pool_note_to_vm(pool, one_kept_in != 0 && i % one_kept_in == 0);
}

static void
test_once_scales_frames_to_the_vm_by_the_share_kept(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_ONCE, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(1100, 2800, 300), 2 * SECOND);
    note(&pool, 40, 4);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND), ==, 100 + 200);
    /* Nothing to the VM was sampled since: the last share holds. */
    read_at(&pool, VSF_NIC_TAP, reading(1100, 3200, 300), 3 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 3 * SECOND), ==, 100 + 200 + 100);
}

/* The first interval too: what was not kept never gets into the pool. */
static void
test_an_interval_goes_by_its_own_frames(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_ONCE, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(1010, 1002000, 300), 2 * SECOND);
    note(&pool, 2000, 0);
    read_at(&pool, VSF_NIC_TAP, reading(1020, 1002000, 300), 3 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 3 * SECOND), ==, 20);
}

/* After a change of traffic the old share is soon forgotten. */
static void
test_the_share_follows_the_traffic(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_ONCE, VSF_NIC_TAP);
    guint32 changed;

    read_at(&pool, VSF_NIC_TAP, reading(1000, 12000, 300), 2 * SECOND);
    note(&pool, 5000, 1);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND), ==, 10000);
    read_at(&pool, VSF_NIC_TAP, reading(1000, 22000, 300), 3 * SECOND);
    note(&pool, 5000, 0);
    changed = vsf_sample_pool_take(&pool, 3 * SECOND);
    g_assert_cmpuint(changed, >=, 10000);
    g_assert_cmpuint(changed, <=, 10000 + 500);
    read_at(&pool, VSF_NIC_TAP, reading(1000, 32000, 300), 4 * SECOND);
    note(&pool, 5000, 0);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 4 * SECOND), <=, changed + 100);
}

static void
test_a_pool_is_of_the_moment_the_packet_passed(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_IN, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(2000, 0, 0), 2 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND + SECOND / 4), ==, 250);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND + SECOND / 2), ==, 500);
    read_at(&pool, VSF_NIC_TAP, reading(12000, 0, 0), 3 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND + SECOND / 10), ==, 2000);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 3 * SECOND), ==, 11000);
    /* Later than the newest reading: no more than the kernel counted. */
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 4 * SECOND), ==, 11000);
}

static void
test_a_pool_never_goes_back(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_IN, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(2000, 0, 0), 2 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND), ==, 1000);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND), ==, 1000); /* an older packet */
    read_at(&pool, VSF_NIC_TAP, reading(5, 0, 0), 3 * SECOND);       /* counters reset */
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 3 * SECOND), ==, 1000);
    read_at(&pool, VSF_NIC_TAP, reading(15, 0, 0), 4 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 4 * SECOND), ==, 1010);
}

static void
test_a_clock_that_steps_back_loses_no_frames(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_IN, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(1100, 0, 0), SECOND / 2);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND / 2), ==, 100);
    read_at(&pool, VSF_NIC_TAP, reading(1200, 0, 0), SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND), ==, 200);
    read_at(&pool, VSF_NIC_TAP, reading(1300, 0, 0), SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND), ==, 300);
    /* Times at both ends of the range do not overflow. */
    read_at(&pool, VSF_NIC_TAP, reading(1400, 0, 0), G_MAXINT64);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, G_MININT64), ==, 300);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, G_MAXINT64), ==, 400);
}

static void
test_a_pool_is_never_below_the_samples(void)
{
    VsfSamplePool pool;

    vsf_sample_pool_init(&pool, VSF_DIRECTION_ONCE);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 5), ==, 1); /* before the first reading */
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 6), ==, 2);
    read_at(&pool, VSF_NIC_TAP, reading(1000, 0, 0), SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND), ==, 3);
    read_at(&pool, VSF_NIC_TAP, reading(1100, 0, 0), 2 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND), ==, 100);
}

static void
test_a_pool_wraps_at_32_bits(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_IN, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(1000 + (G_GUINT64_CONSTANT(1) << 32) + 7, 0, 0),
            2 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND), ==, 7);
}

/* 1-in-1 of a mixed flow, in small intervals: the pool is the samples given. */
static void
test_every_frame_sampled_is_every_frame_counted(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_ONCE, VSF_NIC_TAP);
    guint64 from_vm = 0, to_vm = 0, taken = 0;
    guint32 last = 0;

    /* Of each five frames two are from the VM, and one of the other three is kept. */
    for (guint interval = 0; interval < 200; interval++) {
        gint64 now = (interval + 2) * SECOND;

        from_vm += 60;
        to_vm += 90;
        read_at(&pool, VSF_NIC_TAP, reading(1000 + from_vm, 2000 + to_vm, 300), now);
        for (guint i = 0; i < 150; i++) {
            if (i % 5 >= 2)
                vsf_sample_pool_note_to_vm(&pool, i % 5 == 2);
            if (i % 5 > 2)
                continue;
            last = vsf_sample_pool_take(&pool, now - SECOND + (i + 1) * SECOND / 150);
            taken++;
        }
    }
    g_assert_cmpuint(last, >=, taken);
    g_assert_cmpuint(last, <=, taken + taken / 100);
}

/* A minute of silence, then 1,000 frames in a tenth of a second, every tenth
 * of them sampled. */
static void
test_frames_after_a_silence_begin_with_the_first_sample(void)
{
    gint64 burst_ns = 61 * SECOND;
    VsfSamplePool pool;
    guint32 first, last = 0;

    vsf_sample_pool_init(&pool, VSF_DIRECTION_BOTH);
    read_at(&pool, VSF_NIC_TAP, reading(0, 0, 0), SECOND);
    read_at(&pool, VSF_NIC_TAP, reading(1000, 0, 0), burst_ns + SECOND / 10);
    vsf_sample_pool_begin(&pool, burst_ns + SECOND / 1000, burst_ns + SECOND / 10, 100);
    first = vsf_sample_pool_take(&pool, burst_ns + SECOND / 1000);
    for (guint i = 2; i <= 100; i++)
        last = vsf_sample_pool_take(&pool, burst_ns + i * SECOND / 1000);
    g_assert_cmpuint(first, >=, 1);
    g_assert_cmpuint(first, <=, 20);
    g_assert_cmpuint(last, ==, 1000);
}

/* 1,000 frames in a hundredth of a second, every hundredth sampled, and then silence until the
 * reading: who weighs samples by the pool's steps must not have most of them only with the next. */
static void
test_frames_before_a_silence_end_with_the_last_sample(void)
{
    VsfSamplePool pool;
    guint32 first, last = 0;

    vsf_sample_pool_init(&pool, VSF_DIRECTION_BOTH);
    read_at(&pool, VSF_NIC_TAP, reading(0, 0, 0), SECOND);
    read_at(&pool, VSF_NIC_TAP, reading(1000, 0, 0), 2 * SECOND);
    vsf_sample_pool_begin(&pool, SECOND + SECOND / 1000, SECOND + SECOND / 100, 10);
    first = vsf_sample_pool_take(&pool, SECOND + SECOND / 1000);
    for (guint i = 2; i <= 10; i++)
        last = vsf_sample_pool_take(&pool, SECOND + i * SECOND / 1000);
    g_assert_cmpuint(first, >, 50);
    g_assert_cmpuint(first, <, 150);
    g_assert_cmpuint(last, >, 850);
    g_assert_cmpuint(last, <=, 1000);
    /* One alone tells nothing of where the others were. */
    read_at(&pool, VSF_NIC_TAP, reading(1100, 0, 0), 3 * SECOND);
    vsf_sample_pool_begin(&pool, 2 * SECOND + SECOND / 2, 2 * SECOND + SECOND / 2, 1);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 2 * SECOND + SECOND / 2), ==, 1050);
    read_at(&pool, VSF_NIC_TAP, reading(1200, 0, 0), 4 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 5 * SECOND), ==, 1200);
}

/* Of five frames four come at the interval's end: a guess by time would be far off. */
static void
test_at_one_in_one_each_sample_is_of_the_next_frame(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_ONCE, VSF_NIC_TAP);
    static const gint64 at_ms[] = {1000, 1900, 1900, 1950, 1999};

    read_at(&pool, VSF_NIC_TAP, reading(1005, 2000, 300), 2 * SECOND);
    vsf_sample_pool_begin(&pool, at_ms[0] * SECOND / 1000 + 1, at_ms[4] * SECOND / 1000 + 1,
                          G_N_ELEMENTS(at_ms));
    for (guint i = 0; i < G_N_ELEMENTS(at_ms); i++)
        g_assert_cmpuint(vsf_sample_pool_take_next(&pool, at_ms[i] * SECOND / 1000 + 1), ==, i + 1);
    /* Ten more, of which eight were lost; the last one that came is late. */
    read_at(&pool, VSF_NIC_TAP, reading(1015, 2000, 300), 3 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take_next(&pool, 2 * SECOND + 1), ==, 6);
    read_at(&pool, VSF_NIC_TAP, reading(1016, 2000, 300), 4 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take_next(&pool, 3 * SECOND), ==, 7);
    g_assert_cmpuint(vsf_sample_pool_take_next(&pool, 3 * SECOND + 1), ==, 16);
}

static void
test_where_the_kernel_counted_gaps_are_the_pool(void)
{
    VsfSamplePool pool;

    vsf_sample_pool_init(&pool, VSF_DIRECTION_ONCE);
    g_assert_cmpuint(vsf_sample_pool_take_gap(&pool, 700), ==, 700);
    g_assert_cmpuint(vsf_sample_pool_take_gap(&pool, 1), ==, 701);
    g_assert_cmpuint(vsf_sample_pool_take_gap(&pool, G_MAXUINT32), ==, 700);
}

/* From readings to gaps and back: all that was a candidate is in it, once. */
static void
test_a_pool_goes_on_where_another_way_of_counting_ended(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_IN, VSF_NIC_TAP);

    read_at(&pool, VSF_NIC_TAP, reading(1100, 2000, 300), 2 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 3 * SECOND / 2), ==, 50);
    vsf_sample_pool_hand_over(&pool, 0);
    g_assert_cmpuint(vsf_sample_pool_take_gap(&pool, 30), ==, 130);
    /* 7 more passed after the last sample of the one that counted. */
    vsf_sample_pool_hand_over(&pool, 7);
    read_at(&pool, VSF_NIC_TAP, reading(9000, 2000, 300), 9 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 9 * SECOND), ==, 137);
    read_at(&pool, VSF_NIC_TAP, reading(9010, 2000, 300), 10 * SECOND);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, 10 * SECOND), ==, 147);
}

/* What waited while the sampler changed hands. */
static void
test_late_samples_of_the_other_kind_do_not_disturb(void)
{
    VsfSamplePool pool = new_pool(VSF_DIRECTION_IN, VSF_NIC_TAP);

    vsf_sample_pool_hand_over(&pool, 0);
    g_assert_cmpuint(vsf_sample_pool_take_gap(&pool, 30), ==, 30);
    g_assert_cmpuint(vsf_sample_pool_take(&pool, SECOND), ==, 30);
    g_assert_cmpuint(vsf_sample_pool_take_next(&pool, SECOND), ==, 31);
    g_assert_cmpuint(vsf_sample_pool_take_gap(&pool, 5), ==, 36);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/sample-pool/each-direction-counts-its-frames",
                    test_each_direction_counts_its_frames);
    g_test_add_func("/model/sample-pool/once-scales-frames-to-the-vm-by-the-share-kept",
                    test_once_scales_frames_to_the_vm_by_the_share_kept);
    g_test_add_func("/model/sample-pool/an-interval-goes-by-its-own-frames",
                    test_an_interval_goes_by_its_own_frames);
    g_test_add_func("/model/sample-pool/the-share-follows-the-traffic",
                    test_the_share_follows_the_traffic);
    g_test_add_func("/model/sample-pool/a-pool-is-of-the-moment-the-packet-passed",
                    test_a_pool_is_of_the_moment_the_packet_passed);
    g_test_add_func("/model/sample-pool/frames-after-a-silence-begin-with-the-first-sample",
                    test_frames_after_a_silence_begin_with_the_first_sample);
    g_test_add_func("/model/sample-pool/frames-before-a-silence-end-with-the-last-sample",
                    test_frames_before_a_silence_end_with_the_last_sample);
    g_test_add_func("/model/sample-pool/at-one-in-one-each-sample-is-of-the-next-frame",
                    test_at_one_in_one_each_sample_is_of_the_next_frame);
    g_test_add_func("/model/sample-pool/a-pool-never-goes-back", test_a_pool_never_goes_back);
    g_test_add_func("/model/sample-pool/a-clock-that-steps-back-loses-no-frames",
                    test_a_clock_that_steps_back_loses_no_frames);
    g_test_add_func("/model/sample-pool/a-pool-is-never-below-the-samples",
                    test_a_pool_is_never_below_the_samples);
    g_test_add_func("/model/sample-pool/a-pool-wraps-at-32-bits", test_a_pool_wraps_at_32_bits);
    g_test_add_func("/model/sample-pool/every-frame-sampled-is-every-frame-counted",
                    test_every_frame_sampled_is_every_frame_counted);
    g_test_add_func("/model/sample-pool/where-the-kernel-counted-gaps-are-the-pool",
                    test_where_the_kernel_counted_gaps_are_the_pool);
    g_test_add_func("/model/sample-pool/it-goes-on-where-another-way-of-counting-ended",
                    test_a_pool_goes_on_where_another_way_of_counting_ended);
    g_test_add_func("/model/sample-pool/late-samples-of-the-other-kind-do-not-disturb",
                    test_late_samples_of_the_other_kind_do_not_disturb);
    return g_test_run();
}
