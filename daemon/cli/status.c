/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks over the control socket and shows the answer, as it is or as a table. */
#include "status.h"

#include "../../include/json-scan.h"
#include "status-text.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define RUNTIME_DIR "/run/virt-sflow"
#define ANSWER_MAX (64 * 1024 * 1024)
#define TIMEOUT_S 10 /* of each step: a daemon that hangs must not hang us */

/* Against a socket that is not the daemon's; its own answers are far from them. */
static const VsfJsonLimits limits = {
    .bytes_max = ANSWER_MAX,
    .depth_max = 16,
    .values_max = 1024 * 1024,
    .members_max = 4096,
};

static const char request[] = "{\"request\":\"status\"}\n";

static GString *
read_answer(GSocketConnection *connection, GError **error)
{
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    g_autoptr(GString) answer = g_string_new(NULL);
    char buffer[16384];
    gssize n;

    if (!g_output_stream_write_all(out, request, sizeof(request) - 1, NULL, NULL, error))
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
ask(const char *path, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GSocketConnection) connection = NULL;

    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                            "the path is too long for a socket");
        return NULL;
    }
    address = g_unix_socket_address_new(path);
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, TIMEOUT_S);
    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
    return connection != NULL ? read_answer(connection, error) : NULL;
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

/* The status object, or NULL with @error set. */
static JsonNode *
parse_answer(const GString *answer, GError **error)
{
    g_autoptr(JsonNode) root = NULL;

    if (vsf_json_scan(answer->str, answer->len, &limits) == NULL)
        root = json_from_string(answer->str, NULL);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "its answer is no status document");
        return NULL;
    }
    if (json_object_has_member(json_node_get_object(root), "error")) {
        g_autoptr(GString) message = g_string_new(NULL);

        vsf_status_cell(message,
                        json_object_get_string_member_with_default(json_node_get_object(root),
                                                                   "error", "unknown error"),
                        0, FALSE);
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, message->str);
        return NULL;
    }
    return g_steal_pointer(&root);
}

static int
show(const char *path, gboolean as_json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) answer = ask(path, &error);
    g_autoptr(JsonNode) root = NULL;

    if (answer == NULL) {
        fprintf(stderr, "virt-sflow: cannot reach virt-sflowd at %s: %s; %s\n", path,
                error->message, advice(error));
        return 1;
    }
    root = parse_answer(answer, &error);
    if (root == NULL) {
        fprintf(stderr, "virt-sflow: virt-sflowd at %s: %s\n", path, error->message);
        return 1;
    }
    if (as_json) {
        fwrite(answer->str, 1, answer->len, stdout);
    } else {
        g_autofree char *text = vsf_status_text(json_node_get_object(root));

        fputs(text, stdout);
    }
    if (fflush(stdout) != 0) {
        perror("virt-sflow: cannot write");
        return 1;
    }
    return 0;
}

int
vsf_cli_status(int argc, char **argv)
{
    gboolean as_json = FALSE;
    g_autofree char *runtime_dir = NULL, *path = NULL;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the status document as it is", NULL},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" RUNTIME_DIR ")", "DIR"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- show how virt-sflowd is");
    g_autoptr(GError) error = NULL;

    g_set_prgname("virt-sflow status");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
        fprintf(stderr, "virt-sflow status: %s%s\nTry 'virt-sflow status --help'.\n",
                error != NULL ? error->message : "unexpected argument ",
                error != NULL ? "" : argv[1]);
        return 2;
    }
    path = g_build_filename(runtime_dir != NULL ? runtime_dir : RUNTIME_DIR, "control", NULL);
    return show(path, as_json);
}
