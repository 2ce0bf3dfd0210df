/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "records.h"

#include <string.h>

#define SFLOW_VERSION 5
#define FORMAT_RTMETRIC (4300U << 12 | 1002U)

static const char *const metric_types[] = {"string",  "counter32", "counter64", "gauge32",
                                           "gauge64", "float",     "double"};

/* A member that is never "unknown": all ones is a number here. */
static gboolean
decode_word(VsfReader *reader, const char *name)
{
    uint32_t value;

    if (!vsf_reader_u32(reader, name, &value))
        return FALSE;
    reader->sink->integer(reader->user_data, name, value);
    return TRUE;
}

static gboolean
decode_source(VsfReader *reader, gboolean expanded)
{
    uint32_t word, index;
    char text[32];

    if (!vsf_reader_u32(reader, "source", &word))
        return FALSE;
    index = word & 0xffffff;
    if (!expanded)
        word >>= 24;
    else if (!vsf_reader_u32(reader, "source index", &index))
        return FALSE;
    g_snprintf(text, sizeof(text), "%u:%u", word, index);
    vsf_reader_tell_text(reader, "source", text);
    return TRUE;
}

/* Compact: two bits of format above the value. */
static gboolean
decode_port(VsfReader *reader, const char *name, const char *format_name, gboolean expanded)
{
    uint32_t word, value;

    if (!vsf_reader_u32(reader, name, &word))
        return FALSE;
    value = word & 0x3fffffff;
    if (!expanded)
        word >>= 30;
    else if (!vsf_reader_u32(reader, name, &value))
        return FALSE;
    reader->sink->integer(reader->user_data, name, value);
    if (word != 0)
        reader->sink->integer(reader->user_data, format_name, word);
    return TRUE;
}

static gboolean
decode_flow_sample(VsfReader *reader, gboolean expanded)
{
    vsf_reader_tell_text(reader, "type", "flow_sample");
    return decode_word(reader, "sequence") && decode_source(reader, expanded) &&
           decode_word(reader, "sampling_rate") && decode_word(reader, "sample_pool") &&
           decode_word(reader, "drops") && decode_port(reader, "input", "input_format", expanded) &&
           decode_port(reader, "output", "output_format", expanded) &&
           vsf_records_decode(reader, VSF_RECORDS_FLOW);
}

static gboolean
decode_counter_sample(VsfReader *reader, gboolean expanded)
{
    vsf_reader_tell_text(reader, "type", "counter_sample");
    return decode_word(reader, "sequence") && decode_source(reader, expanded) &&
           vsf_records_decode(reader, VSF_RECORDS_COUNTER);
}

/* A value that is 32 or 64 bits wide. */
static gboolean
decode_metric_number(VsfReader *reader, gboolean wide, gboolean real)
{
    uint64_t u64 = 0;
    uint32_t u32 = 0;
    double value;
    float single;

    if (wide ? !vsf_reader_u64(reader, "value", &u64) : !vsf_reader_u32(reader, "value", &u32))
        return FALSE;
    memcpy(&value, &u64, sizeof(value));
    memcpy(&single, &u32, sizeof(single));
    if (!real)
        vsf_reader_tell_integer(reader, "value", wide ? u64 : u32, wide ? UINT64_MAX : UINT32_MAX);
    else if (wide ? value == -1.0 : single == -1.0F)
        reader->sink->unknown(reader->user_data, "value");
    else if (wide)
        vsf_reader_tell_real(reader, "value", value);
    else
        vsf_reader_tell_float(reader, "value", single);
    return TRUE;
}

static gboolean
decode_metric_text(VsfReader *reader, const char *name)
{
    const uint8_t *bytes;
    uint32_t length;

    if (!vsf_reader_opaque(reader, name, &bytes, &length))
        return FALSE;
    reader->sink->text(reader->user_data, name, (const char *)bytes, length);
    return TRUE;
}

