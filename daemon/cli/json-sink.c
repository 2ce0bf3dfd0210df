/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json-sink.h"

#include "../sflow/decode.h"

#include <string.h>

typedef struct {
    JsonBuilder *builder;
    guint depth;
    /* Times that each record name was seen in this sample: a name that comes
     * again gets a number, since a JSON object has each name once. */
    GHashTable *seen;
} Json;

static void
put_name(Json *json, const char *name)
{
    if (name != NULL)
        json_builder_set_member_name(json->builder, name);
}

static void
put_record_name(Json *json, const char *name)
{
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(json->seen, name)) + 1;
    g_autofree char *numbered = n > 1 ? g_strdup_printf("%s#%u", name, n) : NULL;

    g_hash_table_insert(json->seen, g_strdup(name), GUINT_TO_POINTER(n));
    put_name(json, numbered != NULL ? numbered : name);
}

static void
begin_object(gpointer user_data, const char *name)
{
    Json *json = user_data;

    if (json->depth == VSF_SFLOW_DEPTH_RECORDS && name != NULL)
        put_record_name(json, name);
    else
        put_name(json, name);
    json_builder_begin_object(json->builder);
    if (++json->depth == VSF_SFLOW_DEPTH_RECORDS)
        g_hash_table_remove_all(json->seen);
}

static void
end_object(gpointer user_data)
{
    Json *json = user_data;

    json_builder_end_object(json->builder);
    json->depth--;
}

static void
begin_array(gpointer user_data, const char *name)
{
    Json *json = user_data;

    put_name(json, name);
    json_builder_begin_array(json->builder);
    json->depth++;
}

static void
end_array(gpointer user_data)
{
    Json *json = user_data;

    json_builder_end_array(json->builder);
    json->depth--;
}

static void
put_integer(gpointer user_data, const char *name, uint64_t value)
{
    Json *json = user_data;

    put_name(json, name);
    /* json-glib's integers are signed. */
    if (value <= G_MAXINT64)
        json_builder_add_int_value(json->builder, (gint64)value);
    else
        json_builder_add_double_value(json->builder, (double)value);
}

static void
put_real(gpointer user_data, const char *name, double value)
{
    Json *json = user_data;

    put_name(json, name);
    json_builder_add_double_value(json->builder, value);
}

static void
put_text(gpointer user_data, const char *name, const char *bytes, size_t length)
{
    Json *json = user_data;
    /* Also replaces NUL, at which the text would end. */
    g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)length);

    put_name(json, name);
    json_builder_add_string_value(json->builder, valid);
}

static void
put_bytes(gpointer user_data, const char *name, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    g_autofree char *hex = g_malloc(length * 2 + 1);
    Json *json = user_data;

    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    hex[2 * length] = '\0';
    put_name(json, name);
    json_builder_add_string_value(json->builder, hex);
}

static void
put_unknown(gpointer user_data, const char *name)
{
    Json *json = user_data;

    put_name(json, name);
    json_builder_add_null_value(json->builder);
}

JsonNode *
vsf_json_sink_datagram(const uint8_t *data, size_t size, const char *from, gint64 time_ns)
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
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GError) error = NULL;
    Json json = {.builder = builder, .seen = seen};

    json_builder_begin_object(builder);
    if (time_ns != 0)
        put_integer(&json, "time_ns", (uint64_t)time_ns);
    if (from != NULL)
        put_text(&json, "from", from, strlen(from));
    put_integer(&json, "size", size);
    if (!vsf_sflow_decode(data, size, &sink, &json, &error))
        put_text(&json, "error", error->message, strlen(error->message));
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
