/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sampler costs the frames that pass: two bridged taps, frames written
 * into one and read from the other, with and without samplers on both.
 *
 * Timings of one machine vary by a factor of two between runs, so the variants
 * take turns and only runs of the same round are compared. Prints a table and
 * writes the same as JSON to the file named as the argument. */
#include "../../daemon/net/capture-filter.h"
#include "../../daemon/net/capture.h"
#include "../net/tap-lab.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 9
#define FRAMES 60000 /* a run */
#define BATCH 32     /* written before they are read */
#define HEADER_BYTES 128
#define FRAME_BYTES 256

static const char *const ports[] = {"vnet0", "vnet1"};

typedef struct {
    const char *name;
    guint32 rate; /* 0: no sampler */
    gboolean plain;
} Variant;

/* The first is what the others are compared with. */
static const Variant variants[] = {
    {"none", 0, FALSE},          {"plain libpcap 1:512", 512, TRUE}, {"sampler 1:512", 512, FALSE},
    {"sampler 1:64", 64, FALSE}, {"sampler 1:1", 1, FALSE},
};
#define N_VARIANTS G_N_ELEMENTS(variants)

typedef struct {
    int taps[2];
    VsfCapture *capture;
    pcap_t *plain[2];
    guint n_opened;
    guint64 n_samples;
    guint64 drops;
} Bench;

static void
note_opened(int ifindex G_GNUC_UNUSED, gpointer user_data)
{
    ((Bench *)user_data)->n_opened++;
}

static void
note_failed(int ifindex, const GError *error, gpointer user_data G_GNUC_UNUSED)
{
    g_error("interface %d: %s", ifindex, error->message);
}

static void
note_packet(const VsfPacket *packet G_GNUC_UNUSED, gpointer user_data)
{
    ((Bench *)user_data)->n_samples++;
}

static void
note_plain(u_char *user, const struct pcap_pkthdr *header G_GNUC_UNUSED,
           const u_char *bytes G_GNUC_UNUSED)
{
    ((Bench *)(void *)user)->n_samples++;
}

static gboolean
both_opened(gpointer user_data)
{
    return ((Bench *)user_data)->n_opened == 2;
}

