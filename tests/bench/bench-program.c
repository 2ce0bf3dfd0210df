/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sampler's program itself costs a packet, without the way to it: the kernel's own test
 * run (BPF_PROG_TEST_RUN) calls it a million times with one frame, beside a program that does
 * nothing. Variants take turns; the least and the median of the rounds are told. */
#include "../../daemon/bpf/bpf-private.h"
#include "../net/tap-lab.h"
#include "report.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 15
#define REPEAT 200000
#define HEADER_BYTES 128
#define MOST_READ 100000

typedef struct {
    const char *label;
    guint32 rate; /* 0: the program that does nothing */
    guint hook;
    gboolean foreign; /* the frame is of an interface that is not sampled */
    guint32 gso_size; /* of a frame of 45 segments, or 0 */
} Variant;

static const Variant variants[] = {
    {"nothing", 0, 0, FALSE, 0},
    {"1:10000 from the VM", 10000, VSF_BPF_INGRESS, FALSE, 0},
    {"1:10000 to the VM", 10000, VSF_BPF_EGRESS, FALSE, 0},
    {"1:512 from the VM", 512, VSF_BPF_INGRESS, FALSE, 0},
    {"1:64 from the VM", 64, VSF_BPF_INGRESS, FALSE, 0},
    {"1:10000, another interface", 10000, VSF_BPF_INGRESS, TRUE, 0},
    {"1:10000, super-frame", 10000, VSF_BPF_INGRESS, FALSE, 1448},
    {"1:512, super-frame", 512, VSF_BPF_INGRESS, FALSE, 1448},
};
#define N_VARIANTS G_N_ELEMENTS(variants)

static int
load_nothing(void)
{
    static const struct bpf_insn program[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "nothing", "GPL", program,
                           G_N_ELEMENTS(program), NULL);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
count(const VsfBpfSample *sample G_GNUC_UNUSED, gpointer n)
{
    ++*(guint64 *)n;
}

static void
set_tcp(guint8 *frame)
{
    frame[12] = 0x08;
    frame[13] = 0;
    frame[14] = 0x45;
    frame[23] = 6;
    frame[46] = 0x50;
}

/* Nanoseconds a packet. */
static double
take_turn(VsfBpf *bpf, VsfBpfTap *tap, int nothing, const Variant *variant, int other)
{
    static guint8 frame[2048];
    struct __sk_buff context = {.ifindex = (guint32)(variant->foreign ? other : tap->ifindex)};
    guint64 n_samples = 0;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = 200,
                .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = REPEAT);
    g_autoptr(GError) error = NULL;

    set_tcp(frame);
    if (variant->gso_size != 0) {
        context.gso_size = variant->gso_size;
        context.gso_segs = 0; /* as a guest sends it */
        options.data_size_in = 2000;
    }
    if (variant->rate != 0 && !vsf_bpf_set_rate(tap, variant->rate, &error))
        g_error("%s", error->message);
    if (bpf_prog_test_run_opts(variant->rate == 0 ? nothing : bpf->programs[variant->hook],
                               &options) != 0)
        g_error("no test run: %s", g_strerror(errno));
    vsf_bpf_read(bpf, MOST_READ, count, &n_samples);
    if (variant->rate != 0 && variant->rate <= 512 && n_samples == 0)
        g_error("%s: no sample", variant->label);
    return options.duration;
}

int
main(int argc, char **argv)
{
    static const BenchColumn columns[] = {
        {"median_ns", "ns median", 0}, {"least_ns", "ns least", 0}, {0}};
    VsfBpfConfig config = {
        .header_bytes = HEADER_BYTES, .direction = VSF_DIRECTION_BOTH, .taps_max = 64};
    guint rounds = ROUNDS * bench_times();
    g_autoptr(GError) error = NULL;
    BenchReport *report;
    VsfBpf *bpf;
    VsfBpfTap *tap;
    int fds[2], nothing;
    double *ns[N_VARIANTS];

    if (!tap_lab_enter()) {
        printf("skipped: needs root\n");
        return BENCH_SKIPPED;
    }
    bpf = vsf_bpf_load(&config, &error);
    if (bpf == NULL) {
        printf("skipped: %s\n", error->message);
        return BENCH_SKIPPED;
    }
    report = bench_report_new(argc > 1 ? argv[1] : NULL);
    nothing = load_nothing();
    fds[0] = tap_lab_tap("vnet0");
    fds[1] = tap_lab_tap("vnet1");
    tap = vsf_bpf_attach(bpf, tap_lab_ifindex("vnet0"), FALSE, 512, &error);
    if (tap == NULL)
        g_error("%s", error->message);
    for (guint v = 0; v < N_VARIANTS; v++)
        ns[v] = g_new(double, rounds);
    for (guint r = 0; r < rounds; r++)
        for (guint v = 0; v < N_VARIANTS; v++)
            ns[v][r] = take_turn(bpf, tap, nothing, &variants[v], tap_lab_ifindex("vnet1"));
    bench_report_table(report, "program", "The program alone, by the kernel's test run", columns);
    for (guint v = 0; v < N_VARIANTS; v++) {
        double least = bench_least(ns[v], rounds);

        bench_report_row(report, variants[v].label, (double[]){bench_median(ns[v], rounds), least});
        g_free(ns[v]);
    }
    bench_report_end(report);
    vsf_bpf_detach(tap);
    vsf_bpf_free(bpf);
    close(nothing);
    close(fds[0]);
    close(fds[1]);
    return 0;
}
