/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet samplers, 1-in-N picked at random by the kernel, by one of two backends: a libpcap
 * handle per tap, all of them behind one epoll fd, or eBPF programs with one ring for all.
 * Where eBPF is in force, libpcap has the taps that it cannot serve.
 *
 * Opening and closing wait for the kernel (12 and 24 ms), so both run on
 * workers. Samplers are keyed by ifIndex; after libpcap's bind the interface's index
 * is checked again, since a name can pass to another tap meanwhile. */
#pragma once

#include "../model/sample-pool.h"
#include "capture-choice.h"
#include "capture-room.h"

#include <gio/gio.h>

#define VSF_CAPTURE_ERROR (vsf_capture_error_quark())
GQuark vsf_capture_error_quark(void);

typedef enum {
    VSF_CAPTURE_ERROR_GONE,         /* no such interface, or its name is another's now */
    VSF_CAPTURE_ERROR_DOWN,         /* it is down: open again when it is up */
    VSF_CAPTURE_ERROR_NOT_ETHERNET, /* cannot be sampled */
    VSF_CAPTURE_ERROR_PERMISSION,   /* CAP_NET_RAW is missing */
    VSF_CAPTURE_ERROR_NO_ROOM, /* eBPF cannot serve it, and libpcap has no room: room() tells */
    VSF_CAPTURE_ERROR_FAILED,
} VsfCaptureError;

typedef struct VsfCapture VsfCapture;

typedef struct {
    int ifindex;
    gint64 time_ns;  /* when it passed, monotonic */
    gint64 stamp_ns; /* the same since the epoch, as the kernel stamped it */
    gboolean from_vm;
    guint32 rate;         /* N in force */
    guint32 frame_length; /* bytes on the wire, without FCS, with the VLAN tag */
    const guint8 *header; /* valid during the call; VLAN tag in place */
    guint32 header_length;
    /* How many could have been picked since the packet before it, itself included: of a sampler's
     * packets the sum is its pool. 0: not known, the interface's counters have to tell. */
    guint32 gap;
    /* With direction ONCE: the kernel left out what another tap of its kind had before. */
    gboolean decided;
} VsfPacket;

typedef struct {
    const char *backend; /* "pcap" or "ebpf"; static */
    gboolean has_gaps;   /* its packets tell theirs */
    const char *reason;  /* why libpcap has it, where eBPF is in force; else NULL; the sampler's */
    gboolean for_room;   /* and it has it only because eBPF had no room */
} VsfCaptureTap;

typedef struct {
    /* The sampler of @ifindex is on the tap from now on. */
    void (*opened)(int ifindex, gpointer user_data);
    /* It could not be opened, or ended by itself (the interface went away or
     * down). It is closed already; nothing more comes of it. */
    void (*failed)(int ifindex, const GError *error, gpointer user_data);
    void (*packet)(const VsfPacket *packet, gpointer user_data);
    /* A sampler has ended for good: there may be room for another. May be NULL. */
    void (*room)(gpointer user_data);
} VsfCaptureCallbacks;

typedef struct {
    guint32 header_bytes;     /* 64 to 256 */
    VsfDirection direction;   /* filtered in the kernel; ONCE by eBPF alone, else it is as BOTH */
    guint32 ring_bytes;       /* of one sampler; 0 = default; at most 128 KiB, at least two pages */
    guint samplers_max;       /* descriptors of all; 0 = any number; one each, with eBPF two */
    gsize ring_total;         /* bytes of libpcap's rings; 0 = 64 MiB */
    VsfCaptureChoice *choice; /* taken, by a new() that fails too; NULL: libpcap */
} VsfCaptureConfig;

VsfCapture *vsf_capture_new(const VsfCaptureConfig *config, const VsfCaptureCallbacks *callbacks,
                            gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends all samplers, and waits until their sockets are closed, at most 2.5 s: a process
 * that ends with hundreds of them open takes the kernel 20 ms for each. Opens in flight on
 * workers finish by themselves. */
void vsf_capture_free(VsfCapture *capture);

/* Starts a sampler on the interface that has this index and name, 1-in-@rate
 * (1 to 10,000,000). opened() or failed()
 * follows on the main loop, never inside this call. A second open of the same
 * ifindex replaces the first. FALSE: there is no room for it, nothing follows;
 * room() tells when to try again. */
gboolean vsf_capture_open(VsfCapture *capture, int ifindex, const char *name, VsfSide side,
                          guint32 rate);

/* Of samplers that are opened from now on, instead of what vsf_capture_new() was given.
 * Other @header_bytes only while none is open. */
void vsf_capture_set_terms(VsfCapture *capture, guint32 header_bytes, VsfDirection direction);

/* Whether an open would find room now. */
gboolean vsf_capture_has_room(const VsfCapture *capture);

/* Whether eBPF would serve one more. */
gboolean vsf_capture_has_hooks(const VsfCapture *capture);

/* Samplers that are closed and not at their end yet: their room comes back, room() tells. */
guint vsf_capture_ending(const VsfCapture *capture);

/* The bounds, and what is in use of them. */
VsfCaptureRoom vsf_capture_room(const VsfCapture *capture);

/* What was chosen; NULL: libpcap, by nobody. */
const VsfCaptureChoice *vsf_capture_choice(const VsfCapture *capture);

/* Which backend has @ifindex, open or being opened. FALSE: there is no sampler. */
gboolean vsf_capture_tap(const VsfCapture *capture, int ifindex, VsfCaptureTap *tap);

/* Picks 1 in @rate from now on, without a gap; each packet says the rate that it was picked
 * at. Unknown indexes are fine. */
void vsf_capture_set_rate(VsfCapture *capture, int ifindex, guint32 rate);

/* No callback for @ifindex comes any more. Unknown indexes are fine. */
void vsf_capture_close(VsfCapture *capture, int ifindex);

/* Frames lost between the kernel's pick and us, since the sampler was opened. */
guint64 vsf_capture_drops(VsfCapture *capture, int ifindex);

/* What could have been picked, and no gap told of yet; 0 where packets have none. */
guint64 vsf_capture_untold(VsfCapture *capture, int ifindex);

/* Takes what the rings hold now, without waiting: before a tap is released. */
void vsf_capture_drain(VsfCapture *capture, int ifindex);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCapture, vsf_capture_free)
