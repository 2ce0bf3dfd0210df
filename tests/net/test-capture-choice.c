/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which backend is in force, and what is said about it. eBPF is fake-bpf.c. */
#include "../../daemon/net/capture-choice.h"
#include "fake-bpf.h"

#include <string.h>

#define DESCRIPTORS 16384

static void
wait_swept(const VsfCaptureChoice *choice)
{
    while (choice->sweeper != NULL && vsf_worker_pending(choice->sweeper) > 0)
        g_main_context_iteration(NULL, TRUE);
}

static VsfCaptureChoice *
choose(VsfCaptureWanted wanted, guint descriptors)
{
    VsfCaptureChoice *choice = vsf_capture_choose(wanted, 128, VSF_DIRECTION_ONCE, descriptors);

    wait_swept(choice);
    return choice;
}

static void
test_auto_and_ebpf_take_it_where_it_loads(void)
{
    static const VsfCaptureWanted wanted[] = {VSF_CAPTURE_AUTO, VSF_CAPTURE_EBPF};

    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        g_autoptr(VsfCaptureChoice) choice = NULL;
        g_autofree char *text = NULL;

        fake_bpf_reset();
        choice = choose(wanted[i], DESCRIPTORS);
        text = vsf_capture_choice_describe(choice);
        g_assert_cmpstr(vsf_capture_choice_name(choice), ==, "ebpf");
        g_assert_cmpstr(vsf_capture_choice_unit(choice), ==, "segments");
        g_assert_cmpstr(vsf_capture_choice_attachment(choice), ==, "tcx");
        g_assert_true(vsf_capture_choice_is_as_wanted(choice));
        g_assert_nonnull(strstr(text, "eBPF (tcx)"));
        g_assert_nonnull(strstr(text, "segments"));
        g_assert_cmpuint(fake_bpf_config.header_bytes, ==, 128);
        g_assert_cmpint(fake_bpf_config.direction, ==, VSF_DIRECTION_ONCE);
        g_assert_cmpuint(fake_bpf_config.taps_max, ==, choice->taps_max);
        g_assert_cmpint(fake_bpf_n_sweeps, ==, 1);
    }
    g_assert_false(fake_bpf_is_loaded());
}

static void
test_what_keeps_it_from_loading_is_said_with_a_remedy(void)
{
    static const struct {
        VsfBpfError code;
        const char *remedy;
    } cases[] = {
        {VSF_BPF_ERROR_UNSUPPORTED, "Linux 6.6"},
        {VSF_BPF_ERROR_PERMISSION, "CAP_BPF"},
        {VSF_BPF_ERROR_NOT_BUILT, "-Dbpf=enabled"},
        {VSF_BPF_ERROR_FAILED, "as the test said"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases) * 2; i++) {
        VsfCaptureWanted wanted = i % 2 == 0 ? VSF_CAPTURE_AUTO : VSF_CAPTURE_EBPF;
        g_autoptr(VsfCaptureChoice) choice = NULL;
        g_autofree char *text = NULL;

        fake_bpf_reset();
        fake_bpf_refuse_load((int)cases[i / 2].code);
        choice = choose(wanted, DESCRIPTORS);
        text = vsf_capture_choice_describe(choice);
        g_assert_cmpstr(vsf_capture_choice_name(choice), ==, "pcap");
        g_assert_cmpstr(vsf_capture_choice_unit(choice), ==, "frames");
        g_assert_null(vsf_capture_choice_attachment(choice));
        g_assert_nonnull(strstr(choice->reason, "as the test said"));
        g_assert_nonnull(strstr(choice->reason, cases[i / 2].remedy));
        g_assert_nonnull(strstr(text, choice->reason));
        g_assert_true(vsf_capture_choice_is_as_wanted(choice) == (wanted == VSF_CAPTURE_AUTO));
    }
}

static void
test_pcap_loads_nothing(void)
{
    g_autoptr(VsfCaptureChoice) choice = NULL;

    fake_bpf_reset();
    choice = choose(VSF_CAPTURE_PCAP, DESCRIPTORS);
    g_assert_false(fake_bpf_is_loaded());
    g_assert_cmpstr(vsf_capture_choice_name(choice), ==, "pcap");
    g_assert_true(vsf_capture_choice_is_as_wanted(choice));
    g_assert_cmpstr(choice->reason, ==, "[capture] backend = pcap");
}

/* It is in libvirt's way. */
static void
test_clsact_is_only_taken_by_who_wants_ebpf(void)
{
    g_autoptr(VsfCaptureChoice) chosen = NULL, wanted = NULL;

    fake_bpf_reset();
    fake_bpf_set_attachment("clsact");
    chosen = choose(VSF_CAPTURE_AUTO, DESCRIPTORS);
    g_assert_false(fake_bpf_is_loaded());
    g_assert_cmpint(fake_bpf_n_sweeps, ==, 1);
    g_assert_cmpstr(vsf_capture_choice_name(chosen), ==, "pcap");
    g_assert_nonnull(strstr(chosen->reason, "libvirt"));
    wanted = choose(VSF_CAPTURE_EBPF, DESCRIPTORS);
    g_assert_cmpstr(vsf_capture_choice_name(wanted), ==, "ebpf");
    g_assert_cmpstr(vsf_capture_choice_attachment(wanted), ==, "clsact");
}

