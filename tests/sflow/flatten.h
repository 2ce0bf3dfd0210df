/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sink for tests: a decoded datagram as a table from path to text, e.g.
 * "samples/0/records/virt_cpu/cpuTime" -> "123456", unknown -> "null". Asserts
 * that the decoder keeps its side: balanced, names in objects and only there. */
#pragma once

#include "../../daemon/sflow/decode.h"

#include <math.h>
#include <string.h>

#define FLATTEN_MAX_DEPTH 16

typedef struct {
    GHashTable *values;
    GString *path;
    guint depth;
    struct {
        gsize path_length;
        gboolean is_array;
        guint n;
    } levels[FLATTEN_MAX_DEPTH];
} Flatten;

static void
flatten_enter_name(Flatten *flat, const char *name)
{
    gboolean in_array = flat->levels[flat->depth].is_array;

    g_assert_true(in_array == (name == NULL));
    g_string_truncate(flat->path, flat->levels[flat->depth].path_length);
    if (in_array)
        g_string_append_printf(flat->path, "%s%u", flat->path->len > 0 ? "/" : "",
                               flat->levels[flat->depth].n++);
    else
        g_string_append_printf(flat->path, "%s%s", flat->path->len > 0 ? "/" : "", name);
}

static void
flatten_begin(Flatten *flat, const char *name, gboolean is_array)
{
    flatten_enter_name(flat, name);
    g_assert_cmpuint(++flat->depth, <, FLATTEN_MAX_DEPTH);
    flat->levels[flat->depth].path_length = flat->path->len;
    flat->levels[flat->depth].is_array = is_array;
    flat->levels[flat->depth].n = 0;
}

static void
flatten_end(Flatten *flat, gboolean is_array)
{
    g_assert_cmpuint(flat->depth, >, 0);
    g_assert_true(flat->levels[flat->depth].is_array == is_array);
    flat->depth--;
}

static void
flatten_begin_object(gpointer user_data, const char *name)
{
    flatten_begin(user_data, name, FALSE);
}

static void
flatten_end_object(gpointer user_data)
{
    flatten_end(user_data, FALSE);
}

static void
flatten_begin_array(gpointer user_data, const char *name)
{
    flatten_begin(user_data, name, TRUE);
}

static void
flatten_end_array(gpointer user_data)
{
    flatten_end(user_data, TRUE);
}

/* Takes @value. */
static void
flatten_put(Flatten *flat, const char *name, char *value)
{
    flatten_enter_name(flat, name);
    g_hash_table_insert(flat->values, g_strdup(flat->path->str), value);
}

static void
flatten_integer(gpointer user_data, const char *name, uint64_t value)
{
    flatten_put(user_data, name, g_strdup_printf("%" G_GUINT64_FORMAT, value));
}

static void
flatten_real(gpointer user_data, const char *name, double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    g_assert_true(isfinite(value));
    flatten_put(user_data, name, g_strdup(g_ascii_dtostr(digits, sizeof(digits), value)));
}

static void
flatten_text(gpointer user_data, const char *name, const char *bytes, size_t length)
{
    flatten_put(user_data, name, g_utf8_make_valid(bytes, (gssize)length));
}

static void
flatten_bytes(gpointer user_data, const char *name, const uint8_t *bytes, size_t length)
{
    GString *hex = g_string_new(NULL);

    for (size_t i = 0; i < length; i++)
        g_string_append_printf(hex, "%02x", bytes[i]);
    flatten_put(user_data, name, g_string_free(hex, FALSE));
}

static void
flatten_unknown(gpointer user_data, const char *name)
{
    flatten_put(user_data, name, g_strdup("null"));
}

/* What could be decoded, with @error set if not all. The bytes are copied to an
 * allocation of their own size, so that a sanitizer sees a read past them. */
static inline GHashTable *
flatten(const uint8_t *data, size_t size, GError **error)
{
    static const VsfSflowSink sink = {
        .begin_object = flatten_begin_object,
        .end_object = flatten_end_object,
        .begin_array = flatten_begin_array,
        .end_array = flatten_end_array,
        .integer = flatten_integer,
        .real = flatten_real,
        .text = flatten_text,
        .bytes = flatten_bytes,
        .unknown = flatten_unknown,
    };
    g_autofree uint8_t *copy = g_memdup2(data, size);
    GError *failed = NULL;
    Flatten flat = {.values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                    .path = g_string_new(NULL)};
    gboolean ok = vsf_sflow_decode(copy, size, &sink, &flat, &failed);

    g_assert_true(ok == (failed == NULL));
    g_assert_cmpuint(flat.depth, ==, 0);
    g_string_free(flat.path, TRUE);
    if (failed != NULL)
        g_propagate_error(error, failed);
    return flat.values;
}
