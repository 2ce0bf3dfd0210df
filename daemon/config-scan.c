/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line scan of the configuration. The rules follow GKeyFile's parser, also
 * where they surprise (a blank before the end of a key's line is trimmed from
 * the key, one at the end of the value is not; only '#' begins a comment). */
#include "config-scan.h"

#include "config.h"

#include <string.h>

#define QUOTED_MAX 60 /* characters of the file's text in a message */

char *
vsf_config_quote(const char *text)
{
    GString *quoted = g_string_new("\"");
    const char *at = text;

    for (guint n = 0; *at != '\0' && n < QUOTED_MAX; n++, at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (g_unichar_isprint(c))
            g_string_append_unichar(quoted, c);
        else
            g_string_append_printf(quoted, "\\x%02x", c);
    }
    g_string_append(quoted, *at != '\0' ? "...\"" : "\"");
    return g_string_free(quoted, FALSE);
}

G_GNUC_PRINTF(3, 4)
static VsfScanResult
fail(const VsfConfigScan *scan, GError **error, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "%s:%u: %s", scan->name,
                scan->line, message);
    return VSF_SCAN_ERROR;
}

static guint
line_of(const char *text, const char *at)
{
    guint line = 1;

    while (text < at)
        line += *text++ == '\n';
    return line;
}

gboolean
vsf_config_scan_init(VsfConfigScan *scan, const char *name, const char *text, gsize length,
                     GError **error)
{
    const char *bad;

    *scan = (VsfConfigScan){.name = name, .next = text, .end = text + length};
    if (length == 0) /* text may then be NULL */
        return TRUE;
    if (!g_utf8_validate(text, (gssize)length, &bad)) {
        scan->line = line_of(text, bad);
        fail(scan, error, "%s; only UTF-8 text is allowed",
             *bad == '\0' ? "holds a NUL byte" : "is not UTF-8");
        return FALSE;
    }
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        scan->next += 3;
    return TRUE;
}

/* The next line without its end ("\n" or "\r\n"), or NULL. GKeyFile keeps a
 * "\r" that no "\n" follows. */
static char *
take_line(VsfConfigScan *scan)
{
    const char *start = scan->next, *newline;
    gsize length;

    if (start == NULL || start == scan->end)
        return NULL;
    newline = memchr(start, '\n', (gsize)(scan->end - start));
    length = (gsize)((newline != NULL ? newline : scan->end) - start);
    scan->next = newline != NULL ? newline + 1 : scan->end;
    if (newline != NULL && length > 0 && start[length - 1] == '\r')
        length--;
    scan->line++;
    return g_strndup(start, length);
}

/* "[name]" with blanks after it: the name, or NULL if the line is something else. */
static char *
group_of(const char *line)
{
    const char *close = line[0] == '[' ? strchr(line, ']') : NULL;

    if (close == NULL || close[1 + strspn(close + 1, " \t")] != '\0')
        return NULL;
    return g_strndup(line + 1, (gsize)(close - line - 1));
}

static gboolean
group_name_is_valid(const char *name)
{
    if (*name == '\0')
        return FALSE;
    for (; *name != '\0'; name++)
        if (*name == '[' || *name == ']' || g_ascii_iscntrl(*name))
            return FALSE;
    return TRUE;
}

/* A key may have a locale in brackets at its end, and blanks inside. */
static gboolean
key_name_is_valid(const char *name)
{
    const char *at = name + strcspn(name, "=[]");

    if (at == name || name[0] == ' ' || at[-1] == ' ')
        return FALSE;
    if (*at == '[') {
        at++;
        while (*at != '\0' &&
               (g_unichar_isalnum(g_utf8_get_char(at)) || strchr("-_.@", *at) != NULL))
            at = g_utf8_next_char(at);
        if (*at != ']')
            return FALSE;
        at++;
    }
    return *at == '\0';
}

/* GKeyFile's escapes, in place. FALSE at one that it does not know. */
static gboolean
unescape(char *text)
{
    static const char known[] = "sntr\\", means[] = " \n\t\r\\";
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '\\') {
            const char *escape = *++from != '\0' ? strchr(known, *from) : NULL;

            if (escape == NULL)
                return FALSE;
            *to++ = means[escape - known];
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return TRUE;
}

static VsfScanResult
take_pair(VsfConfigScan *scan, char *line, VsfConfigItem *item, GError **error)
{
    g_autofree char *key = NULL, *value = NULL, *place = NULL, *quoted = vsf_config_quote(line);
    char *equals = strchr(line, '='), *key_end = equals;

    if (equals == NULL || equals == line)
        return fail(scan, error,
                    "%s is no setting; allowed are \"key = value\", \"[group]\", and comments that "
                    "begin with #",
                    quoted);
    while (key_end > line && g_ascii_isspace(key_end[-1]))
        key_end--;
    key = g_strndup(line, (gsize)(key_end - line));
    if (!key_name_is_valid(key))
        return fail(scan, error, "%s does not begin with a key%s", quoted,
                    *key == ';' ? "; comments begin with #" : "");
    place = g_strescape(key, NULL);
    if (scan->group == NULL)
        return fail(scan, error, "%s stands before the first group; put it below [sflow]", place);
    for (equals++; g_ascii_isspace(*equals); equals++)
        continue;
    value = g_strdup(equals);
    if (!unescape(value)) {
        g_autofree char *group = g_strescape(scan->group, NULL);

        return fail(scan, error, "[%s] %s: a backslash that means nothing; write \\\\ for one",
                    group, place);
    }
    item->group = scan->group;
    item->key = g_steal_pointer(&key);
    item->value = g_steal_pointer(&value);
    return VSF_SCAN_ITEM;
}

VsfScanResult
vsf_config_scan_next(VsfConfigScan *scan, VsfConfigItem *item, GError **error)
{
    g_autofree char *line = NULL;

    *item = (VsfConfigItem){0};
    while ((line = take_line(scan)) != NULL) {
        char *start = line;
        g_autofree char *group = NULL;

        while (g_ascii_isspace(*start))
            start++;
        item->line = scan->line;
        if (*start != '\0' && *start != '#') {
            group = group_of(start);
            if (group == NULL)
                return take_pair(scan, start, item, error);
            if (!group_name_is_valid(group))
                return fail(scan, error, "a group without a proper name; allowed is \"[sflow]\"");
            g_free(scan->group);
            scan->group = g_steal_pointer(&group);
            item->group = scan->group;
            return VSF_SCAN_ITEM;
        }
        g_clear_pointer(&line, g_free);
    }
    return VSF_SCAN_END;
}

void
vsf_config_item_clear(VsfConfigItem *item)
{
    g_clear_pointer(&item->key, g_free);
    g_clear_pointer(&item->value, g_free);
}

void
vsf_config_scan_clear(VsfConfigScan *scan)
{
    g_clear_pointer(&scan->group, g_free);
}
