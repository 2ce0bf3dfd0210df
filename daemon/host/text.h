/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines and numbers of the kernel's text files, taken apart without copies. Pure. */
#pragma once

#include <glib.h>

/* Bytes of a text that is not terminated. */
typedef struct {
    const char *at;
    gsize length;
} VsfText;

/* Cuts the next line off @text, without its newline. FALSE at the end: a line without a
 * newline is half a line, and its number must not be believed. */
gboolean vsf_text_line(VsfText *text, VsfText *line);

/* Cuts the next word off @line: what stands between blanks. FALSE if there is none. */
gboolean vsf_text_word(VsfText *line, VsfText *word);

gboolean vsf_text_is(VsfText word, const char *what);
gboolean vsf_text_begins(VsfText text, const char *what);

/* What follows "@key", blanks, a colon and blanks, up to the line's end. FALSE (and untouched) if
 * the line is another's. */
gboolean vsf_text_value(VsfText line, const char *key, VsfText *value);

/* Leading digits; FALSE (and untouched) if there are none or they overflow. */
gboolean vsf_text_digits(VsfText text, guint64 *value);

/* The whole word is a number; G_MAXUINT64, which stands for unknown, if it is none, has a sign or
 * overflows. */
guint64 vsf_text_number(VsfText word);
