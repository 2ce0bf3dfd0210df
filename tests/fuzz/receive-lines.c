/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a datagram holds: each line is one of its protocol, a datagram that was cut to some of
 * its samples is one again, and compared with itself it differs in nothing. */
#include "../../daemon/cli/comparison.h"
#include "../../daemon/cli/lines.h"
#include "../../daemon/cli/rows.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static gboolean
is_path(const char *text, gsize length)
{
    gsize part = 0;

    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(text[i]) && strchr("_-.", text[i]) == NULL)
            return FALSE;
        part = text[i] == '.' ? 0 : part + 1;
        if (text[i] == '.' && (i == 0 || text[i - 1] == '.'))
            return FALSE;
        if (part > 63)
            return FALSE;
    }
    return length > 0 && text[length - 1] != '.';
}

static void
check_graphite(const GString *lines)
{
    g_auto(GStrv) list = g_strsplit(lines->str, "\n", -1);

    g_assert(strlen(lines->str) == lines->len);
    for (guint i = 0; list[i] != NULL && list[i + 1] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(list[i], " ", -1);

        g_assert(g_strv_length(words) == 3);
        g_assert(is_path(words[0], strlen(words[0])));
    }
    g_assert(lines->len == 0 || lines->str[lines->len - 1] == '\n');
}

/* The three parts of a line, at blanks that nothing escapes or quotes. */
static void
check_influx_line(const char *line)
{
    gboolean quoted = FALSE;
    guint blanks = 0;

    for (const char *at = line; *at != '\0'; at++) {
        g_assert((guint8)*at >= 0x20 && *at != 0x7f);
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"' && blanks == 1)
            quoted = !quoted;
        else if (*at == ' ' && !quoted)
            blanks++;
    }
    g_assert(!quoted && blanks == 2);
}

static void
check_influx(const GString *lines)
{
    g_auto(GStrv) list = g_strsplit(lines->str, "\n", -1);

    g_assert(strlen(lines->str) == lines->len);
    for (guint i = 0; list[i] != NULL && list[i + 1] != NULL; i++)
        check_influx_line(list[i]);
}

static void
check_cut(const guint8 *data, gsize size, const VsfSamples *samples)
{
    g_autofree gboolean *keep = g_new0(gboolean, samples->samples->len + 1);
    g_autofree guint8 *none = NULL, *half = NULL;
    g_autoptr(VsfSamples) left = NULL;
    g_autoptr(GError) error = NULL;
    gsize kept;

    none = vsf_samples_cut(data, size, keep, &kept);
    g_assert(kept <= size);
    for (guint i = 0; i < samples->samples->len; i += 2)
        keep[i] = TRUE;
    half = vsf_samples_cut(data, size, keep, &kept);
    g_assert(kept <= size);
    left = vsf_samples_read(half, kept, &error);
    g_assert(error == NULL);
    g_assert(left->samples->len == (samples->samples->len + 1) / 2);
}

/* As the same VMs' counters from both agents. */
static void
check_comparison(const guint8 *data, gsize size)
{
    g_autoptr(VsfComparison) comparison = vsf_comparison_new(1);
    g_autofree char *text = NULL;
    VsfTally tally;

    for (guint i = 0; i < 4; i++) {
        g_autoptr(VsfSamples) samples = vsf_samples_read(data, size, NULL);

        samples->sub_agent_id = i % 2;
        vsf_comparison_add(comparison, samples, (gint64)i * 1000000000);
    }
    text = vsf_comparison_text(comparison, &tally);
    g_assert(tally.n[VSF_VERDICT_UNEXPECTED] == 0);
    g_assert(tally.heard_ours == tally.heard_theirs);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree guint8 *copy = g_memdup2(data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfSamples) samples = vsf_samples_read(copy, size, &error);
    g_autoptr(VsfVmBook) book = vsf_vm_book_new();
    g_autoptr(VsfRows) rows = vsf_rows_new();
    g_autoptr(GString) graphite = g_string_new(NULL), influx = g_string_new(NULL);
    g_autoptr(GString) table = g_string_new(NULL);
    static const char *const patterns[] = {"*a*", NULL};

    for (guint i = 0; i < samples->samples->len; i++) {
        const VsfSample *sample = g_ptr_array_index(samples->samples, i);

        vsf_vm_book_learn(book, samples, sample);
        vsf_vm_book_matches(book, samples, sample, patterns);
        vsf_lines_graphite(graphite, book, samples, sample, 1);
        vsf_lines_influx(influx, book, samples, sample, 1);
        for (guint twice = 0; twice < 2; twice++)
            vsf_rows_add(rows, table, samples, sample, (gint64)(i + twice) * 1000000000);
    }
    check_graphite(graphite);
    check_influx(influx);
    check_comparison(copy, size);
    if (error == NULL)
        check_cut(copy, size, samples);
    return 0;
}
