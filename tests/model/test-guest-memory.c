/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/guest-memory.h"

#define NOW 1700000000
#define MIB (G_GUINT64_CONSTANT(1) << 20)

static VsfBalloon
answering(gint64 age_s)
{
    return (VsfBalloon){
        .current = 1024 * MIB,
        .available = 1000 * MIB,
        .usable = 700 * MIB,
        .unused = 500 * MIB,
        .disk_caches = 250 * MIB,
        .last_update_s = (guint64)(NOW - age_s),
    };
}

static void
test_used_is_available_less_usable(void)
{
    VsfMemoryMeaning meaning = VSF_MEMORY_UNDECIDED;
    VsfBalloon balloon = answering(3);

    g_assert_cmpuint(vsf_guest_memory(&meaning, &balloon, 5, NOW, 1), ==, 300 * MIB);
    g_assert_cmpint(meaning, ==, VSF_MEMORY_GUEST);
}

static void
test_older_guests_count_caches_as_spare(void)
{
    VsfMemoryMeaning meaning = VSF_MEMORY_UNDECIDED;
    VsfBalloon balloon = answering(3);

    balloon.usable = VSF_UNKNOWN;
    g_assert_cmpuint(vsf_guest_memory(&meaning, &balloon, 5, NOW, 1), ==, 250 * MIB);
    balloon.disk_caches = VSF_UNKNOWN;
    g_assert_cmpuint(vsf_guest_memory(&meaning, &balloon, 5, NOW, 1), ==, VSF_UNKNOWN);
}

static void
test_stale_is_unknown_and_never_the_balloon(void)
{
    VsfMemoryMeaning meaning = VSF_MEMORY_UNDECIDED;
    VsfBalloon fresh = answering(0), stale = answering(61);

    vsf_guest_memory(&meaning, &fresh, 5, NOW, 1);
    g_assert_cmpuint(vsf_guest_memory(&meaning, &stale, 5, NOW, 5000), ==, VSF_UNKNOWN);
    /* Three long periods are fresh. */
    g_assert_cmpuint(vsf_guest_memory(&meaning, &stale, 30, NOW, 5000), ==, 300 * MIB);
}

static void
test_silence_is_unknown_for_300_s_then_the_balloon_for_good(void)
{
    VsfMemoryMeaning meaning = VSF_MEMORY_UNDECIDED;
    VsfBalloon silent = answering(0), late = answering(0);

    silent.last_update_s = 0;
    g_assert_cmpuint(vsf_guest_memory(&meaning, &silent, 5, NOW, 0), ==, VSF_UNKNOWN);
    g_assert_cmpuint(vsf_guest_memory(&meaning, &silent, 5, NOW, 299), ==, VSF_UNKNOWN);
    g_assert_cmpuint(vsf_guest_memory(&meaning, &silent, 5, NOW, 300), ==, 1024 * MIB);
    g_assert_cmpuint(vsf_guest_memory(&meaning, &late, 5, NOW, 320), ==, 1024 * MIB);
}

static void
test_without_a_period_it_is_the_balloon_at_once(void)
{
    VsfMemoryMeaning meaning = VSF_MEMORY_UNDECIDED;
    VsfBalloon once = answering(2); /* a driver's single sample at its start */

    g_assert_cmpuint(vsf_guest_memory(&meaning, &once, 0, NOW, 1), ==, 1024 * MIB);
    g_assert_cmpint(meaning, ==, VSF_MEMORY_HOST);
}

static void
test_lies_are_clamped(void)
{
    VsfMemoryMeaning meaning = VSF_MEMORY_UNDECIDED;
    VsfBalloon balloon = answering(0);

    balloon.usable = 5000 * MIB;
    g_assert_cmpuint(vsf_guest_memory(&meaning, &balloon, 5, NOW, 1), ==, 0);
    balloon.usable = VSF_UNKNOWN;
    balloon.unused = G_MAXUINT64 - 1;
    g_assert_cmpuint(vsf_guest_memory(&meaning, &balloon, 5, NOW, 1), ==, 0);
    balloon.last_update_s = G_MAXUINT64 - 5;
    g_assert_cmpuint(vsf_guest_memory(&meaning, &balloon, 5, NOW, 1), ==, VSF_UNKNOWN);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/guest-memory/used-is-available-less-usable",
                    test_used_is_available_less_usable);
    g_test_add_func("/model/guest-memory/older-guests-count-caches-as-spare",
                    test_older_guests_count_caches_as_spare);
    g_test_add_func("/model/guest-memory/stale-is-unknown-and-never-the-balloon",
                    test_stale_is_unknown_and_never_the_balloon);
    g_test_add_func("/model/guest-memory/silence-is-unknown-for-300-s-then-the-balloon-for-good",
                    test_silence_is_unknown_for_300_s_then_the_balloon_for_good);
    g_test_add_func("/model/guest-memory/without-a-period-it-is-the-balloon-at-once",
                    test_without_a_period_it_is_the_balloon_at_once);
    g_test_add_func("/model/guest-memory/lies-are-clamped", test_lies_are_clamped);
    return g_test_run();
}
