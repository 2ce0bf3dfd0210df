/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON checker with a stack of its own, one small entry a level. */
#include "../include/json-scan.h"

#include <string.h>

typedef enum {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* just behind '[' */
    WANT_KEY,
    WANT_KEY_OR_END, /* just behind '{' */
    WANT_COLON,
    WANT_COMMA_OR_END,
    WANT_NOTHING,
} Want;

typedef struct {
    const char *at, *end;
    const VsfJsonLimits *limits;
    Want want;
    guint depth;
    gsize n_values;
    gboolean top_is_object;
    struct {
        gboolean is_object;
        gsize n_members;
    } level[VSF_JSON_DEPTH_MAX];
} Scan;

static const char not_json[] = "is no JSON object";

static gboolean
four_hex(Scan *scan, guint *unit)
{
    if (scan->end - scan->at < 4)
        return FALSE;
    *unit = 0;
    for (guint i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(*scan->at++);

        if (digit < 0)
            return FALSE;
        *unit = *unit * 16 + (guint)digit;
    }
    return TRUE;
}

/* Behind "\u". A high surrogate needs its low half, and nothing else may be one. */
static gboolean
unicode_escape(Scan *scan)
{
    guint unit, low;

    if (!four_hex(scan, &unit) || unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return FALSE;
    if (unit < 0xd800 || unit > 0xdbff)
        return TRUE;
    if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return FALSE;
    scan->at += 2;
    return four_hex(scan, &low) && low >= 0xdc00 && low <= 0xdfff;
}

/* Behind the opening quote. */
static gboolean
string(Scan *scan)
{
    while (scan->at < scan->end) {
        char c = *scan->at++;

        if (c == '"')
            return TRUE;
        if ((guchar)c < 0x20)
            return FALSE;
        if (c != '\\')
            continue;
        if (scan->at == scan->end)
            return FALSE;
        c = *scan->at++;
        if (c == 'u' ? !unicode_escape(scan) : memchr("\"\\/bfnrt", c, 8) == NULL)
            return FALSE;
    }
    return FALSE;
}

static gsize
digits(Scan *scan)
{
    const char *start = scan->at;

    while (scan->at < scan->end && g_ascii_isdigit(*scan->at))
        scan->at++;
    return (gsize)(scan->at - start);
}

static gboolean
skip(Scan *scan, const char *any_of)
{
    if (scan->at == scan->end || *scan->at == '\0' || strchr(any_of, *scan->at) == NULL)
        return FALSE;
    scan->at++;
    return TRUE;
}

static const char *
number(Scan *scan)
{
    static const char lowest[] = "9223372036854775808";
    gboolean negative = skip(scan, "-");
    const char *start = scan->at;
    gsize n = digits(scan);
    gboolean is_integer = TRUE;

    if (n == 0 || (n > 1 && *start == '0'))
        return not_json;
    if (skip(scan, ".")) {
        is_integer = FALSE;
        if (digits(scan) == 0)
            return not_json;
    }
    if (skip(scan, "eE")) {
        is_integer = FALSE;
        skip(scan, "+-");
        if (digits(scan) == 0)
            return not_json;
    }
    if (is_integer && negative &&
        (n > sizeof(lowest) - 1 ||
         (n == sizeof(lowest) - 1 && memcmp(start, lowest, sizeof(lowest) - 1) > 0)))
        return "has a number below -2^63";
    return NULL;
}

static gboolean
word(Scan *scan, const char *text)
{
    gsize length = strlen(text);

    if ((gsize)(scan->end - scan->at) < length || memcmp(scan->at, text, length) != 0)
        return FALSE;
    scan->at += length;
    return TRUE;
}

static void
value_ended(Scan *scan)
{
    scan->want = scan->depth > 0 ? WANT_COMMA_OR_END : WANT_NOTHING;
}

static const char *
value_begins(Scan *scan)
{
    const char *wrong = NULL;
    char c = *scan->at;

    if (++scan->n_values > scan->limits->values_max)
        return "has too many values";
    if (scan->n_values == 1)
        scan->top_is_object = c == '{';
    if (c == '{' || c == '[') {
        if (scan->depth == scan->limits->depth_max)
            return "is nested too deeply";
        scan->level[scan->depth].is_object = c == '{';
        scan->level[scan->depth++].n_members = 0;
        scan->want = c == '{' ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
        scan->at++;
        return NULL;
    }
    if (c == '"') {
        scan->at++;
        wrong = string(scan) ? NULL : not_json;
    } else if (c == '-' || g_ascii_isdigit(c)) {
        wrong = number(scan);
    } else if (!word(scan, "true") && !word(scan, "false") && !word(scan, "null")) {
        wrong = not_json;
    }
    value_ended(scan);
    return wrong;
}

static const char *
key(Scan *scan)
{
    if (*scan->at++ != '"' || !string(scan))
        return not_json;
    if (++scan->level[scan->depth - 1].n_members > scan->limits->members_max)
        return "has an object with too many members";
    scan->want = WANT_COLON;
    return NULL;
}

/* The end of what is open; only asked where one may stand. */
static gboolean
closes(Scan *scan)
{
    if (*scan->at != (scan->level[scan->depth - 1].is_object ? '}' : ']'))
        return FALSE;
    scan->at++;
    scan->depth--;
    value_ended(scan);
    return TRUE;
}

static const char *
step(Scan *scan)
{
    switch (scan->want) {
    case WANT_VALUE_OR_END:
        return closes(scan) ? NULL : value_begins(scan);
    case WANT_VALUE:
        return value_begins(scan);
    case WANT_KEY_OR_END:
        return closes(scan) ? NULL : key(scan);
    case WANT_KEY:
        return key(scan);
    case WANT_COLON:
        scan->want = WANT_VALUE;
        return *scan->at++ == ':' ? NULL : not_json;
    case WANT_COMMA_OR_END:
        if (closes(scan))
            return NULL;
        scan->want = scan->level[scan->depth - 1].is_object ? WANT_KEY : WANT_VALUE;
        return *scan->at++ == ',' ? NULL : not_json;
    case WANT_NOTHING:
        break;
    }
    return not_json;
}

const char *
vsf_json_scan(const char *text, gsize length, const VsfJsonLimits *limits)
{
    Scan scan = {.at = text, .end = text + length, .limits = limits};
    const char *wrong = NULL;

    g_assert(limits->depth_max <= VSF_JSON_DEPTH_MAX);
    if (length > limits->bytes_max)
        return "is too long";
    if (!g_utf8_validate_len(text, length, NULL))
        return "is not UTF-8 text";
    while (wrong == NULL && scan.at < scan.end) {
        if (memchr(" \t\r\n", *scan.at, 4) != NULL)
            scan.at++;
        else
            wrong = step(&scan);
    }
    if (wrong != NULL)
        return wrong;
    return scan.want == WANT_NOTHING && scan.top_is_object ? NULL : not_json;
}
