/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. */
#pragma once

#include "bpf-sampler.h"
#include "owner.h"
#include "sampler-shared.h"

#include <bpf/libbpf.h>

/* A tcx link costs an RCU grace period under the rtnl lock, at attach and again at detach
 * (measured on Linux 6.18: 10 ms each, so 20 ms a tap), a clsact filter 0.1 ms. But a link ends
 * with us and is in nobody's way, while clsact keeps others from an ingress qdisc: libvirt's limits
 * on a running VM's outbound traffic fail where it is. So the first taps get links, and clsact is
 * for hosts with more than that, and for kernels without tcx. */
#define VSF_BPF_TCX_MOST 64

typedef enum {
    VSF_BPF_WAY_TCX,
    VSF_BPF_WAY_CLSACT,
} VsfBpfWay;

enum { VSF_BPF_INGRESS, VSF_BPF_EGRESS, VSF_BPF_N_HOOKS };

struct VsfBpf {
    VsfBpfConfig config;
    VsfBpfOwner owner;
    struct bpf_object *object;
    struct ring_buffer *ring;
    gpointer reading; /* of read.c, while it reads */
    int programs[VSF_BPF_N_HOOKS];
    int states_fd, displaced_fd, ring_fd;
    guint n_cpus; /* one more than the highest number of one */
    gboolean has_tcx;
    struct vsf_bpf_tap *slots;    /* mapped from the kernel; n_slots of them */
    struct vsf_bpf_state *states; /* mapped as well; n_cpus times n_slots */
    guint n_slots;

    GMutex mutex; /* for what follows, and for taking and freeing slots */
    GCond freed;
    guint n_taps, n_tcx, n_clsact, tcx_most;
    guint free_hint;
};

struct VsfBpfTap {
    VsfBpf *bpf;
    int ifindex;
    guint slot;
    VsfBpfWay way;
    int links[VSF_BPF_N_HOOKS]; /* -1: none */
};

/* 1 to VSF_BPF_RATE_MAX. */
gboolean vsf_bpf_rate_check(guint32 rate, GError **error);

/* A GError from an errno, after "what: ". */
void vsf_bpf_set_error(GError **error, int code, const char *what);

/* Samples come out of bpf->ring_fd. */
gboolean vsf_bpf_ring_open(VsfBpf *bpf, GError **error);

/* What CPU number @cpu has of the tap in @slot. */
struct vsf_bpf_state *vsf_bpf_state_of(const VsfBpf *bpf, guint cpu, guint slot);

/* Takes a slot for the tap, with its settings there and all counts at 0: before its hooks, since
 * the programs, which have no barriers, may read in another order than we write. Waits for a detach
 * of the same interface that is under way. FALSE: NO_ROOM, or FAILED. */
gboolean vsf_bpf_slot_take(VsfBpf *bpf, int ifindex, guint32 flags, guint64 rate_word, guint *slot,
                           GError **error);

/* From now on the programs find it, or do not any more. */
gboolean vsf_bpf_slot_open(VsfBpf *bpf, guint slot, GError **error);
void vsf_bpf_slot_close(VsfBpf *bpf, guint slot);

/* Of a tap that is open. Without waiting. */
void vsf_bpf_slot_set_rate(VsfBpf *bpf, guint slot, guint64 rate_word);

/* When no program can be using it. */
void vsf_bpf_slot_free(VsfBpf *bpf, guint slot);

/* As a kernel before 6.6 (@tcx_most = 0), or with another bound on the taps that get links: for
 * tests. Before the first attach. */
void vsf_bpf_set_tcx_most(VsfBpf *bpf, guint tcx_most);
