/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet samplers in the kernel: one eBPF program per direction, attached to each tap as a
 * tcx link (Linux 6.6) or as a clsact filter (before it). A per-CPU countdown to the next
 * sample, drawn from the geometric distribution of 1/N, and one ring buffer for all taps.
 *
 * Units are wire segments: a segmentation-offload super-frame of n segments moves countdown
 * and counts by n, and its sample's frame_length is one segment's. */
#pragma once

#include "../model/sample-pool.h" /* VsfDirection, VsfSide */

#define VSF_BPF_ERROR (vsf_bpf_error_quark())
GQuark vsf_bpf_error_quark(void);

typedef enum {
    VSF_BPF_ERROR_UNSUPPORTED, /* the kernel cannot do it: no tcx and no clsact, no ring buffer */
    VSF_BPF_ERROR_PERMISSION,  /* CAP_BPF or CAP_NET_ADMIN is missing, or seccomp forbids bpf(2) */
    VSF_BPF_ERROR_NOT_BUILT,   /* built without it (-Dbpf=disabled) */
    VSF_BPF_ERROR_GONE,        /* no such interface */
    VSF_BPF_ERROR_NOT_ETHERNET,
    VSF_BPF_ERROR_TAKEN,   /* clsact: a qdisc of others is in the way; another way has to serve this
                              tap */
    VSF_BPF_ERROR_NO_ROOM, /* taps_max */
    VSF_BPF_ERROR_FAILED,
} VsfBpfError;

typedef struct VsfBpf VsfBpf;       /* programs, maps and ring buffer, loaded */
typedef struct VsfBpfTap VsfBpfTap; /* attached to one interface */

typedef struct {
    guint32 header_bytes; /* 64 to 256 */
    /* Decided in the kernel, ONCE too: a frame to the VM is a candidate unless it came in by a tap
     * that is attached. Mirrored taps have both directions then: a macvtap's frames pass no bridge
     * of ours. */
    VsfDirection direction;
    guint taps_max;
    gsize ring_bytes; /* of all taps together; 0 = default; rounded up to a power of two */
} VsfBpfConfig;

typedef struct {
    int ifindex;
    guint64 time_ns; /* CLOCK_MONOTONIC, when the kernel picked it */
    gboolean from_vm;
    guint32 rate;         /* N in force when it was picked */
    guint32 gap;          /* segments of this tap that were candidates since the sample before it on
                           * this CPU (this one included): the sample pool grows by it */
    guint32 frame_length; /* bytes of one wire segment, without FCS, with the VLAN tag */
    const guint8 *header; /* VLAN tag in place; valid during the call */
    guint32 header_length;
} VsfBpfSample;

typedef struct { /* since attach, exact */
    /* Wire segments and their bytes with headers, without FCS. 0 in a direction that the
     * configuration leaves out: nothing is attached there. */
    guint64 packets_from_vm, bytes_from_vm;
    guint64 packets_to_vm, bytes_to_vm;
    guint64 candidates; /* of these, those that could have been sampled (direction) */
    guint64 lost;       /* picked, but the ring had no room or the tap's budget was used up */
} VsfBpfCounts;

typedef struct { /* interfaces with such filters */
    guint removed;
    guint left; /* the kernel does not let us */
} VsfBpfSwept;

/* Whether it was built in; and the one-word way it attaches ("tcx", "clsact"), for the status. */
gboolean vsf_bpf_is_built(void);
const char *vsf_bpf_attachment(const VsfBpf *bpf);

/* As many as were wanted, or fewer where there are many processors. */
guint vsf_bpf_taps_max(const VsfBpf *bpf);

/* Loads and verifies the programs and makes the maps: may take 100 ms. Not on a running main loop.
 */
VsfBpf *vsf_bpf_load(const VsfBpfConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* After the last detach. */
void vsf_bpf_free(VsfBpf *bpf);

/* Readable when the ring holds samples; to be polled. Main thread. */
int vsf_bpf_fd(const VsfBpf *bpf);

/* Hands out samples in order until there are @max (those of one super-frame, at most 64, stay
 * together); returns how many. What a tap left in the ring when it was detached is dropped. Main
 * thread. */
int vsf_bpf_read(VsfBpf *bpf, guint max, void (*sample)(const VsfBpfSample *, gpointer),
                 gpointer user_data);

/* Waits for the kernel (rtnl lock, RCU): for a worker; several threads may attach and detach at a
 * time. 1-in-@rate, 1 to 10,000,000. A PORT has both directions where the configuration says ONCE,
 * and what came in by it is a candidate on taps as before. */
VsfBpfTap *vsf_bpf_attach(VsfBpf *bpf, int ifindex, VsfSide side, guint32 rate, GError **error);
void vsf_bpf_detach(VsfBpfTap *tap); /* NULL is fine; the interface may be gone */

/* Without waiting, main thread. */
gboolean vsf_bpf_set_rate(VsfBpfTap *tap, guint32 rate, GError **error);
void vsf_bpf_counts(const VsfBpfTap *tap, VsfBpfCounts *counts);
guint vsf_bpf_fds(const VsfBpfTap *tap); /* descriptors that it holds */

/* clsact only: removes filters that a daemon of ours left when it was killed; never those of one
 * that lives, nor anything of others. Needs nothing loaded, and CAP_NET_ADMIN to remove. Blocks. */
VsfBpfSwept vsf_bpf_sweep(void);
