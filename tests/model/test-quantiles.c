/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/quantiles.h"

#include <stdlib.h>

static void
test_none_is_unknown(void)
{
    VsfQuantiles quantiles = {0};

    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 990), ==, G_MAXUINT64);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 1), ==, G_MAXUINT64);
}

static void
test_small_values_are_exact(void)
{
    VsfQuantiles quantiles = {0};

    for (gint64 value = 1; value <= 10; value++)
        vsf_quantiles_add(&quantiles, value);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 500), ==, 5);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 900), ==, 9);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 901), ==, 10);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 1000), ==, 10);
    vsf_quantiles_add(&quantiles, -5);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 1), ==, 0);
}

static void
test_one_outlier_in_a_hundred_shows_in_the_last_hundredth(void)
{
    VsfQuantiles quantiles = {0};

    for (guint i = 0; i < 99; i++)
        vsf_quantiles_add(&quantiles, 7);
    vsf_quantiles_add(&quantiles, 1000000);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 990), ==, 7);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 991), >=, 1000000);
}

static int
compare(const void *a, const void *b)
{
    gint64 one = *(const gint64 *)a, other = *(const gint64 *)b;

    return one < other ? -1 : one > other;
}

/* Against sorting, over all magnitudes. */
static void
test_a_quantile_is_never_below_and_a_sixteenth_above_at_most(void)
{
    static const guint shares[] = {1, 10, 500, 900, 990, 999, 1000};
    gint64 values[1000];

    for (guint round = 0; round < 50; round++) {
        VsfQuantiles quantiles = {0};

        for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
            values[i] = ((gint64)g_test_rand_int_range(0, G_MAXINT32) << 4) >>
                        g_test_rand_int_range(0, 35);
            vsf_quantiles_add(&quantiles, values[i]);
        }
        qsort(values, G_N_ELEMENTS(values), sizeof(values[0]), compare);
        for (guint i = 0; i < G_N_ELEMENTS(shares); i++) {
            guint64 exact = (guint64)values[shares[i] - 1];
            guint64 found = vsf_quantiles_at(&quantiles, shares[i]);

            g_assert_cmpuint(found, >=, exact);
            g_assert_cmpuint(found, <=, exact + exact / 16);
        }
    }
}

static void
test_values_past_the_end_are_the_largest(void)
{
    VsfQuantiles quantiles = {0};
    guint64 largest;

    vsf_quantiles_add(&quantiles, G_MAXINT64);
    largest = vsf_quantiles_at(&quantiles, 1000);
    g_assert_cmpuint(largest, >=, 3600ULL * G_USEC_PER_SEC);
    vsf_quantiles_add(&quantiles, (gint64)largest);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 1), ==, largest);
}

static void
test_taken_values_are_gone(void)
{
    VsfQuantiles quantiles = {0}, taken;

    vsf_quantiles_add(&quantiles, 3);
    taken = vsf_quantiles_take(&quantiles);
    g_assert_cmpuint(taken.n, ==, 1);
    g_assert_cmpuint(vsf_quantiles_at(&taken, 990), ==, 3);
    g_assert_cmpuint(vsf_quantiles_at(&quantiles, 990), ==, G_MAXUINT64);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/quantiles/none-is-unknown", test_none_is_unknown);
    g_test_add_func("/model/quantiles/small-values-are-exact", test_small_values_are_exact);
    g_test_add_func("/model/quantiles/one-outlier-in-a-hundred-shows-in-the-last-hundredth",
                    test_one_outlier_in_a_hundred_shows_in_the_last_hundredth);
    g_test_add_func("/model/quantiles/a-quantile-is-never-below-and-a-sixteenth-above-at-most",
                    test_a_quantile_is_never_below_and_a_sixteenth_above_at_most);
    g_test_add_func("/model/quantiles/values-past-the-end-are-the-largest",
                    test_values_past_the_end_are_the_largest);
    g_test_add_func("/model/quantiles/taken-values-are-gone", test_taken_values_are_gone);
    return g_test_run();
}
