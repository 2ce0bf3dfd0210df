/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/descriptors.h"

#include <sys/resource.h>

static void
test_the_soft_limit_is_raised_to_the_hard_one(void)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    limit.rlim_max = MIN(limit.rlim_max, 500);
    limit.rlim_cur = 100;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    g_assert_cmpuint(vsf_descriptors_limit(), ==, 100);
    vsf_descriptors_raise();
    g_assert_cmpuint(vsf_descriptors_limit(), ==, limit.rlim_max);
}

/* Where there are few, all are for what cannot do without. */
static void
test_of_few_none_is_kept(void)
{
    g_assert_cmpuint(vsf_descriptors_kept_max(1024), ==, 0);
    g_assert_cmpuint(vsf_descriptors_kept_max(16384), ==, 1024);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/descriptors/the-soft-limit-is-raised-to-the-hard-one",
                    test_the_soft_limit_is_raised_to_the_hard_one);
    g_test_add_func("/base/descriptors/of-few-none-is-kept", test_of_few_none_is_kept);
    return g_test_run();
}
