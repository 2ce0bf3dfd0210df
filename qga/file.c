/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replies of guest-file-open, -read and -close, and /proc/meminfo. */
#include "envelope.h"
#include "field.h"
#include "reply.h"
#include "request.h"

#include <string.h>

/* Four letters for three bytes. */
#define BASE64_MAX (VSF_QGA_MEMINFO_BYTES / 3 * 4 + 4)

gboolean
vsf_qga_parse_handle(const char *reply, gsize length, gint64 *handle, GError **error)
{
    g_autoptr(JsonNode) node = vsf_qga_envelope_open(reply, length, error);

    if (node == NULL)
        return FALSE;
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64 ||
        json_node_get_int(node) <= VSF_QGA_NO_HANDLE) {
        g_set_error_literal(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                            "the guest agent's reply is no file handle");
        return FALSE;
    }
    *handle = json_node_get_int(node);
    return TRUE;
}

gboolean
vsf_qga_parse_closed(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonNode) node = vsf_qga_envelope_open(reply, length, error);

    return node != NULL;
}

VsfQgaMemory *
vsf_qga_parse_memory(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonObject) result = vsf_qga_envelope_object(reply, length, error);
    g_autofree guchar *text = NULL;
    VsfQgaMemory *memory = NULL;
    const char *base64;
    gsize size = 0;

    if (result == NULL)
        return NULL;
    base64 = vsf_qga_field_raw_text(result, "buf-b64");
    if (base64 != NULL && strlen(base64) <= BASE64_MAX) {
        text = g_base64_decode(base64, &size);
        memory = vsf_qga_parse_meminfo((const char *)text, size);
    }
    if (memory == NULL)
        g_set_error_literal(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                            "the guest agent's reply is no /proc/meminfo");
    return memory;
}

/* "MemTotal:       24684084 kB" in bytes, if that is the line's key; the unit is
 * KiB, whatever "kB" says. */
static gboolean
take(const char *line, gsize length, const char *key, guint64 *bytes)
{
    gsize at = strlen(key), start;
    guint64 kib = 0;

    if (length <= at || memcmp(line, key, at) != 0 || line[at++] != ':')
        return FALSE;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    for (start = at; at < length && g_ascii_isdigit(line[at]); at++) {
        if (!g_uint64_checked_mul(&kib, kib, 10) ||
            !g_uint64_checked_add(&kib, kib, (guint64)(line[at] - '0')))
            return FALSE;
    }
    if (at == start || kib > G_MAXINT64 / 1024)
        return FALSE;
    *bytes = kib * 1024;
    return TRUE;
}

VsfQgaMemory *
vsf_qga_parse_meminfo(const char *text, gsize length)
{
    VsfQgaMemory memory = {VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN,
                           VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN};
    const struct {
        const char *key;
        guint64 *bytes;
    } keys[] = {
        {"MemTotal", &memory.total},       {"MemAvailable", &memory.available},
        {"Buffers", &memory.buffers},      {"Cached", &memory.cached},
        {"SwapTotal", &memory.swap_total}, {"SwapFree", &memory.swap_free},
    };
    const char *end = text + length;
    const char *stop;

    for (const char *line = text; line < end; line = stop + 1) {
        stop = memchr(line, '\n', (gsize)(end - line));
        if (stop == NULL)
            break;
        for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
            take(line, (gsize)(stop - line), keys[i].key, keys[i].bytes);
    }
    if (memory.total == VSF_QGA_UNKNOWN || memory.total == 0)
        return NULL;
    if (memory.available != VSF_QGA_UNKNOWN)
        memory.available = MIN(memory.available, memory.total);
    if (memory.swap_free != VSF_QGA_UNKNOWN)
        memory.swap_free = MIN(memory.swap_free, memory.swap_total);
    return g_memdup2(&memory, sizeof(memory));
}
