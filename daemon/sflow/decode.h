/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decodes sFlow v5 datagrams from anyone, for the command and the tests.
 * Shares nothing with the encoder. The bytes are hostile: every length is
 * checked against its container, every count against the bytes that are there.
 *
 * What is known is told to a sink as it is read; what is not known is skipped
 * by its length. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define VSF_SFLOW_ERROR vsf_sflow_error_quark()
GQuark vsf_sflow_error_quark(void);

typedef enum {
    VSF_SFLOW_ERROR_MALFORMED,
} VsfSflowError;

/* Where the decoded values go; every function must be there. @name is NULL for
 * an element of an array, and is valid during the call only. Within a datagram
 * begin and end are always balanced, also when it ends in an error. */
typedef struct {
    void (*begin_object)(gpointer user_data, const char *name);
    void (*end_object)(gpointer user_data);
    void (*begin_array)(gpointer user_data, const char *name);
    void (*end_array)(gpointer user_data);
    void (*integer)(gpointer user_data, const char *name, uint64_t value);
    /* Always finite. A float of the wire arrives as the shortest decimal that
     * reads as that float: 1.1, not 1.10000002. */
    void (*real)(gpointer user_data, const char *name, double value);
    /* Bytes of any kind, from outside; not terminated. */
    void (*text)(gpointer user_data, const char *name, const char *bytes, size_t length);
    void (*bytes)(gpointer user_data, const char *name, const uint8_t *bytes, size_t length);
    /* The sender does not know it: all ones, -1.0, a zero uuid. */
    void (*unknown)(gpointer user_data, const char *name);
} VsfSflowSink;

/* How deep objects and arrays are nested: samples[] is 1, a sample 2, its records{} or metrics[] 3,
 * one of those 4; within host_adapters adapters[] 5, one of them 6, macs[] 7. */
enum {
    VSF_SFLOW_DEPTH_SAMPLE = 2,
    VSF_SFLOW_DEPTH_RECORDS = 3,
    VSF_SFLOW_DEPTH_RECORD = 4,
    VSF_SFLOW_DEPTH_ADAPTER = 6,
    VSF_SFLOW_DEPTH_MACS = 7,
};

/* Tells @sink the members of one datagram:
 *   version, agent, sub_agent_id, sequence, uptime, samples [...]
 * (docs/receive-json.md has the whole shape). FALSE with @error where the
 * datagram is malformed; its message begins with "at byte N: ". What came
 * before that byte was told. */
gboolean vsf_sflow_decode(const uint8_t *data, size_t size, const VsfSflowSink *sink,
                          gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
