/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pause.h"

#include "control-client.h"
#include "pause-text.h"

#include <stdio.h>
#include <string.h>

static int
wrong_usage(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "virt-sflow %s: %s%s\nTry 'virt-sflow %s --help'.\n", command, what, which,
            command);
    return 2;
}

/* @for_s 0: without an end. */
static int
ask(const char *command, const char *what, guint for_s, const char *runtime_dir)
{
    g_autoptr(GString) request = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *document = NULL;
    g_autoptr(JsonNode) root = NULL;

    g_string_printf(request, "{\"request\":\"%s\",\"what\":\"%s\"", command, what);
    if (for_s > 0)
        g_string_append_printf(request, ",\"for_s\":%u", for_s);
    g_string_append(request, "}\n");
    root = vsf_control_client_ask(runtime_dir, request->str, &document, &error);
    if (root == NULL) {
        fprintf(stderr, "virt-sflow: %s\n", error->message);
        return 1;
    }
    if (!vsf_pause_text(text, json_node_get_object(root)))
        g_string_append(text, "Nothing is paused.\n");
    fputs(text->str, stdout);
    if (fflush(stdout) != 0) {
        perror("virt-sflow: cannot write");
        return 1;
    }
    return 0;
}

static gboolean
is_known(const char *what)
{
    return strcmp(what, "sampling") == 0 || strcmp(what, "agents") == 0 || strcmp(what, "all") == 0;
}

/* @argv as after the options were taken out; @fallback: without a word, NULL: there must be one. */
static int
run(const char *command, int argc, char **argv, const char *fallback, guint for_s,
    const char *runtime_dir)
{
    const char *what = argc > 1 ? argv[1] : fallback;

    if (what == NULL)
        return wrong_usage(command, "what? sampling, agents or all", "");
    if (!is_known(what))
        return wrong_usage(command, "sampling, agents or all, not ", what);
    if (argc > 2)
        return wrong_usage(command, "unexpected argument ", argv[2]);
    return ask(command, what, for_s, runtime_dir);
}

int
vsf_cli_pause(int argc, char **argv)
{
    g_autofree char *runtime_dir = NULL, *time = NULL;
    guint for_s = 0;
    const GOptionEntry entries[] = {
        {"for", 0, 0, G_OPTION_ARG_STRING, &time, "Ends by itself after 90s, 10m, 1h", "TIME"},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" VSF_RUNTIME_DIR ")", "DIR"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("sampling|agents|all");
    g_autoptr(GError) error = NULL;

    g_set_prgname("virt-sflow pause");
    g_option_context_set_summary(
        context, "Stops packet samples, questions to guest agents, or both, until "
                 "'virt-sflow resume' or\na restart of the daemon. Counters go on.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return wrong_usage("pause", error->message, "");
    if (time != NULL && !vsf_pause_seconds(time, &for_s))
        return wrong_usage("pause", "--for takes 90s, 10m or 1h, at most 168h, not ", time);
    return run("pause", argc, argv, NULL, for_s, runtime_dir);
}

int
vsf_cli_resume(int argc, char **argv)
{
    g_autofree char *runtime_dir = NULL;
    const GOptionEntry entries[] = {
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" VSF_RUNTIME_DIR ")", "DIR"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("[sampling|agents|all]");
    g_autoptr(GError) error = NULL;

    g_set_prgname("virt-sflow resume");
    g_option_context_set_summary(context, "Ends what 'virt-sflow pause' began; without a word all "
                                          "of it.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return wrong_usage("resume", error->message, "");
    return run("resume", argc, argv, "all", 0, runtime_dir);
}
