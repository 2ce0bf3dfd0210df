/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte with a descriptor (SCM_RIGHTS) over a unix socket, and one that takes an hour to close. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What libc's headers may be too old for. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* 0, or the error's number. */
static inline int
pass_descriptor(int to, int passed)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {.iov_base = (char[]){'.'}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};

    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.head), &passed, sizeof(int));
    return sendmsg(to, &message, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

/* As on a kernel that cannot refuse them; where it is one, it is so already. */
static inline void
let_descriptors_pass(int fd)
{
    const int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &on, sizeof(on)) != 0)
        g_assert_cmpint(errno, ==, ENOPROTOOPT);
}

/* Passes, with one byte, the last descriptor of a TCP socket that has more to send than its other
 * end, @ends[1], takes. @ends[0] listens. Both are the caller's. */
static inline void
pass_lingering(int to, int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const struct linger hour = {.l_onoff = 1, .l_linger = 3600};
    char bytes[65536] = {0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(ends[0], (struct sockaddr *)&address, size), ==, 0);
    g_assert_cmpint(listen(ends[0], 1), ==, 0);
    g_assert_cmpint(getsockname(ends[0], (struct sockaddr *)&address, &size), ==, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, size), ==, 0);
    ends[1] = accept(ends[0], NULL, NULL);
    while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)), ==, 0);
    g_assert_cmpint(pass_descriptor(to, fd), ==, 0);
    close(fd);
}
