/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "samples.h"

#include "../sflow/decode.h"

#include <string.h>

typedef struct {
    VsfSamples *samples;
    VsfSample *sample; /* that is being read, or NULL */
    guint depth;
    char *record; /* that is being read; of metrics "detail" */
    char *metric; /* the name of the metric that is being read, or NULL */
    GPtrArray *macs;
} Read;

static void
value_free(gpointer data)
{
    VsfValue *value = data;

    g_free(value->record);
    g_free(value->name);
    g_free(value->text);
    g_free(value);
}

void
vsf_sample_free(VsfSample *sample)
{
    if (sample == NULL)
        return;
    g_free(sample->source);
    g_free(sample->hostname);
    g_free(sample->uuid);
    g_free(sample->macs);
    g_array_unref(sample->ifindexes);
    g_ptr_array_unref(sample->values);
    g_free(sample);
}

void
vsf_samples_free(VsfSamples *samples)
{
    if (samples == NULL)
        return;
    g_free(samples->agent);
    g_ptr_array_unref(samples->samples);
    g_free(samples);
}

static VsfSample *
sample_new(void)
{
    VsfSample *sample = g_new0(VsfSample, 1);

    sample->kind = VSF_SAMPLE_OTHER;
    sample->ifindexes = g_array_new(FALSE, FALSE, sizeof(guint32));
    sample->values = g_ptr_array_new_with_free_func(value_free);
    return sample;
}

/* The value that is being read, of a record or a metric; NULL: it is none of those. */
static VsfValue *
add_value(Read *read, const char *name, VsfValueKind kind)
{
    VsfValue *value;

    if (read->depth != VSF_SFLOW_DEPTH_RECORD || read->record == NULL || name == NULL)
        return NULL;
    if (read->sample->kind == VSF_SAMPLE_METRICS) {
        if (strcmp(name, "value") != 0 || read->metric == NULL)
            return NULL;
        name = read->metric;
    }
    value = g_new0(VsfValue, 1);
    value->record = g_strdup(read->record);
    value->name = g_strdup(name);
    value->kind = kind;
    g_ptr_array_add(read->sample->values, value);
    return value;
}

static void
begin_object(gpointer user_data, const char *name)
{
    Read *read = user_data;

    read->depth++;
    if (read->depth == VSF_SFLOW_DEPTH_SAMPLE) {
        read->sample = sample_new();
        g_ptr_array_add(read->samples->samples, read->sample);
    } else if (read->depth == VSF_SFLOW_DEPTH_RECORD && read->sample->kind != VSF_SAMPLE_FLOW) {
        read->record = g_strdup(name != NULL ? name : "detail");
    }
}

static int
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
end_sample(Read *read)
{
    if (read->macs->len > 0) {
        g_ptr_array_sort(read->macs, compare_texts);
        g_ptr_array_add(read->macs, NULL);
        g_free(read->sample->macs);
        read->sample->macs = g_strjoinv(",", (char **)read->macs->pdata);
        g_ptr_array_set_size(read->macs, 0);
    }
    read->sample = NULL;
}

static void
end_object(gpointer user_data)
{
    Read *read = user_data;

    if (read->depth == VSF_SFLOW_DEPTH_RECORD) {
        g_clear_pointer(&read->record, g_free);
        g_clear_pointer(&read->metric, g_free);
    } else if (read->depth == VSF_SFLOW_DEPTH_SAMPLE) {
        end_sample(read);
    }
    read->depth--;
}

static void
begin_array(gpointer user_data, const char *name G_GNUC_UNUSED)
{
    ((Read *)user_data)->depth++;
}

static void
end_array(gpointer user_data)
{
    ((Read *)user_data)->depth--;
}

static void
put_integer(gpointer user_data, const char *name, uint64_t number)
{
    Read *read = user_data;
    VsfValue *value;

    if (read->depth == 0 && strcmp(name, "sub_agent_id") == 0)
        read->samples->sub_agent_id = (guint32)number;
    if (read->depth == VSF_SFLOW_DEPTH_SAMPLE && strcmp(name, "sequence") == 0)
        read->sample->sequence = (guint32)number;
    if (read->depth == VSF_SFLOW_DEPTH_ADAPTER && name != NULL && strcmp(name, "ifIndex") == 0) {
        guint32 ifindex = (guint32)number;

        g_array_append_val(read->sample->ifindexes, ifindex);
    }
    value = add_value(read, name, VSF_VALUE_INTEGER);
    if (value != NULL)
        value->integer = number;
}

static void
put_real(gpointer user_data, const char *name, double number)
{
    VsfValue *value = add_value(user_data, name, VSF_VALUE_REAL);

    if (value != NULL)
        value->real = number;
}

