/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include "../../include/json-scan.h"

#include <string.h>

#define TROUBLE_MAX 200 /* bytes of another program's text that we pass on */

static const VsfJsonLimits limits = {
    .bytes_max = VSF_OVS_BYTES_MAX,
    .depth_max = 16,
    .values_max = VSF_OVS_VALUES_MAX,
    .members_max = VSF_OVS_ROWS_MAX,
};

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a message %s", what);
    return FALSE;
}

/* NULL where it is not there or null. */
static JsonNode *
member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node == NULL || JSON_NODE_HOLDS_NULL(node) ? NULL : node;
}

static gboolean
is_text(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
           json_node_get_value_type(node) == G_TYPE_STRING;
}

static gboolean
read_message(VsfOvsMessage *message, GError **error)
{
    JsonObject *object = json_node_get_object(message->root);
    JsonNode *method = member(object, "method"), *params = member(object, "params");

    message->id = member(object, "id");
    if (method == NULL) {
        message->kind = VSF_OVS_REPLY;
        message->result = member(object, "result");
        message->error = member(object, "error");
        return message->id != NULL || refuse(error, "is neither a request nor a reply");
    }
    if (!is_text(method))
        return refuse(error, "has a \"method\" that is no string");
    if (params == NULL || !JSON_NODE_HOLDS_ARRAY(params))
        return refuse(error, "has no array \"params\"");
    message->kind = message->id != NULL ? VSF_OVS_REQUEST : VSF_OVS_NOTIFICATION;
    message->method = json_node_get_string(method);
    message->params = json_node_get_array(params);
    return TRUE;
}

VsfOvsMessage *
vsf_ovs_message_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(VsfOvsMessage) message = g_new0(VsfOvsMessage, 1);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    const char *wrong = vsf_json_scan(text, length, &limits);

    if (wrong != NULL) {
        refuse(error, wrong);
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, (gssize)length, NULL)) {
        refuse(error, "is no JSON object");
        return NULL;
    }
    message->root = json_node_ref(json_parser_get_root(parser));
    if (!JSON_NODE_HOLDS_OBJECT(message->root)) {
        refuse(error, "is no JSON object");
        return NULL;
    }
    return read_message(message, error) ? g_steal_pointer(&message) : NULL;
}

void
vsf_ovs_message_free(VsfOvsMessage *message)
{
    if (message == NULL)
        return;
    g_clear_pointer(&message->root, json_node_unref);
    g_free(message);
}

gboolean
vsf_ovs_message_answers(const VsfOvsMessage *message, const char *id)
{
    return message->kind == VSF_OVS_REPLY && is_text(message->id) &&
           strcmp(json_node_get_string(message->id), id) == 0;
}

/* Printable, and short. */
static char *
passed_on(const char *text)
{
    g_autofree char *cut = g_strndup(text, strnlen(text, TROUBLE_MAX));
    char *valid = g_utf8_make_valid(cut, -1);

    for (char *at = valid; *at != '\0'; at++)
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    return valid;
}

/* An <error>: {"error": "...", "details": "..."}; servers also send other things. */
static char *
error_text(JsonNode *node)
{
    g_autofree char *whole = NULL;

    if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonNode *word = member(json_node_get_object(node), "error");
        JsonNode *details = member(json_node_get_object(node), "details");

        if (is_text(word) && is_text(details))
            whole = g_strdup_printf("%s: %s", json_node_get_string(word),
                                    json_node_get_string(details));
        else if (is_text(word))
            whole = json_node_dup_string(word);
    }
    if (whole == NULL)
        whole = is_text(node) ? json_node_dup_string(node) : json_to_string(node, FALSE);
    return passed_on(whole);
}

char *
vsf_ovs_message_trouble(const VsfOvsMessage *message)
{
    if (message->error != NULL)
        return error_text(message->error);
    return message->result == NULL ? g_strdup("an answer without a result") : NULL;
}

/* An operation that failed has an object with "error"; one that was not tried has null. */
char *
vsf_ovs_transact_trouble(const VsfOvsMessage *message)
{
    char *trouble = vsf_ovs_message_trouble(message);
    JsonArray *results;

    if (trouble != NULL)
        return trouble;
    if (!JSON_NODE_HOLDS_ARRAY(message->result))
        return g_strdup("an answer that is no array");
    results = json_node_get_array(message->result);
    for (guint i = 0; i < json_array_get_length(results); i++) {
        JsonNode *one = json_array_get_element(results, i);

        if (JSON_NODE_HOLDS_OBJECT(one) && member(json_node_get_object(one), "error") != NULL)
            return error_text(one);
    }
    return NULL;
}

char *
vsf_ovs_request_text(const char *method, const char *params, const char *id)
{
    return g_strdup_printf("{\"method\":\"%s\",\"params\":%s,\"id\":\"%s\"}", method, params, id);
}

char *
vsf_ovs_echo_reply(const VsfOvsMessage *message)
{
    g_autoptr(JsonNode) params = NULL;
    g_autofree char *result = NULL, *id = NULL;

    if (message->kind != VSF_OVS_REQUEST || strcmp(message->method, "echo") != 0)
        return NULL;
    params = json_node_init_array(json_node_alloc(), message->params);
    result = json_to_string(params, FALSE);
    id = json_to_string(message->id, FALSE);
    return g_strdup_printf("{\"id\":%s,\"result\":%s,\"error\":null}", id, result);
}
