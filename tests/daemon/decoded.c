/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decoded.h"

#include "../../daemon/sflow/decode.h"

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