static void
test_few_descriptors_are_left_to_libpcap(void)
{
    g_autoptr(VsfCaptureChoice) few = NULL, forced = NULL;

    fake_bpf_reset();
    few = choose(VSF_CAPTURE_AUTO, 1023);
    g_assert_false(fake_bpf_is_loaded());
    g_assert_nonnull(strstr(few->reason, "LimitNOFILE"));
    forced = choose(VSF_CAPTURE_EBPF, 1023);
    g_assert_true(fake_bpf_is_loaded());
    g_assert_cmpuint(forced->taps_max, ==, 255);

    g_assert_cmpuint(vsf_capture_choice_taps_max(VSF_CAPTURE_AUTO, 1024), ==, 64);
    g_assert_cmpuint(vsf_capture_choice_taps_max(VSF_CAPTURE_AUTO, 65536), ==, 64);
    g_assert_cmpuint(vsf_capture_choice_taps_max(VSF_CAPTURE_EBPF, 16384), ==, 4096);
    g_assert_cmpuint(vsf_capture_choice_taps_max(VSF_CAPTURE_PCAP, 65536), ==, 0);
}

static void
test_no_more_than_memory_is_there_for(void)
{
    g_autoptr(VsfCaptureChoice) choice = NULL;

    fake_bpf_reset();
    fake_bpf_slots = 64;
    choice = choose(VSF_CAPTURE_EBPF, 16384);
    fake_bpf_slots = G_MAXUINT;
    g_assert_cmpuint(choice->taps_max, ==, 64);
}

/* Whatever takes the packets now. */
static void
test_what_a_killed_daemon_left_is_swept_and_said(void)
{
    static const struct {
        VsfCaptureWanted wanted;
        guint descriptors;
        VsfBpfSwept swept;
        GLogLevelFlags level;
        const char *said; /* NULL: nothing */
    } cases[] = {
        {VSF_CAPTURE_PCAP, DESCRIPTORS, {3, 0}, G_LOG_LEVEL_MESSAGE, "*that had some: 3"},
        {VSF_CAPTURE_PCAP, DESCRIPTORS, {0, 2}, G_LOG_LEVEL_WARNING, "*CAP_NET_ADMIN*"},
        {VSF_CAPTURE_AUTO, 1023, {1, 0}, G_LOG_LEVEL_MESSAGE, "*that had some: 1"},
        {VSF_CAPTURE_EBPF, DESCRIPTORS, {1, 4}, G_LOG_LEVEL_WARNING, "*when it was killed: 4*"},
        {VSF_CAPTURE_PCAP, DESCRIPTORS, {0, 0}, 0, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfCaptureChoice) choice = NULL;

        fake_bpf_reset();
        fake_bpf_swept = cases[i].swept;
        if (cases[i].said != NULL)
            g_test_expect_message(G_LOG_DOMAIN, cases[i].level, cases[i].said);
        choice = choose(cases[i].wanted, cases[i].descriptors);
        g_test_assert_expected_messages();
        g_assert_cmpint(fake_bpf_n_sweeps, ==, 1);
    }
}

/* Somebody holds the lock of all interfaces: what needs none begins, and tells it later. */
static void
test_libpcap_waits_for_no_sweep(void)
{
    static const struct {
        VsfCaptureWanted wanted;
        const char *attachment;
    } cases[] = {{VSF_CAPTURE_PCAP, "tcx"}, {VSF_CAPTURE_AUTO, "clsact"}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfCaptureChoice) choice = NULL;

        fake_bpf_reset();
        fake_bpf_set_attachment(cases[i].attachment);
        fake_bpf_swept = (VsfBpfSwept){.removed = 2};
        fake_bpf_hold(TRUE);
        choice = vsf_capture_choose(cases[i].wanted, 128, VSF_DIRECTION_ONCE, DESCRIPTORS);
        g_assert_cmpstr(vsf_capture_choice_name(choice), ==, "pcap");
        while (g_atomic_int_get(&fake_bpf_n_sweeps) == 0)
            g_main_context_iteration(NULL, FALSE);
        g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*that had some: 2");
        fake_bpf_hold(FALSE);
        wait_swept(choice);
        g_test_assert_expected_messages();
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/capture-choice/auto-and-ebpf-take-it-where-it-loads",
                    test_auto_and_ebpf_take_it_where_it_loads);
    g_test_add_func("/net/capture-choice/what-keeps-it-from-loading-is-said-with-a-remedy",
                    test_what_keeps_it_from_loading_is_said_with_a_remedy);
    g_test_add_func("/net/capture-choice/pcap-loads-nothing", test_pcap_loads_nothing);
    g_test_add_func("/net/capture-choice/clsact-is-only-taken-by-who-wants-ebpf",
                    test_clsact_is_only_taken_by_who_wants_ebpf);
    g_test_add_func("/net/capture-choice/what-a-killed-daemon-left-is-swept-and-said",
                    test_what_a_killed_daemon_left_is_swept_and_said);
    g_test_add_func("/net/capture-choice/libpcap-waits-for-no-sweep",
                    test_libpcap_waits_for_no_sweep);
    g_test_add_func("/net/capture-choice/no-more-than-memory-is-there-for",
                    test_no_more_than_memory_is_there_for);
    g_test_add_func("/net/capture-choice/few-descriptors-are-left-to-libpcap",
                    test_few_descriptors_are_left_to_libpcap);
    return g_test_run();
}
