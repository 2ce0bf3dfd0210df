/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sample costs in user space from the ring to the datagram, and how many a second one
 * core can take without loss. The whole process that is measured runs on one CPU, the frames
 * are written by another process on another; what the kernel spends to put a sample into the
 * ring is that one's. */
#include "../net/tap-lab.h"
#include "pipeline.h"
#include "report.h"
#include "traffic.h"

#include <stdio.h>
#include <unistd.h>

#define TAPS_MAX 64
#define FRAME_BYTES 200
#define ROUNDS 5
#define TRIAL_MS 400
#define TRIES 2 /* of a rate: others may take the CPU for a moment */
#define SEARCH_FROM 50000
#define SEARCH_STEPS 4 /* halvings between what went and what did not */
#define HOLD_MS 2000   /* what went briefly has to go for so long */
#define HOLD_LESS 0.9  /* else so much less is tried */
#define REACHED 0.97   /* of what was asked for: else the traffic is what ends it */
#define SETTLE_MS 200  /* the last samples wait up to 100 ms for a reading */

typedef struct {
    Traffic *traffic;
    TrafficSent sent;
    gboolean done;
} Bench;

typedef struct {
    double per_s;
    guint64 samples, lost, datagrams;
    double process_us, main_us; /* CPU time a sample */
    double percent;             /* of a core */
} Trial;

static void
note_sent(const TrafficSent *sent, gpointer user_data)
{
    Bench *bench = user_data;

    bench->sent = *sent;
    bench->done = TRUE;
}

static Trial
run(Bench *bench, Pipeline *pipeline, guint n_taps, guint rate, guint ms)
{
    PipelineTotals before = pipeline_totals(pipeline), totals;
    gint64 process_ns = bench_process_cpu_ns(), main_ns = bench_thread_cpu_ns();
    gint64 begin_us = g_get_monotonic_time(), took_us;

    bench->done = FALSE;
    traffic_send(bench->traffic, n_taps, rate, (guint)((guint64)rate * ms / 1000), note_sent,
                 bench);
    while (!bench->done)
        g_main_context_iteration(NULL, TRUE);
    took_us = g_get_monotonic_time() - begin_us;
    tap_lab_loop_for(SETTLE_MS);
    process_ns = bench_process_cpu_ns() - process_ns;
    main_ns = bench_thread_cpu_ns() - main_ns;
    totals = pipeline_totals(pipeline);
    totals.samples -= before.samples;
    totals.lost -= before.lost;
    if (totals.samples == 0 || totals.samples + totals.lost != bench->sent.frames)
        g_error("%" G_GUINT64_FORMAT " frames gave %" G_GUINT64_FORMAT
                " samples, and %" G_GUINT64_FORMAT " were lost",
                bench->sent.frames, totals.samples, totals.lost);
    return (Trial){
        .per_s = bench->sent.per_s,
        .samples = totals.samples,
        .lost = totals.lost,
        .datagrams = totals.datagrams - before.datagrams,
        .process_us = (double)process_ns / 1000 / (double)totals.samples,
        .main_us = (double)main_ns / 1000 / (double)totals.samples,
        .percent = (double)process_ns / 10 / (double)took_us,
    };
}

/* --- the cost of one ------------------------------------------------------- */

typedef struct {
    const char *name;
    PipelineEnd end;
    guint n_taps, rate;
} Case;

static const Case cases[] = {
    {"ring to callback, 8 taps", PIPELINE_RING, 8, 50000},
    {"ring to datagram, 8 taps", PIPELINE_DATAGRAM, 8, 50000},
    {"ring to UDP, 8 taps", PIPELINE_SENT, 8, 50000},
    {"ring to datagram, 8 taps", PIPELINE_DATAGRAM, 8, 1000},
    {"ring to datagram, 8 taps", PIPELINE_DATAGRAM, 8, 10000},
    {"ring to datagram, 8 taps", PIPELINE_DATAGRAM, 8, 200000},
    {"ring to datagram, 1 tap", PIPELINE_DATAGRAM, 1, 50000},
    {"ring to datagram, 64 taps", PIPELINE_DATAGRAM, 64, 50000},
};
#define N_CASES G_N_ELEMENTS(cases)

static Trial
run_case(Bench *bench, const Case *one)
{
    Pipeline *pipeline = pipeline_new(one->n_taps, one->end);
    Trial trial = run(bench, pipeline, one->n_taps, one->rate, TRIAL_MS);

    pipeline_free(pipeline);
    return trial;
}

static void
report_case(BenchReport *report, const Case *one, const Trial *trials, guint rounds)
{
    g_autofree double *process = g_new(double, rounds), *own = g_new(double, rounds);
    double per_s = 0, lost = 0, samples = 0, percent = 0, datagrams = 0;

    for (guint r = 0; r < rounds; r++) {
        process[r] = trials[r].process_us;
        own[r] = trials[r].main_us;
        per_s += trials[r].per_s / rounds;
        percent += trials[r].percent / rounds;
        samples += (double)trials[r].samples;
        datagrams += (double)trials[r].datagrams;
        lost += (double)trials[r].lost;
    }
    bench_report_row(report, one->name,
                     (double[]){per_s, bench_median(process, rounds), bench_least(process, rounds),
                                bench_median(own, rounds), percent,
                                datagrams > 0 ? samples / datagrams : BENCH_NONE, samples, lost});
}

