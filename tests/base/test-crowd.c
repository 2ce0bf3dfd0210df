/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A crowd whose language is one byte: '?' is answered with a pad of bytes, 'b' keeps the visitor
 * busy, '.' is read and no more. */
#include "../../daemon/base/crowd.h"
#include "../../daemon/base/listen.h"
#include "passing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 4
#define LONG_MS (3600 * 1000)
#define LARGE (4 * 1024 * 1024) /* more than a socket takes */

typedef struct {
    VsfVisitor base;
    guint number; /* 1 for the first that came */
} Visitor;

typedef struct {
    VsfCrowd *crowd;
    struct sockaddr_un address;
    socklen_t address_size;
    int fd;
    gsize pad;
    gboolean are_unwelcome, stay; /* answered ones are read from again */
    guint n_came, n_answered, n_turned_away;
    Visitor *busy;
    GArray *left; /* guint, numbers */
    struct ucred peer;
} House;

static gboolean
is_welcome(int fd G_GNUC_UNUSED, const struct ucred *peer, gpointer user_data)
{
    House *house = user_data;

    house->peer = *peer;
    house->n_turned_away += house->are_unwelcome;
    return !house->are_unwelcome;
}

static void
came(VsfVisitor *visitor, gpointer user_data)
{
    House *house = user_data;

    g_assert_cmpint(visitor->peer.pid, ==, house->peer.pid);
    ((Visitor *)visitor)->number = ++house->n_came;
    vsf_visitor_read(visitor);
}

static void
readable(VsfVisitor *visitor, gpointer user_data)
{
    House *house = user_data;
    char byte;
    gssize n = recv(visitor->fd, &byte, 1, MSG_DONTWAIT);

    if (n <= 0) {
        vsf_visitor_drop(visitor);
    } else if (byte == 'b') {
        house->busy = (Visitor *)visitor;
        vsf_visitor_be_busy(visitor);
    } else if (byte == '?') {
        vsf_visitor_answer(visitor, g_strnfill(house->pad, '!'), house->pad);
    } else {
        visitor->used_us = g_get_monotonic_time();
    }
}

static void
answered(VsfVisitor *visitor, gpointer user_data)
{
    House *house = user_data;

    house->n_answered++;
    if (house->stay)
        vsf_visitor_read(visitor);
    else
        vsf_visitor_drop(visitor);
}

static void
left(VsfVisitor *visitor, gpointer user_data)
{
    House *house = user_data;

    g_array_append_val(house->left, ((Visitor *)visitor)->number);
}

static const VsfCrowdOps ops = {
    .visitor_size = sizeof(Visitor),
    .is_welcome = is_welcome,
    .came = came,
    .readable = readable,
    .answered = answered,
    .left = left,
};

static House *
house_new(VsfCrowdLimits limits)
{
    House *house = g_new0(House, 1);

    house->left = g_array_new(FALSE, FALSE, sizeof(guint));
    house->pad = 3;
    house->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    house->address.sun_family = AF_UNIX;
    /* A name of the kernel's choice, in the abstract name space. */
    g_assert_cmpint(bind(house->fd, (struct sockaddr *)&house->address, sizeof(sa_family_t)), ==,
                    0);
    house->address_size = sizeof(house->address);
    g_assert_cmpint(
        getsockname(house->fd, (struct sockaddr *)&house->address, &house->address_size), ==, 0);
    g_assert_cmpint(listen(house->fd, 64), ==, 0);
    house->crowd = vsf_crowd_new(house->fd, &ops, house);
    vsf_crowd_set_limits(house->crowd, limits);
    return house;
}

static void
house_free(House *house)
{
    vsf_crowd_free(house->crowd);
    /* Each of them left once, whatever became of it. */
    g_assert_cmpuint(house->left->len, ==, house->n_came);
    close(house->fd);
    g_array_unref(house->left);
    g_free(house);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(House, house_free)

static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static int
visit(const House *house)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(connect(fd, (const struct sockaddr *)&house->address, house->address_size), ==,
                    0);
    settle();
    return fd;
}

static void
say(int fd, char byte)
{
    g_assert_cmpint(send(fd, &byte, 1, MSG_NOSIGNAL), ==, 1);
    settle();
}

/* Bytes that are there; -1: the end. */
static gssize
heard(int fd)
{
    char bytes[64];
    gssize n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    return n > 0 ? n : n == 0 || errno == ECONNRESET ? -1 : 0;
}

static void
wait_until_came(const House *house, guint n)
{
    while (house->n_came < n)
        g_main_context_iteration(NULL, TRUE);
}

static void
close_all(const int *fds, guint n)
{
    for (guint i = 0; i < n; i++)
        close(fds[i]);
    settle();
}

#define PATIENT                           \
    {                                     \
        MOST, LONG_MS, LONG_MS, G_MAXSIZE \
    }

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
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(connect(fds[i], (struct sockaddr *)&house->address, house->address_size),
                        ==, 0);
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

/* --- descriptors ------------------------------------------------------------- */

/* Closing one could take as long as its owner likes. */
static void
test_descriptors_are_not_taken(void)
{
    g_autoptr(House) house = house_new((VsfCrowdLimits)PATIENT);
    int fd = visit(house);

    g_assert_cmpint(pass_descriptor(fd, house->fd), ==,
                    vsf_listen_refuse_descriptors(house->fd) ? EPERM : 0);
    close(fd);
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
    CASE("descriptors-are-not-taken", test_descriptors_are_not_taken);
    CASE("without-descriptors-an-idle-one-goes", test_without_descriptors_an_idle_one_goes);
    CASE("what-cannot-be-accepted-does-not-wake-us-for-ever",
         test_what_cannot_be_accepted_does_not_wake_us_for_ever);
    CASE("without-descriptors-one-waits-outside", test_without_descriptors_one_waits_outside);
    return g_test_run();
}
