/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decoded.h"

#include "../../daemon/sflow/decode.h"

#include <string.h>

typedef struct {
    GHashTable *table;
    GString *path;
    GArray *lengths; /* of the path before each open container */
    GArray *counts;  /* elements seen in each open container */
} Sink;

/* Appends the member's name, or its number in an array. */
static void
enter(Sink *sink, const char *name)
{
    guint *count = &g_array_index(sink->counts, guint, sink->counts->len - 1);
    gsize before = sink->path->len;

    g_array_append_val(sink->lengths, before);
    if (sink->path->len > 0)
        g_string_append_c(sink->path, '.');
    if (name != NULL)
        g_string_append(sink->path, name);
    else
        g_string_append_printf(sink->path, "%u", *count);
    (*count)++;
}

static void
leave(Sink *sink)
{
    g_string_truncate(sink->path, g_array_index(sink->lengths, gsize, sink->lengths->len - 1));
    g_array_set_size(sink->lengths, sink->lengths->len - 1);
}

static void
put(Sink *sink, const char *name, char *text)
{
    enter(sink, name);
    g_hash_table_insert(sink->table, g_strdup(sink->path->str), text);
    leave(sink);
}

static void
begin(gpointer user_data, const char *name)
{
    Sink *sink = user_data;
    guint zero = 0;

    enter(sink, name);
    g_array_append_val(sink->counts, zero);
}

static void
end(gpointer user_data)
{
    Sink *sink = user_data;

    g_array_set_size(sink->counts, sink->counts->len - 1);
    leave(sink);
}

static void
put_integer(gpointer user_data, const char *name, uint64_t value)
{
    put(user_data, name, g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)value));
}

static void
put_real(gpointer user_data, const char *name, double value)
{
    put(user_data, name, g_strdup_printf("%g", value));
}

static void
put_text(gpointer user_data, const char *name, const char *bytes, size_t length)
{
    put(user_data, name, g_strndup(bytes, length));
}

static void
put_bytes(gpointer user_data, const char *name, const uint8_t *bytes, size_t length)
{
    GString *hex = g_string_new(NULL);

    for (size_t i = 0; i < length; i++)
        g_string_append_printf(hex, "%02x", bytes[i]);
    put(user_data, name, g_string_free(hex, FALSE));
}

static void
put_unknown(gpointer user_data, const char *name)
{
    put(user_data, name, g_strdup("unknown"));
}

GHashTable *
decoded_new(const guint8 *data, gsize size)
{
    static const VsfSflowSink functions = {
        .begin_object = begin,
        .end_object = end,
        .begin_array = begin,
        .end_array = end,
        .integer = put_integer,
        .real = put_real,
        .text = put_text,
        .bytes = put_bytes,
        .unknown = put_unknown,
    };
    Sink sink = {
        .table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .path = g_string_new(NULL),
        .lengths = g_array_new(FALSE, FALSE, sizeof(gsize)),
        .counts = g_array_new(FALSE, TRUE, sizeof(guint)),
    };
    g_autoptr(GError) error = NULL;
    gboolean whole;

    g_array_set_size(sink.counts, 1);
    whole = vsf_sflow_decode(data, size, &functions, &sink, &error);
    g_string_free(sink.path, TRUE);
    g_array_unref(sink.lengths);
    g_array_unref(sink.counts);
    if (whole)
        return sink.table;
    g_test_message("%s", error->message);
    g_hash_table_unref(sink.table);
    return NULL;
}

const char *
decoded_get(GHashTable *table, const char *path)
{
    return g_hash_table_lookup(table, path);
}

void
decoded_collect(const guint8 *data, gsize size, gpointer datagrams)
{
    g_ptr_array_add(datagrams, g_bytes_new(data, size));
}

static void
take_metrics(GHashTable *table, guint sample, GHashTable *metrics)
{
    for (guint m = 0;; m++) {
        g_autofree char *name_path = g_strdup_printf("samples.%u.metrics.%u.name", sample, m);
        g_autofree char *value_path = g_strdup_printf("samples.%u.metrics.%u.value", sample, m);
        const char *name = decoded_get(table, name_path);

        if (name == NULL)
            return;
        g_assert_cmpuint(strlen(name), <=, 63);
        g_assert_cmpuint(strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-"), ==,
                         strlen(name));
        g_assert_true(
            g_hash_table_insert(metrics, g_strdup(name), g_strdup(decoded_get(table, value_path))));
    }
}

guint
decoded_metrics(const GPtrArray *datagrams, GHashTable *metrics, const char *source)
{
    guint n_samples = 0;

    for (guint d = 0; d < datagrams->len; d++) {
        GBytes *bytes = datagrams->pdata[d];
        g_autoptr(GHashTable)
            table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

        g_assert_nonnull(table);
        for (guint s = 0;; s++) {
            g_autofree char *source_path = g_strdup_printf("samples.%u.name", s);

            if (decoded_get(table, source_path) == NULL)
                break;
            g_assert_cmpstr(decoded_get(table, source_path), ==, source);
            take_metrics(table, s, metrics);
            n_samples++;
        }
    }
    return n_samples;
}
