/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sampler costs the frames that pass: two bridged taps, frames written into one and read
 * from the other, with and without samplers on both, in both directions.
 *
 * Timings of one machine vary by a factor of two between seconds. So each variant has two taps of
 * its own, the variants take turns of about a millisecond in an order that is drawn anew for each
 * round, and only turns of the same round are compared: with the one without a sampler, and with
 * plain libpcap at the same rate. Taps differ by where their memory lies, so each variant has
 * each pair of taps for as many rounds. CPU time of the thread that does all of it; the samples'
 * way to the callback is in it. */
#include "../net/tap-lab.h"
#include "forward-lab.h"
#include "report.h"
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define ROUNDS 60      /* of each placement of the variants on the pairs of taps */
#define BATCH 32       /* written before they are read */
#define TAKE_SAMPLES 4 /* times BATCH, are taken at a time: a ring holds more */
#define TAKE_MOST 128  /* batches between two takes, which is some 15 ms */

typedef struct {
    const char *label;
    gsize bytes;
    guint batches; /* a turn */
} Size;

static const Size sizes[] = {
    {"64-byte frames", 64, 8},
    {"200-byte frames", 200, 8},
    {"1500-byte frames", 1500, 8},
    {"64 KiB GSO frames", FORWARD_GSO, 1},
};
#define N_SIZES G_N_ELEMENTS(sizes)

typedef struct {
    const Sampler *sampler; /* NULL: none */
    guint32 rate;
} Variant;

/* Of super-frames eBPF picks segments: at this rate as many as libpcap picks frames at 1:512. */
#define RATE_OF_SEGMENTS (512 * FORWARD_GSO_SEGMENTS)

/* The first is what the others are compared with. */
static const Variant variants[] = {
    {NULL, 0},
    {&sampler_empty, 1},
    {&sampler_plain, 1},
    {&sampler_pcap, 1},
    {&sampler_ebpf, 1},
    {&sampler_plain, 64},
    {&sampler_pcap, 64},
    {&sampler_ebpf, 64},
    {&sampler_plain, 512},
    {&sampler_pcap, 512},
    {&sampler_ebpf, 512},
    {&sampler_plain, 10000},
    {&sampler_pcap, 10000},
    {&sampler_ebpf, 10000},
    {&sampler_ebpf, RATE_OF_SEGMENTS},
};
#define N_VARIANTS G_N_ELEMENTS(variants)

typedef struct {
    gpointer self;  /* the open sampler */
    guint batches;  /* since samples were taken */
    double *ns;     /* a frame, of each round */
    guint64 frames; /* that passed while it was open */
    guint64 samples, lost;
    char *missing; /* why this kernel has no such sampler, or NULL */
} Result;

static void
open_sampler(const ForwardLab *lab, const Variant *variant, Result *result)
{
    SamplerOptions options = {VSF_DIRECTION_BOTH, 0};
    g_autoptr(GError) error = NULL;

    if (variant->sampler == NULL || result->missing != NULL)
        return;
    result->self = variant->sampler->open((const char *const *)lab->names, 2, variant->rate,
                                          &options, &error);
    if (result->self == NULL)
        result->missing = g_strdup(error->message);
}

static void
close_sampler(const Variant *variant, Result *result)
{
    SamplerTotals totals = {0};

    if (result->self == NULL)
        return;
    variant->sampler->totals(result->self, &totals);
    result->samples += totals.samples;
    result->lost += totals.lost;
    variant->sampler->close(result->self);
    result->self = NULL;
}

/* Nanoseconds a frame. */
static double
take_turn(ForwardLab *lab, const Size *size, const Variant *variant, Result *result)
{
    guint take_each = CLAMP(TAKE_SAMPLES * variant->rate, TAKE_SAMPLES, TAKE_MOST);
    gint64 begin_ns;

    if (result->missing != NULL)
        return BENCH_NONE;
    begin_ns = bench_thread_cpu_ns();
    for (guint i = 0; i < size->batches; i++) {
        forward_lab_pass(lab, BATCH);
        if (result->self != NULL && ++result->batches % take_each == 0)
            variant->sampler->take(result->self);
    }
    result->frames += size->batches * BATCH;
    return (double)(bench_thread_cpu_ns() - begin_ns) / (size->batches * BATCH);
}

