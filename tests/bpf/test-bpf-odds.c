/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One in N, and no other: over flows, sizes, time and short lives; pools that are exact; and what
 * a tap that floods leaves to the others. */
#include "../../daemon/bpf/bpf-private.h"
#include "../../daemon/bpf/rate-word.h"
#include "bpf-lab.h"

#include <math.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define FLOWS 20
#define FRAMES 200000
#define RATE 50

typedef struct {
    BpfLab lab;
    int fd;
    VsfBpfTap *tap;
} Odds;

static void
start(Odds *odds, gconstpointer way, guint32 rate)
{
    odds->fd = tap_lab_tap("vnet0");
    tap_lab_up("vnet0");
    bpf_lab_start(&odds->lab, way, VSF_DIRECTION_IN);
    odds->tap = bpf_lab_attach(&odds->lab, "vnet0", FALSE, rate);
}

static void
stop(Odds *odds)
{
    vsf_bpf_detach(odds->tap);
    close(odds->fd);
    bpf_lab_stop(&odds->lab);
}

/* Sends @n frames, each of flow i % FLOWS, marked by its length and its last bytes; so a flow comes
 * as regularly as a clock, in step with any skip of a fixed length. */
static void
send_flows(Odds *odds, guint n)
{
    guint8 frame[64 + FLOWS];

    tap_lab_frame(frame, sizeof(frame), bpf_lab_peer_mac, bpf_lab_vm_mac, 0);
    for (guint i = 0; i < n; i++) {
        frame[20] = (guint8)(i % FLOWS);
        tap_lab_send(odds->fd, frame, 64 + i % FLOWS);
        if (i % 1000 == 0)
            bpf_lab_take(&odds->lab);
    }
    bpf_lab_take(&odds->lab);
}

static void
test_each_flow_is_picked_as_often(gconstpointer way)
{
    double expected = (double)FRAMES / FLOWS / RATE, chi = 0;
    guint counts[FLOWS] = {0};
    Odds odds;

    start(&odds, way, RATE);
    send_flows(&odds, FRAMES);
    for (guint i = 0; i < odds.lab.seen->len; i++) {
        const BpfSeen *seen = bpf_lab_seen(&odds.lab, i);

        g_assert_cmpuint(seen->header[20], <, FLOWS);
        g_assert_cmpuint(seen->sample.frame_length, ==, 64 + seen->header[20]);
        counts[seen->header[20]]++;
    }
    for (guint flow = 0; flow < FLOWS; flow++)
        chi += (counts[flow] - expected) * (counts[flow] - expected) / expected;
    g_test_message("chi-square %.1f of %d flows", chi, FLOWS);
    /* Of 20 cells without a fixed sum: more than 55 is one time in 30,000. */
    g_assert_cmpfloat(chi, <, 55);
    g_assert_cmpfloat(fabs(odds.lab.seen->len - (double)FRAMES / RATE), <,
                      5 * sqrt((double)FRAMES / RATE));
    stop(&odds);
}

/* The gaps between samples of one CPU are geometric. */
static void
test_gaps_are_geometric(gconstpointer way)
{
    enum { CELLS = 10 };
    guint counts[CELLS] = {0};
    double none = 1 - 1.0 / RATE, chi = 0;
    Odds odds;

    start(&odds, way, RATE);
    send_flows(&odds, FRAMES);
    for (guint i = 0; i < odds.lab.seen->len; i++) {
        guint32 gap = bpf_lab_seen(&odds.lab, i)->sample.gap;

        g_assert_cmpuint(gap, >=, 1);
        counts[MIN((gap - 1) / 20, CELLS - 1)]++;
    }
    for (guint cell = 0; cell < CELLS; cell++) {
        double chance = pow(none, 20 * cell) * (cell == CELLS - 1 ? 1 : 1 - pow(none, 20));
        double expected = odds.lab.seen->len * chance;

        chi += (counts[cell] - expected) * (counts[cell] - expected) / expected;
    }
    g_test_message("chi-square %.1f of %d cells", chi, CELLS);
    g_assert_cmpfloat(chi, <, 40); /* one in 100,000 */
    stop(&odds);
}

