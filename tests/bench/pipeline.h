/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's way of a packet sample, without the rest of the daemon: samplers on taps whose
 * VMs are known, sample pools, flow samples, datagrams. */
#pragma once

#include <glib.h>

typedef enum {
    PIPELINE_RING,     /* as far as the capture's callback */
    PIPELINE_DATAGRAM, /* to finished datagrams, which nobody sends */
    PIPELINE_SENT,     /* and by UDP to PIPELINE_COLLECTOR */
} PipelineEnd;

#define PIPELINE_COLLECTOR "192.0.2.9:6343"

typedef struct Pipeline Pipeline;

typedef struct {
    guint64 samples, lost;
    guint64 datagrams, bytes;
} PipelineTotals;

/* 1 in 1 on the taps vnet0 to vnetN, all frames, no bound on samples. Returns when all samplers
 * are open. */
Pipeline *pipeline_new(guint n_taps, PipelineEnd end);
void pipeline_free(Pipeline *pipeline);

PipelineTotals pipeline_totals(const Pipeline *pipeline);
