/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The draws of the program in the kernel, by the same code: are they geometric? The random numbers
 * are a fixed sequence, so that what passes once passes always. */
#include "../../daemon/bpf/rate-word.h"

#include <math.h>

#define DRAWS 400000
#define CELLS 50

static guint32 table[VSF_LOG2_STEPS + 1];

static guint64
next_random(guint64 *state)
{
    /* splitmix64 */
    guint64 z = (*state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void
test_leading_zeros_are_counted(void)
{
    for (guint zeros = 0; zeros < 64; zeros++) {
        guint64 highest = G_GUINT64_CONSTANT(1) << (63 - zeros);

        g_assert_cmpuint(vsf_leading_zeros(highest), ==, zeros);
        g_assert_cmpuint(vsf_leading_zeros(highest | (highest - 1)), ==, zeros);
    }
}

static void
test_logarithm_is_near(void)
{
    guint64 state = 1;

    for (guint i = 0; i < 1000000; i++) {
        guint64 random = next_random(&state) >> (i % 64);
        double is = (double)vsf_minus_log2(random, table) / (1 << 26);
        double should = 64 - log2((double)(random | 1));

        g_assert_cmpfloat(fabs(is - should), <, 4e-6);
    }
    g_assert_cmpuint(vsf_minus_log2(0, table), ==, G_MAXUINT32);
    g_assert_cmpuint(vsf_minus_log2(G_MAXUINT64, table), <, 256);
}

static void
test_rate_word_has_its_parts(void)
{
    static const guint32 rates[] = {2, 3, 10, 512, 10000, 65536, 9999999, VSF_BPF_RATE_MAX};

    g_assert_cmpuint(VSF_RATE_N(vsf_rate_word(1)), ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        guint64 word = vsf_rate_word(rates[i]);
        double factor = ldexp(VSF_RATE_MANTISSA(word), 26 - (int)VSF_RATE_SHIFT(word));
        double should = -G_LN2 / log1p(-1.0 / rates[i]);

        g_assert_cmpuint(VSF_RATE_N(word), ==, rates[i]);
        g_assert_cmpfloat(fabs(factor / should - 1), <, 1e-9);
    }
}

/* The cell of a skip: CELLS of about the same chance. */
static guint
cell_of(guint64 skip, double none)
{
    return MIN((guint)(CELLS * -expm1(log(none) * (double)skip)), CELLS - 1);
}

/* 1 - exp: the chance that the skip is less than @skip. */
static double
below(guint64 skip, double none)
{
    return -expm1(log(none) * (double)skip);
}

/* Of skips of one in @rate the chi-square over cells; @cells: how many there are. Small rates have
 * fewer, as a skip is in one cell as a whole. */
static double
chi_square(guint32 rate, guint64 seed, guint *cells)
{
    double none = 1 - 1.0 / rate, chi = 0;
    guint counts[CELLS] = {0};
    double chances[CELLS] = {0};
    guint64 word = vsf_rate_word(rate), skip = 0;

    for (guint i = 0; i < DRAWS; i++)
        counts[cell_of(vsf_geometric_skip(next_random(&seed), word, table), none)]++;
    /* By bisection where each cell ends. */
    for (guint cell = 0; cell < CELLS; cell++) {
        guint64 low = skip, high = skip + (guint64)rate * 100;

        while (low < high) {
            guint64 middle = low + (high - low) / 2;

            if (cell_of(middle, none) > cell)
                high = middle;
            else
                low = middle + 1;
        }
        chances[cell] = (cell == CELLS - 1 ? 1 : below(low, none)) - below(skip, none);
        skip = low;
    }
    *cells = 0;
    for (guint cell = 0; cell < CELLS; cell++) {
        double expected = chances[cell] * DRAWS;

        if (expected < 5) {
            g_assert_cmpuint(counts[cell], <, 30);
            continue;
        }
        chi += (counts[cell] - expected) * (counts[cell] - expected) / expected;
        (*cells)++;
    }
    return chi;
}

static void
test_skips_are_geometric(void)
{
    static const guint32 rates[] = {2,   3,   4,    5,    7,     10,     64,      100,
                                    511, 512, 1000, 4096, 10000, 100000, 1000000, VSF_BPF_RATE_MAX};

    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        guint cells;
        double chi = chi_square(rates[i], i + 1, &cells), free = cells - 1;

        g_test_message("1:%u: chi-square %.1f of %u cells", rates[i], chi, cells);
        /* Five standard deviations. */
        g_assert_cmpfloat(chi, <, free + 5 * sqrt(2 * MAX(free, 2)));
    }
}

static void
test_mean_is_the_rate(void)
{
    static const guint32 rates[] = {2, 3, 10, 512, 10000, VSF_BPF_RATE_MAX};

    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        guint64 word = vsf_rate_word(rates[i]), seed = 77 + i;
        double sum = 0;

        for (guint n = 0; n < 4 * DRAWS; n++)
            sum += 1 + (double)vsf_geometric_skip(next_random(&seed), word, table);
        /* The standard deviation of one is the rate, nearly. */
        g_assert_cmpfloat(fabs(sum / (4 * DRAWS) / rates[i] - 1), <, 4 / sqrt(4 * DRAWS));
    }
}

