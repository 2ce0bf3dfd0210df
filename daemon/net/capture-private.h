/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the capture share: capture.c (its life, and what is asked of an open
 * sampler), capture-open.c (opening, closing, and which backend has which tap), and the two
 * backends: capture-pcap.c (a packet ring for each tap) and capture-ebpf.c (programs in the
 * kernel, one ring for all). Main thread only, but for what a backend says. */
#pragma once

#include "../base/worker.h"
#include "../bpf/bpf-sampler.h"
#include "capture-clock.h"
#include "capture-pace.h"
#include "capture-rates.h"
#include "capture-room.h"
#include "capture.h"

#include <net/if.h>

#define VSF_CAPTURE_HOOKERS 8

typedef struct VsfCaptureBackend VsfCaptureBackend;

/* libpcap's rings, behind one epoll fd. */
typedef struct {
    int epoll_fd;
    GSource *source;
    gpointer watch;        /* the source's tag of epoll_fd */
    guint32 smallest_ring; /* of those that are open, in bytes */
    VsfCapturePace pace;
    guint64 round;        /* a round ends when no ring holds more */
    guint busiest;        /* frames taken from one tap in this round, the most */
    gboolean look_at_all; /* a tap may have ended without an event */
} VsfCaptureRings;

/* The one ring of all eBPF samplers. */
typedef struct {
    GSource *source; /* NULL: there is none */
    gpointer watch;
    VsfCapturePace pace;
    guint taken;      /* in this round */
    gboolean reading; /* samples are being handed out */
} VsfCaptureShared;

struct VsfCapture {
    int refs; /* the owner's, and one for each job on a worker and each dispatch */
    gboolean closed;
    VsfCaptureConfig config;
    VsfCaptureCallbacks callbacks;
    gpointer user_data;
    VsfWorker *opener, *closer; /* libpcap's: waits that meet there end together */
    /* eBPF's attaches and detaches: two programs on one interface would both count, so those of
     * an interface are done in order, by the one thread that its index gives it to. */
    VsfWorker *hookers[VSF_CAPTURE_HOOKERS];
    GHashTable *taps; /* ifindex -> Tap */
    guint64 last_serial;
    VsfCaptureRoom room;
    VsfCaptureClock clock; /* read before a ring is */
    VsfCaptureRings rings;
    VsfCaptureShared shared;
};

/* Where a worker puts what it opened: shared with the main loop, which looks into it when the
 * open is done. An atomic reference-counted box. */
typedef struct {
    const VsfCaptureBackend *backend;
    gpointer handle;
} VsfCaptureOpened;

typedef struct {
    VsfCapture *capture;
    int ifindex;
    char name[IFNAMSIZ];
    VsfSide side;
    guint32 header_bytes;   /* its terms, whatever those of later ones are */
    VsfDirection direction; /* the same */
    const VsfCaptureBackend *backend;
    char *reason;      /* why it is libpcap, where eBPF is in force; else NULL */
    gboolean for_room; /* that is lack of room */
    VsfCaptureRates rates;
    guint64 serial;           /* an open in flight belongs to the tap with its serial */
    GCancellable *cancel;     /* tells an open that nobody began that it is unwanted */
    gpointer handle;          /* the backend's, NULL while it is being opened */
    VsfCaptureOpened *opened; /* set while it is being opened */
    gboolean closed;          /* while frames are handed out: dispose of it afterwards */
    gboolean reading;         /* they are */
    /* libpcap's. */
    guint32 ring_bytes;
    guint64 round;
    guint taken;
    /* eBPF's. */
    gint64 since_ns; /* what was picked before was by a sampler before this one */
    guint64 told;    /* candidates that the samples handed out told of */
    VsfBpfCounts counts;
    gint64 counts_read_us;
} Tap;

/* What the worker sees of an open. */
typedef struct {
    VsfBpf *bpf;
    int ifindex;
    char name[IFNAMSIZ];
    VsfSide side;
    guint32 header_bytes, rate, ring_bytes;
    VsfDirection direction;
} VsfCaptureOpen;

struct VsfCaptureBackend {
    const char *name;
    gboolean has_gaps; /* its packets tell theirs */
    /* On a worker; both may wait for the kernel. */
    gpointer (*open)(const VsfCaptureOpen *open, GError **error);
    void (*close)(gpointer handle);
    /* tap->handle is new: what it picks is handed out from now on. */
    gboolean (*begin)(Tap *tap, GError **error);
    /* Nothing of it is handed out any more. */
    void (*end)(Tap *tap);
    gboolean (*set_rate)(Tap *tap, guint32 rate, GError **error);
    guint64 (*drops)(Tap *tap);
    guint64 (*untold)(Tap *tap);
    void (*drain)(Tap *tap);
};

extern const VsfCaptureBackend vsf_capture_pcap, vsf_capture_ebpf;

Tap *vsf_capture_find(VsfCapture *capture, int ifindex);

VsfCapture *vsf_capture_ref(VsfCapture *capture);
void vsf_capture_unref(VsfCapture *capture);

/* Closes the handle on a worker and frees @tap, which is not in the table any more. */
void vsf_capture_tap_dispose(Tap *tap);

/* Closes it and tells. @tap is freed, at the latest when it is not read any more. */
void vsf_capture_tap_fail(Tap *tap, const GError *error);

/* Gives up a reference to a VsfCaptureOpened; the last one closes what is still in it. */
void vsf_capture_opened_free(gpointer opened);

/* Of capture-pcap.c. FALSE with @error set: nothing is left behind. */
gboolean vsf_capture_rings_init(VsfCapture *capture, GError **error);
void vsf_capture_rings_stop(VsfCapture *capture); /* nothing is read any more */
void vsf_capture_rings_clear(VsfCapture *capture);

/* Of capture-ebpf.c; capture->config.choice has what is loaded. */
void vsf_capture_shared_init(VsfCapture *capture);
void vsf_capture_shared_stop(VsfCapture *capture);
