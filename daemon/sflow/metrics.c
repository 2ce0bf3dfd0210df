/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "metrics.h"

#include <math.h>

#define FORMAT_METRICS (4300U << 12 | 1002U)

enum {
    TYPE_TEXT = 0,
    TYPE_COUNTER64 = 2,
    TYPE_GAUGE32 = 3,
    TYPE_GAUGE64 = 4,
    TYPE_DOUBLE = 6,
};

/* The bounds of the structure, in bytes. */
#define MAX_NAME 63
#define MAX_TEXT 254

#define UNKNOWN_REAL (-1.0)

VsfSflowMetrics
vsf_sflow_metrics_begin(VsfXdr *xdr, const char *source)
{
    VsfSflowMetrics metrics = {.begin_at = xdr->used};

    vsf_xdr_u32(xdr, FORMAT_METRICS);
    metrics.length_at = vsf_xdr_reserve_u32(xdr);
    metrics.body_at = xdr->used;
    vsf_xdr_string(xdr, source, MAX_NAME);
    metrics.count_at = vsf_xdr_reserve_u32(xdr);
    return metrics;
}

static void
put_head(VsfXdr *xdr, const char *name, uint32_t type)
{
    vsf_xdr_string(xdr, name, MAX_NAME);
    vsf_xdr_u32(xdr, type);
}

/* Takes back a metric that did not fit: the writer is again as it was @before, so
 * a mark that an earlier write left stays. */
static gboolean
metric_end(VsfXdr *xdr, VsfSflowMetrics *metrics, const VsfXdr *before)
{
    if (xdr->overflow) {
        *xdr = *before;
        return FALSE;
    }
    metrics->n_metrics++;
    return TRUE;
}

gboolean
vsf_sflow_metric_text(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name, const char *text)
{
    const VsfXdr before = *xdr;

    put_head(xdr, name, TYPE_TEXT);
    vsf_xdr_string(xdr, text, MAX_TEXT);
    return metric_end(xdr, metrics, &before);
}

static gboolean
metric_u64(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name, uint32_t type, uint64_t value)
{
    const VsfXdr before = *xdr;

    put_head(xdr, name, type);
    vsf_xdr_u64(xdr, value);
    return metric_end(xdr, metrics, &before);
}

gboolean
vsf_sflow_metric_counter64(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name, uint64_t value)
{
    return metric_u64(xdr, metrics, name, TYPE_COUNTER64, value);
}

gboolean
vsf_sflow_metric_gauge64(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name, uint64_t value)
{
    return metric_u64(xdr, metrics, name, TYPE_GAUGE64, value);
}

gboolean
vsf_sflow_metric_gauge32(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name, uint32_t value)
{
    const VsfXdr before = *xdr;

    put_head(xdr, name, TYPE_GAUGE32);
    vsf_xdr_u32(xdr, value);
    return metric_end(xdr, metrics, &before);
}

gboolean
vsf_sflow_metric_double(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name, double value)
{
    const VsfXdr before = *xdr;

    put_head(xdr, name, TYPE_DOUBLE);
    vsf_xdr_double(xdr, isfinite(value) ? value : UNKNOWN_REAL);
    return metric_end(xdr, metrics, &before);
}

gboolean
vsf_sflow_metrics_end(VsfXdr *xdr, VsfSflowMetrics *metrics)
{
    if (metrics->n_metrics == 0 || xdr->overflow) {
        xdr->used = metrics->begin_at;
        return FALSE;
    }
    vsf_xdr_patch_u32(xdr, metrics->count_at, metrics->n_metrics);
    vsf_xdr_patch_u32(xdr, metrics->length_at, (uint32_t)(xdr->used - metrics->body_at));
    return TRUE;
}
