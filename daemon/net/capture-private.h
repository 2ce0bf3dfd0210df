/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What capture.c (reading rings) and capture-open.c (opening and closing them, and the
 * room for them) share. Main thread only. */
#pragma once

#include "../base/worker.h"
#include "capture-frame.h"
#include "capture-handle.h"
#include "capture-pace.h"
#include "capture-room.h"
#include "capture.h"

struct VsfCapture {
    int refs; /* the owner's, and one for each job on a worker and each dispatch */
    gboolean closed;
    VsfCaptureConfig config;
    VsfCaptureCallbacks callbacks;
    gpointer user_data;
    int epoll_fd;
    GSource *source;
    gpointer watch; /* the source's tag of epoll_fd */
    VsfWorker *opener, *closer;
    GHashTable *taps; /* ifindex -> Tap */
    guint64 last_serial;
    VsfCaptureRoom room;
    guint32 smallest_ring; /* of those that are open, in bytes */
    VsfCaptureClock clock; /* read before a ring is */
    VsfCapturePace pace;
    guint64 round;        /* a round ends when no ring holds more */
    guint busiest;        /* frames taken from one tap in this round, the most */
    gboolean look_at_all; /* a tap may have ended without an event */
};

typedef struct {
    VsfCapture *capture;
    int ifindex;
    VsfCaptureRates rates;
    guint64 serial;           /* an open in flight belongs to the tap with its serial */
    GCancellable *cancel;     /* tells an open that nobody began that it is unwanted */
    VsfCaptureHandle *handle; /* NULL while it is being opened */
    guint32 ring_bytes;
    gboolean reading; /* frames are being handed out */
    gboolean closed;  /* during that: dispose of it afterwards */
    guint64 round;
    guint taken;
} Tap;

Tap *vsf_capture_find(VsfCapture *capture, int ifindex);

VsfCapture *vsf_capture_ref(VsfCapture *capture);
void vsf_capture_unref(VsfCapture *capture);

/* Closes the handle on a worker and frees @tap, which is not in the table any more. */
void vsf_capture_tap_dispose(Tap *tap);

/* Closes it and tells. @tap is freed, at the latest when it is not read any more. */
void vsf_capture_tap_fail(Tap *tap, const GError *error);
