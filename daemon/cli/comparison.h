/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listens to two agents' counters of the same VMs, and tells how they differ. Pure. */
#pragma once

#include "compare-rules.h"

/* What anyone may send bounds what is kept: VMs (what comes of others is left out and
 * counted), and of each sample its first values and adapters; agents send some 30. */
#define VSF_COMPARISON_MAX 1024
#define VSF_COMPARISON_VALUES_MAX 128
#define VSF_COMPARISON_ADAPTERS_MAX 128

typedef struct VsfComparison VsfComparison;

/* What has the sub-agent id @our_sub_agent is virt-sflow's, everything else the other agent's. */
VsfComparison *vsf_comparison_new(guint32 our_sub_agent);
void vsf_comparison_free(VsfComparison *comparison);

/* Takes the VMs' samples out of @samples. A sequence that begins anew begins anew here too. */
void vsf_comparison_add(VsfComparison *comparison, VsfSamples *samples, gint64 time_ns);

/* How many of each verdict; both agents were heard. */
typedef struct {
    guint n_vms;
    guint n[VSF_N_VERDICTS];
    gboolean heard_ours, heard_theirs;
} VsfTally;

/* All VMs, by name, each field of each on a line, and the sums. The caller frees. */
char *vsf_comparison_text(const VsfComparison *comparison, VsfTally *tally);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfComparison, vsf_comparison_free)
