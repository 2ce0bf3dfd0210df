/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as it is easiest to read in a test: with single quotes. */
#pragma once

#include <json-glib/json-glib.h>

static inline JsonNode *
node_of(const char *json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *quoted = g_strdelimit(g_strdup(json), "'", '"');
    JsonNode *root = json_from_string(quoted, &error);

    g_assert_no_error(error);
    return root;
}

/* @base with the members of @patch in place of its own. */
static inline JsonNode *
patched(const char *base, const char *patch)
{
    JsonNode *root = node_of(base);
    g_autoptr(JsonNode) changes = node_of(patch != NULL ? patch : "{}");
    g_autoptr(GList) names = json_object_get_members(json_node_get_object(changes));

    for (GList *name = names; name != NULL; name = name->next)
        json_object_set_member(
            json_node_get_object(root), name->data,
            json_node_copy(json_object_get_member(json_node_get_object(changes), name->data)));
    return root;
}
