/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's detail as custom metrics. Pure: writes into a buffer and hands out
 * each sample that is full. docs/metrics.md names every metric. */
#pragma once

#include "metric-writer.h"
#include "model/domain-detail.h"
#include "model/domain.h"

/* What is counted of a host's device that is a VM's NIC (@pci of its VsfNic), in the guest's view;
 * NULL: nothing is known. */
typedef const VsfNetCounters *(*VsfHostdevCounters)(const char *pci, gpointer user_data);

typedef struct {
    VsfHostdevCounters counters; /* or NULL */
    gpointer user_data;
} VsfHostdevs;

/* @xdr: empty; its size is the most that a sample may have. The samples' name is the UUID of
 * @def. What is not known is left out. @facts: NULL if the guest told nothing. */
void vsf_detail_metrics(VsfXdr *xdr, const VsfDomainDef *def, const VsfDomainDetail *detail,
                        const VsfGuestFacts *facts, const VsfHostdevs *hostdevs,
                        VsfMetricSample sample, gpointer user_data);
