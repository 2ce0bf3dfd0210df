/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's memory: /proc/meminfo and /proc/vmstat. */
#include "parse.h"
#include "text.h"

/* meminfo's unit is KiB, whatever "kB" says. Unknown if it is no number or overflows. */
static guint64
kib(VsfText value)
{
    guint64 bytes = 0;

    if (!vsf_text_digits(value, &bytes) || !g_uint64_checked_mul(&bytes, bytes, 1024))
        return VSF_UNKNOWN;
    return bytes;
}

void
vsf_host_parse_meminfo(const char *text, gsize length, VsfHostMemory *memory)
{
    guint64 slab = 0;
    const struct {
        const char *key;
        guint64 *to;
    } lines[] = {
        {"MemTotal", &memory->total},         {"MemFree", &memory->free},
        {"Shmem", &memory->shared},           {"Buffers", &memory->buffers},
        {"Cached", &memory->cached},          {"SwapTotal", &memory->swap_total},
        {"SwapFree", &memory->swap_free},     {"SReclaimable", &slab},
        {"MemAvailable", &memory->available},
    };
    VsfText rest = {text, length};
    VsfText line, value;

    while (vsf_text_line(&rest, &line)) {
        for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
            if (vsf_text_value(line, lines[i].key, &value))
                *lines[i].to = kib(value);
        }
    }
    if (slab == VSF_UNKNOWN || memory->cached == VSF_UNKNOWN ||
        !g_uint64_checked_add(&memory->cached, memory->cached, slab))
        memory->cached = VSF_UNKNOWN;
}

static guint64
pages(guint64 kibibytes, guint64 page_size)
{
    guint64 bytes = 0;

    if (kibibytes == VSF_UNKNOWN || page_size == 0)
        return VSF_UNKNOWN;
    if (page_size % 1024 == 0)
        return kibibytes / (page_size / 1024);
    return g_uint64_checked_mul(&bytes, kibibytes, 1024) ? bytes / page_size : VSF_UNKNOWN;
}

/* Nearly all of some 200 lines are other keys': that shows by how they begin. */
static gboolean
has_number(VsfText line, const char *key, guint64 *number)
{
    VsfText word, value;

    if (!vsf_text_begins(line, key) || !vsf_text_word(&line, &word) || !vsf_text_is(word, key) ||
        !vsf_text_word(&line, &value))
        return FALSE;
    *number = vsf_text_number(value);
    return TRUE;
}

void
vsf_host_parse_vmstat(const char *text, gsize length, guint64 page_size, VsfHostMemory *memory)
{
    VsfText rest = {text, length};
    VsfText line;

    while (vsf_text_line(&rest, &line)) {
        guint64 number;

        if (has_number(line, "pgpgin", &number))
            memory->page_in = pages(number, page_size);
        else if (has_number(line, "pgpgout", &number))
            memory->page_out = pages(number, page_size);
        else if (has_number(line, "pswpin", &number))
            memory->swap_in = number;
        else if (has_number(line, "pswpout", &number))
            memory->swap_out = number;
    }
}
