/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "envelope.h"

#include "../include/json-scan.h"
#include "field.h"

/* The richest object that an agent sends has 17 members. */
#define MEMBERS_MAX 64

static const VsfJsonLimits limits = {
    .bytes_max = VSF_QGA_REPLY_BYTES_MAX,
    .depth_max = VSF_QGA_REPLY_DEPTH_MAX,
    .values_max = VSF_QGA_REPLY_VALUES_MAX,
    .members_max = MEMBERS_MAX,
};

static gpointer
malformed(GError **error, const char *what)
{
    g_set_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED, "the guest agent's reply %s", what);
    return NULL;
}

static gpointer
refused(GError **error, JsonNode *node)
{
    JsonObject *object;

    if (!JSON_NODE_HOLDS_OBJECT(node))
        return malformed(error, "has an error that is no object");
    object = json_node_get_object(node);
    g_propagate_error(error, vsf_qga_error_new(vsf_qga_field_raw_text(object, "class"),
                                               vsf_qga_field_raw_text(object, "desc")));
    return NULL;
}

JsonNode *
vsf_qga_envelope_open(const char *reply, gsize length, GError **error)
{
    const char *wrong = vsf_json_scan(reply, length, &limits);
    g_autofree char *text = NULL;
    g_autoptr(JsonNode) root = NULL;
    JsonObject *object;
    JsonNode *node;

    if (wrong != NULL)
        return malformed(error, wrong);
    text = g_strndup(reply, length);
    root = json_from_string(text, NULL);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
        return malformed(error, "is no JSON object");
    object = json_node_get_object(root);
    node = json_object_get_member(object, "error");
    if (node != NULL)
        return refused(error, node);
    node = json_object_dup_member(object, "return");
    return node != NULL ? node : malformed(error, "has neither a result nor an error");
}

JsonObject *
vsf_qga_envelope_object(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonNode) node = vsf_qga_envelope_open(reply, length, error);

    if (node == NULL)
        return NULL;
    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_dup_object(node)
                                        : malformed(error, "has a result that is no object");
}

JsonArray *
vsf_qga_envelope_array(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonNode) node = vsf_qga_envelope_open(reply, length, error);

    if (node == NULL)
        return NULL;
    return JSON_NODE_HOLDS_ARRAY(node) ? json_node_dup_array(node)
                                       : malformed(error, "has a result that is no list");
}
