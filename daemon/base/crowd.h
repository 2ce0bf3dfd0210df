/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All who are connected to a listening unix socket, each of whom asks and is answered, as fast as
 * it reads. Bounded in number and in what they have not read, and nothing waits for any of them:
 * who asks nothing, or has stopped reading, goes for who comes, and where all are busy, who comes
 * waits outside. What is asked, and what is answered, is the owner's. Main thread only. */
#pragma once

#include <glib.h>
#include <sys/socket.h>

typedef struct VsfCrowd VsfCrowd;

typedef struct {
    guint visitors;     /* at a time; the one that lay idle longest goes for a new one */
    guint read_ms;      /* to take an answer */
    guint stall_ms;     /* one that has read nothing for so long may go as well */
    gsize unread_bytes; /* of all answers; above it the slowest readers go, but the newest */
} VsfCrowdLimits;

/* One of them. The owner's own struct begins with it, so that one is cast to the other. */
typedef struct {
    VsfCrowd *crowd;
    struct ucred peer; /* who connected; the uid is G_MAXUINT if the kernel does not say */
    int fd;
    gint64 used_us; /* when it came, or last read; the owner may set it when bytes come */
    /* What follows is the crowd's. */
    enum { VSF_VISITOR_BUSY, VSF_VISITOR_READ_FROM, VSF_VISITOR_ANSWERED } state;
    guint watch_id, deadline_id;
    char *answer;
    gsize answer_size, sent;
} VsfVisitor;

/* In each of these the visitor may be dropped. */
typedef struct {
    gsize visitor_size; /* of the owner's struct, which is zeroed at first */
    /* FALSE: @fd, which is non-blocking, is closed, and nobody had to go for it. NULL: all are. */
    gboolean (*is_welcome)(int fd, const struct ucred *peer, gpointer user_data);
    void (*came)(VsfVisitor *visitor, gpointer user_data); /* and is busy */
    void (*readable)(VsfVisitor *visitor, gpointer user_data);
    void (*answered)(VsfVisitor *visitor, gpointer user_data); /* it read all, and is busy */
    /* It is gone for good: frees what is the owner's in it, but not the struct. NULL: nothing. */
    void (*left)(VsfVisitor *visitor, gpointer user_data);
} VsfCrowdOps;

/* @fd listens; it stays the caller's, is made non-blocking and takes no descriptors from who comes
 * (see passed.h). @ops is static.
 * Limits are to be set at once. */
VsfCrowd *vsf_crowd_new(int fd, const VsfCrowdOps *ops, gpointer user_data);
/* All leave. Takes NULL. */
void vsf_crowd_free(VsfCrowd *crowd);

void vsf_crowd_set_limits(VsfCrowd *crowd, VsfCrowdLimits limits);
guint vsf_crowd_size(const VsfCrowd *crowd);

/* From now on readable() is called, for its end and for errors as well. Without a deadline. */
void vsf_visitor_read(VsfVisitor *visitor);
/* recv() with MSG_DONTWAIT; EPERM: it passes descriptors. */
gssize vsf_visitor_recv(VsfVisitor *visitor, void *bytes, gsize size);
/* It leaves unless it is busy, or answered, within @wait_ms. */
void vsf_visitor_set_deadline(VsfVisitor *visitor, guint wait_ms);
/* Its answer is being made: nothing is read, and it stays until that is there. */
void vsf_visitor_be_busy(VsfVisitor *visitor);
/* Takes @bytes, of which there is one at least. Afterwards the visitor may be gone. */
void vsf_visitor_answer(VsfVisitor *visitor, char *bytes, gsize size);
void vsf_visitor_drop(VsfVisitor *visitor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCrowd, vsf_crowd_free)
