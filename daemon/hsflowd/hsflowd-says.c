/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-says.h"

#include <string.h>

#define COLLECTORS_MAX 64
#define POLLING_MAX_S 300
/* Its options that take a value. */
#define VALUED "fopumlDLM"

/* ---- its command line ---- */

static void
take_option(char letter, const char *value, char **config, char **output)
{
    char **to = letter == 'f' ? config : letter == 'o' ? output : NULL;

    if (to == NULL)
        return;
    g_free(*to);
    *to = g_strdup(value);
}

/* Of "-dPf": the last letter may have its value behind it or in the next word. TRUE: the next
 * word was taken. */
static gboolean
take_word(const char *word, const char *next, char **config, char **output)
{
    for (const char *at = word + 1; *at != '\0'; at++) {
        if (strchr(VALUED, *at) == NULL)
            continue;
        if (at[1] != '\0')
            take_option(*at, at + 1, config, output);
        else if (next != NULL)
            take_option(*at, next, config, output);
        return at[1] == '\0' && next != NULL;
    }
    return FALSE;
}

void
vsf_hsflowd_options(const char *cmdline, gsize length, char **config, char **output)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

    *config = g_strdup(VSF_HSFLOWD_CONFIG);
    *output = g_strdup(VSF_HSFLOWD_AUTO);
    for (gsize at = 0; at < length;) {
        gsize size = strnlen(cmdline + at, length - at);

        g_ptr_array_add(words, g_strndup(cmdline + at, size));
        at += size + 1;
    }
    for (guint i = 1; i < words->len; i++)
        if (((const char *)words->pdata[i])[0] == '-' &&
            take_word(words->pdata[i], i + 1 < words->len ? words->pdata[i + 1] : NULL, config,
                      output))
            i++;
}

/* ---- its file for others ---- */

static void
take_line(VsfHsflowdSays *says, const char *name, const char *value)
{
    if (strcmp(name, "agentIP") == 0) {
        g_free(says->agent_address);
        says->agent_address = g_strdup(value);
    } else if (strcmp(name, "polling") == 0) {
        guint64 polling_s;

        if (g_ascii_string_to_unsigned(value, 10, 0, POLLING_MAX_S, &polling_s, NULL))
            says->polling_s = (gint)polling_s;
    } else if (strcmp(name, "collector") == 0 && says->collectors->len < COLLECTORS_MAX) {
        g_ptr_array_add(says->collectors, g_strdup(value));
    }
}

VsfHsflowdSays *
vsf_hsflowd_says_parse(const char *text, gsize length)
{
    g_autoptr(VsfHsflowdSays) says = g_new0(VsfHsflowdSays, 1);
    g_autofree char *copy = g_strndup(text, length), *from = NULL, *to = NULL;
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);

    says->polling_s = -1;
    says->collectors = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; lines[i] != NULL; i++) {
        char *equals = strchr(lines[i], '=');

        if (lines[i][0] == '#' || equals == NULL)
            continue;
        *equals = '\0';
        if (strcmp(lines[i], "rev_start") == 0 && from == NULL)
            from = g_strdup(equals + 1);
        else if (strcmp(lines[i], "rev_end") == 0 && to == NULL)
            to = g_strdup(equals + 1);
        else
            take_line(says, lines[i], equals + 1);
    }
    return from != NULL && g_strcmp0(from, to) == 0 ? g_steal_pointer(&says) : NULL;
}

void
vsf_hsflowd_says_free(VsfHsflowdSays *says)
{
    if (says == NULL)
        return;
    g_clear_pointer(&says->collectors, g_ptr_array_unref);
    g_free(says->agent_address);
    g_free(says);
}
