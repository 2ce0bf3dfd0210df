/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers that geometric.h needs and a BPF program cannot work out. Pure. */
#pragma once

#include "geometric.h"

#include <glib.h>

#define VSF_BPF_RATE_MAX 10000000
#define VSF_BPF_SLOTS_LEAST 64
#define VSF_BPF_STATES_MAX (64 * 1024 * 1024)
#define VSF_BPF_STATES_MAX_OLD (4 * 1024 * 1024) /* before Linux 6.0, of one value of a map */

/* @rate: 1 to VSF_BPF_RATE_MAX. */
guint64 vsf_rate_word(guint32 rate);

/* One more than the highest number in a list of the kernel's, as "0-3,8-11": numbers of processors
 * may have gaps. 0: there is none at its end. */
guint vsf_cpu_numbers(const char *possible);

/* How many of @taps_max taps may have slots on @n_cpus processors, a power of two: each has a line
 * for each processor, of memory that lies with the daemon's, @states_max bytes at most. */
guint vsf_bpf_slots(guint taps_max, guint n_cpus, gsize states_max);

void vsf_log2_table(guint32 table[VSF_LOG2_STEPS + 1]);
