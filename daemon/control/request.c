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

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the request %s", what);
    return FALSE;
}

/* NULL where the member is not there, or is no string. */
static char *
dup_string(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_dup_string(node);
}

static gboolean
read_seconds(JsonObject *object, guint *seconds, GError **error)
{
    JsonNode *node = json_object_get_member(object, "for_s");
    gint64 number;

    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
        return refuse(error, "has a \"for_s\" that is no whole number of seconds");
    number = json_node_get_int(node);
    if (number < 1 || number > G_MAXINT)
        return refuse(error, "has a \"for_s\" that is out of range");
    *seconds = (guint)number;
    return TRUE;
}

static gboolean
read_object(JsonObject *object, VsfRequest *request, GError **error)
{
    request->word = dup_string(object, "request");
    if (request->word == NULL)
        return refuse(error, "has no string \"request\"");
    request->what = dup_string(object, "what");
    if (request->what == NULL && json_object_has_member(object, "what"))
        return refuse(error, "has a \"what\" that is no string");
    return read_seconds(object, &request->for_s, error);
}

/* The root, or NULL with @error set. */
static JsonNode *
read_json(const char *bytes, gsize length, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonNode) root = NULL;
    const char *wrong;

    if (length > VSF_REQUEST_MAX) {
        refuse(error, "is too long");
        return NULL;
    }
    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    wrong = length == 0 ? "is empty" : vsf_json_scan(bytes, length, &limits);
    if (wrong != NULL) {
        refuse(error, wrong);
        return NULL;
    }
    text = g_strndup(bytes, length);
    root = json_from_string(text, NULL);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        refuse(error, "is no JSON object");
        return NULL;
    }
    return g_steal_pointer(&root);
}

VsfRequest *
vsf_request_parse(const char *bytes, gsize length, GError **error)
{
    g_autoptr(JsonNode) root = read_json(bytes, length, error);
    g_autoptr(VsfRequest) request = g_new0(VsfRequest, 1);

    request->uid = G_MAXUINT;
    if (root == NULL || !read_object(json_node_get_object(root), request, error))
        return NULL;
    return g_steal_pointer(&request);
}

void
vsf_request_free(VsfRequest *request)
{
    if (request == NULL)
        return;
    g_free(request->word);
    g_free(request->what);
    g_free(request);
}
