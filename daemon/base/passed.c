/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passed.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of Linux 6.16, asm-generic/socket.h; libc's headers may be older. No KVM where it differs. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

gboolean
vsf_passed_refuse(int fd)
{
    const int off = 0;

    return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;
}

static gboolean
are_refused(int fd)
{
    int value = 1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &value, &size) == 0 && value == 0;
}

gssize
vsf_passed_recv(int fd, void *bytes, gsize size)
{
    struct iovec place = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1};

    if (!are_refused(fd)) {
        /* Without room for them they are cut off, which is told, and stay where they are. */
        gssize n = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);

        if (n <= 0)
            return n;
        if ((message.msg_flags & MSG_CTRUNC) != 0) {
            errno = EPERM;
            return -1;
        }
        size = (gsize)n;
    }
    return recv(fd, bytes, size, MSG_DONTWAIT);
}

typedef struct {
    sem_t begun, closed;
} Parting;

/* What is closed by a thread's end lingers for nobody (inet_release(): PF_EXITING). So this one
 * takes a table of descriptors of its own, and with it the last reference to its end. */
static gpointer
part(gpointer data)
{
    Parting *parting = data;

    /* Where that is forbidden, whoever closes it waits. */
    (void)unshare(CLONE_FILES);
    sem_post(&parting->begun);
    while (sem_wait(&parting->closed) != 0)
        continue;
    return NULL;
}

static gboolean
has_bytes(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
vsf_passed_close(int fd)
{
    GThread *thread = NULL;
    Parting parting;

    /* What has not come by then does not come. */
    if (are_refused(fd) || shutdown(fd, SHUT_RD) != 0 || !has_bytes(fd)) {
        close(fd);
        return;
    }
    sem_init(&parting.begun, 0, 0);
    sem_init(&parting.closed, 0, 0);
    thread = g_thread_try_new("parting", part, &parting, NULL);
    while (thread != NULL && sem_wait(&parting.begun) != 0)
        continue;
    close(fd);
    sem_post(&parting.closed);
    if (thread != NULL)
        g_thread_join(thread);
    sem_destroy(&parting.begun);
    sem_destroy(&parting.closed);
}
