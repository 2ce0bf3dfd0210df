/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text-sink.h"

#include "decode.h"

#include <string.h>

#define METRICS_INDENT 4
#define METRICS_COLUMNS 80

typedef struct {
    GString *out;
    guint depth; /* decides the layout: what is deeper than a record stays on its line */
    /* A metric is no line of its own, but "name=value" with others on lines of
     * METRICS_COLUMNS: it is put together here, since its width decides where. */
    GString *metric;
    gboolean in_metric;
    char metric_type[16];
    glong line_columns; /* of the line of metrics that is being filled; 0: none */
} Text;

void
vsf_sflow_text_escape(GString *to, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end) {
        gunichar c = g_utf8_get_char_validated(bytes, end - bytes);

        /* Both error values are far above the last code point. */
        if (c > 0x10ffff || c == 0) {
            g_string_append_printf(to, "\\x%02x", (uint8_t)*bytes);
            bytes++;
            continue;
        }
        if (c == '"' || c == '\\')
            g_string_append_printf(to, "\\%c", (char)c);
        else if (g_unichar_isprint(c))
            g_string_append_unichar(to, c);
        else
            g_string_append_printf(to, "\\u{%x}", c);
        bytes = g_utf8_next_char(bytes);
    }
}

/* A blank before each but the first value of a line or list. */
static void
put_name(Text *text, const char *name)
{
    if (text->out->len > 0 && strchr(" {[\n", text->out->str[text->out->len - 1]) == NULL)
        g_string_append_c(text->out, ' ');
    if (name != NULL)
        g_string_append_printf(text->out, "%s=", name);
}

/* Names and texts come from outside: what could be taken for more than one pair,
 * or for none, is quoted. */
static void
put_quoted(GString *to, const char *bytes, size_t length, const char *separators)
{
    gboolean quote = length == 0;

    for (const char *at = separators; !quote && *at != '\0'; at++)
        quote = memchr(bytes, *at, length) != NULL;
    if (quote)
        g_string_append_c(to, '"');
    vsf_sflow_text_escape(to, bytes, length);
    if (quote)
        g_string_append_c(to, '"');
}

static void
end_metric(Text *text)
{
    glong columns = g_utf8_strlen(text->metric->str, (gssize)text->metric->len);

    text->in_metric = FALSE;
    if (columns == 0) /* the bytes end in its name */
        return;
    if (text->line_columns == 0 || text->line_columns + 1 + columns > METRICS_COLUMNS) {
        g_string_append_printf(text->out, "\n%*s", METRICS_INDENT, "");
        text->line_columns = METRICS_INDENT;
    } else {
        g_string_append_c(text->out, ' ');
        text->line_columns++;
    }
    g_string_append_len(text->out, text->metric->str, (gssize)text->metric->len);
    text->line_columns += columns;
}

static void
begin_object(gpointer user_data, const char *name)
{
    Text *text = user_data;

    text->depth++;
    if (text->depth == VSF_SFLOW_DEPTH_RECORD && name == NULL) {
        text->in_metric = TRUE;
        g_string_truncate(text->metric, 0);
    } else if (text->depth == VSF_SFLOW_DEPTH_SAMPLE)
        g_string_append(text->out, "\n  ");
    else if (text->depth == VSF_SFLOW_DEPTH_RECORD)
        g_string_append_printf(text->out, "\n    %s", name != NULL ? name : "");
    else if (text->depth > VSF_SFLOW_DEPTH_RECORD) {
        put_name(text, name);
        g_string_append_c(text->out, '{');
    }
}

static void
end_object(gpointer user_data)
{
    Text *text = user_data;

    if (text->in_metric)
        end_metric(text);
    else if (text->depth > VSF_SFLOW_DEPTH_RECORD)
        g_string_append_c(text->out, '}');
    text->depth--;
}

static void
begin_array(gpointer user_data, const char *name)
{
    Text *text = user_data;

    text->depth++;
    text->line_columns = 0;
    if (text->depth > VSF_SFLOW_DEPTH_RECORDS) {
        put_name(text, name);
        g_string_append_c(text->out, '[');
    }
}

static void
end_array(gpointer user_data)
{
    Text *text = user_data;

    if (text->depth > VSF_SFLOW_DEPTH_RECORDS)
        g_string_append_c(text->out, ']');
    text->depth--;
}

/* Where the value goes; what stands before it is there already. */
static GString *
begin_value(Text *text, const char *name)
{
    if (text->in_metric)
        return text->metric;
    put_name(text, name);
    return text->out;
}

static void
put_integer(gpointer user_data, const char *name, uint64_t value)
{
    Text *text = user_data;
    GString *to = begin_value(text, name);

    /* Instead of a value, where its type is not known. */
    if (text->in_metric && strcmp(name, "length") == 0)
        g_string_append_printf(to, "(type %s, the rest of %" G_GUINT64_FORMAT " bytes is unread)",
                               text->metric_type, value);
    else
        g_string_append_printf(to, "%" G_GUINT64_FORMAT, value);
}

static void
put_real(gpointer user_data, const char *name, double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(begin_value(user_data, name),
                    g_ascii_formatd(digits, sizeof(digits), "%.9g", value));
}

static void
put_text(gpointer user_data, const char *name, const char *bytes, size_t length)
{
    Text *text = user_data;

    if (text->in_metric && strcmp(name, "type") == 0) {
        g_snprintf(text->metric_type, sizeof(text->metric_type), "%.*s", (int)length, bytes);
    } else if (text->in_metric && strcmp(name, "name") == 0) {
        put_quoted(text->metric, bytes, length, " =");
        g_string_append_c(text->metric, '=');
    } else {
        put_quoted(begin_value(text, name), bytes, length, " ");
    }
}

/* A packet's header is too long for a line that people read. */
static void
put_bytes(gpointer user_data, const char *name, const uint8_t *bytes G_GNUC_UNUSED, size_t length)
{
    g_string_append_printf(begin_value(user_data, name), "%" G_GSIZE_FORMAT " bytes", length);
}

static void
put_unknown(gpointer user_data, const char *name)
{
    g_string_append_c(begin_value(user_data, name), '?');
}

char *
vsf_sflow_text(const uint8_t *data, size_t size, const char *from)
{
    static const VsfSflowSink sink = {
        .begin_object = begin_object,
        .end_object = end_object,
        .begin_array = begin_array,
        .end_array = end_array,
        .integer = put_integer,
        .real = put_real,
        .text = put_text,
        .bytes = put_bytes,
        .unknown = put_unknown,
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) metric = g_string_new(NULL);
    Text text = {.out = g_string_new("datagram"), .metric = metric};

    if (from != NULL)
        g_string_append_printf(text.out, " from=%s", from);
    g_string_append_printf(text.out, " size=%" G_GSIZE_FORMAT, size);
    if (!vsf_sflow_decode(data, size, &sink, &text, &error))
        g_string_append_printf(text.out, "\n  malformed: %s", error->message);
    g_string_append_c(text.out, '\n');
    return g_string_free(text.out, FALSE);
}