/* As a program would that sets nothing but the header's length. */
static pcap_t *
open_plain(const char *name, guint32 rate)
{
    VsfCaptureFilter wanted = {HEADER_BYTES, rate, VSF_DIRECTION_BOTH, FALSE};
    struct sock_filter program[VSF_CAPTURE_FILTER_MAX];
    struct sock_fprog filter = {.filter = program};
    char message[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create(name, message);

    g_assert_nonnull(pcap);
    filter.len = (unsigned short)vsf_capture_filter_build(&wanted, program);
    pcap_set_snaplen(pcap, HEADER_BYTES);
    pcap_set_immediate_mode(pcap, 1);
    g_assert_cmpint(pcap_activate(pcap), >=, 0);
    g_assert_cmpint(pcap_setnonblock(pcap, 1, message), ==, 0);
    g_assert_cmpint(
        setsockopt(pcap_fileno(pcap), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), ==,
        0);
    return pcap;
}

static void
start(Bench *bench, const Variant *variant)
{
    static const VsfCaptureCallbacks callbacks = {note_opened, note_failed, note_packet};
    VsfCaptureConfig config = {.header_bytes = HEADER_BYTES};

    bench->n_opened = 0;
    bench->n_samples = 0;
    if (variant->rate == 0)
        return;
    if (variant->plain) {
        for (guint i = 0; i < 2; i++)
            bench->plain[i] = open_plain(ports[i], variant->rate);
        return;
    }
    bench->capture = vsf_capture_new(&config, &callbacks, bench, NULL);
    for (guint i = 0; i < 2; i++)
        vsf_capture_open(bench->capture, tap_lab_ifindex(ports[i]), ports[i], FALSE, variant->rate);
    tap_lab_loop_until(both_opened, bench);
}

static void
stop(Bench *bench)
{
    bench->drops = 0;
    for (guint i = 0; i < 2; i++) {
        if (bench->capture != NULL) {
            vsf_capture_drain(bench->capture, tap_lab_ifindex(ports[i]));
            bench->drops += vsf_capture_drops(bench->capture, tap_lab_ifindex(ports[i]));
        }
        g_clear_pointer(&bench->plain[i], pcap_close);
    }
    g_clear_pointer(&bench->capture, vsf_capture_free);
    tap_lab_loop_for(150); /* closing goes on behind */
}

static void
take_samples(Bench *bench)
{
    for (guint i = 0; i < 2 && bench->plain[i] != NULL; i++)
        pcap_dispatch(bench->plain[i], -1, note_plain, (u_char *)bench);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* Nanoseconds a frame, the samples' way to the callback included. */
static double
run(Bench *bench, const Variant *variant)
{
    static const guint8 from[6] = {0x52, 0x54, 0, 0, 0, 1}, to[6] = {0x52, 0x54, 0, 0, 0, 2};
    guint8 frame[FRAME_BYTES];
    gint64 begin;
    double cost;

    tap_lab_frame(frame, sizeof(frame), to, from, 0);
    start(bench, variant);
    begin = g_get_monotonic_time();
    for (guint i = 0; i < FRAMES; i += BATCH) {
        for (guint n = 0; n < BATCH; n++)
            tap_lab_send(bench->taps[0], frame, sizeof(frame));
        tap_lab_discard(bench->taps[1]);
        take_samples(bench);
    }
    cost = (double)(g_get_monotonic_time() - begin) * 1000 / FRAMES;
    stop(bench);
    return cost;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
report(double costs[N_VARIANTS][ROUNDS], const guint64 *samples, const guint64 *drops,
       const char *path)
{
    g_autoptr(GString) json = g_string_new("[\n");
    g_autoptr(GError) error = NULL;

    printf("%-22s %10s %13s %13s %9s %7s\n", "variant", "ns/frame", "median ratio", "least ratio",
           "samples", "lost");
    for (guint v = 0; v < N_VARIANTS; v++) {
        double ratios[ROUNDS], sorted[ROUNDS];

        for (guint r = 0; r < ROUNDS; r++) {
            ratios[r] = costs[v][r] / costs[0][r];
            sorted[r] = costs[v][r];
        }
        qsort(ratios, ROUNDS, sizeof(double), compare);
        qsort(sorted, ROUNDS, sizeof(double), compare);
        printf("%-22s %10.0f %13.3f %13.3f %9" G_GUINT64_FORMAT " %7" G_GUINT64_FORMAT "\n",
               variants[v].name, sorted[ROUNDS / 2], ratios[ROUNDS / 2], ratios[0], samples[v],
               drops[v]);
        g_string_append_printf(
            json,
            "  {\"variant\": \"%s\", \"ns_per_frame\": %.1f, \"median_ratio\": %.4f, "
            "\"least_ratio\": %.4f, \"samples\": %" G_GUINT64_FORMAT
            ", \"lost\": %" G_GUINT64_FORMAT "}%s\n",
            variants[v].name, sorted[ROUNDS / 2], ratios[ROUNDS / 2], ratios[0], samples[v],
            drops[v], v + 1 < N_VARIANTS ? "," : "");
    }
    g_string_append(json, "]\n");
    if (path != NULL && !g_file_set_contents(path, json->str, (gssize)json->len, &error))
        g_error("%s", error->message);
}

int
main(int argc, char **argv)
{
    static double costs[N_VARIANTS][ROUNDS];
    guint64 samples[N_VARIANTS] = {0}, drops[N_VARIANTS] = {0};
    Bench bench = {0};

    if (!tap_lab_enter()) {
        printf("skipped: needs root\n");
        return 77;
    }
    tap_lab_bridge("br0");
    for (guint i = 0; i < 2; i++) {
        bench.taps[i] = tap_lab_tap(ports[i]);
        tap_lab_enslave("br0", ports[i]);
        tap_lab_up(ports[i]);
    }
    run(&bench, &variants[0]); /* warm up */
    for (guint r = 0; r < ROUNDS; r++)
        for (guint v = 0; v < N_VARIANTS; v++) {
            costs[v][r] = run(&bench, &variants[v]);
            samples[v] += bench.n_samples;
            drops[v] += bench.drops;
        }
    report(costs, samples, drops, argc > 1 ? argv[1] : NULL);
    close(bench.taps[0]);
    close(bench.taps[1]);
    return 0;
}
