/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-file.h"

#include "../sflow/text-sink.h"

#include <string.h>

/* Between two words; = and ; mean no more than a blank does. */
#define SEPARATORS " \t\r\n=;"

G_DEFINE_QUARK(vsf - hsflowd - error, vsf_hsflowd_error)

typedef enum { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_END } Token;

typedef struct {
    const char *name;
    const char *at, *end;
    guint line;
    const char *line_end; /* where the line's text ends: at its end or at a comment */
    guint token_line;
    GString *word; /* of the last TOKEN_WORD */
    GError **error;
} Scan;

/* Always FALSE. @word: what the message is about, or NULL. */
static gboolean
fail(Scan *scan, guint line, const char *word, const char *what)
{
    g_autoptr(GString) quoted = g_string_new(NULL);

    if (word != NULL) {
        g_string_append_c(quoted, '"');
        vsf_sflow_text_escape(quoted, word, MIN(strlen(word), 60));
        g_string_append(quoted, "\" ");
    }
    g_set_error(scan->error, VSF_HSFLOWD_ERROR, VSF_HSFLOWD_ERROR_SYNTAX, "%s:%u: %s%s", scan->name,
                line, quoted->str, what);
    return FALSE;
}

/* A comment ends the line, also where it seems to stand between quotes. */
static gboolean
find_line_end(Scan *scan)
{
    const char *newline = memchr(scan->at, '\n', (gsize)(scan->end - scan->at));
    const char *comment;

    scan->line_end = newline != NULL ? newline : scan->end;
    if (scan->line_end - scan->at > VSF_HSFLOWD_LINE_MAX)
        return fail(scan, scan->line, NULL, "the line is longer than 2047 bytes; break it");
    comment = memchr(scan->at, '#', (gsize)(scan->line_end - scan->at));
    if (comment != NULL)
        scan->line_end = comment;
    return TRUE;
}

/* To the next byte that is no separator; FALSE with scan->error, or at the end of the file. */
static gboolean
skip_separators(Scan *scan, gboolean *at_end)
{
    *at_end = FALSE;
    for (;;) {
        while (scan->at < scan->line_end && strchr(SEPARATORS, *scan->at) != NULL)
            scan->at++;
        if (scan->at < scan->line_end)
            return TRUE;
        while (scan->at < scan->end && *scan->at != '\n')
            scan->at++;
        if (scan->at == scan->end) {
            *at_end = TRUE;
            return TRUE;
        }
        scan->at++;
        scan->line++;
        if (!find_line_end(scan))
            return FALSE;
    }
}

/* Within quotes a doubled quote stands for one. */
static gboolean
read_quoted(Scan *scan)
{
    for (scan->at++; scan->at < scan->line_end; scan->at++) {
        if (*scan->at == '"') {
            if (scan->at + 1 == scan->line_end || scan->at[1] != '"') {
                scan->at++;
                return TRUE;
            }
            scan->at++;
        }
        g_string_append_c(scan->word, *scan->at);
    }
    return fail(scan, scan->line, scan->word->str,
                "has no closing quote on its line (a # begins a comment, also between quotes)");
}

static gboolean
next(Scan *scan, Token *token)
{
    gboolean at_end;

    if (!skip_separators(scan, &at_end))
        return FALSE;
    scan->token_line = scan->line;
    g_string_truncate(scan->word, 0);
    if (at_end) {
        *token = TOKEN_END;
        return TRUE;
    }
    if (*scan->at == '{' || *scan->at == '}') {
        *token = *scan->at++ == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
        return TRUE;
    }
    *token = TOKEN_WORD;
    if (*scan->at == '"') {
        if (!read_quoted(scan))
            return FALSE;
    } else {
        while (scan->at < scan->line_end && strchr(SEPARATORS "{}", *scan->at) == NULL)
            g_string_append_c(scan->word, *scan->at++);
    }
    if (scan->word->len > VSF_HSFLOWD_WORD_MAX)
        return fail(scan, scan->line, scan->word->str, "is longer than 254 bytes");
    return TRUE;
}

