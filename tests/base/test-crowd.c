/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who comes in, is answered, and goes. */
#include "crowd-house.h"

#include <unistd.h>

/* --- one visitor ------------------------------------------------------------- */

static void
test_who_asks_is_answered_and_known(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd = visit(house);

    g_assert_cmpint(house->peer.pid, ==, getpid());
    g_assert_cmpuint(house->peer.uid, ==, geteuid());
    say(fd, '?');
    g_assert_cmpint((int)heard(fd), ==, 3);
    g_assert_cmpint((int)heard(fd), ==, -1);
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, 0);
    close(fd);
}

static void
test_one_may_ask_again_and_again(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd;

    house->stay = TRUE;
    fd = visit(house);
    for (guint i = 1; i <= 3; i++) {
        say(fd, '?');
        g_assert_cmpint((int)heard(fd), ==, 3);
        g_assert_cmpuint(house->n_answered, ==, i);
    }
    close_all(&fd, 1);
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, 0);
}

static void
test_an_answer_leaves_as_it_is_read(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    gsize n_heard = 0;
    int fd;

    house->pad = LARGE;
    fd = visit(house);
    say(fd, '?');
    g_assert_cmpuint(house->n_answered, ==, 0);
    for (gssize n; (n = heard(fd)) >= 0; settle())
        n_heard += (gsize)n;
    g_assert_cmpuint(n_heard, ==, LARGE);
    g_assert_cmpuint(house->n_answered, ==, 1);
    close(fd);
}

static void
test_a_busy_one_that_vanished_is_forgotten_with_its_answer(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd = visit(house);

    say(fd, 'b');
    close_all(&fd, 1);
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, 1);
    vsf_visitor_answer(&house->busy->base, g_strdup("late"), 4);
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, 0);
    g_assert_cmpuint(house->n_answered, ==, 0);
}

static void
test_who_does_not_read_in_time_leaves(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits){MOST, 20, LONG_MS, G_MAXSIZE});
    int fd;

    house->pad = LARGE;
    fd = visit(house);
    say(fd, '?');
    while (vsf_crowd_size(house->crowd) > 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(house->n_answered, ==, 0);
    close(fd);
}

static void
test_a_deadline_ends_with_what_it_was_for(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd = visit(house), other = visit(house);

    say(fd, 'b');
    vsf_visitor_set_deadline(&house->busy->base, 1);
    vsf_visitor_read(&house->busy->base);
    say(other, 'b');
    vsf_visitor_set_deadline(&house->busy->base, 50);
    while (house->left->len == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(g_array_index(house->left, guint, 0), ==, 2);
    close(fd);
    close(other);
}

/* --- a full house ------------------------------------------------------------ */

static void
test_the_one_that_lay_idle_longest_goes(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fds[MOST + 2];

    for (guint i = 0; i < MOST; i++)
        fds[i] = visit(house);
    say(fds[0], '.'); /* not the oldest: that has just said something */
    fds[MOST] = visit(house);
    g_assert_cmpuint(house->left->len, ==, 1);
    g_assert_cmpuint(g_array_index(house->left, guint, 0), ==, 2);
    say(fds[2], 'b'); /* who waits for an answer stays */
    fds[MOST + 1] = visit(house);
    g_assert_cmpuint(house->left->len, ==, 2);
    g_assert_cmpuint(g_array_index(house->left, guint, 1), ==, 4);
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, MOST);
    close_all(fds, G_N_ELEMENTS(fds));
}

static void
test_where_all_are_busy_one_waits_outside(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fds[MOST + 1];

    for (guint i = 0; i < MOST; i++) {
        fds[i] = visit(house);
        say(fds[i], 'b');
    }
    fds[MOST] = visit(house);
    g_assert_cmpuint(house->n_came, ==, MOST);
    vsf_visitor_drop(&house->busy->base);
    wait_until_came(house, MOST + 1);
    close_all(fds, G_N_ELEMENTS(fds));
}

