/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loaded sampler, taps that it is attached to, and what it told. */
#pragma once

#include "../../daemon/bpf/bpf-sampler.h"
#include "../net/tap-lab.h"

#define BPF_LAB_TAPS 8

extern const guint8 bpf_lab_vm_mac[6], bpf_lab_peer_mac[6];

typedef struct {
    VsfBpfSample sample;
    guint8 header[256];
} BpfSeen;

typedef struct {
    VsfBpf *bpf;
    guint64 gaps; /* of all samples */
    GArray *seen; /* BpfSeen; of frames of ours only, as are the numbers: a bridge has its own */
    guint n_from, n_to;
    gboolean keep; /* else they are only counted */
} BpfLab;

/* How it is attached: "tcx" or "clsact", the data of a test. */
#define BPF_LAB_TCX "tcx"
#define BPF_LAB_CLSACT "clsact"

/* Adds PATH/tcx, where the kernel has it, and PATH/clsact. After bpf_lab_skip_all(). */
void bpf_lab_add(const char *path, GTestDataFunc func);

/* Enters a network namespace; TRUE: the program shall return 0, it has said why it skips. */
gboolean bpf_lab_skip_all(void);

gboolean bpf_lab_has_tcx(void);

void bpf_lab_start(BpfLab *lab, gconstpointer way, VsfDirection direction);
void bpf_lab_start_with(BpfLab *lab, gconstpointer way, const VsfBpfConfig *config);
void bpf_lab_stop(BpfLab *lab);

VsfBpfTap *bpf_lab_attach(BpfLab *lab, const char *name, VsfSide side, guint32 rate);

/* Takes what there is. */
void bpf_lab_take(BpfLab *lab);
int bpf_lab_take_most(BpfLab *lab, guint max);
VsfBpfCounts bpf_lab_counts(const VsfBpfTap *tap);
const BpfSeen *bpf_lab_seen(const BpfLab *lab, guint i);

/* @n frames of @length bytes from the tap's VM. */
void bpf_lab_send(int tap, gsize length, guint n);

/* What `tc ARGUMENTS` prints. */
char *bpf_lab_tc(const char *arguments);

/* All that tc knows of vnet0. */
char *bpf_lab_show_tc(void);

/* Programs on both tcx hooks. */
guint bpf_lab_n_tcx(const char *name);

/* A tap that is up. */
int bpf_lab_new_tap(const char *name);