static void
setting_free(gpointer data)
{
    VsfHsflowdSetting *setting = data;

    g_clear_pointer(&setting->inner, g_ptr_array_unref);
    g_free(setting->name);
    g_free(setting->value);
    g_free(setting);
}

static GPtrArray *parse_block(Scan *scan, guint depth, gboolean *unclosed);

/* The word that begins it was read. */
static gboolean
parse_setting(Scan *scan, GPtrArray *settings, guint depth, gboolean *unclosed)
{
    VsfHsflowdSetting *setting = g_new0(VsfHsflowdSetting, 1);
    Token token;

    g_ptr_array_add(settings, setting);
    setting->name = g_strdup(scan->word->str);
    setting->line = scan->token_line;
    if (!next(scan, &token))
        return FALSE;
    if (token == TOKEN_WORD) {
        setting->value = g_strdup(scan->word->str);
        return TRUE;
    }
    if (token != TOKEN_OPEN)
        return fail(scan, setting->line, setting->name,
                    "has no value; write NAME = VALUE, or NAME { } for a block");
    if (depth == VSF_HSFLOWD_DEPTH_MAX)
        return fail(scan, setting->line, setting->name, "is a block too deep within others");
    setting->inner = parse_block(scan, depth + 1, unclosed);
    return setting->inner != NULL;
}

/* Behind its opening brace. */
static GPtrArray *
parse_block(Scan *scan, guint depth, gboolean *unclosed)
{
    g_autoptr(GPtrArray) settings = g_ptr_array_new_with_free_func(setting_free);
    Token token;

    for (;;) {
        if (!next(scan, &token))
            return NULL;
        if (token == TOKEN_CLOSE)
            return g_steal_pointer(&settings);
        if (token == TOKEN_END) {
            *unclosed = TRUE;
            return g_steal_pointer(&settings);
        }
        if (token == TOKEN_OPEN) {
            fail(scan, scan->token_line, "{", "has no name before it; write NAME { }");
            return NULL;
        }
        if (!parse_setting(scan, settings, depth, unclosed))
            return NULL;
    }
}

static GPtrArray *
parse_file(Scan *scan, gboolean *unclosed)
{
    g_autoptr(GPtrArray) settings = NULL;
    Token token;

    if (!next(scan, &token))
        return NULL;
    if (token != TOKEN_WORD || g_ascii_strcasecmp(scan->word->str, "sflow") != 0) {
        fail(scan, scan->token_line, token == TOKEN_WORD ? scan->word->str : NULL,
             "the file must begin with sflow {, as /etc/hsflowd.conf does");
        return NULL;
    }
    if (!next(scan, &token))
        return NULL;
    if (token != TOKEN_OPEN) {
        fail(scan, scan->token_line, "sflow", "has no { behind it");
        return NULL;
    }
    settings = parse_block(scan, 1, unclosed);
    if (settings == NULL || !next(scan, &token))
        return NULL;
    if (token != TOKEN_END) {
        fail(scan, scan->token_line, token == TOKEN_WORD ? scan->word->str : NULL,
             "nothing may follow the sflow block; is there a } too many before it?");
        return NULL;
    }
    return g_steal_pointer(&settings);
}

GPtrArray *
vsf_hsflowd_file_parse(const char *name, const char *text, gsize length, gboolean *unclosed,
                       GError **error)
{
    g_autoptr(GString) word = g_string_new(NULL);
    Scan scan = {
        .name = name, .at = text, .end = text + length, .line = 1, .word = word, .error = error};
    const char *invalid;

    *unclosed = FALSE;
    if (length > VSF_HSFLOWD_FILE_MAX) {
        fail(&scan, 1, NULL, "the file is larger than 256 KiB; is it Host sFlow's configuration?");
        return NULL;
    }
    /* NUL bytes are not valid here either. */
    if (!g_utf8_validate(text, (gssize)length, &invalid)) {
        for (const char *at = text; at < invalid; at++)
            scan.line += *at == '\n';
        fail(&scan, scan.line, NULL,
             "the line is no UTF-8 text; convert the file, for instance with iconv");
        return NULL;
    }
    if (!find_line_end(&scan))
        return NULL;
    return parse_file(&scan, unclosed);
}