/* What was to be sampled was: both taps see each frame. */
static void
check(const Size *size, const Variant *variant, const Result *result)
{
    guint64 seen = 2 * result->frames;
    gboolean by_segment = size->bytes == FORWARD_GSO && variant->sampler != NULL &&
                          variant->sampler->takes_segments;
    double expected = (double)seen * (by_segment ? FORWARD_GSO_SEGMENTS : 1) /
                      MAX(variant->rate, 1);
    double picked = (double)(result->samples + result->lost);

    if (variant->sampler == NULL || variant->sampler == &sampler_empty)
        return;
    /* Frames of the bridge's own are in it. */
    if (fabs(picked - expected) > 6 * sqrt(expected) + expected / 100)
        g_error("%s 1:%u: %.0f samples of %" G_GUINT64_FORMAT " frames", variant->sampler->name,
                variant->rate, picked, seen);
}

/* The median of what each round makes of @a and @b; and the least, unless NULL. */
static double
compare(const double *a, const double *b, guint rounds, gboolean ratio, double *least)
{
    g_autofree double *values = g_new(double, rounds);

    for (guint r = 0; r < rounds; r++)
        values[r] = ratio ? a[r] / b[r] : a[r] - b[r];
    if (least != NULL)
        *least = bench_least(values, rounds);
    return bench_median(values, rounds);
}

/* Plain libpcap at the same rate, or NULL. */
static const Result *
plain_beside(const Result *results, guint v)
{
    for (guint i = 0; i < N_VARIANTS; i++)
        if (variants[i].sampler == &sampler_plain && variants[i].rate == variants[v].rate &&
            i != v && variants[v].sampler != NULL && variants[v].sampler != &sampler_empty)
            return &results[i];
    return NULL;
}

static void
report_variant(BenchReport *report, const Result *results, guint v, guint rounds)
{
    const Variant *variant = &variants[v];
    const Result *result = &results[v], *plain = plain_beside(results, v);
    g_autofree double *costs = g_memdup2(result->ns, rounds * sizeof(double));
    g_autofree char *label = NULL;
    double ratio, least, added, against = BENCH_NONE;

    if (variant->sampler == NULL || variant->sampler == &sampler_empty)
        label = g_strdup(variant->sampler == NULL ? "no sampler" : variant->sampler->name);
    else
        label = g_strdup_printf("%s 1:%u", variant->sampler->name, variant->rate);
    if (result->missing != NULL) {
        printf("  %s: left out: %s\n", label, result->missing);
        return;
    }
    ratio = compare(result->ns, results[0].ns, rounds, TRUE, &least);
    added = compare(result->ns, results[0].ns, rounds, FALSE, NULL);
    if (plain != NULL)
        against = compare(result->ns, plain->ns, rounds, TRUE, NULL);
    bench_report_row(report, label,
                     (double[]){bench_median(costs, rounds), MAX(added, 0), ratio, least, against,
                                (double)result->samples, (double)result->lost});
}

/* The variants one after another, in an order of its own. */
static void
take_round(ForwardLab *labs, guint shift, const Size *size, Result *results, guint round)
{
    guint order[N_VARIANTS];

    for (guint i = 0; i < N_VARIANTS; i++) {
        guint j = (guint)g_random_int_range(0, (gint32)i + 1);

        order[i] = order[j];
        order[j] = i;
    }
    for (guint i = 0; i < N_VARIANTS; i++) {
        guint v = order[i];

        results[v].ns[round] = take_turn(&labs[(v + shift) % N_VARIANTS], size, &variants[v],
                                         &results[v]);
    }
}

/* All rounds with variant v on the taps v + @shift; @ns of all, after a round to warm up. */
static void
take_rounds(ForwardLab *labs, guint shift, const Size *size, Result *results, guint rounds)
{
    for (guint v = 0; v < N_VARIANTS; v++)
        open_sampler(&labs[(v + shift) % N_VARIANTS], &variants[v], &results[v]);
    for (guint r = 0; r <= rounds; r++)
        take_round(labs, shift, size, results, shift * rounds + MAX(r, 1) - 1);
    /* In reverse, since the one with sockets counts those of the process. */
    for (guint v = N_VARIANTS; v-- > 0;)
        close_sampler(&variants[v], &results[v]);
}

