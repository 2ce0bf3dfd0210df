/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import.h"

#include "hsflowd-import.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "virt-sflow import-hsflowd"
#define DEFAULT_FILE "/etc/hsflowd.conf"

/* At most one byte more than is allowed, so that /dev/zero ends too. */
static gboolean
read_all(int fd, GString *text)
{
    for (;;) {
        char buffer[4096];
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        g_string_append_len(text, buffer, n);
        if (n == 0 || text->len > VSF_HSFLOWD_FILE_MAX)
            return TRUE;
    }
}

static gboolean
read_file(const char *path, GString *text)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
                                    : g_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    gboolean ok = fd >= 0 && read_all(fd, text);
    int reason = errno;

    if (fd >= 0)
        close(fd);
    if (!ok)
        g_printerr(PROGRAM ": %s: cannot be read: %s\n", path, g_strerror(reason));
    return ok;
}

static int
import(const char *path)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *made = NULL;

    if (!read_file(path, text))
        return 1;
    made = vsf_hsflowd_import(strcmp(path, "-") == 0 ? "standard input" : path, text->str,
                              text->len, &error);
    if (made == NULL) {
        g_printerr(PROGRAM ": %s\n", error->message);
        return 1;
    }
    if (fputs(made, stdout) == EOF || fflush(stdout) == EOF) {
        g_printerr(PROGRAM ": standard output: %s\n", g_strerror(errno));
        return 1;
    }
    return 0;
}

int
vsf_cli_import(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("[FILE]");
    g_autoptr(GError) error = NULL;

    g_set_prgname(PROGRAM);
    g_option_context_set_summary(
        context, "Prints the virt-sflow.conf that is equivalent to a configuration of Host sFlow\n"
                 "(default: " DEFAULT_FILE "; - for standard input), and in comments what has no\n"
                 "equivalent, and why. Changes nothing.");
    g_option_context_set_description(
        context,
        "Ends with status 0, with 1 if the file cannot be read or is malformed, with 2 for "
        "a bad option.");
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 2) {
        g_printerr(PROGRAM ": %s\nTry '" PROGRAM " --help'.\n",
                   error != NULL ? error->message : "it takes one file");
        return 2;
    }
    return import(argc == 2 ? argv[1] : DEFAULT_FILE);
}
