/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways to sample a tap that the benchmarks compare, each behind the same few functions.
 * Another backend is one more file with a Sampler, and a row in the benchmarks' tables. */
#pragma once

#include "../../daemon/net/capture.h"

#define SAMPLER_HEADER_BYTES 128

typedef struct {
    VsfDirection direction;
    gsize ring_total; /* of ours; 0: its default */
} SamplerOptions;

typedef struct {
    guint opened; /* taps that have one */
    guint64 samples, lost;
} SamplerTotals;

typedef struct {
    const char *name;
    /* 1 in @rate of the taps' frames from now on, both directions. Returns when there is one on
     * each tap for which there was room. NULL: this kernel has no such thing, and why. */
    gpointer (*open)(const char *const *taps, guint n_taps, guint32 rate,
                     const SamplerOptions *options, GError **error);
    /* Hands out what was picked. */
    void (*take)(gpointer self);
    void (*totals)(gpointer self, SamplerTotals *totals);
    /* Returns when nothing of it is left on the taps. */
    void (*close)(gpointer self);
    gboolean takes_segments; /* a super-frame counts as its segments */
} Sampler;

/* The daemon's pcap backend. */
extern const Sampler sampler_pcap;

/* The daemon's eBPF backend. */
extern const Sampler sampler_ebpf;

/* As a program would sample by libpcap that sets nothing but the header's length: the same
 * filter, the default ring. */
extern const Sampler sampler_plain;

/* Programs that do nothing, on a tcx link for each direction: what any program there costs. */
extern const Sampler sampler_empty;
