/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include "../../include/json-scan.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

static const VsfJsonLimits limits = {
    .bytes_max = VSF_REQUEST_MAX,
    .depth_max = 8,
    .values_max = 64,
    .members_max = 16,
};

static char *
refuse(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the request %s", what);
    return NULL;
}

char *
vsf_request_parse(const char *bytes, gsize length, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonNode) root = NULL;
    JsonNode *word;
    const char *wrong;

    if (length > VSF_REQUEST_MAX)
        return refuse(error, "is too long");
    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    if (length == 0)
        return refuse(error, "is empty");
    wrong = vsf_json_scan(bytes, length, &limits);
    if (wrong != NULL)
        return refuse(error, wrong);
    text = g_strndup(bytes, length);
    root = json_from_string(text, NULL);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
        return refuse(error, "is no JSON object");
    word = json_object_get_member(json_node_get_object(root), "request");
    if (word == NULL || !JSON_NODE_HOLDS_VALUE(word) ||
        json_node_get_value_type(word) != G_TYPE_STRING)
        return refuse(error, "has no string \"request\"");
    return json_node_dup_string(word);
}
