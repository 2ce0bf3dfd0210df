/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "values.h"

#include <string.h>

JsonNode *
vsf_ovs_column(JsonObject *row, const char *name)
{
    return json_object_get_member(row, name);
}

static const char *
plain_text(JsonNode *node)
{
    const char *text;

    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    text = json_node_get_string(node);
    return strnlen(text, VSF_OVS_TEXT_MAX + 1) <= VSF_OVS_TEXT_MAX ? text : NULL;
}

/* The second of ["@tag", second]; NULL: it is no such. */
static JsonNode *
tagged(JsonNode *node, const char *tag)
{
    JsonArray *pair;
    const char *first;

    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    pair = json_node_get_array(node);
    if (json_array_get_length(pair) != 2)
        return NULL;
    first = plain_text(json_array_get_element(pair, 0));
    return first != NULL && strcmp(first, tag) == 0 ? json_array_get_element(pair, 1) : NULL;
}

static JsonArray *
tagged_array(JsonNode *node, const char *tag)
{
    JsonNode *second = tagged(node, tag);

    return second != NULL && JSON_NODE_HOLDS_ARRAY(second) ? json_node_get_array(second) : NULL;
}

/* A set of one may be written as its element. NULL: there are none or more. */
static JsonNode *
only_one(JsonNode *node)
{
    JsonArray *set = tagged_array(node, "set");

    if (set == NULL)
        return node;
    return json_array_get_length(set) == 1 ? json_array_get_element(set, 0) : NULL;
}

const char *
vsf_ovs_text(JsonNode *node)
{
    JsonNode *one = only_one(node);

    return one != NULL ? plain_text(one) : NULL;
}

gint64
vsf_ovs_integer(JsonNode *node, gint64 otherwise)
{
    JsonNode *one = only_one(node);

    if (one == NULL || !JSON_NODE_HOLDS_VALUE(one) || json_node_get_value_type(one) != G_TYPE_INT64)
        return otherwise;
    return json_node_get_int(one);
}

const char *
vsf_ovs_uuid(JsonNode *node)
{
    JsonNode *uuid = tagged(only_one(node), "uuid");

    return uuid != NULL ? plain_text(uuid) : NULL;
}

void
vsf_ovs_each(JsonNode *node, VsfOvsElement func, gpointer user_data)
{
    JsonArray *set = tagged_array(node, "set");

    if (set == NULL && node != NULL)
        func(node, user_data);
    for (guint i = 0; set != NULL && i < json_array_get_length(set); i++)
        func(json_array_get_element(set, i), user_data);
}

JsonNode *
vsf_ovs_map_value(JsonNode *node, const char *key)
{
    JsonArray *map = tagged_array(node, "map");

    for (guint i = 0; map != NULL && i < json_array_get_length(map); i++) {
        JsonNode *element = json_array_get_element(map, i);
        JsonArray *pair = JSON_NODE_HOLDS_ARRAY(element) ? json_node_get_array(element) : NULL;
        const char *name;

        if (pair == NULL || json_array_get_length(pair) != 2)
            continue;
        name = plain_text(json_array_get_element(pair, 0));
        if (name != NULL && strcmp(name, key) == 0)
            return json_array_get_element(pair, 1);
    }
    return NULL;
}
