/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a field of a VM's counters is at virt-sflow and at Host sFlow, and so whether two
 * values that differ should. Pure. */
#pragma once

#include "samples.h"

typedef enum {
    VSF_VERDICT_EQUAL,
    VSF_VERDICT_EXPECTED, /* they differ, and why is known */
    VSF_VERDICT_UNEXPECTED,
    VSF_VERDICT_NOT_COMPARED, /* too little was heard */
    VSF_N_VERDICTS,
} VsfVerdict;

/* What was heard of one VM from one agent since its counters last began anew. */
typedef struct {
    VsfSample *first, *last; /* the same one, or NULL */
    gint64 first_ns, last_ns;
} VsfHeard;

typedef struct {
    const char *field; /* "virt_cpu.cpuTime"; static */
    VsfVerdict verdict;
    char *ours, *theirs; /* as they are shown */
    const char *why;     /* static; "" where they are equal */
} VsfFinding;

/* Every field that either agent sends of the VM, in a fixed order: VsfFinding. Both were heard. */
GPtrArray *vsf_compare(const VsfHeard *ours, const VsfHeard *theirs);
