/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows the daemon's status, as it is or as tables. */
#include "status.h"

#include "../../include/json-text.h"
#include "control-client.h"
#include "status-text.h"

#include <stdio.h>

static int
show(const char *runtime_dir, gboolean as_json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *document = NULL, *text = NULL;
    g_autoptr(JsonNode) root = vsf_control_client_status(runtime_dir, &document, &error);

    if (root == NULL) {
        fprintf(stderr, "virt-sflow: %s\n", error->message);
        return 1;
    }
    /* A daemon of an older version may leave in it what a terminal obeys. */
    text = as_json ? vsf_json_printable(document) : vsf_status_text(json_node_get_object(root));
    fputs(text, stdout);
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
    g_autofree char *runtime_dir = NULL;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the status document as it is", NULL},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" VSF_RUNTIME_DIR ")", "DIR"},
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
    return show(runtime_dir, as_json);
}
