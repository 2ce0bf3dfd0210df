/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long things took, as a histogram of fixed size: quantiles over an interval
 * without keeping each value. Buckets grow with the value, sixteen per power of two,
 * so that a quantile is at most 1/16 above what it stands for, and not below (up to 9 hours). Pure.
 */
#pragma once

#include <glib.h>

#define VSF_QUANTILES_BUCKETS 512 /* up to 2^35: hours, in microseconds */

typedef struct { /* all zero: empty */
    guint32 counts[VSF_QUANTILES_BUCKETS];
    guint64 n;
} VsfQuantiles;

/* @value in any unit; what is below 0 counts as 0, what is too large as the largest. */
void vsf_quantiles_add(VsfQuantiles *quantiles, gint64 value);

/* The smallest bound that @per_mille (1 to 1000) of the values do not exceed; all ones
 * (VSF_UNKNOWN) if there is none. */
guint64 vsf_quantiles_at(const VsfQuantiles *quantiles, guint per_mille);

/* What was added so far; @quantiles begins anew. */
VsfQuantiles vsf_quantiles_take(VsfQuantiles *quantiles);
