/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where what is kept of a tap lies: each finds its own, also where two have one home, and what was
 * there before is nobody's. */
#include "bpf-lab.h"

#include <unistd.h>

/* vnet0 to vnet8: with four slots three of them have the same home. */
static void
open_nine(int fds[9])
{
    for (guint i = 0; i < 9; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        fds[i] = bpf_lab_new_tap(name);
    }
}

static void
test_taps_with_one_home_are_told_apart(gconstpointer way)
{
    VsfBpfConfig config = {64, VSF_DIRECTION_BOTH, 4, 0};
    static const char *const names[] = {"vnet0", "vnet4", "vnet8"};
    VsfBpfTap *taps[3];
    int fds[9];
    BpfLab lab;

    open_nine(fds);
    bpf_lab_start_with(&lab, way, &config);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(tap_lab_ifindex(names[i]) % 4, ==, tap_lab_ifindex(names[0]) % 4);
        taps[i] = bpf_lab_attach(&lab, names[i], FALSE, 1);
    }
    for (guint gone = 0; gone <= 3; gone++) {
        if (gone > 0)
            vsf_bpf_detach(taps[gone - 1]);
        lab.n_from = 0;
        for (guint i = 0; i < 9; i++)
            bpf_lab_send(fds[i], 100, i + 1);
        bpf_lab_take(&lab);
        g_assert_cmpuint(lab.n_from, ==, (gone < 1) * 1 + (gone < 2) * 5 + (gone < 3) * 9);
        for (guint i = gone; i < 3; i++)
            g_assert_cmpuint(bpf_lab_counts(taps[i]).candidates, ==, (gone + 1) * (4 * i + 1));
    }
    for (guint i = 0; i < 9; i++)
        close(fds[i]);
    bpf_lab_stop(&lab);
}

/* The home of three goes from the first to the third while the second lies elsewhere. */
static void
test_a_home_leads_to_others_for_its_next_tap_too(gconstpointer way)
{
    VsfBpfConfig config = {64, VSF_DIRECTION_BOTH, 4, 0};
    VsfBpfTap *first, *second, *third;
    int fds[9];
    BpfLab lab;

    open_nine(fds);
    bpf_lab_start_with(&lab, way, &config);
    first = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    second = bpf_lab_attach(&lab, "vnet4", FALSE, 1);
    vsf_bpf_detach(first);
    third = bpf_lab_attach(&lab, "vnet8", FALSE, 1);
    bpf_lab_send(fds[4], 100, 4);
    bpf_lab_send(fds[8], 100, 8);
    g_assert_cmpuint(bpf_lab_counts(second).candidates, ==, 4);
    g_assert_cmpuint(bpf_lab_counts(third).candidates, ==, 8);
    vsf_bpf_detach(second);
    vsf_bpf_detach(third);
    for (guint i = 0; i < 9; i++)
        close(fds[i]);
    bpf_lab_stop(&lab);
}

/* With one slot: what the tap before was, counted, drew and left in the ring is not the next one's.
 */
static void
test_a_slot_begins_anew(gconstpointer way)
{
    VsfBpfConfig config = {64, VSF_DIRECTION_ONCE, 1, 0};
    int one = bpf_lab_new_tap("vnet0"), two = bpf_lab_new_tap("vnet1");
    VsfBpfCounts counts;
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start_with(&lab, way, &config);
    tap = bpf_lab_attach(&lab, "vnet0", VSF_SIDE_MIRRORED, 1);
    bpf_lab_send(one, 100, 7);
    vsf_bpf_set_rate(tap, 10000000, NULL);
    bpf_lab_send(one, 100, 1); /* draws what is picked next */
    vsf_bpf_detach(tap);
    for (guint turn = 1; turn <= 2; turn++) {
        tap = bpf_lab_attach(&lab, "vnet1", VSF_SIDE_TAP, turn);
        bpf_lab_send(one, 100, 1);
        counts = bpf_lab_counts(tap);
        g_assert_cmpuint(counts.candidates + counts.packets_from_vm + counts.packets_to_vm, ==, 0);
        vsf_bpf_set_rate(tap, 1, NULL);
        bpf_lab_send(two, 100, 5);
        bpf_lab_take(&lab);
        g_assert_cmpuint(lab.n_from, ==, turn * 5);
        g_assert_cmpuint(lab.n_to, ==, 0);
        g_assert_cmpuint(lab.gaps, ==, turn * 5);
        counts = bpf_lab_counts(tap);
        g_assert_cmpuint(counts.packets_from_vm, ==, 5);
        g_assert_cmpuint(counts.bytes_from_vm, ==, 500);
        g_assert_cmpuint(counts.candidates, ==, 5);
        vsf_bpf_detach(tap);
    }
    close(one);
    close(two);
    bpf_lab_stop(&lab);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    bpf_lab_add("/bpf/slots/taps-with-one-home-are-told-apart",
                test_taps_with_one_home_are_told_apart);
    bpf_lab_add("/bpf/slots/a-home-leads-to-others-for-its-next-tap-too",
                test_a_home_leads_to_others_for_its_next_tap_too);
    bpf_lab_add("/bpf/slots/a-slot-begins-anew", test_a_slot_begins_anew);
    return g_test_run();
}
