/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include "../../include/json-text.h"
#include "control-client.h"

#include <stdio.h>

char *
vsf_ask_line(JsonNode *node, gboolean pretty)
{
    g_autoptr(JsonNode) owned = node;
    g_autofree char *made = json_to_string(owned, pretty), *text = vsf_json_printable(made);

    return g_strconcat(text, "\n", NULL);
}

static int
show(const VsfAskCommand *command, const VsfAsk *ask)
{
    g_autoptr(GError) failed = NULL, error = NULL;
    g_autofree char *document = NULL, *text = NULL;
    g_autoptr(JsonNode) root = vsf_control_client_status(ask->runtime_dir, &document, &failed);
    int exit_status = 0;

    if (root == NULL && !command->may_fail) {
        fprintf(stderr, "virt-sflow: %s\n", failed->message);
        return 1;
    }
    text = command->render(ask, root != NULL ? json_node_get_object(root) : NULL, failed,
                           &exit_status, &error);
    if (text == NULL) {
        fprintf(stderr, "%s: %s\n", command->name, error->message);
        return exit_status != 0 ? exit_status : 1;
    }
    fputs(text, stdout);
    if (fflush(stdout) != 0) {
        perror("virt-sflow: cannot write");
        return command->may_fail ? command->usage_status : 1;
    }
    return exit_status;
}

static int
wrong(const VsfAskCommand *command, const char *what, const char *word)
{
    fprintf(stderr, "%s: %s%s\nTry '%s --help'.\n", command->name, what, word, command->name);
    return command->usage_status;
}

/* Of an array that ends with NULL, and which may be NULL. */
static guint
n_words(char **words)
{
    return words != NULL ? g_strv_length(words) : 0;
}

int
vsf_ask_run(const VsfAskCommand *command, int argc, char **argv)
{
    VsfAsk ask = {0};
    g_auto(GStrv) words = NULL;
    g_autofree char *runtime_dir = NULL,
                    *parameters = g_strconcat(command->words, *command->words != '\0' ? " " : "",
                                              command->help, NULL);
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &ask.as_json, command->json, NULL},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir,
         "Where the daemon's sockets are (" VSF_RUNTIME_DIR ")", "DIR"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &words, NULL, NULL},
        {0},
    };
    const GOptionEntry names[] = {
        {"names", 0, 0, G_OPTION_ARG_NONE, &ask.names, "Print the names alone, one a line", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(parameters);
    g_autoptr(GError) error = NULL;

    g_set_prgname(command->name);
    g_option_context_add_main_entries(context, entries, NULL);
    if (command->fields != NULL) {
        g_autofree char *fields = g_strjoinv(", ", (char **)command->fields),
                        *line = g_strconcat("Fields: ", fields, NULL);

        g_option_context_set_description(context, line);
    }
    if (command->has_names)
        g_option_context_add_main_entries(context, names, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return wrong(command, error->message, "");
    if (n_words(words) < command->n_words_min)
        return wrong(command, "what? ", command->words);
    if (n_words(words) > command->n_words_max)
        return wrong(command, "unexpected argument ", words[command->n_words_max]);
    ask.words = words;
    ask.runtime_dir = runtime_dir;
    return show(command, &ask);
}
