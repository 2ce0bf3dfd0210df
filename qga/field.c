/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "field.h"

#include <math.h>
#include <string.h>

/* The member's node if it holds a value of this type, else NULL. */
static JsonNode *
value_of(JsonObject *object, const char *name, GType type)
{
    JsonNode *node = json_object_get_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type
               ? node
               : NULL;
}

const char *
vsf_qga_field_raw_text(JsonObject *object, const char *name)
{
    JsonNode *node = value_of(object, name, G_TYPE_STRING);

    return node != NULL ? json_node_get_string(node) : NULL;
}

char *
vsf_qga_field_text(JsonObject *object, const char *name)
{
    const char *raw = vsf_qga_field_raw_text(object, name);

    return raw != NULL ? vsf_qga_text(raw) : NULL;
}

guint64
vsf_qga_field_u64(JsonObject *object, const char *name)
{
    JsonNode *node = value_of(object, name, G_TYPE_INT64);
    gint64 value = node != NULL ? json_node_get_int(node) : -1;

    /* Integers above 2^63 - 1 come out of json-glib as negative numbers. */
    return value >= 0 ? (guint64)value : VSF_QGA_UNKNOWN;
}

guint32
vsf_qga_field_u32(JsonObject *object, const char *name)
{
    return (guint32)MIN(vsf_qga_field_u64(object, name), G_MAXUINT32);
}

double
vsf_qga_field_load(JsonObject *object, const char *name)
{
    JsonNode *node = value_of(object, name, G_TYPE_DOUBLE);
    double value = VSF_QGA_UNKNOWN_LOAD;

    if (node != NULL)
        value = json_node_get_double(node);
    else if (vsf_qga_field_u64(object, name) != VSF_QGA_UNKNOWN)
        value = (double)vsf_qga_field_u64(object, name);
    return isfinite(value) && value >= 0 ? value : VSF_QGA_UNKNOWN_LOAD;
}

gboolean
vsf_qga_field_is_true(JsonObject *object, const char *name)
{
    JsonNode *node = value_of(object, name, G_TYPE_BOOLEAN);

    return node != NULL && json_node_get_boolean(node);
}

JsonObject *
vsf_qga_field_object(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *
vsf_qga_field_array(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

JsonObject *
vsf_qga_element(JsonArray *array, guint index)
{
    JsonNode *node = json_array_get_element(array, index);

    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}
