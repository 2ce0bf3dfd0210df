/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crowd-house.h"

#include <errno.h>
#include <unistd.h>

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
    gssize n = vsf_visitor_recv(visitor, &byte, 1);

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

House *
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

void
house_free(House *house)
{
    vsf_crowd_free(house->crowd);
    /* Each of them left once, whatever became of it. */
    g_assert_cmpuint(house->left->len, ==, house->n_came);
    close(house->fd);
    g_array_unref(house->left);
    g_free(house);
}

void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

int
house_connect(const House *house)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(connect(fd, (const struct sockaddr *)&house->address, house->address_size), ==,
                    0);
    return fd;
}

int
visit(const House *house)
{
    int fd = house_connect(house);

    settle();
    return fd;
}

void
say(int fd, char byte)
{
    g_assert_cmpint(send(fd, &byte, 1, MSG_NOSIGNAL), ==, 1);
    settle();
}

gssize
heard(int fd)
{
    char bytes[64];
    gssize n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    return n > 0 ? n : n == 0 || errno == ECONNRESET ? -1 : 0;
}

void
wait_until_came(const House *house, guint n)
{
    while (house->n_came < n)
        g_main_context_iteration(NULL, TRUE);
}

void
close_all(const int *fds, guint n)
{
    for (guint i = 0; i < n; i++)
        close(fds[i]);
    settle();
}
