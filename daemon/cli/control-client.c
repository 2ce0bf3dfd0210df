/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control-client.h"

#include "../../include/json-scan.h"
#include "member.h"
#include "table.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/un.h>

#define ANSWER_MAX (64 * 1024 * 1024)
#define TIMEOUT_S 10 /* of each step: a daemon that hangs must not hang us */
#define RETRY_US (20 * G_TIME_SPAN_MILLISECOND)

/* Against a socket that is not the daemon's; its own answers are far from them. */
static const VsfJsonLimits limits = {
    .bytes_max = ANSWER_MAX,
    .depth_max = 16,
    .values_max = 1024 * 1024,
    .members_max = 4096,
};

static GString *
read_answer(GSocketConnection *connection, const char *request, GError **error)
{
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    g_autoptr(GString) answer = g_string_new(NULL);
    char buffer[16384];
    gssize n;

    if (!g_output_stream_write_all(out, request, strlen(request), NULL, NULL, error))
        return NULL;
    while ((n = g_input_stream_read(in, buffer, sizeof(buffer), NULL, error)) > 0) {
        if (answer->len + (gsize)n > ANSWER_MAX) {
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                                "the answer is too long");
            return NULL;
        }
        g_string_append_len(answer, buffer, n);
    }
    return n < 0 ? NULL : g_steal_pointer(&answer);
}

static GString *
ask_once(GSocketClient *client, GSocketConnectable *address, const char *request, GError **error)
{
    g_autoptr(GSocketConnection) connection = g_socket_client_connect(client, address, NULL, error);
    g_autoptr(GString) answer = connection != NULL ? read_answer(connection, request, error) : NULL;

    if (answer == NULL)
        return NULL;
    if (answer->len == 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                            "it hung up without an answer");
        return NULL;
    }
    return g_steal_pointer(&answer);
}

/* The daemon has only so much room for clients; in a crowd it cannot let everyone in at
 * once, and may send one away. */
static gboolean
is_crowded(const GError *error)
{
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ||
           g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

static GString *
ask(const char *path, const char *request, GError **error)
{
    gint64 until_us = g_get_monotonic_time() + TIMEOUT_S * G_USEC_PER_SEC;
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = NULL;

    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                            "the path is too long for a socket");
        return NULL;
    }
    address = g_unix_socket_address_new(path);
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, TIMEOUT_S);
    for (;;) {
        g_autoptr(GError) failed = NULL;
        GString *answer = ask_once(client, G_SOCKET_CONNECTABLE(address), request, &failed);

        if (answer != NULL)
            return answer;
        if (!is_crowded(failed) || g_get_monotonic_time() > until_us) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return NULL;
        }
        g_usleep(RETRY_US);
    }
}

static const char *
advice(const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
        return "run this as root";
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG))
        return "give another --runtime-dir";
    return "is it running? systemctl status virt-sflowd";
}

JsonNode *
vsf_control_client_parse(const char *answer, gsize length, GError **error)
{
    g_autoptr(JsonNode) root = NULL;

    if (vsf_json_scan(answer, length, &limits) == NULL)
        root = json_from_string(answer, NULL);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "its answer is no status document");
        return NULL;
    }
    if (json_object_has_member(json_node_get_object(root), "error")) {
        g_autofree char *said = vsf_member_text(json_node_get_object(root), "error");
        g_autoptr(GString) message = g_string_new(NULL);

        vsf_table_cell(message, said, 0, FALSE);
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, message->str);
        return NULL;
    }
    return g_steal_pointer(&root);
}

JsonNode *
vsf_control_client_ask(const char *runtime_dir, const char *request, char **text, GError **error)
{
    g_autofree char *path = g_build_filename(runtime_dir != NULL ? runtime_dir : VSF_RUNTIME_DIR,
                                             "control", NULL);
    g_autoptr(GError) failed = NULL;
    g_autoptr(GString) answer = ask(path, request, &failed);
    g_autoptr(JsonNode) root = NULL;

    if (answer == NULL) {
        g_set_error(error, failed->domain, failed->code, "cannot reach virt-sflowd at %s: %s; %s",
                    path, failed->message, advice(failed));
        return NULL;
    }
    root = vsf_control_client_parse(answer->str, answer->len, error);
    if (root == NULL) {
        g_prefix_error(error, "virt-sflowd at %s: ", path);
        return NULL;
    }
    *text = g_string_free(g_steal_pointer(&answer), FALSE);
    return g_steal_pointer(&root);
}

JsonNode *
vsf_control_client_status(const char *runtime_dir, char **text, GError **error)
{
    return vsf_control_client_ask(runtime_dir, "{\"request\":\"status\"}\n", text, error);
}
