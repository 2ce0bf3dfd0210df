/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "member.h"

#include <string.h>

JsonNode *
vsf_member(JsonObject *object, const char *name)
{
    const char *slash = strchr(name, '/');
    g_autofree char *first = slash != NULL ? g_strndup(name, (gsize)(slash - name)) : NULL;

    if (first != NULL)
        return vsf_member(vsf_member_object(object, first), slash + 1);
    return object != NULL ? json_object_get_member(object, name) : NULL;
}

JsonObject *
vsf_member_object(JsonObject *object, const char *name)
{
    JsonNode *node = vsf_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *
vsf_member_array(JsonObject *object, const char *name)
{
    JsonNode *node = vsf_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

char *
vsf_value_text(JsonNode *node)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
        return g_strdup("-");
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        return g_strdup(*json_node_get_string(node) != '\0' ? json_node_get_string(node) : "-");
    case G_TYPE_BOOLEAN:
        return g_strdup(json_node_get_boolean(node) ? "yes" : "no");
    case G_TYPE_INT64:
        return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    default:
        return g_strdup_printf("%.1f", json_node_get_double(node));
    }
}

char *
vsf_member_text(JsonObject *object, const char *name)
{
    return vsf_value_text(vsf_member(object, name));
}

gboolean
vsf_is_number(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
           (json_node_get_value_type(node) == G_TYPE_INT64 ||
            json_node_get_value_type(node) == G_TYPE_DOUBLE);
}

char *
vsf_age_text(JsonNode *node)
{
    gint64 s;

    if (!vsf_is_number(node))
        return g_strdup("-");
    s = json_node_get_int(node);
    if (s < 0)
        return g_strdup("-");
    if (s < 120)
        return g_strdup_printf("%" G_GINT64_FORMAT " s", s);
    if (s < 120 * 60)
        return g_strdup_printf("%" G_GINT64_FORMAT " min", s / 60);
    if (s < 48 * 3600)
        return g_strdup_printf("%" G_GINT64_FORMAT " h", s / 3600);
    return g_strdup_printf("%" G_GINT64_FORMAT " d", s / 86400);
}

char *
vsf_bytes_text(JsonNode *node)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = vsf_is_number(node) ? json_node_get_double(node) : -1;
    guint i = 0;

    if (size < 0)
        return g_strdup("-");
    while (size >= 1023.5 && i + 1 < G_N_ELEMENTS(units)) {
        size /= 1024;
        i++;
    }
    return g_strdup_printf(i > 0 && size < 9.95 ? "%.1f %s" : "%.0f %s", size, units[i]);
}

char *
vsf_speed_cell(JsonNode *node)
{
    double mbit = vsf_is_number(node) ? json_node_get_double(node) / 1e6 : 0;

    if (mbit <= 0)
        return g_strdup("-");
    return mbit >= 1000 ? g_strdup_printf("%gG", mbit / 1000) : g_strdup_printf("%gM", mbit);
}
