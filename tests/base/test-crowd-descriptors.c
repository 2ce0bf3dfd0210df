/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A crowd where there are no descriptors, or too many. */
#include "../../daemon/base/passed.h"
#include "crowd-house.h"
#include "passing.h"

#include <sys/resource.h>

/* Closing one could take as long as its owner likes. */
static void
test_descriptors_are_not_taken(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd = visit(house);

    g_assert_cmpint(pass_descriptor(fd, house->fd), ==, vsf_passed_refuse(house->fd) ? EPERM : 0);
    close(fd);
}

/* The last of them cannot be closed for an hour. */
static void
test_a_descriptor_that_lingers_holds_up_nobody(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fds[3], ends[3][2];

    let_descriptors_pass(house->fd);
    /* It is read; it is not, since its visitor is busy; its visitor is turned away. */
    fds[0] = visit(house);
    pass_lingering(fds[0], ends[0]);
    settle();
    g_assert_cmpuint(vsf_crowd_size(house->crowd), ==, 0);
    fds[1] = visit(house);
    say(fds[1], 'b');
    pass_lingering(fds[1], ends[1]);
    vsf_visitor_drop(&house->busy->base);
    house->are_unwelcome = TRUE;
    fds[2] = house_connect(house);
    pass_lingering(fds[2], ends[2]);
    settle();
    g_assert_cmpuint(house->n_turned_away, ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
        close_all((int[]){fds[i], ends[i][0], ends[i][1]}, 3);
}

static void
test_without_descriptors_an_idle_one_goes(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int first = visit(house), second = visit(house), fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct rlimit before, none;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    none = before;
    none.rlim_cur = (rlim_t)fd + 1;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&house->address, house->address_size), ==, 0);
    wait_until_came(house, 3);
    g_assert_cmpuint(house->left->len, ==, 1);
    g_assert_cmpuint(g_array_index(house->left, guint, 0), ==, 1);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    close_all((int[]){first, second, fd}, 3);
}

/* As where a security module forbids it. */
static void
test_what_cannot_be_accepted_does_not_wake_us_for_ever(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int readable = open("/dev/zero", O_RDONLY | O_CLOEXEC), listening = dup(house->fd);
    guint turns = 0;

    g_assert_cmpint(dup2(readable, house->fd), ==, house->fd);
    while (g_main_context_iteration(NULL, FALSE))
        g_assert_cmpuint(++turns, <, 100);
    g_assert_cmpint(dup2(listening, house->fd), ==, house->fd);
    close(readable);
    close(listening);
}

static void
test_without_descriptors_one_waits_outside(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), next = dup(fd);
    struct rlimit before, none;
    guint turns = 0;

    close(next);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&house->address, house->address_size), ==, 0);
    /* It ends: the one outside does not wake us again and again. */
    while (g_main_context_iteration(NULL, FALSE))
        g_assert_cmpuint(++turns, <, 100);
    g_assert_cmpuint(house->n_came, ==, 0);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    wait_until_came(house, 1);
    close(fd);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/base/crowd-descriptors/" path, func)
    CASE("descriptors-are-not-taken", test_descriptors_are_not_taken);
    CASE("a-descriptor-that-lingers-holds-up-nobody",
         test_a_descriptor_that_lingers_holds_up_nobody);
    CASE("without-descriptors-an-idle-one-goes", test_without_descriptors_an_idle_one_goes);
    CASE("what-cannot-be-accepted-does-not-wake-us-for-ever",
         test_what_cannot_be_accepted_does_not_wake_us_for_ever);
    CASE("without-descriptors-one-waits-outside", test_without_descriptors_one_waits_outside);
    return g_test_run();
}
