/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crowd.h"

#include "passed.h"

#include <errno.h>
#include <glib-unix.h>

#define ACCEPTS_PER_DISPATCH 16
#define ACCEPT_PAUSE_MS 1000  /* when no connection can be taken */
#define ROOM_PAUSE_MS 50      /* when all are busy */
#define WRITES_PER_DISPATCH 4 /* so that a fast reader of a large answer takes turns */

struct VsfCrowd {
    const VsfCrowdOps *ops;
    gpointer user_data;
    int fd;
    guint listen_id, pause_id;
    VsfCrowdLimits limits;
    GPtrArray *visitors; /* VsfVisitor */
};

/* --- one of them ---------------------------------------------------------- */

/* Neither watch nor deadline, nor an answer. */
static void
be(VsfVisitor *visitor, int state)
{
    g_clear_handle_id(&visitor->watch_id, g_source_remove);
    g_clear_handle_id(&visitor->deadline_id, g_source_remove);
    g_clear_pointer(&visitor->answer, g_free);
    visitor->state = state;
}

static void
visitor_free(gpointer data)
{
    VsfVisitor *visitor = data;

    be(visitor, VSF_VISITOR_BUSY);
    if (visitor->crowd->ops->left != NULL)
        visitor->crowd->ops->left(visitor, visitor->crowd->user_data);
    vsf_passed_close(visitor->fd);
    g_free(visitor);
}

void
vsf_visitor_drop(VsfVisitor *visitor)
{
    g_ptr_array_remove(visitor->crowd->visitors, visitor);
}

static gboolean
on_deadline(gpointer user_data)
{
    VsfVisitor *visitor = user_data;

    visitor->deadline_id = 0;
    vsf_visitor_drop(visitor);
    return G_SOURCE_REMOVE;
}

void
vsf_visitor_set_deadline(VsfVisitor *visitor, guint wait_ms)
{
    g_clear_handle_id(&visitor->deadline_id, g_source_remove);
    visitor->deadline_id = g_timeout_add(wait_ms, on_deadline, visitor);
}

void
vsf_visitor_be_busy(VsfVisitor *visitor)
{
    be(visitor, VSF_VISITOR_BUSY);
}

gssize
vsf_visitor_recv(VsfVisitor *visitor, void *bytes, gsize size)
{
    return vsf_passed_recv(visitor->fd, bytes, size);
}

/* Where it has done with this watch, it has removed it; so it may be gone. */
static gboolean
on_readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfVisitor *visitor = user_data;

    visitor->crowd->ops->readable(visitor, visitor->crowd->user_data);
    return G_SOURCE_CONTINUE;
}

void
vsf_visitor_read(VsfVisitor *visitor)
{
    be(visitor, VSF_VISITOR_READ_FROM);
    visitor->watch_id = g_unix_fd_add(visitor->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable,
                                      visitor);
}

/* --- answers -------------------------------------------------------------- */

typedef enum { PUSH_MORE, PUSH_DONE, PUSH_BROKEN } Push;

static Push
push(VsfVisitor *visitor)
{
    for (guint i = 0; i < WRITES_PER_DISPATCH; i++) {
        gssize n = send(visitor->fd, visitor->answer + visitor->sent,
                        visitor->answer_size - visitor->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? PUSH_MORE : PUSH_BROKEN;
        visitor->sent += (gsize)n;
        visitor->used_us = g_get_monotonic_time();
        if (visitor->sent == visitor->answer_size)
            return PUSH_DONE;
    }
    return PUSH_MORE;
}

/* FALSE: no more is to be written, and @visitor may be gone. */
static gboolean
push_answer(VsfVisitor *visitor)
{
    switch (push(visitor)) {
    case PUSH_MORE:
        return TRUE;
    case PUSH_DONE:
        be(visitor, VSF_VISITOR_BUSY);
        visitor->crowd->ops->answered(visitor, visitor->crowd->user_data);
        return FALSE;
    case PUSH_BROKEN:
        break;
    }
    vsf_visitor_drop(visitor);
    return FALSE;
}

/* As on_readable(). */
static gboolean
on_writable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    push_answer(user_data);
    return G_SOURCE_CONTINUE;
}

/* So that answers nobody reads do not fill the memory: the one that has been read
 * least recently goes, but not @newest, whatever its size. */
static void
bound_unread(VsfCrowd *crowd, const VsfVisitor *newest)
{
    for (;;) {
        VsfVisitor *slowest = NULL;
        gsize unread = 0;

        for (guint i = 0; i < crowd->visitors->len; i++) {
            VsfVisitor *visitor = crowd->visitors->pdata[i];

            if (visitor->state != VSF_VISITOR_ANSWERED)
                continue;
            unread += visitor->answer_size - visitor->sent;
            if (visitor != newest && (slowest == NULL || visitor->used_us < slowest->used_us))
                slowest = visitor;
        }
        if (unread <= crowd->limits.unread_bytes || slowest == NULL)
            return;
        vsf_visitor_drop(slowest);
    }
}