/* *@type: what its value is, for the caller. */
static gboolean
decode_metric(VsfReader *reader, uint32_t *type)
{
    char number[16];

    if (!decode_metric_text(reader, "name") || !vsf_reader_u32(reader, "type", type))
        return FALSE;
    if (*type >= G_N_ELEMENTS(metric_types)) {
        /* Told as unknown samples and records are: by number and length. */
        g_snprintf(number, sizeof(number), "%" G_GUINT32_FORMAT, *type);
        vsf_reader_tell_text(reader, "type", number);
        reader->sink->integer(reader->user_data, "length", vsf_reader_left(reader));
        return TRUE;
    }
    vsf_reader_tell_text(reader, "type", metric_types[*type]);
    switch (*type) {
    case 0:
        return decode_metric_text(reader, "value");
    case 5:
    case 6:
        return decode_metric_number(reader, *type == 6, TRUE);
    default:
        return decode_metric_number(reader, *type % 2 == 0, FALSE);
    }
}

/* How many bytes a value takes is known by its type only: behind a value of another
 * type there is no way on, and the rest of the sample is left unread. */
static gboolean
decode_rtmetric(VsfReader *reader)
{
    gboolean ok = TRUE;
    uint32_t n, type = 0;

    vsf_reader_tell_text(reader, "type", "rtmetric");
    /* 8: a name's length, a type, and for what we know of a value of an unknown
     * type, nothing. */
    if (!decode_metric_text(reader, "name") || !vsf_reader_count(reader, "metrics", 8, &n))
        return FALSE;
    reader->sink->begin_array(reader->user_data, "metrics");
    for (uint32_t i = 0; ok && type < G_N_ELEMENTS(metric_types) && i < n; i++) {
        reader->sink->begin_object(reader->user_data, NULL);
        ok = decode_metric(reader, &type);
        reader->sink->end_object(reader->user_data);
    }
    reader->sink->end_array(reader->user_data);
    return ok;
}

static gboolean
decode_sample_body(VsfReader *reader, uint32_t format)
{
    switch (format) {
    case 1:
    case 3:
        return decode_flow_sample(reader, format == 3);
    case 2:
    case 4:
        return decode_counter_sample(reader, format == 4);
    case FORMAT_RTMETRIC:
        return decode_rtmetric(reader);
    default:
        reader->sink->integer(reader->user_data, "length", vsf_reader_left(reader));
        return TRUE;
    }
}

static gboolean
decode_sample(VsfReader *reader)
{
    uint32_t format;
    size_t outer;
    gboolean ok;

    if (!vsf_reader_u32(reader, "sample format", &format) ||
        !vsf_reader_enter(reader, "sample", &outer))
        return FALSE;
    reader->sink->begin_object(reader->user_data, NULL);
    vsf_reader_tell_format(reader, format);
    ok = decode_sample_body(reader, format);
    reader->sink->end_object(reader->user_data);
    vsf_reader_leave(reader, outer);
    return ok;
}

static gboolean
decode_header(VsfReader *reader)
{
    const uint8_t *address;
    uint32_t version, family;

    if (!vsf_reader_u32(reader, "version", &version))
        return FALSE;
    if (version != SFLOW_VERSION)
        return vsf_reader_fail(reader, "version %" G_GUINT32_FORMAT " is not 5: no sFlow v5",
                               version);
    reader->sink->integer(reader->user_data, "version", version);
    if (!vsf_reader_u32(reader, "agent address type", &family))
        return FALSE;
    if (family != 1 && family != 2)
        return vsf_reader_fail(reader, "agent address type %" G_GUINT32_FORMAT " is unknown",
                               family);
    if (!vsf_reader_fixed(reader, "agent address", family == 2 ? 16 : 4, &address))
        return FALSE;
    vsf_reader_tell_address(reader, "agent", family, address);
    return decode_word(reader, "sub_agent_id") && decode_word(reader, "sequence") &&
           decode_word(reader, "uptime");
}

gboolean
vsf_sflow_decode(const uint8_t *data, size_t size, const VsfSflowSink *sink, gpointer user_data,
                 GError **error)
{
    VsfReader reader = {
        .data = data, .end = size, .sink = sink, .user_data = user_data, .error = error};
    gboolean ok = TRUE;
    uint32_t n;

    if (!decode_header(&reader) || !vsf_reader_count(&reader, "samples", 8, &n))
        return FALSE;
    sink->begin_array(user_data, "samples");
    for (uint32_t i = 0; ok && i < n; i++)
        ok = decode_sample(&reader);
    sink->end_array(user_data);
    if (ok && vsf_reader_left(&reader) > 0)
        return vsf_reader_fail(&reader, "%" G_GSIZE_FORMAT " bytes follow the last sample",
                               vsf_reader_left(&reader));
    return ok;
}
