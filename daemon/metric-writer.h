/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics of one source, in as many custom-metrics samples as they take. Pure: writes into
 * a buffer and hands out each sample that is full. */
#pragma once

#include "sflow/metrics.h"

#include <glib.h>

typedef enum { VSF_METRIC_COUNTER, VSF_METRIC_GAUGE } VsfMetricKind;

/* One finished sample, from the start of the buffer. */
typedef gboolean (*VsfMetricSample)(const VsfXdr *xdr, gpointer user_data);

typedef struct { /* private to metric-writer.c */
    VsfXdr *xdr;
    VsfSflowMetrics metrics;
    const char *source;
    VsfMetricSample sample;
    gpointer user_data;
} VsfMetricWriter;

/* @xdr: empty; its size is the most that a sample may have. @source: the samples' name. Both
 * are used until vsf_metric_writer_end(). */
void vsf_metric_writer_begin(VsfMetricWriter *writer, VsfXdr *xdr, const char *source,
                             VsfMetricSample sample, gpointer user_data);
void vsf_metric_writer_end(VsfMetricWriter *writer);

/* Each writes the metric GROUP_KEY_FIELD (@key and @field may be ""), or nothing if it is not
 * known: all ones in @value, NULL, below 0. Characters that a metric's name may not have
 * become "_". */
void vsf_metric_number(VsfMetricWriter *writer, const char *group, const char *key,
                       const char *field, VsfMetricKind kind, guint64 value);
void vsf_metric_text(VsfMetricWriter *writer, const char *group, const char *key, const char *field,
                     const char *text);
void vsf_metric_real(VsfMetricWriter *writer, const char *name, double value);
