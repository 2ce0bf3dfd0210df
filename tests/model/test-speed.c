/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/speed.h"

#define MBIT G_GUINT64_CONSTANT(1000000)

static void
test_speeds_are_read_and_written(void)
{
    static const struct {
        const char *text;
        guint64 speed;
        const char *written; /* NULL: the same */
    } cases[] = {
        {"10M", 10 * MBIT, NULL},
        {"100m", 100 * MBIT, "100M"},
        {"1G", 1000 * MBIT, NULL},
        {"1000M", 1000 * MBIT, "1G"},
        {"2.5G", 2500 * MBIT, NULL},
        {"25G", 25000 * MBIT, NULL},
        {"800g", 800000 * MBIT, "800G"},
        {"1T", 1000000 * MBIT, NULL},
        {"64K", 64000, NULL},
        {"", 0, NULL},
        {"G", 0, NULL},
        {"1", 0, NULL},
        {"1.G", 0, NULL},
        {"1.25G", 0, NULL},
        {"-1G", 0, NULL},
        {"1GG", 0, NULL},
        {"1234567G", 0, NULL},
        {"1X", 0, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 speed = vsf_speed_parse(cases[i].text);
        g_autofree char *written = vsf_speed_text(speed);

        g_assert_cmpuint(speed, ==, cases[i].speed);
        if (speed != 0)
            g_assert_cmpstr(written, ==,
                            cases[i].written != NULL ? cases[i].written : cases[i].text);
    }
}

static void
test_a_list_has_each_speed_once_and_in_order(void)
{
    g_autoptr(GArray) rates = vsf_speed_rates_new(), copy = NULL;

    g_assert_true(vsf_speed_rates_set(rates, 10000 * MBIT, 5));
    g_assert_true(vsf_speed_rates_set(rates, 100 * MBIT, 6));
    g_assert_true(vsf_speed_rates_set(rates, 10000 * MBIT, 7));
    g_assert_cmpuint(rates->len, ==, 2);
    g_assert_cmpuint(g_array_index(rates, VsfSpeedRate, 0).sampling, ==, 6);
    g_assert_cmpuint(g_array_index(rates, VsfSpeedRate, 1).sampling, ==, 7);
    copy = vsf_speed_rates_copy(rates);
    vsf_speed_rates_unset(rates, 100 * MBIT);
    vsf_speed_rates_unset(rates, 25 * MBIT);
    g_assert_cmpuint(rates->len, ==, 1);
    g_assert_cmpuint(g_array_index(rates, VsfSpeedRate, 0).sampling, ==, 7);
    g_assert_cmpuint(copy->len, ==, 2);
}

static void
test_a_list_has_an_end(void)
{
    g_autoptr(GArray) rates = vsf_speed_rates_new();

    for (guint i = 1; i <= VSF_SPEEDS_MAX; i++)
        g_assert_true(vsf_speed_rates_set(rates, i * MBIT, i));
    g_assert_false(vsf_speed_rates_set(rates, 99 * MBIT, 1));
    g_assert_true(vsf_speed_rates_set(rates, 3 * MBIT, 1));
    g_assert_cmpuint(rates->len, ==, VSF_SPEEDS_MAX);
}

static void
test_the_rate_of_a_port_is_that_of_its_speed(void)
{
    static const struct {
        guint64 mbit;
        guint sampling, expected;
    } cases[] = {
        {1000, 512, 77},
        {1000, 0, 77},   /* its own */
        {10000, 512, 0}, /* off by its own */
        {2500, 512, 2500},
        {25000, 512, 25000},
        {100000, 64, 100000},
        {100, 512, 100},
        {10, 512, 100},
        {800000, 512, 800000},
        {100000000, 512, 10000000}, /* as much as a rate can be */
        {2500, 0, 0},
        {0, 512, 512},
        {0, 0, 0},
    };
    g_autoptr(GArray) rates = vsf_speed_rates_new();

    vsf_speed_rates_set(rates, 1000 * MBIT, 77);
    vsf_speed_rates_set(rates, 10000 * MBIT, 0);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(vsf_speed_sampling(rates, cases[i].sampling, cases[i].mbit * MBIT), ==,
                         cases[i].expected);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/speed/read-and-written", test_speeds_are_read_and_written);
    g_test_add_func("/model/speed/a-list-has-each-speed-once-and-in-order",
                    test_a_list_has_each_speed_once_and_in_order);
    g_test_add_func("/model/speed/a-list-has-an-end", test_a_list_has_an_end);
    g_test_add_func("/model/speed/the-rate-of-a-port-is-that-of-its-speed",
                    test_the_rate_of_a_port_is_that_of_its_speed);
    return g_test_run();
}
