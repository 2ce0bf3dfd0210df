/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's detail as custom metrics. Pure: writes into a buffer and hands out
 * each sample that is full. docs/metrics.md names every metric. */
#pragma once

#include "metric-writer.h"
#include "model/domain-detail.h"
#include "model/domain.h"

/* @xdr: empty; its size is the most that a sample may have. The samples' name is the UUID of
 * @def. What is not known is left out. @facts: NULL if the guest told nothing. */
void vsf_detail_metrics(VsfXdr *xdr, const VsfDomainDef *def, const VsfDomainDetail *detail,
                        const VsfGuestFacts *facts, VsfMetricSample sample, gpointer user_data);
