/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket with many clients, and with such that hold, stall or vanish. */
#include "house.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_idle_clients_lock_nobody_out(void)
{
    House house;
    int idle[100];

    house_open(&house);
    for (guint i = 0; i < G_N_ELEMENTS(idle); i++) {
        idle[i] = visit(&house);
        settle();
        g_assert_cmpuint(vsf_control_clients(house.control), <=, 32);
    }
    for (guint i = 0; i < 3; i++) {
        g_autofree char *heard = ask(&house, ASK_STATUS);

        g_assert_cmpstr(heard, ==, "{\"pad\":\"\"}\n");
    }
    for (guint i = 0; i < G_N_ELEMENTS(idle); i++)
        close(idle[i]);
    settle();
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 0);
    house_close(&house);
}

static void
test_client_that_never_reads_delays_nobody(void)
{
    House house;
    g_autofree char *heard = NULL;
    int sleepers[32];

    house_open(&house);
    vsf_control_set_limits(house.control, (VsfControlLimits)PATIENT);
    house.pad = 4 * 1024 * 1024;
    for (guint i = 0; i < G_N_ELEMENTS(sleepers); i++) {
        sleepers[i] = visit(&house);
        say(sleepers[i], ASK_STATUS);
        if (i == 5) {
            heard = ask(&house, ASK_STATUS);
            g_assert_cmpuint(strlen(heard), >, house.pad);
        }
        settle();
    }
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 32);
    for (guint i = 0; i < G_N_ELEMENTS(sleepers); i++)
        close(sleepers[i]);
    settle();
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 0);
    house_close(&house);
}

static void
test_who_does_not_read_makes_room_after_a_moment(void)
{
    House house;
    g_autofree char *heard = NULL;
    int sleepers[32];

    house_open(&house);
    vsf_control_set_limits(house.control,
                           (VsfControlLimits){32, 3600 * 1000, 3600 * 1000, 200, G_MAXSIZE});
    house.pad = 1024 * 1024;
    for (guint i = 0; i < G_N_ELEMENTS(sleepers); i++) {
        sleepers[i] = visit(&house);
        say(sleepers[i], ASK_STATUS);
        settle();
    }
    g_assert_cmpuint(house.asked, ==, 32);
    heard = ask(&house, ASK_STATUS);
    g_assert_cmpuint(strlen(heard), >, house.pad);
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 31);
    for (guint i = 0; i < G_N_ELEMENTS(sleepers); i++)
        close(sleepers[i]);
    house_close(&house);
}

static void
test_answers_that_nobody_reads_are_bounded(void)
{
    VsfControlLimits limits = PATIENT;
    House house;
    g_autofree char *heard = NULL;
    int sleepers[20];

    limits.unread_bytes = 16 * 1024 * 1024;
    house_open(&house);
    vsf_control_set_limits(house.control, limits);
    house.pad = 4 * 1024 * 1024;
    for (guint i = 0; i < G_N_ELEMENTS(sleepers); i++) {
        sleepers[i] = visit(&house);
        say(sleepers[i], ASK_STATUS);
        settle();
        g_assert_cmpuint(vsf_control_clients(house.control), <=, 4);
    }
    /* One that alone is above the bound is served all the same. */
    house.pad = 20 * 1024 * 1024;
    heard = ask(&house, ASK_STATUS);
    g_assert_cmpuint(strlen(heard), >, house.pad);
    for (guint i = 0; i < G_N_ELEMENTS(sleepers); i++)
        close(sleepers[i]);
    house_close(&house);
}

static void
test_crowd_is_let_in_bit_by_bit(void)
{
    House house;
    int crowd[100]; /* below what any kernel has as a backlog */
    guint n_answers = 0;
    char byte;

    house_open(&house);
    for (guint i = 0; i < G_N_ELEMENTS(crowd); i++) {
        crowd[i] = visit(&house);
        say(crowd[i], ASK_STATUS);
    }
    while (house.asked < G_N_ELEMENTS(crowd)) {
        guint before = house.asked;

        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(house.asked - before, <=, 1);
        g_assert_cmpuint(vsf_control_clients(house.control), <=, 32);
    }
    settle();
    for (guint i = 0; i < G_N_ELEMENTS(crowd); i++) {
        n_answers += recv(crowd[i], &byte, 1, MSG_DONTWAIT) == 1 && byte == '{';
        close(crowd[i]);
    }
    g_assert_cmpuint(n_answers, ==, G_N_ELEMENTS(crowd));
    house_close(&house);
}

static void
test_who_does_not_ask_or_read_in_time_is_dropped(void)
{
    House house;
    g_autofree char *silent_heard = NULL;
    int silent, slow, dripping;

    house_open(&house);
    house.pad = 4 * 1024 * 1024;
    vsf_control_set_limits(house.control, (VsfControlLimits){32, 20, 20, 20, G_MAXSIZE});
    silent = visit(&house);
    dripping = visit(&house);
    say(dripping, "{", 1);
    slow = visit(&house);
    say(slow, ASK_STATUS);
    do
        g_main_context_iteration(NULL, TRUE);
    while (vsf_control_clients(house.control) > 0);
    silent_heard = hear(silent);
    g_assert_cmpstr(silent_heard, ==, "");
    close(dripping);
    close(slow);
    house_close(&house);
}

static void
test_client_that_vanishes_is_forgotten(void)
{
    House house;
    int fd;

    house_open(&house);
    house.pad = 4 * 1024 * 1024;
    fd = visit(&house);
    say(fd, ASK_STATUS);
    settle();
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 1);
    close(fd);
    settle();
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 0);
    house_close(&house);
}

static void
test_it_ends_while_requests_wait(void)
{
    House house;
    int fds[3];

    house_open(&house);
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = visit(&house);
        say(fds[i], ASK_STATUS);
    }
    while (house.asked == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 2);
    house_close(&house);
    settle();
    g_assert_cmpuint(house.asked, ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/control/crowd/" path, func)
    CASE("idle-clients-lock-nobody-out", test_idle_clients_lock_nobody_out);
    CASE("client-that-never-reads-delays-nobody", test_client_that_never_reads_delays_nobody);
    CASE("who-does-not-read-makes-room-after-a-moment",
         test_who_does_not_read_makes_room_after_a_moment);
    CASE("answers-that-nobody-reads-are-bounded", test_answers_that_nobody_reads_are_bounded);
    CASE("crowd-is-let-in-bit-by-bit", test_crowd_is_let_in_bit_by_bit);
    CASE("who-does-not-ask-or-read-in-time-is-dropped",
         test_who_does_not_ask_or_read_in_time_is_dropped);
    CASE("client-that-vanishes-is-forgotten", test_client_that_vanishes_is_forgotten);
    CASE("it-ends-while-requests-wait", test_it_ends_while_requests_wait);
    return g_test_run();
}
