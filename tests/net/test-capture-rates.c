/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/capture-rates.h"

static void
test_a_packet_has_the_rate_of_its_time(void)
{
    VsfCaptureRates rates;

    vsf_capture_rates_init(&rates, 512);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 0), ==, 512);
    vsf_capture_rates_change(&rates, 1024, 100);
    vsf_capture_rates_change(&rates, 2048, 200);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 99), ==, 512);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 100), ==, 1024);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 199), ==, 1024);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 200), ==, 2048);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, G_MAXINT64), ==, 2048);
}

static void
test_the_oldest_of_too_many_is_forgotten(void)
{
    VsfCaptureRates rates;

    vsf_capture_rates_init(&rates, 1);
    for (guint i = 1; i <= VSF_CAPTURE_PAST_RATES + 2; i++)
        vsf_capture_rates_change(&rates, i + 1, 100 * i);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 650), ==, 7);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 350), ==, 4);
    g_assert_cmpuint(vsf_capture_rates_at(&rates, 50), ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/capture-rates/a-packet-has-the-rate-of-its-time",
                    test_a_packet_has_the_rate_of_its_time);
    g_test_add_func("/net/capture-rates/the-oldest-of-too-many-is-forgotten",
                    test_the_oldest_of_too_many_is_forgotten);
    return g_test_run();
}