/* With a last frame that is picked on each CPU the gaps are all candidates. */
static void
test_gaps_add_up_to_candidates(gconstpointer way)
{
    g_autoptr(GError) error = NULL;
    VsfBpfCounts counts;
    cpu_set_t cpus;
    Odds odds;

    start(&odds, way, 512);
    send_flows(&odds, 20000);
    counts = bpf_lab_counts(odds.tap);
    g_assert_cmpuint(counts.candidates, ==, 20000);
    g_assert_cmpuint(odds.lab.gaps, <=, 20000);
    g_assert_cmpuint(odds.lab.gaps, >, 20000 - 20 * 512);
    g_assert_true(vsf_bpf_set_rate(odds.tap, 1, &error));
    g_assert_cmpint(sched_getaffinity(0, sizeof(cpus), &cpus), ==, 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cpus)) {
            cpu_set_t one;

            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            g_assert_cmpint(sched_setaffinity(0, sizeof(one), &one), ==, 0);
            send_flows(&odds, 1);
        }
    g_assert_cmpint(sched_setaffinity(0, sizeof(cpus), &cpus), ==, 0);
    counts = bpf_lab_counts(odds.tap);
    g_assert_cmpuint(counts.lost, ==, 0);
    g_assert_cmpuint(odds.lab.gaps, ==, counts.candidates);
    stop(&odds);
}

static void
test_rate_changes_at_once(gconstpointer way)
{
    static const guint32 rates[] = {100, 10, 1000, 1, 200};
    g_autoptr(GError) error = NULL;
    Odds odds;

    start(&odds, way, rates[0]);
    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        guint before = odds.lab.seen->len;
        double expected = 20000.0 / rates[i];

        g_assert_true(vsf_bpf_set_rate(odds.tap, rates[i], &error));
        send_flows(&odds, 20000);
        for (guint n = before; n < odds.lab.seen->len; n++)
            g_assert_cmpuint(bpf_lab_seen(&odds.lab, n)->sample.rate, ==, rates[i]);
        if (rates[i] == 1)
            g_assert_cmpuint(odds.lab.seen->len - before, ==, 20000);
        else
            g_assert_cmpfloat(fabs(odds.lab.seen->len - before - expected), <,
                              5 * sqrt(expected) + 1);
    }
    g_assert_cmpuint(bpf_lab_counts(odds.tap).lost, ==, 0);
    g_assert_false(vsf_bpf_set_rate(odds.tap, 0, &error));
    g_assert_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_FAILED);
    stop(&odds);
}

/* What is picked while the rate is being changed draws by the new one, which the old one's return
 * before the next packet does not hide. */
static void
test_a_rate_that_comes_back_is_in_force(gconstpointer way)
{
    int fd = bpf_lab_new_tap("vnet0");
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start(&lab, way, VSF_DIRECTION_BOTH);
    tap = bpf_lab_attach(&lab, "vnet0", VSF_SIDE_TAP, 1);
    bpf_lab_send(fd, 100, 1);
    /* The first half of vsf_bpf_slot_set_rate(). */
    for (guint cpu = 0; cpu < lab.bpf->n_cpus; cpu++)
        vsf_bpf_state_of(lab.bpf, cpu, tap->slot)->rate_word = vsf_rate_word(10000000);
    bpf_lab_send(fd, 100, 1);
    vsf_bpf_set_rate(tap, 1, NULL);
    bpf_lab_send(fd, 100, 5);
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 7);
    g_assert_cmpuint(lab.gaps, ==, 7);
    for (guint i = 0; i < lab.seen->len; i++)
        g_assert_cmpuint(bpf_lab_seen(&lab, i)->sample.rate, ==, 1);
    vsf_bpf_detach(tap);
    close(fd);
    bpf_lab_stop(&lab);
}

/* A sampler has no frames that it must let pass first, and none that it always takes: each of
 * these lives has ten. Each costs some 40 ms with links, and 10 with
 * filters, so that they are not 2,000 here. */
