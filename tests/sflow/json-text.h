/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON by hand, for a program that may link GLib only. Keys and texts must need
 * no escaping. All ones in a number, and an empty text, are null. */
#pragma once

#include <glib.h>
#include <string.h>

static void
comma(GString *json)
{
    if (json->len > 0 && strchr("{[", json->str[json->len - 1]) == NULL)
        g_string_append(json, ", ");
}

static void
key(GString *json, const char *name)
{
    comma(json);
    g_string_append_printf(json, "\"%s\": ", name);
}

static void
plain(GString *json, const char *name, uint64_t value)
{
    key(json, name);
    g_string_append_printf(json, "%" G_GUINT64_FORMAT, value);
}

static void
u32(GString *json, const char *name, uint32_t value)
{
    if (value != UINT32_MAX) {
        plain(json, name, value);
        return;
    }
    key(json, name);
    g_string_append(json, "null");
}

static void
u64(GString *json, const char *name, uint64_t value)
{
    if (value != UINT64_MAX) {
        plain(json, name, value);
        return;
    }
    key(json, name);
    g_string_append(json, "null");
}

static void
text(GString *json, const char *name, const char *value)
{
    key(json, name);
    if (value == NULL || *value == '\0')
        g_string_append(json, "null");
    else
        g_string_append_printf(json, "\"%s\"", value);
}

static void
hex(GString *json, const char *name, const uint8_t *bytes, size_t size)
{
    key(json, name);
    g_string_append_c(json, '"');
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(json, "%02x", bytes[i]);
    g_string_append_c(json, '"');
}
