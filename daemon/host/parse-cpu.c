/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the CPUs did: /proc/loadavg, /proc/uptime and /proc/stat. */
#include "parse.h"
#include "text.h"

#include <string.h>

/* "0.25": digits, a point and digits, whatever the locale; -1 if it is anything else. */
static double
parse_load(VsfText word)
{
    char copy[32];
    guint points = 0;

    if (word.length == 0 || word.length >= sizeof(copy) ||
        !g_ascii_isdigit(word.at[word.length - 1]))
        return -1.0;
    for (gsize i = 0; i < word.length; i++) {
        if (!g_ascii_isdigit(word.at[i]) && word.at[i] != '.')
            return -1.0;
        points += word.at[i] == '.';
    }
    if (points != 1)
        return -1.0;
    memcpy(copy, word.at, word.length);
    copy[word.length] = '\0';
    return g_ascii_strtod(copy, NULL);
}

void
vsf_host_parse_loadavg(const char *text, gsize length, VsfHostCpu *cpu)
{
    VsfText rest = {text, length};
    VsfText line, word;
    const char *slash;

    if (!vsf_text_line(&rest, &line))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(cpu->load); i++) {
        if (!vsf_text_word(&line, &word))
            return;
        cpu->load[i] = parse_load(word);
    }
    if (!vsf_text_word(&line, &word))
        return;
    slash = memchr(word.at, '/', word.length);
    if (slash == NULL)
        return;
    cpu->proc_run = vsf_text_number((VsfText){word.at, (gsize)(slash - word.at)});
    cpu->proc_total = vsf_text_number(
        (VsfText){slash + 1, word.length - (gsize)(slash + 1 - word.at)});
}

void
vsf_host_parse_uptime(const char *text, gsize length, VsfHostCpu *cpu)
{
    VsfText rest = {text, length};
    VsfText line;

    if (vsf_text_line(&rest, &line))
        vsf_text_digits(line, &cpu->uptime_s);
}

static guint64
milliseconds(guint64 ticks, guint64 ticks_per_s)
{
    guint64 ms = 0;

    if (ticks == VSF_UNKNOWN || !g_uint64_checked_mul(&ms, ticks / ticks_per_s, 1000) ||
        !g_uint64_checked_add(&ms, ms, ticks % ticks_per_s * 1000 / ticks_per_s))
        return VSF_UNKNOWN;
    return ms;
}

/* Older kernels have fewer columns, newer ones may have more. */
static void
parse_times(VsfText line, guint64 ticks_per_s, VsfHostCpu *cpu)
{
    guint64 *const columns[] = {&cpu->user_ms,  &cpu->nice_ms,      &cpu->system_ms, &cpu->idle_ms,
                                &cpu->wio_ms,   &cpu->intr_ms,      &cpu->sintr_ms,  &cpu->steal_ms,
                                &cpu->guest_ms, &cpu->guest_nice_ms};
    VsfText word;

    for (gsize i = 0; i < G_N_ELEMENTS(columns) && vsf_text_word(&line, &word); i++)
        *columns[i] = milliseconds(vsf_text_number(word), ticks_per_s);
}

void
vsf_host_parse_stat(const char *text, gsize length, guint64 ticks_per_s, VsfHostCpu *cpu)
{
    VsfText rest = {text, length};
    VsfText line, word;
    guint64 n_cpus = 0;

    if (ticks_per_s == 0)
        return;
    while (vsf_text_line(&rest, &line)) {
        if (!vsf_text_word(&line, &word))
            continue;
        if (vsf_text_is(word, "cpu")) {
            parse_times(line, ticks_per_s, cpu);
        } else if (vsf_text_begins(word, "cpu")) {
            n_cpus++;
        } else if (vsf_text_is(word, "intr")) {
            /* The first is the sum of the others, of which there may be thousands. */
            if (vsf_text_word(&line, &word))
                cpu->interrupts = vsf_text_number(word);
        } else if (vsf_text_is(word, "ctxt")) {
            if (vsf_text_word(&line, &word))
                cpu->contexts = vsf_text_number(word);
        }
    }
    if (n_cpus > 0)
        cpu->cpus = n_cpus;
}
