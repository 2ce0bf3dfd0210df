/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What samplers take that are on many taps: memory, descriptors, and the time until the last
 * is on its tap and off it again. Each row is a process of its own. */
#include "../net/tap-lab.h"
#include "report.h"
#include "sampler.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAPS_MAX 2000
#define FRAME_BYTES 200
#define TICK_MS 1
#define RUN_MS 300

typedef struct {
    const Sampler *sampler;
    const char *label;
    guint n_taps;
    gsize ring_total; /* 0: as it is by default */
} Case;

#define FULL_RING (128 * 1024)

static const Case cases[] = {
    {&sampler_pcap, "pcap", 1, 0},
    {&sampler_pcap, "pcap", 100, 0},
    {&sampler_pcap, "pcap", 1000, 0},
    {&sampler_pcap, "pcap", 2000, 0},
    {&sampler_pcap, "pcap, rings of 1 GiB in all", 2000, 1 << 30},
    {&sampler_ebpf, "eBPF", 1, 0},
    {&sampler_ebpf, "eBPF", 100, 0},
    {&sampler_ebpf, "eBPF", 1000, 0},
    {&sampler_ebpf, "eBPF", 2000, 0},
    {&sampler_plain, "plain libpcap", 1, 0},
    {&sampler_plain, "plain libpcap", 100, 0},
    {&sampler_empty, "empty tcx program", 1, 0},
    {&sampler_empty, "empty tcx program", 100, 0},
};
#define N_CASES G_N_ELEMENTS(cases)

typedef struct {
    gboolean failed;
    char why[200];
    guint opened;
    double attach_s, close_s;
    double late_ms; /* of the main loop meanwhile, at most */
    double kib, ring_kib, fds;
    guint64 samples;
} Result;

typedef struct {
    int fds[TAPS_MAX];
    char *names[TAPS_MAX + 1];
} Taps;

/* --- the process that is measured ------------------------------------------ */

/* Resident KiB, and of these the packet rings'. */
static void
read_memory(double *kib, double *ring_kib)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gboolean in_ring = FALSE;

    *kib = *ring_kib = 0;
    if (!g_file_get_contents("/proc/self/smaps", &text, NULL, NULL))
        g_error("/proc/self/smaps cannot be read");
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (g_str_has_prefix(lines[i], "Rss:")) {
            double size = g_ascii_strtod(lines[i] + 4, NULL);

            *kib += size;
            *ring_kib += in_ring ? size : 0;
        } else if (g_ascii_isxdigit(lines[i][0]) && strchr(lines[i], '-') != NULL) {
            in_ring = strstr(lines[i], "socket:") != NULL;
        }
    }
}

typedef struct {
    gint64 last_us, worst_us;
} Lateness;

static gboolean
tick(gpointer user_data)
{
    Lateness *lateness = user_data;
    gint64 now_us = g_get_monotonic_time();

    lateness->worst_us = MAX(lateness->worst_us, now_us - lateness->last_us - TICK_MS * 1000);
    lateness->last_us = now_us;
    return G_SOURCE_CONTINUE;
}

/* A frame from each VM whose tap is sampled. */
static void
send_frames(const Taps *taps, guint n)
{
    static const guint8 to[6] = {0x52, 0x54, 0, 0, 0, 1}, from[6] = {0x52, 0x54, 0, 0, 0, 2};
    guint8 frame[FRAME_BYTES];

    tap_lab_frame(frame, sizeof(frame), to, from, 0);
    for (guint i = 0; i < n; i++)
        tap_lab_send(taps->fds[i], frame, sizeof(frame));
}

static gpointer
open_timed(const Case *one, const Taps *taps, Result *result)
{
    SamplerOptions options = {VSF_DIRECTION_BOTH, one->ring_total};
    Lateness lateness = {g_get_monotonic_time(), 0};
    guint timer = g_timeout_add(TICK_MS, tick, &lateness);
    gint64 begin_us = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    gpointer self = one->sampler->open((const char *const *)taps->names, one->n_taps, 1, &options,
                                       &error);

    result->attach_s = (double)(g_get_monotonic_time() - begin_us) / G_USEC_PER_SEC;
    tick(&lateness);
    result->late_ms = (double)lateness.worst_us / 1000;
    g_source_remove(timer);
    if (self == NULL) {
        result->failed = TRUE;
        g_strlcpy(result->why, error->message, sizeof(result->why));
    }
    return self;
}