void
vsf_visitor_answer(VsfVisitor *visitor, char *bytes, gsize size)
{
    VsfCrowd *crowd = visitor->crowd;

    be(visitor, VSF_VISITOR_ANSWERED);
    visitor->answer = bytes;
    visitor->answer_size = size;
    visitor->sent = 0;
    visitor->used_us = g_get_monotonic_time();
    vsf_visitor_set_deadline(visitor, crowd->limits.read_ms);
    if (!push_answer(visitor))
        return;
    visitor->watch_id = g_unix_fd_add(visitor->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable,
                                      visitor);
    bound_unread(crowd, visitor);
}

/* --- who comes ------------------------------------------------------------ */

/* Of those that ask nothing, or have stopped reading, the one that did so longest. NULL: all
 * are busy. */
static VsfVisitor *
who_may_go(const VsfCrowd *crowd)
{
    gint64 stalled_us = g_get_monotonic_time() - (gint64)crowd->limits.stall_ms * 1000;
    VsfVisitor *longest = NULL;

    for (guint i = 0; i < crowd->visitors->len; i++) {
        VsfVisitor *visitor = crowd->visitors->pdata[i];
        gboolean may_go = visitor->state == VSF_VISITOR_READ_FROM ||
                          (visitor->state == VSF_VISITOR_ANSWERED &&
                           visitor->used_us <= stalled_us);

        if (may_go && (longest == NULL || visitor->used_us < longest->used_us))
            longest = visitor;
    }
    return longest;
}

/* Takes @fd. @who_goes: for whom there is room; may be NULL. */
static void
let_in(VsfCrowd *crowd, int fd, VsfVisitor *who_goes)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    VsfVisitor *visitor;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        peer.uid = G_MAXUINT;
    if (crowd->ops->is_welcome != NULL && !crowd->ops->is_welcome(fd, &peer, crowd->user_data)) {
        vsf_passed_close(fd);
        return;
    }
    if (who_goes != NULL)
        vsf_visitor_drop(who_goes);
    visitor = g_malloc0(crowd->ops->visitor_size);
    visitor->crowd = crowd;
    visitor->fd = fd;
    visitor->peer = peer;
    visitor->used_us = g_get_monotonic_time();
    g_ptr_array_add(crowd->visitors, visitor);
    crowd->ops->came(visitor, crowd->user_data);
}

static void start_listening(VsfCrowd *crowd);

static gboolean
on_pause_over(gpointer user_data)
{
    VsfCrowd *crowd = user_data;

    crowd->pause_id = 0;
    start_listening(crowd);
    return G_SOURCE_REMOVE;
}

/* Who comes meanwhile waits in the backlog. */
static gboolean
pause_listening(VsfCrowd *crowd, guint pause_ms)
{
    crowd->listen_id = 0;
    crowd->pause_id = g_timeout_add(pause_ms, on_pause_over, crowd);
    return G_SOURCE_REMOVE;
}

/* There is no descriptor left, or no memory, or a security module forbids it. Who came stays in the
 * backlog and would wake us for ever. An idle one may hold the descriptor that is missing. */
static gboolean
nobody_gets_in(VsfCrowd *crowd)
{
    VsfVisitor *who_goes = who_may_go(crowd);

    if (who_goes != NULL)
        vsf_visitor_drop(who_goes);
    return pause_listening(crowd, ACCEPT_PAUSE_MS);
}

static gboolean
on_connection(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfCrowd *crowd = user_data;

    for (guint i = 0; i < ACCEPTS_PER_DISPATCH; i++) {
        VsfVisitor *who_goes = NULL;
        int visitor;

        if (crowd->visitors->len >= crowd->limits.visitors) {
            /* Nobody goes in the turn that it came in. */
            if (i > 0)
                break;
            who_goes = who_may_go(crowd);
            if (who_goes == NULL)
                return pause_listening(crowd, ROOM_PAUSE_MS);
        }
        visitor = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (visitor >= 0)
            let_in(crowd, visitor, who_goes);
        else if (i > 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            break; /* only the first is known to be there */
        else
            return nobody_gets_in(crowd);
    }
    return G_SOURCE_CONTINUE;
}

static void
start_listening(VsfCrowd *crowd)
{
    crowd->listen_id = g_unix_fd_add(crowd->fd, G_IO_IN, on_connection, crowd);
}

VsfCrowd *
vsf_crowd_new(int fd, const VsfCrowdOps *ops, gpointer user_data)
{
    VsfCrowd *crowd = g_new0(VsfCrowd, 1);

    crowd->ops = ops;
    crowd->user_data = user_data;
    crowd->fd = fd;
    crowd->visitors = g_ptr_array_new_with_free_func(visitor_free);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    vsf_passed_refuse(fd);
    start_listening(crowd);
    return crowd;
}

void
vsf_crowd_free(VsfCrowd *crowd)
{
    if (crowd == NULL)
        return;
    g_clear_handle_id(&crowd->listen_id, g_source_remove);
    g_clear_handle_id(&crowd->pause_id, g_source_remove);
    g_ptr_array_unref(crowd->visitors);
    g_free(crowd);
}

void
vsf_crowd_set_limits(VsfCrowd *crowd, VsfCrowdLimits limits)
{
    crowd->limits = limits;
}

guint
vsf_crowd_size(const VsfCrowd *crowd)
{
    return crowd->visitors->len;
}
