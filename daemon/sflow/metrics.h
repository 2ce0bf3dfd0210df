/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Custom metrics (rtmetric, format 4300:1002): named values of a named source,
 * for what has no standard field. Collectors that do not know the format skip
 * the sample by its length. Wire: string name<63> of the source, u32 count, then
 * {string name<63>, u32 type, value}; type 0 string<254>, 1 counter32, 2 counter64,
 * 3 gauge32, 4 gauge64, 5 float, 6 double. Source: sFlow.org, custom metrics. */
#pragma once

#include "xdr.h"

/* Most bytes of a begun sample, and of one metric: both fit into the smallest datagram,
 * so a metric that did not fit fits into the sample after it. */
#define VSF_SFLOW_METRICS_BEGIN_MAX (3 * 4 + 64 + 4)
#define VSF_SFLOW_METRIC_MAX (4 + 64 + 4 + 4 + 256)

typedef struct {
    size_t begin_at, length_at, count_at, body_at;
    uint32_t n_metrics;
} VsfSflowMetrics;

/* Begins a sample: {format, length} and the source's name, cut at 63 bytes. */
VsfSflowMetrics vsf_sflow_metrics_begin(VsfXdr *xdr, const char *source);

/* Each writes one metric; FALSE if it does not fit: nothing of it is written, @xdr is
 * not marked as overflown, and the caller ends this sample and begins another. Names are
 * cut at 63 bytes, texts at 254 (not inside a character); both must be UTF-8. All ones in
 * an integer, and -1.0, are unknown; a double that is not finite is sent as -1.0. */
gboolean vsf_sflow_metric_text(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name,
                               const char *text) G_GNUC_WARN_UNUSED_RESULT;
gboolean vsf_sflow_metric_counter64(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name,
                                    uint64_t value) G_GNUC_WARN_UNUSED_RESULT;
gboolean vsf_sflow_metric_gauge32(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name,
                                  uint32_t value) G_GNUC_WARN_UNUSED_RESULT;
gboolean vsf_sflow_metric_gauge64(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name,
                                  uint64_t value) G_GNUC_WARN_UNUSED_RESULT;
gboolean vsf_sflow_metric_double(VsfXdr *xdr, VsfSflowMetrics *metrics, const char *name,
                                 double value) G_GNUC_WARN_UNUSED_RESULT;

/* Fills in length and count. A sample without metrics takes back what begin()
 * wrote and returns FALSE; so does one that overflowed, and @xdr stays overflown. */
gboolean vsf_sflow_metrics_end(VsfXdr *xdr, VsfSflowMetrics *metrics) G_GNUC_WARN_UNUSED_RESULT;
