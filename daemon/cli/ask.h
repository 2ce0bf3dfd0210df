/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the subcommands that look at the running daemon share: their options, one question, and
 * one answer on standard output. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct {
    gboolean as_json, names;
    char *runtime_dir;
    char **words; /* that are no options */
} VsfAsk;

typedef struct {
    const char *name;          /* "virt-sflow vms" */
    const char *words, *help;  /* for --help: "VM [FIELD]", "- show ..." */
    const char *const *fields; /* for --help, ended by NULL; or NULL: there are none */
    const char *json;          /* what --json prints, for --help */
    guint n_words_min, n_words_max;
    gboolean has_names; /* takes --names */
    int usage_status;   /* of wrong usage */
    /* The whole output, or NULL with @error, whose message is safe for a terminal. *@exit_status
     * is 0 before. @status NULL: the daemon did not answer, and @failed says why; only where
     * may_fail. */
    char *(*render)(const VsfAsk *ask, JsonObject *status, const GError *failed, int *exit_status,
                    GError **error);
    gboolean may_fail;
} VsfAskCommand;

/* @argv[0] is the subcommand's own name. Returns the exit status: what render() says, 1 no answer,
 * usage_status for bad options. */
int vsf_ask_run(const VsfAskCommand *command, int argc, char **argv);

/* @node (taken) as one line, or as many if @pretty. The caller frees. */
char *vsf_ask_line(JsonNode *node, gboolean pretty);
