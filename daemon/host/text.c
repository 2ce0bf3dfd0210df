/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <string.h>

static gboolean
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
skip_blanks(VsfText *text)
{
    while (text->length > 0 && is_blank(*text->at)) {
        text->at++;
        text->length--;
    }
}

gboolean
vsf_text_line(VsfText *text, VsfText *line)
{
    const char *stop = text->length > 0 ? memchr(text->at, '\n', text->length) : NULL;

    if (stop == NULL)
        return FALSE;
    *line = (VsfText){text->at, (gsize)(stop - text->at)};
    text->at = stop + 1;
    text->length -= line->length + 1;
    return TRUE;
}

gboolean
vsf_text_word(VsfText *line, VsfText *word)
{
    gsize length = 0;

    skip_blanks(line);
    while (length < line->length && !is_blank(line->at[length]))
        length++;
    *word = (VsfText){line->at, length};
    line->at += length;
    line->length -= length;
    return length > 0;
}

/* How far they are the same. Most often they differ in the first byte. */
static gsize
n_same(VsfText text, const char *what)
{
    gsize n = 0;

    while (n < text.length && what[n] != '\0' && text.at[n] == what[n])
        n++;
    return n;
}

gboolean
vsf_text_begins(VsfText text, const char *what)
{
    return what[n_same(text, what)] == '\0';
}

gboolean
vsf_text_is(VsfText word, const char *what)
{
    gsize n = n_same(word, what);

    return n == word.length && what[n] == '\0';
}

gboolean
vsf_text_value(VsfText line, const char *key, VsfText *value)
{
    if (!vsf_text_begins(line, key))
        return FALSE;
    line.at += strlen(key);
    line.length -= strlen(key);
    skip_blanks(&line);
    if (line.length == 0 || *line.at != ':')
        return FALSE;
    line.at++;
    line.length--;
    skip_blanks(&line);
    *value = line;
    return TRUE;
}

static gsize
digits(VsfText text, guint64 *value)
{
    guint64 sum = 0;
    gsize i;

    for (i = 0; i < text.length && g_ascii_isdigit(text.at[i]); i++) {
        if (!g_uint64_checked_mul(&sum, sum, 10) ||
            !g_uint64_checked_add(&sum, sum, (guint64)(text.at[i] - '0')))
            return 0;
    }
    if (i > 0)
        *value = sum;
    return i;
}

gboolean
vsf_text_digits(VsfText text, guint64 *value)
{
    return digits(text, value) > 0;
}

guint64
vsf_text_number(VsfText word)
{
    guint64 value = G_MAXUINT64;

    return digits(word, &value) == word.length ? value : G_MAXUINT64;
}
