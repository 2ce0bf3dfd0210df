/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/talkers.h"

#define S ((gint64)G_USEC_PER_SEC)
#define START (1000 * S)

static void
test_the_whole_span_before_is_told_with_the_most_first(void)
{
    g_autoptr(VsfTalkers) talkers = vsf_talkers_new();
    VsfTalk talks[2];

    vsf_talkers_add(talkers, 1, 2, 10, 1000, START);
    vsf_talkers_add(talkers, 2, 1, 10, 500, START + S);
    vsf_talkers_add(talkers, 1, VSF_TALKERS_OUTSIDE, 100, 9000, START + 2 * S);
    vsf_talkers_add(talkers, 1, 2, 10, 1000, START + 9 * S);
    g_assert_cmpuint(vsf_talkers_top(talkers, talks, 2, START + 10 * S - 1), ==, 0);
    g_assert_cmpuint(vsf_talkers_top(talkers, talks, 2, START + 10 * S), ==, 2);
    g_assert_cmpuint(talks[0].from, ==, 1);
    g_assert_cmpuint(talks[0].to, ==, VSF_TALKERS_OUTSIDE);
    g_assert_cmpfloat(talks[0].bits_per_second, ==, 7200);
    g_assert_cmpfloat(talks[0].packets_per_second, ==, 10);
    g_assert_cmpuint(talks[1].from, ==, 1);
    g_assert_cmpuint(talks[1].to, ==, 2);
    g_assert_cmpfloat(talks[1].bits_per_second, ==, 1600);
}

static void
test_silence_is_forgotten(void)
{
    g_autoptr(VsfTalkers) talkers = vsf_talkers_new();
    VsfTalk talks[2];

    vsf_talkers_add(talkers, 1, 2, 1, 1000, START);
    g_assert_cmpuint(vsf_talkers_top(talkers, talks, 2, START + 19 * S), ==, 1);
    g_assert_cmpuint(vsf_talkers_top(talkers, talks, 2, START + 20 * S), ==, 0);
    vsf_talkers_add(talkers, 1, 2, 1, 1000, START + 21 * S);
    g_assert_cmpuint(vsf_talkers_top(talkers, talks, 2, START + 1000 * S), ==, 0);
}

static void
test_pairs_are_bounded(void)
{
    g_autoptr(VsfTalkers) talkers = vsf_talkers_new();
    g_autofree VsfTalk *talks = g_new0(VsfTalk, 3000);

    for (guint32 i = 0; i < 3000; i++)
        vsf_talkers_add(talkers, i, i + 1, 1, 100, START);
    /* One that is known goes on being counted. */
    vsf_talkers_add(talkers, 5, 6, 1, 100, START + 1);
    g_assert_cmpuint(vsf_talkers_top(talkers, talks, 3000, START + 10 * S), ==,
                     VSF_TALKERS_PAIRS_MAX);
    g_assert_cmpuint(talks[0].from, ==, 5);
    g_assert_cmpfloat(talks[0].bits_per_second, ==, 160);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/talkers/the-whole-span-before-is-told-with-the-most-first",
                    test_the_whole_span_before_is_told_with_the_most_first);
    g_test_add_func("/model/talkers/silence-is-forgotten", test_silence_is_forgotten);
    g_test_add_func("/model/talkers/pairs-are-bounded", test_pairs_are_bounded);
    return g_test_run();
}
