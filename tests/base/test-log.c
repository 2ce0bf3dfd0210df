/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/log.h"

static void
test_rate_holds_back_and_counts(void)
{
    VsfLogRate rate = {0};
    guint held_back = 99;

    g_assert_true(vsf_log_rate_allow(&rate, 1000, 500, &held_back));
    g_assert_cmpuint(held_back, ==, 0);
    g_assert_false(vsf_log_rate_allow(&rate, 1100, 500, &held_back));
    g_assert_false(vsf_log_rate_allow(&rate, 1499, 500, &held_back));
    g_assert_true(vsf_log_rate_allow(&rate, 1500, 500, &held_back));
    g_assert_cmpuint(held_back, ==, 2);
    g_assert_true(vsf_log_rate_allow(&rate, 2000, 500, &held_back));
    g_assert_cmpuint(held_back, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/log/rate-holds-back-and-counts", test_rate_holds_back_and_counts);
    return g_test_run();
}
