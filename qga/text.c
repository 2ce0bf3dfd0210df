/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from field.c, so that who only shows words of an agent reads no JSON. */
#include "text.h"

#include "../include/qga.h"

#include <string.h>

static gboolean
can_be_shown(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *
vsf_qga_text(const char *text)
{
    GString *shown = g_string_sized_new(32);
    const char *at = text;

    while (*at != '\0') {
        /* At most the 6 bytes of one character are looked at, so that a text of a
         * megabyte is not measured for the first 255 bytes. */
        gunichar c = g_utf8_get_char_validated(at, (gssize)strnlen(at, 6));
        gsize before = shown->len;

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_c(shown, '?');
            at++;
        } else {
            g_string_append_unichar(shown, can_be_shown(c) ? c : '?');
            at = g_utf8_next_char(at);
        }
        if (shown->len > VSF_QGA_TEXT_MAX) {
            g_string_truncate(shown, before);
            break;
        }
    }
    return g_string_free(shown, FALSE);
}
