/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decoded datagram as plain values: what `receive` makes lines of, and `compare`
 * compares. Pure; names and texts are from outside, of any length and any bytes but
 * valid UTF-8 without NUL. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef enum {
    VSF_VALUE_INTEGER,
    VSF_VALUE_REAL,
    VSF_VALUE_TEXT,
    VSF_VALUE_UNKNOWN, /* the sender does not know it */
} VsfValueKind;

/* One field of a record, or one custom metric (then @record is "detail"). */
typedef struct {
    char *record, *name;
    VsfValueKind kind;
    guint64 integer;
    double real;
    char *text;
} VsfValue;

typedef enum {
    VSF_SAMPLE_COUNTERS,
    VSF_SAMPLE_FLOW,
    VSF_SAMPLE_METRICS, /* custom metrics, of the source with that name */
    VSF_SAMPLE_OTHER,
} VsfSampleKind;

typedef struct {
    VsfSampleKind kind;
    char *source;         /* "3:200001", the name of a source of metrics, or NULL */
    guint32 source_class; /* 0 interface, 2 physical, 3 logical; of metrics 0 */
    guint32 source_index;
    guint32 sequence;
    char *hostname, *uuid; /* of host_descr; NULL where there is none or it is unknown */
    GArray *ifindexes;     /* guint32, of host_adapters */
    char *macs;            /* of host_adapters, sorted, with commas; NULL where there is none */
    GPtrArray *values;     /* VsfValue, of counters and metrics, in their order */
} VsfSample;

typedef struct {
    char *agent; /* NULL: the header is malformed */
    guint32 sub_agent_id;
    GPtrArray *samples; /* VsfSample, in their order */
} VsfSamples;

/* Never NULL: what could be read, with *@error set if not all. */
VsfSamples *vsf_samples_read(const uint8_t *data, size_t size, GError **error);
void vsf_samples_free(VsfSamples *samples);
/* Of one that was taken out of @samples. Takes NULL. */
void vsf_sample_free(VsfSample *sample);

/* NULL: the sample has no such field. */
const VsfValue *vsf_sample_value(const VsfSample *sample, const char *record, const char *name);
/* FALSE: it has no such field, or that is not known. */
gboolean vsf_sample_integer(const VsfSample *sample, const char *record, const char *name,
                            guint64 *value);

/* The bytes of a well-formed datagram, of whose samples only those are left for which @keep (one
 * for each sample) is TRUE. The caller frees; *@kept_size: how many bytes. */
uint8_t *vsf_samples_cut(const uint8_t *data, size_t size, const gboolean *keep, size_t *kept_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfSamples, vsf_samples_free)