static void
test_who_reads_stays_and_who_stalls_goes(void)
{
    VsfCrowdLimits limits = PATIENT;
    g_autoptr(House) house = house_new(limits);
    int fds[MOST + 1];

    house->pad = LARGE;
    for (guint i = 0; i < MOST; i++) {
        fds[i] = visit(house);
        say(fds[i], '?');
    }
    fds[MOST] = visit(house);
    g_assert_cmpuint(house->n_came, ==, MOST);
    /* The first has read some of it since. */
    for (gsize n = 0; n < LARGE / 2; settle())
        n += (gsize)heard(fds[0]);
    limits.stall_ms = 0;
    vsf_crowd_set_limits(house->crowd, limits);
    wait_until_came(house, MOST + 1);
    g_assert_cmpuint(g_array_index(house->left, guint, 0), ==, 2);
    close_all(fds, G_N_ELEMENTS(fds));
}

static void
test_nobody_goes_for_one_that_is_not_welcome(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fds[MOST + 1];

    for (guint i = 0; i < MOST; i++)
        fds[i] = visit(house);
    house->are_unwelcome = TRUE;
    fds[MOST] = visit(house);
    g_assert_cmpint((int)heard(fds[MOST]), ==, -1);
    g_assert_cmpuint(house->n_turned_away, ==, 1);
    g_assert_cmpuint(house->left->len, ==, 0);
    close_all(fds, G_N_ELEMENTS(fds));
}

static void
test_nobody_goes_in_the_turn_that_it_came_in(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fds[2 * MOST];

    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = house_connect(house);
    }
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(house->n_came, ==, MOST);
    g_assert_cmpuint(house->left->len, ==, 0);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(house->n_came, ==, MOST + 1);
    g_assert_cmpuint(house->left->len, ==, 1);
    close_all(fds, G_N_ELEMENTS(fds));
}

static void
test_what_nobody_reads_is_bounded(void)
{
    VsfCrowdLimits limits = PATIENT;
    g_autoptr(House) house = NULL;
    int fds[MOST];

    limits.unread_bytes = 2 * LARGE;
    house = house_new(limits);
    house->pad = LARGE;
    for (guint i = 0; i < 3; i++) {
        fds[i] = visit(house);
        say(fds[i], '?');
    }
    g_assert_cmpuint(house->left->len, ==, 1);
    g_assert_cmpuint(g_array_index(house->left, guint, 0), ==, 1);
    while (heard(fds[1]) > 0)
        settle();
    /* One that alone is above it goes for nobody, and all others for it. */
    house->pad = 3 * LARGE;
    fds[3] = visit(house);
    say(fds[3], '?');
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, 1);
    close_all(fds, G_N_ELEMENTS(fds));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/base/crowd/" path, func)
    CASE("who-asks-is-answered-and-known", test_who_asks_is_answered_and_known);
    CASE("one-may-ask-again-and-again", test_one_may_ask_again_and_again);
    CASE("an-answer-leaves-as-it-is-read", test_an_answer_leaves_as_it_is_read);
    CASE("a-busy-one-that-vanished-is-forgotten-with-its-answer",
         test_a_busy_one_that_vanished_is_forgotten_with_its_answer);
    CASE("who-does-not-read-in-time-leaves", test_who_does_not_read_in_time_leaves);
    CASE("a-deadline-ends-with-what-it-was-for", test_a_deadline_ends_with_what_it_was_for);
    CASE("the-one-that-lay-idle-longest-goes", test_the_one_that_lay_idle_longest_goes);
    CASE("where-all-are-busy-one-waits-outside", test_where_all_are_busy_one_waits_outside);
    CASE("who-reads-stays-and-who-stalls-goes", test_who_reads_stays_and_who_stalls_goes);
    CASE("nobody-goes-for-one-that-is-not-welcome", test_nobody_goes_for_one_that_is_not_welcome);
    CASE("nobody-goes-in-the-turn-that-it-came-in", test_nobody_goes_in_the_turn_that_it_came_in);
    CASE("what-nobody-reads-is-bounded", test_what_nobody_reads_is_bounded);
    return g_test_run();
}