static void
test_processors_are_counted_to_the_highest(void)
{
    g_assert_cmpuint(vsf_cpu_numbers("0\n"), ==, 1);
    g_assert_cmpuint(vsf_cpu_numbers("0-3\n"), ==, 4);
    g_assert_cmpuint(vsf_cpu_numbers("0-1,8-11\n"), ==, 12);
    g_assert_cmpuint(vsf_cpu_numbers("0,255"), ==, 256);
    g_assert_cmpuint(vsf_cpu_numbers("\n"), ==, 0);
    g_assert_cmpuint(vsf_cpu_numbers("none\n"), ==, 0);
}

static void
test_slots_are_bounded_by_processors(void)
{
    g_assert_cmpuint(vsf_bpf_slots(1, 2, VSF_BPF_STATES_MAX), ==, 1);
    g_assert_cmpuint(vsf_bpf_slots(255, 2, VSF_BPF_STATES_MAX), ==, 256);
    g_assert_cmpuint(vsf_bpf_slots(4096, 128, VSF_BPF_STATES_MAX), ==, 4096);
    g_assert_cmpuint(vsf_bpf_slots(4096, 256, VSF_BPF_STATES_MAX), ==, 2048);
    g_assert_cmpuint(vsf_bpf_slots(4096, 8192, VSF_BPF_STATES_MAX), ==, 64);
    g_assert_cmpuint(vsf_bpf_slots(G_MAXUINT, 2, VSF_BPF_STATES_MAX), ==, 262144);
    g_assert_cmpuint(vsf_bpf_slots(4096, 2, VSF_BPF_STATES_MAX_OLD), ==, 4096);
    g_assert_cmpuint(vsf_bpf_slots(4096, 96, VSF_BPF_STATES_MAX_OLD), ==, 256);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vsf_log2_table(table);
    g_test_add_func("/bpf/geometric/slots-are-bounded-by-processors",
                    test_slots_are_bounded_by_processors);
    g_test_add_func("/bpf/geometric/leading-zeros-are-counted", test_leading_zeros_are_counted);
    g_test_add_func("/bpf/geometric/logarithm-is-near", test_logarithm_is_near);
    g_test_add_func("/bpf/geometric/rate-word-has-its-parts", test_rate_word_has_its_parts);
    g_test_add_func("/bpf/geometric/skips-are-geometric", test_skips_are_geometric);
    g_test_add_func("/bpf/geometric/mean-is-the-rate", test_mean_is_the_rate);
    g_test_add_func("/bpf/geometric/processors-are-counted-to-the-highest",
                    test_processors_are_counted_to_the_highest);
    return g_test_run();
}