static void
test_short_lives_are_sampled_like_long_ones(gconstpointer way)
{
    guint lives = strcmp(way, BPF_LAB_TCX) == 0 ? 60 : 300;
    /* 1:512 of 2,000 lives is 39; the same number of fewer lives. */
    guint32 rate = 512 * lives / 2000;
    double expected = lives * 10.0 / rate;
    guint64 candidates = 0;
    BpfLab lab;
    int fd = tap_lab_tap("vnet0");

    tap_lab_up("vnet0");
    bpf_lab_start(&lab, way, VSF_DIRECTION_IN);
    for (guint i = 0; i < lives; i++) {
        VsfBpfTap *tap = bpf_lab_attach(&lab, "vnet0", FALSE, rate);

        bpf_lab_send(fd, 100, 10);
        bpf_lab_take(&lab);
        candidates += bpf_lab_counts(tap).candidates;
        vsf_bpf_detach(tap);
    }
    g_assert_cmpuint(candidates, ==, lives * 10);
    g_test_message("%u samples of %.1f", lab.seen->len, expected);
    g_assert_cmpfloat(fabs(lab.seen->len - expected), <=, 5 * sqrt(expected));
    close(fd);
    bpf_lab_stop(&lab);
}

/* One that nobody reads fills its share of the ring, and another still gets all of its own. */
static void
test_a_flood_leaves_room_to_others(gconstpointer way)
{
    VsfBpfConfig config = {64, VSF_DIRECTION_IN, 4, 16384};
    int hog = tap_lab_tap("vnet0"), meek = tap_lab_tap("vnet1");
    VsfBpfTap *hog_tap, *meek_tap;
    VsfBpfCounts counts;
    guint of_hog = 0;
    BpfLab lab;

    bpf_lab_start_with(&lab, way, &config);
    tap_lab_up("vnet0");
    tap_lab_up("vnet1");
    hog_tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    meek_tap = bpf_lab_attach(&lab, "vnet1", FALSE, 1);
    bpf_lab_send(hog, 100, 1000);
    bpf_lab_send(meek, 100, 20);
    bpf_lab_take(&lab);
    for (guint i = 0; i < lab.seen->len; i++)
        of_hog += bpf_lab_seen(&lab, i)->sample.ifindex == tap_lab_ifindex("vnet0");
    counts = bpf_lab_counts(hog_tap);
    g_assert_cmpuint(counts.candidates, ==, 1000);
    g_assert_cmpuint(counts.lost, ==, 1000 - of_hog);
    /* Half of 16 KiB, a record being some 130 bytes. */
    g_assert_cmpuint(of_hog, >, 40);
    g_assert_cmpuint(of_hog, <, 80);
    g_assert_cmpuint(bpf_lab_counts(meek_tap).lost, ==, 0);
    g_assert_cmpuint(lab.seen->len - of_hog, ==, 20);
    /* And then it has room again, and its next sample tells what was lost before it. */
    lab.gaps = 0;
    bpf_lab_send(hog, 100, 1);
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.gaps, ==, 1 + counts.lost);
    vsf_bpf_detach(hog_tap);
    vsf_bpf_detach(meek_tap);
    close(hog);
    close(meek);
    bpf_lab_stop(&lab);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    bpf_lab_add("/bpf/odds/each-flow-is-picked-as-often", test_each_flow_is_picked_as_often);
    bpf_lab_add("/bpf/odds/gaps-are-geometric", test_gaps_are_geometric);
    bpf_lab_add("/bpf/odds/gaps-add-up-to-candidates", test_gaps_add_up_to_candidates);
    bpf_lab_add("/bpf/odds/rate-changes-at-once", test_rate_changes_at_once);
    bpf_lab_add("/bpf/odds/a-rate-that-comes-back-is-in-force",
                test_a_rate_that_comes_back_is_in_force);
    bpf_lab_add("/bpf/odds/short-lives-are-sampled-like-long-ones",
                test_short_lives_are_sampled_like_long_ones);
    bpf_lab_add("/bpf/odds/a-flood-leaves-room-to-others", test_a_flood_leaves_room_to_others);
    return g_test_run();
}