static const Result *
result_of(const Result *results, const Sampler *sampler, guint32 rate)
{
    for (guint v = 0; v < N_VARIANTS; v++)
        if (variants[v].sampler == sampler && variants[v].rate == rate)
            return results[v].missing == NULL ? &results[v] : NULL;
    g_assert_not_reached();
}

/* What @a adds over what @b adds, at 1:512. */
static void
report_goal(BenchReport *report, const char *key, const Result *results, const Result *a,
            const Result *b, guint rounds)
{
    if (a != NULL && b != NULL)
        bench_report_number(report, key,
                            compare(a->ns, results[0].ns, rounds, FALSE, NULL) /
                                compare(b->ns, results[0].ns, rounds, FALSE, NULL));
}

static void
report_goals(BenchReport *report, const Size *size, const Result *results, guint rounds)
{
    const Result *ebpf = result_of(results, &sampler_ebpf, 512);
    const Result *pcap = result_of(results, &sampler_pcap, 512);
    g_autofree char *of_pcap = g_strdup_printf("%s, eBPF over pcap", size->label);
    g_autofree char *of_empty = g_strdup_printf("%s, eBPF over an empty program", size->label);
    g_autofree char *of_plain = g_strdup_printf("%s, pcap over plain libpcap", size->label);

    report_goal(report, of_pcap, results, ebpf, pcap, rounds);
    report_goal(report, of_empty, results, ebpf, result_of(results, &sampler_empty, 1), rounds);
    report_goal(report, of_plain, results, pcap, result_of(results, &sampler_plain, 512), rounds);
    if (size->bytes == FORWARD_GSO)
        report_goal(report, "eBPF over pcap, as many samples", results,
                    result_of(results, &sampler_ebpf, RATE_OF_SEGMENTS), pcap, rounds);
}

static void
measure(BenchReport *report, ForwardLab *labs, const Size *size, guint rounds)
{
    static const BenchColumn columns[] = {{"ns_per_frame", "ns/frame", 0},
                                          {"added_ns", "added ns", 0},
                                          {"median_ratio", "med. ratio", 3},
                                          {"least_ratio", "least ratio", 3},
                                          {"to_plain", "to plain", 3},
                                          {"samples", "samples", 0},
                                          {"lost", "lost", 0},
                                          {0}};
    Result results[N_VARIANTS] = {0};
    guint all = rounds * N_VARIANTS;

    for (guint v = 0; v < N_VARIANTS; v++) {
        forward_lab_set_frame(&labs[v], size->bytes);
        results[v].ns = g_new(double, all);
    }
    for (guint shift = 0; shift < N_VARIANTS; shift++)
        take_rounds(labs, shift, size, results, rounds);
    bench_report_table(report, size->label, size->label, columns);
    for (guint v = 0; v < N_VARIANTS; v++) {
        if (results[v].missing == NULL)
            check(size, &variants[v], &results[v]);
        report_variant(report, results, v, all);
    }
    report_goals(report, size, results, all);
    for (guint v = 0; v < N_VARIANTS; v++) {
        g_free(results[v].missing);
        g_free(results[v].ns);
    }
}

/* A system call on a descriptor costs more in a process of several threads; ours has some,
 * so that all variants are measured in one that has. */
static gpointer
sleep_for_ever(gpointer unused G_GNUC_UNUSED)
{
    for (;;)
        pause();
    return NULL;
}

int
main(int argc, char **argv)
{
    ForwardLab labs[N_VARIANTS];
    BenchReport *report;

    if (!tap_lab_enter()) {
        printf("skipped: needs root\n");
        return BENCH_SKIPPED;
    }
    report = bench_report_new(argc > 1 ? argv[1] : NULL);
    for (guint v = 0; v < N_VARIANTS; v++)
        forward_lab_new(&labs[v], v);
    g_thread_unref(g_thread_new("idle", sleep_for_ever, NULL));
    for (guint s = 0; s < N_SIZES; s++)
        measure(report, labs, &sizes[s], ROUNDS * bench_times());
    bench_report_end(report);
    for (guint v = 0; v < N_VARIANTS; v++)
        forward_lab_free(&labs[v]);
    return 0;
}
