/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fake of the room daemon/bpf: no kernel behind it. The test says what loading and attaching
 * give and which samples lie in the ring, and sees what is attached. Attaches and detaches may
 * come from workers. */
#pragma once

#include "../../daemon/bpf/bpf-sampler.h"

void fake_bpf_reset(void);

/* 0: it works; else a VsfBpfError. */
void fake_bpf_refuse_load(int code);
void fake_bpf_refuse_attach(int code);

/* "tcx" after the reset. */
void fake_bpf_set_attachment(const char *attachment);

/* While it is held no attach, no detach and no sweep returns. */
void fake_bpf_hold(gboolean held);

/* What was loaded last. */
extern VsfBpfConfig fake_bpf_config;
extern guint fake_bpf_slots;       /* for how many taps there is memory */
extern gint fake_bpf_n_sweeps;     /* atomic: of those that began */
extern VsfBpfSwept fake_bpf_swept; /* what a sweep says; nothing after the reset */

/* Attached now; attached to one interface at a time, the most that there ever were. */
guint fake_bpf_attached(void);
guint fake_bpf_most_on_one(void);
guint32 fake_bpf_rate(int ifindex);
gboolean fake_bpf_is_loaded(void);

/* A sample for the ring. @passed_ns: since the epoch of CLOCK_MONOTONIC. */
void fake_bpf_sample(int ifindex, gboolean from_vm, guint32 gap, guint64 passed_ns);
guint fake_bpf_in_ring(void);

/* Of every tap from now on. */
void fake_bpf_set_counts(guint64 candidates, guint64 lost);