static Result
measure(const Case *one, const Taps *taps)
{
    double kib, ring_kib, kib_after, ring_after;
    SamplerTotals totals = {0};
    guint fds = tap_lab_n_fds();
    Result result = {0};
    gint64 begin_us;
    gpointer self;

    read_memory(&kib, &ring_kib);
    self = open_timed(one, taps, &result);
    if (self == NULL)
        return result;
    one->sampler->totals(self, &totals);
    result.opened = totals.opened;
    read_memory(&kib_after, &ring_after);
    result.kib = (kib_after - kib) / totals.opened;
    result.ring_kib = (ring_after - ring_kib) / totals.opened;
    result.fds = (double)(tap_lab_n_fds() - fds) / totals.opened;
    send_frames(taps, totals.opened);
    tap_lab_loop_for(RUN_MS);
    one->sampler->take(self);
    one->sampler->totals(self, &totals);
    result.samples = totals.samples;
    begin_us = g_get_monotonic_time();
    one->sampler->close(self);
    result.close_s = (double)(g_get_monotonic_time() - begin_us) / G_USEC_PER_SEC;
    return result;
}

/* --- the one that asks ----------------------------------------------------- */

static Result
run(const Case *one, const Taps *taps)
{
    int fds[2], status = 0;
    Result result;
    pid_t pid;

    g_assert_cmpint(pipe(fds), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        result = measure(one, taps);
        _exit(write(fds[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
    }
    close(fds[1]);
    if (read(fds[0], &result, sizeof(result)) != sizeof(result) ||
        waitpid(pid, &status, 0) != pid || status != 0)
        g_error("%s on %u taps: the process that was measured has ended", one->label, one->n_taps);
    close(fds[0]);
    if (!result.failed && one->sampler != &sampler_empty && result.samples != result.opened)
        g_error("%s on %u taps: %u samplers saw %" G_GUINT64_FORMAT " of one frame each",
                one->label, one->n_taps, result.opened, result.samples);
    return result;
}

static void
report_case(BenchReport *report, const Case *one, const Result *results, guint rounds)
{
    g_autofree char *label = g_strdup_printf("%s, %u tap%s", one->label, one->n_taps,
                                             one->n_taps == 1 ? "" : "s");
    g_autofree double *attach = g_new(double, rounds), *close_s = g_new(double, rounds);
    double late = 0;

    if (results[0].failed) {
        printf("  %s: left out: %s\n", label, results[0].why);
        return;
    }
    for (guint r = 0; r < rounds; r++) {
        attach[r] = results[r].attach_s;
        close_s[r] = results[r].close_s;
        late = MAX(late, results[r].late_ms);
    }
    bench_report_row(report, label,
                     (double[]){results[0].opened, bench_median(attach, rounds),
                                bench_least(attach, rounds), late, bench_median(close_s, rounds),
                                results[0].kib, results[0].ring_kib, results[0].fds});
}

/* They outlive this process with their network namespace alone, which takes all at once. */
static void
make_taps(Taps *taps)
{
    struct rlimit limit = {8 * TAPS_MAX, 8 * TAPS_MAX};

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        g_error("%u descriptors: %s", 8 * TAPS_MAX, g_strerror(errno));
    for (guint i = 0; i < TAPS_MAX; i++) {
        taps->names[i] = g_strdup_printf("vnet%u", i);
        taps->fds[i] = tap_lab_tap(taps->names[i]);
        g_assert_cmpint(ioctl(taps->fds[i], TUNSETPERSIST, 1), ==, 0);
        tap_lab_up(taps->names[i]);
    }
}

int
main(int argc, char **argv)
{
    static const BenchColumn columns[] = {{"opened", "opened", 0},
                                          {"attach_s", "attach s", 3},
                                          {"attach_least_s", "least s", 3},
                                          {"late_ms", "loop late ms", 1},
                                          {"close_s", "close s", 3},
                                          {"kib", "KiB/tap", 1},
                                          {"ring_kib", "ring KiB", 1},
                                          {"fds", "fds/tap", 2},
                                          {0}};
    static Taps taps;
    guint rounds = bench_times();
    g_autofree Result *results = g_new0(Result, N_CASES * rounds);
    BenchReport *report;

    if (!tap_lab_enter()) {
        printf("skipped: needs root\n");
        return BENCH_SKIPPED;
    }
    report = bench_report_new(argc > 1 ? argv[1] : NULL);
    make_taps(&taps);
    for (guint r = 0; r < rounds; r++)
        for (guint c = 0; c < N_CASES; c++)
            results[c * rounds + r] = run(&cases[c], &taps);
    bench_report_table(report, "taps", "Samplers on many taps: time, resident memory, descriptors",
                       columns);
    for (guint c = 0; c < N_CASES; c++)
        report_case(report, &cases[c], results + c * rounds, rounds);
    bench_report_end(report);
    return 0;
}
