/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows what the daemon's status says of guest agents. */
#include "agents.h"

#include "agents-text.h"
#include "ask.h"
#include "control-client.h"

#include <stdio.h>

typedef struct {
    gboolean plan, as_json;
    char *runtime_dir;
} Options;

static char *
render(JsonObject *status, const Options *options)
{
    if (!options->as_json)
        return options->plan ? vsf_agents_plan_text(status) : vsf_agents_text(status);
    return vsf_ask_line(vsf_agents_json(status, options->plan), FALSE);
}

static int
show(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *document = NULL, *text = NULL;
    g_autoptr(JsonNode) root = vsf_control_client_status(options->runtime_dir, &document, &error);

    if (root == NULL) {
        fprintf(stderr, "virt-sflow: %s\n", error->message);
        return 1;
    }
    text = render(json_node_get_object(root), options);
    fputs(text, stdout);
    if (fflush(stdout) != 0) {
        perror("virt-sflow: cannot write");
        return 1;
    }
    return 0;
}

int
vsf_cli_agents(int argc, char **argv)
{
    g_autofree char *runtime_dir = NULL;
    Options options = {0};
    const GOptionEntry entries[] = {
        {"plan", 0, 0, G_OPTION_ARG_NONE, &options.plan,
         "Show who would be asked if asking is on, and what for", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.as_json, "Print an array of the VMs", NULL},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" VSF_RUNTIME_DIR ")", "DIR"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- show what guest agents answer");
    g_autoptr(GError) error = NULL;

    g_set_prgname("virt-sflow agents");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
        fprintf(stderr, "virt-sflow agents: %s%s\nTry 'virt-sflow agents --help'.\n",
                error != NULL ? error->message : "unexpected argument ",
                error != NULL ? "" : argv[1]);
        return 2;
    }
    options.runtime_dir = runtime_dir;
    return show(&options);
}