/* Of the sample itself. Takes nothing. */
static void
put_sample_text(VsfSample *sample, const char *name, const char *text)
{
    if (strcmp(name, "type") == 0) {
        sample->kind = strcmp(text, "counter_sample") == 0 ? VSF_SAMPLE_COUNTERS
                       : strcmp(text, "flow_sample") == 0  ? VSF_SAMPLE_FLOW
                       : strcmp(text, "rtmetric") == 0     ? VSF_SAMPLE_METRICS
                                                           : VSF_SAMPLE_OTHER;
    } else if (strcmp(name, "source") == 0 || strcmp(name, "name") == 0) {
        const char *colon = strchr(text, ':');

        g_free(sample->source);
        sample->source = g_strdup(text);
        if (sample->kind == VSF_SAMPLE_METRICS || colon == NULL)
            return;
        sample->source_class = (guint32)g_ascii_strtoull(text, NULL, 10);
        sample->source_index = (guint32)g_ascii_strtoull(colon + 1, NULL, 10);
    }
}

static void
put_descr(VsfSample *sample, const char *name, const char *text)
{
    if (strcmp(name, "hostname") == 0 && *text != '\0') {
        g_free(sample->hostname);
        sample->hostname = g_strdup(text);
    } else if (strcmp(name, "uuid") == 0) {
        g_free(sample->uuid);
        sample->uuid = g_strdup(text);
    }
}

static void
put_text(gpointer user_data, const char *name, const char *bytes, size_t length)
{
    Read *read = user_data;
    /* Also replaces NUL, at which the text would end. */
    g_autofree char *text = g_utf8_make_valid(bytes, (gssize)length);
    VsfValue *value;

    if (read->depth == 0 && strcmp(name, "agent") == 0) {
        g_free(read->samples->agent);
        read->samples->agent = g_steal_pointer(&text);
    } else if (read->depth == VSF_SFLOW_DEPTH_SAMPLE) {
        put_sample_text(read->sample, name, text);
    } else if (read->depth == VSF_SFLOW_DEPTH_RECORD && read->sample->kind == VSF_SAMPLE_METRICS &&
               strcmp(name, "name") == 0) {
        g_free(read->metric);
        read->metric = g_steal_pointer(&text);
    } else if (read->depth == VSF_SFLOW_DEPTH_MACS && read->sample->kind == VSF_SAMPLE_COUNTERS) {
        g_ptr_array_add(read->macs, g_steal_pointer(&text));
    } else if ((value = add_value(read, name, VSF_VALUE_TEXT)) != NULL) {
        if (strcmp(value->record, "host_descr") == 0)
            put_descr(read->sample, name, text);
        value->text = g_steal_pointer(&text);
    }
}

/* Packet headers. */
static void
put_bytes(gpointer user_data G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
          const uint8_t *bytes G_GNUC_UNUSED, size_t length G_GNUC_UNUSED)
{
}

static void
put_unknown(gpointer user_data, const char *name)
{
    add_value(user_data, name, VSF_VALUE_UNKNOWN);
}

VsfSamples *
vsf_samples_read(const uint8_t *data, size_t size, GError **error)
{
    static const VsfSflowSink sink = {
        .begin_object = begin_object,
        .end_object = end_object,
        .begin_array = begin_array,
        .end_array = end_array,
        .integer = put_integer,
        .real = put_real,
        .text = put_text,
        .bytes = put_bytes,
        .unknown = put_unknown,
    };
    g_autoptr(GPtrArray) macs = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) failed = NULL;
    Read read = {.samples = g_new0(VsfSamples, 1), .macs = macs};

    read.samples->samples = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_sample_free);
    if (!vsf_sflow_decode(data, size, &sink, &read, &failed))
        g_propagate_error(error, g_steal_pointer(&failed));
    return read.samples;
}

const VsfValue *
vsf_sample_value(const VsfSample *sample, const char *record, const char *name)
{
    for (guint i = 0; i < sample->values->len; i++) {
        const VsfValue *value = g_ptr_array_index(sample->values, i);

        if (strcmp(value->name, name) == 0 && strcmp(value->record, record) == 0)
            return value;
    }
    return NULL;
}

gboolean
vsf_sample_integer(const VsfSample *sample, const char *record, const char *name, guint64 *number)
{
    const VsfValue *value = vsf_sample_value(sample, record, name);

    if (value == NULL || value->kind != VSF_VALUE_INTEGER)
        return FALSE;
    *number = value->integer;
    return TRUE;
}

static uint32_t
word_at(const uint8_t *data)
{
    uint32_t word;

    memcpy(&word, data, sizeof(word));
    return GUINT32_FROM_BE(word);
}

/* Well-formed: the lengths are within the datagram. */
uint8_t *
vsf_samples_cut(const uint8_t *data, size_t size, const gboolean *keep, size_t *kept_size)
{
    /* Version, family, address, sub-agent, sequence, uptime; then the count of samples. */
    size_t at = word_at(data + 4) == 2 ? 36 : 24;
    uint8_t *kept = g_malloc(size);
    uint32_t n = word_at(data + at), n_kept = 0;
    size_t used = at + 4;

    memcpy(kept, data, used);
    for (uint32_t i = 0, next = (uint32_t)used; i < n; i++) {
        size_t length = 8 + (size_t)word_at(data + next + 4);

        if (keep[i]) {
            memcpy(kept + used, data + next, length);
            used += length;
            n_kept++;
        }
        next += (uint32_t)length;
    }
    n_kept = GUINT32_TO_BE(n_kept);
    memcpy(kept + at, &n_kept, sizeof(n_kept));
    *kept_size = used;
    return kept;
}