static void
measure_costs(Bench *bench, BenchReport *report)
{
    static const BenchColumn columns[] = {{"per_s", "frames/s", 0},
                                          {"us_median", "us median", 2},
                                          {"us_least", "us least", 2},
                                          {"us_main_thread", "main loop", 2},
                                          {"percent", "% of core", 1},
                                          {"per_datagram", "per datagr.", 1},
                                          {"samples", "samples", 0},
                                          {"lost", "lost", 0},
                                          {0}};
    guint rounds = ROUNDS * bench_times();
    g_autofree Trial *trials = g_new0(Trial, N_CASES * rounds);

    for (guint r = 0; r < rounds; r++)
        for (guint c = 0; c < N_CASES; c++)
            trials[c * rounds + r] = run_case(bench, &cases[c]);
    bench_report_table(report, "cost",
                       "CPU time of a sample in user space, every frame sampled, all threads",
                       columns);
    for (guint c = 0; c < N_CASES; c++)
        report_case(report, &cases[c], trials + c * rounds, rounds);
}

/* --- the most ------------------------------------------------------------- */

typedef enum { GOES, LOSES, NOT_REACHED } Verdict;

typedef struct {
    Pipeline *pipeline;
    guint n_taps;
    Trial best; /* of the highest rate that went */
} Search;

/* Whether one of @tries goes without loss. */
static Verdict
try_rate(Bench *bench, Search *search, guint rate, guint ms, guint tries)
{
    Verdict verdict = NOT_REACHED;

    for (guint i = 0; i < tries; i++) {
        Trial trial = run(bench, search->pipeline, search->n_taps, rate, ms);

        if (trial.lost == 0 && trial.per_s >= rate * REACHED) {
            search->best = trial;
            return GOES;
        }
        if (trial.lost > 0)
            verdict = LOSES;
    }
    return verdict;
}

/* The highest rate that goes briefly; 0: none. *@ended_by: what the next one lacks. */
static guint
find(Bench *bench, Search *search, Verdict *ended_by)
{
    guint good = 0, bad = SEARCH_FROM;

    while ((*ended_by = try_rate(bench, search, bad, TRIAL_MS, TRIES)) == GOES) {
        good = bad;
        bad *= 2;
    }
    for (guint i = 0; i < SEARCH_STEPS && good > 0; i++) {
        guint rate = good + (bad - good) / 2;
        Verdict verdict = try_rate(bench, search, rate, TRIAL_MS, TRIES);

        if (verdict == GOES)
            good = rate;
        else {
            bad = rate;
            *ended_by = verdict;
        }
    }
    return good;
}

static void
search(Bench *bench, BenchReport *report, const char *name, guint n_taps, PipelineEnd end)
{
    Search search = {pipeline_new(n_taps, end), n_taps, {0}};
    Verdict ended_by;
    guint briefly = find(bench, &search, &ended_by), rate = briefly;

    while (rate > SEARCH_FROM / 2 &&
           try_rate(bench, &search, rate, HOLD_MS * bench_times(), 1) != GOES)
        rate = (guint)(rate * HOLD_LESS);
    if (rate <= SEARCH_FROM / 2)
        search.best = (Trial){.per_s = BENCH_NONE};
    bench_report_row(report, name,
                     (double[]){search.best.per_s, search.best.process_us, search.best.percent,
                                briefly, ended_by == LOSES});
    pipeline_free(search.pipeline);
}

static void
search_all(Bench *bench, BenchReport *report)
{
    static const BenchColumn columns[] = {
        {"per_s", "samples/s", 0},       {"us", "us each", 2},
        {"percent", "% of core", 1},     {"briefly_per_s", "briefly", 0},
        {"ended_by_loss", "by loss", 0}, {0}};

    bench_report_table(report, "highest",
                       "The most samples a second without loss on one core, for 2 s and briefly "
                       "(by loss 0: more frames a second were not to be had)",
                       columns);
    search(bench, report, "ring to datagram, 1 tap", 1, PIPELINE_DATAGRAM);
    search(bench, report, "ring to datagram, 8 taps", 8, PIPELINE_DATAGRAM);
    search(bench, report, "ring to datagram, 64 taps", 64, PIPELINE_DATAGRAM);
    search(bench, report, "ring to UDP, 8 taps", 8, PIPELINE_SENT);
}

int
main(int argc, char **argv)
{
    int taps[TAPS_MAX];
    Bench bench = {0};
    BenchReport *report;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || !tap_lab_enter()) {
        printf("skipped: needs root and two CPUs\n");
        return BENCH_SKIPPED;
    }
    for (guint i = 0; i < TAPS_MAX; i++) {
        char name[16];

        g_snprintf(name, sizeof(name), "vnet%u", i);
        taps[i] = tap_lab_tap(name);
        tap_lab_up(name);
    }
    bench.traffic = traffic_new(taps, TAPS_MAX, FRAME_BYTES, 1);
    bench_pin(0);
    report = bench_report_new(argc > 1 ? argv[1] : NULL);
    measure_costs(&bench, report);
    search_all(&bench, report);
    bench_report_end(report);
    traffic_free(bench.traffic);
    for (guint i = 0; i < TAPS_MAX; i++)
        close(taps[i]);
    return 0;
}
