/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's detail as custom metrics. Pure: writes into a buffer and hands out
 * each sample that is full. docs/metrics.md names every metric. */
#pragma once

#include "model/domain-detail.h"
#include "sflow/metrics.h"

/* One finished sample, from the start of the buffer. */
typedef gboolean (*VsfDetailSample)(const VsfXdr *xdr, gpointer user_data);

/* @xdr: empty; its size is the most that a sample may have. @source: the samples' name. What is
 * not known is left out. @facts: NULL if the guest told nothing. */
void vsf_detail_metrics(VsfXdr *xdr, const char *source, const VsfDomainDetail *detail,
                        const VsfGuestFacts *facts, VsfDetailSample sample, gpointer user_data);
