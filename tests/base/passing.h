/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte with a descriptor (SCM_RIGHTS) over a unix socket. */
#pragma once

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

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
