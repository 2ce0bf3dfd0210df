/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../include/json-text.h"

#include <glib.h>
#include <string.h>

#define REPLACEMENT 0xfffd

static gboolean
is_seen(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

/* One outside of the basic plane is two (RFC 8259, section 7). */
static void
append_escape(GString *to, gunichar c)
{
    if (c <= 0xffff)
        g_string_append_printf(to, "\\u%04x", c);
    else
        g_string_append_printf(to, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                               0xdc00 + ((c - 0x10000) & 0x3ff));
}

/* White space stands between strings alone: in them it is escaped already. */
static gboolean
is_plain(char c)
{
    return g_ascii_isprint(c) || c == '\n' || c == '\t' || c == '\r';
}

char *
vsf_json_printable(const char *json)
{
    const char *at = json, *end = json + strlen(json);
    GString *text = g_string_sized_new((gsize)(end - at));

    while (at < end) {
        const char *begin = at;
        gunichar c;

        while (at < end && is_plain(*at))
            at++;
        g_string_append_len(text, begin, at - begin);
        if (at == end)
            break;
        c = g_utf8_get_char_validated(at, end - at);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            append_escape(text, REPLACEMENT);
            at++;
            continue;
        }
        begin = at;
        at = g_utf8_next_char(at);
        if (is_seen(c))
            g_string_append_len(text, begin, at - begin);
        else
            append_escape(text, c);
    }
    return g_string_free(text, FALSE);
}
