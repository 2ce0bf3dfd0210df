/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/rate-cap.h"

#define START (1000 * G_USEC_PER_SEC)
#define STEP_US 10000
#define MAX_PER_S 5000

/* A second of traffic that would be @demand picks a second at factor 1. Returns how many
 * were picked. */
static guint64
second(VsfRateCap *cap, guint64 demand, gint64 *now_us)
{
    guint64 picked = 0;

    for (guint i = 0; i < 100; i++) {
        guint64 n = demand / 100 / vsf_rate_cap_factor(cap);

        *now_us += STEP_US;
        picked += n;
        vsf_rate_cap_note(cap, n, MAX_PER_S, *now_us);
    }
    return picked;
}

static void
test_what_is_below_the_bound_is_left_alone(void)
{
    VsfRateCap cap = {0};
    gint64 now_us = START;

    for (guint i = 0; i < 30; i++)
        g_assert_cmpuint(second(&cap, MAX_PER_S, &now_us), ==, MAX_PER_S);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 1);
    g_assert_cmpuint(vsf_rate_cap_rate(&cap, 512, 10000000), ==, 512);
}

static void
test_a_flood_is_cut_at_once_and_stays_cut(void)
{
    VsfRateCap cap = {0};
    gint64 now_us = START;
    guint64 first = second(&cap, 800000, &now_us);

    /* Two steps of the test until it is seen. */
    g_assert_cmpuint(first, <=, 2 * 8000 + MAX_PER_S);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 256);
    for (guint i = 0; i < 60; i++)
        g_assert_cmpuint(second(&cap, 800000, &now_us), <=, MAX_PER_S);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 256);
    g_assert_cmpuint(vsf_rate_cap_rate(&cap, 512, 10000000), ==, 512 * 256);
    g_assert_cmpuint(vsf_rate_cap_rate(&cap, 10000000, 10000000), ==, 10000000);
}

/* A host that slept: what was picked since is of an hour, and an old flood is over. */
static void
test_an_hour_asleep_is_no_flood(void)
{
    VsfRateCap calm = {0}, flooded = {0};
    gint64 calm_us = START, flooded_us = START;

    second(&calm, MAX_PER_S / 2, &calm_us);
    calm_us += G_TIME_SPAN_HOUR;
    vsf_rate_cap_note(&calm, MAX_PER_S, MAX_PER_S, calm_us);
    g_assert_cmpuint(second(&calm, MAX_PER_S / 2, &calm_us), ==, MAX_PER_S / 2);
    g_assert_cmpuint(vsf_rate_cap_factor(&calm), ==, 1);

    second(&flooded, 800000, &flooded_us);
    flooded_us += G_TIME_SPAN_HOUR;
    for (guint i = 0; i < 120; i++)
        second(&flooded, 1000, &flooded_us);
    g_assert_cmpuint(vsf_rate_cap_factor(&flooded), ==, 1);
}

static void
test_it_is_lowered_step_by_step_after_calm(void)
{
    VsfRateCap cap = {0};
    gint64 now_us = START;

    second(&cap, 40000, &now_us);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 8);
    for (guint i = 0; i < 9; i++)
        second(&cap, 1000, &now_us);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 8);
    second(&cap, 1000, &now_us);
    second(&cap, 1000, &now_us);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 4);
    for (guint i = 0; i < 21; i++)
        second(&cap, 0, &now_us);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 1);
}

static void
test_what_swings_around_the_bound_does_not_flap(void)
{
    VsfRateCap cap = {0};
    gint64 now_us = START;
    guint changes = 0;

    for (guint i = 0; i < 120; i++) {
        guint32 before = vsf_rate_cap_factor(&cap);

        second(&cap, i % 2 == 0 ? 5500 : 4500, &now_us);
        changes += vsf_rate_cap_factor(&cap) != before;
    }
    g_assert_cmpuint(changes, ==, 1);
}

static void
test_without_a_bound_nothing_is_cut(void)
{
    VsfRateCap cap = {0};

    for (guint i = 1; i < 100; i++)
        g_assert_false(vsf_rate_cap_note(&cap, 1000000, 0, START + i * G_USEC_PER_SEC));
    g_assert_cmpfloat(cap.demand, ==, 1000000);
}

static void
test_the_factor_has_an_end(void)
{
    VsfRateCap cap = {0};

    vsf_rate_cap_note(&cap, 1, 1, START);
    vsf_rate_cap_note(&cap, G_MAXUINT64 / 2, 1, START + 1);
    g_assert_cmpuint(cap.shift, ==, VSF_RATE_CAP_SHIFT_MAX);
}

/* Fifty at once, every second: no more than a hundred a second. */
static void
test_a_small_bound_lets_small_bursts_pass(void)
{
    VsfRateCap cap = {0};
    gint64 now_us = START;

    vsf_rate_cap_note(&cap, 0, 100, now_us);
    for (guint i = 0; i < 30; i++) {
        for (guint step = 0; step < 100; step++) {
            now_us += STEP_US;
            g_assert_false(vsf_rate_cap_note(&cap, step == 50 ? 50 : 0, 100, now_us));
        }
    }
    for (guint i = 0; i < 2; i++)
        for (guint step = 0; step < 100; step++)
            vsf_rate_cap_note(&cap, 2 / vsf_rate_cap_factor(&cap), 100, now_us += STEP_US);
    g_assert_cmpuint(vsf_rate_cap_factor(&cap), ==, 2);
}

static void
test_shares_leave_the_small_ones_alone(void)
{
    static const struct {
        double demands[4];
        guint n, max, max_each, want;
    } cases[] = {
        {{0}, 0, 20000, 5000, 5000},
        {{100, 200, 300, 400}, 4, 20000, 5000, 5000},
        {{800000}, 1, 20000, 5000, 5000}, /* the tap's own bound is tighter */
        {{800000}, 1, 20000, 0, 20000},
        {{6000, 6000, 6000, 6000}, 4, 20000, 5000, 5000},
        {{6000, 6000, 6000, 6000}, 4, 16000, 5000, 4000},
        {{100, 100, 90000, 90000}, 4, 10200, 0, 5000},
        {{90000, 100, 90000, 100}, 4, 10200, 0, 5000}, /* in any order */
        {{5, 5, 5, 5}, 4, 2, 0, 1},                    /* never none at all */
        {{90000, 90000}, 2, 0, 5000, 5000},
        {{90000, 90000}, 2, 0, 0, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(
            vsf_rate_cap_share(cases[i].demands, cases[i].n, cases[i].max, cases[i].max_each), ==,
            cases[i].want);
}

#define ADD(name, func) g_test_add_func("/model/rate-cap/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-below-the-bound-is-left-alone", test_what_is_below_the_bound_is_left_alone);
    ADD("a-flood-is-cut-at-once-and-stays-cut", test_a_flood_is_cut_at_once_and_stays_cut);
    ADD("an-hour-asleep-is-no-flood", test_an_hour_asleep_is_no_flood);
    ADD("it-is-lowered-step-by-step-after-calm", test_it_is_lowered_step_by_step_after_calm);
    ADD("what-swings-around-the-bound-does-not-flap",
        test_what_swings_around_the_bound_does_not_flap);
    ADD("without-a-bound-nothing-is-cut", test_without_a_bound_nothing_is_cut);
    ADD("the-factor-has-an-end", test_the_factor_has_an_end);
    ADD("a-small-bound-lets-small-bursts-pass", test_a_small_bound_lets_small_bursts_pass);
    ADD("shares-leave-the-small-ones-alone", test_shares_leave_the_small_ones_alone);
    return g_test_run();
}
