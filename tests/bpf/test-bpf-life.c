/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaching and detaching: nothing is left, nothing of others is touched, and what cannot be is
 * told in so many words. */
#include "../../daemon/bpf/bpf-private.h"
#include "bpf-lab.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
run_tc(const char *arguments)
{
    g_free(bpf_lab_tc(arguments));
}

static void
test_detach_leaves_nothing(gconstpointer way)
{
    int fd = bpf_lab_new_tap("vnet0");
    g_autofree char *before = bpf_lab_show_tc();
    gboolean is_tcx = strcmp(way, BPF_LAB_TCX) == 0;
    BpfLab lab;

    bpf_lab_start(&lab, way, VSF_DIRECTION_BOTH);
    g_assert_cmpstr(vsf_bpf_attachment(lab.bpf), ==, way);
    for (guint i = 0; i < 3; i++) {
        guint fds = tap_lab_n_fds();
        VsfBpfTap *tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
        g_autofree char *during = bpf_lab_show_tc();
        g_autofree char *after = NULL;

        g_assert_cmpuint(vsf_bpf_fds(tap), ==, is_tcx ? 2 : 0);
        g_assert_cmpuint(tap_lab_n_fds(), ==, fds + vsf_bpf_fds(tap));
        g_assert_cmpuint(bpf_lab_n_tcx("vnet0"), ==, is_tcx ? 2 : 0);
        g_assert_cmpint(strstr(during, "virt-sflow") != NULL, ==, !is_tcx);
        bpf_lab_send(fd, 100, 5);
        g_assert_cmpuint(bpf_lab_counts(tap).packets_from_vm, ==, 5);
        vsf_bpf_detach(tap);
        after = bpf_lab_show_tc();
        g_assert_cmpstr(after, ==, before);
        g_assert_cmpuint(bpf_lab_n_tcx("vnet0"), ==, 0);
        g_assert_cmpuint(tap_lab_n_fds(), ==, fds);
    }
    /* What they left in the ring is nobody's. */
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 0);
    bpf_lab_stop(&lab);
    close(fd);
}

/* As of a child before its exec(), or a thread that took a table of descriptors of its own. */
static void
test_a_copy_of_the_descriptors_holds_nothing_up(void)
{
    int fd = bpf_lab_new_tap("vnet0"), ends[2];
    VsfBpfTap *tap;
    BpfLab lab;
    pid_t child;

    bpf_lab_start(&lab, BPF_LAB_TCX, VSF_DIRECTION_BOTH);
    tap = bpf_lab_attach(&lab, "vnet0", VSF_SIDE_TAP, 1);
    g_assert_cmpint(pipe(ends), ==, 0);
    child = fork();
    if (child == 0) {
        char byte;

        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    g_assert_cmpint(child, >, 0);
    vsf_bpf_detach(tap);
    g_assert_cmpuint(bpf_lab_n_tcx("vnet0"), ==, 0);
    tap = bpf_lab_attach(&lab, "vnet0", VSF_SIDE_TAP, 1);
    bpf_lab_send(fd, 100, 5);
    g_assert_cmpuint(bpf_lab_counts(tap).packets_from_vm, ==, 5);
    vsf_bpf_detach(tap);
    close(ends[0]);
    close(ends[1]);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    bpf_lab_stop(&lab);
    close(fd);
}

/* As libvirt limits what a VM sends. */
static void
test_an_ingress_qdisc_is_left_alone(gconstpointer way)
{
    int fd = bpf_lab_new_tap("vnet0");
    g_autofree char *before = NULL, *after = NULL;
    g_autoptr(GError) error = NULL;
    VsfBpfTap *tap;
    BpfLab lab;

    run_tc("qdisc add dev vnet0 ingress");
    before = bpf_lab_show_tc();
    bpf_lab_start(&lab, way, VSF_DIRECTION_BOTH);
    tap = vsf_bpf_attach(lab.bpf, tap_lab_ifindex("vnet0"), FALSE, 1, &error);
    if (strcmp(way, BPF_LAB_TCX) == 0) {
        g_assert_no_error(error);
        bpf_lab_send(fd, 100, 5);
        g_assert_cmpuint(bpf_lab_counts(tap).packets_from_vm, ==, 5);
        vsf_bpf_detach(tap);
    } else {
        g_assert_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_TAKEN);
        g_assert_null(tap);
    }
    after = bpf_lab_show_tc();
    g_assert_cmpstr(after, ==, before);
    bpf_lab_stop(&lab);
    close(fd);
}

/* Even an empty one; and with many taps a link serves where clsact may not. */
static void
test_anothers_clsact_is_left_alone(void)
{
    int fd = bpf_lab_new_tap("vnet0"), other = bpf_lab_new_tap("vnet1");
    g_autofree char *before = NULL, *after = NULL;
    g_autoptr(GError) error = NULL;
    VsfBpfTap *tap, *other_tap;
    BpfLab lab;

    run_tc("qdisc add dev vnet0 clsact");
    before = bpf_lab_show_tc();
    bpf_lab_start(&lab, BPF_LAB_CLSACT, VSF_DIRECTION_BOTH);
    g_assert_null(vsf_bpf_attach(lab.bpf, tap_lab_ifindex("vnet0"), FALSE, 1, &error));
    g_assert_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_TAKEN);
    g_assert_cmpuint(vsf_bpf_sweep().removed, ==, 0);
    vsf_bpf_set_tcx_most(lab.bpf, 1);
    other_tap = bpf_lab_attach(&lab, "vnet1", FALSE, 1);
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    g_assert_cmpuint(vsf_bpf_fds(tap), ==, 2);
    vsf_bpf_detach(tap);
    vsf_bpf_detach(other_tap);
    after = bpf_lab_show_tc();
    g_assert_cmpstr(after, ==, before);
    bpf_lab_stop(&lab);
    close(fd);
    close(other);
}

/* Somebody moves into our qdisc. */
static void
test_filters_that_came_later_stay(void)
{
    int fd = bpf_lab_new_tap("vnet0");
    g_autofree char *after = NULL;
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start(&lab, BPF_LAB_CLSACT, VSF_DIRECTION_BOTH);
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    run_tc("filter add dev vnet0 ingress protocol ip prio 9 u32 match u32 0 0 flowid 1:1");
    vsf_bpf_detach(tap);
    after = bpf_lab_show_tc();
    g_assert_nonnull(strstr(after, "clsact"));
    g_assert_nonnull(strstr(after, "u32"));
    g_assert_null(strstr(after, "virt-sflow"));
    bpf_lab_stop(&lab);
    close(fd);
}

static void
test_past_the_first_taps_clsact_serves(void)
{
    int fds[2] = {bpf_lab_new_tap("vnet0"), bpf_lab_new_tap("vnet1")};
    VsfBpfTap *taps[2];
    BpfLab lab;

    bpf_lab_start(&lab, BPF_LAB_TCX, VSF_DIRECTION_BOTH);
    vsf_bpf_set_tcx_most(lab.bpf, 1);
    taps[0] = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    taps[1] = bpf_lab_attach(&lab, "vnet1", FALSE, 1);
    g_assert_cmpuint(vsf_bpf_fds(taps[0]), ==, 2);
    g_assert_cmpuint(vsf_bpf_fds(taps[1]), ==, 0);
    for (guint i = 0; i < 2; i++)
        bpf_lab_send(fds[i], 100, 3);
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 6);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpuint(bpf_lab_counts(taps[i]).candidates, ==, 3);
        vsf_bpf_detach(taps[i]);
        close(fds[i]);
    }
    bpf_lab_stop(&lab);
}

static void
check_refused(BpfLab *lab, int ifindex, guint32 rate, VsfBpfError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_bpf_attach(lab->bpf, ifindex, FALSE, rate, &error));
    g_assert_error(error, VSF_BPF_ERROR, (int)code);
    g_test_message("%s", error->message);
}

static void
test_what_cannot_be_sampled_is_refused(gconstpointer way)
{
    VsfBpfConfig config = {128, VSF_DIRECTION_BOTH, 1, 0};
    int fd = bpf_lab_new_tap("vnet0"), other = bpf_lab_new_tap("vnet1"),
        tun = tap_lab_tun_l3("tun0");
    VsfBpfTap *tap;
    BpfLab lab;

    tap_lab_up("tun0");
    bpf_lab_start_with(&lab, way, &config);
    check_refused(&lab, tap_lab_ifindex("tun0"), 1, VSF_BPF_ERROR_NOT_ETHERNET);
    check_refused(&lab, tap_lab_ifindex("lo"), 1, VSF_BPF_ERROR_NOT_ETHERNET);
    check_refused(&lab, 999999, 1, VSF_BPF_ERROR_GONE);
    check_refused(&lab, tap_lab_ifindex("vnet0"), 0, VSF_BPF_ERROR_FAILED);
    check_refused(&lab, tap_lab_ifindex("vnet0"), 10000001, VSF_BPF_ERROR_FAILED);
    check_refused(&lab, tap_lab_ifindex("vnet0"), G_MAXUINT32, VSF_BPF_ERROR_FAILED);
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 10000000);
    check_refused(&lab, tap_lab_ifindex("vnet0"), 1, VSF_BPF_ERROR_FAILED);
    check_refused(&lab, tap_lab_ifindex("vnet1"), 1, VSF_BPF_ERROR_NO_ROOM);
    vsf_bpf_detach(tap);
    /* And none of these took a place. */
    tap = bpf_lab_attach(&lab, "vnet1", FALSE, 1);
    vsf_bpf_detach(tap);
    bpf_lab_stop(&lab);
    close(fd);
    close(other);
    close(tun);
}

static void
test_a_tap_may_go_while_it_is_sampled(gconstpointer way)
{
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start(&lab, way, VSF_DIRECTION_BOTH);
    for (guint i = 0; i < 3; i++) {
        int fd = bpf_lab_new_tap("vnet0");

        tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
        bpf_lab_send(fd, 100, 4);
        close(fd);
        g_assert_cmpint(tap_lab_ifindex("vnet0"), ==, 0);
        g_assert_cmpuint(bpf_lab_counts(tap).candidates, ==, 4);
        vsf_bpf_detach(tap);
    }
    bpf_lab_stop(&lab);
}

/* --- several threads --------------------------------------------------------- */

#define COMERS 4
#define TURNS 20

typedef struct {
    BpfLab *lab;
    char name[16];
    int fd;
} Comer;

static gpointer
come_and_go(gpointer data)
{
    Comer *comer = data;

    for (guint turn = 1; turn <= TURNS; turn++) {
        VsfBpfTap *tap = bpf_lab_attach(comer->lab, comer->name, VSF_SIDE_TAP, 1);
        VsfBpfCounts counts;

        bpf_lab_send(comer->fd, 100, turn);
        counts = bpf_lab_counts(tap);
        g_assert_cmpuint(counts.packets_from_vm, ==, turn);
        g_assert_cmpuint(counts.bytes_from_vm, ==, turn * 100);
        vsf_bpf_set_rate(tap, 10000000, NULL);
        bpf_lab_send(comer->fd, 100, 1);
        vsf_bpf_detach(tap);
        bpf_lab_send(comer->fd, 100, 1);
    }
    return NULL;
}

/* Taps whose home is the same change places all the time, while others are read. */
static void
test_taps_come_and_go_on_several_threads(gconstpointer way)
{
    VsfBpfConfig config = {64, VSF_DIRECTION_BOTH, COMERS, 0};
    GThread *threads[COMERS];
    Comer comers[COMERS];
    int fds[COMERS * COMERS];
    BpfLab lab;

    bpf_lab_start_with(&lab, way, &config);
    lab.keep = FALSE;
    for (guint i = 0; i < COMERS * COMERS; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        fds[i] = bpf_lab_new_tap(name);
    }
    for (guint i = 0; i < COMERS; i++) {
        comers[i] = (Comer){.lab = &lab, .fd = fds[i * COMERS]};
        g_snprintf(comers[i].name, sizeof(comers[i].name), "vnet%u", i * COMERS);
        threads[i] = g_thread_new("comer", come_and_go, &comers[i]);
    }
    for (guint i = 0; i < 200; i++) {
        bpf_lab_take(&lab);
        g_usleep(5000); /* or longer: the threads have their own pace */
    }
    for (guint i = 0; i < COMERS; i++)
        g_thread_join(threads[i]);
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, >, 0);
    g_assert_cmpuint(lab.n_from, <=, COMERS * TURNS * (TURNS + 1) / 2);
    for (guint i = 0; i < COMERS * COMERS; i++)
        close(fds[i]);
    bpf_lab_stop(&lab);
}

/* The ring is watched, and only what is picked makes it readable. */
static void
test_a_lone_sample_wakes(gconstpointer way)
{
    int fd = bpf_lab_new_tap("vnet0");
    struct pollfd ring = {.events = POLLIN};
    g_autoptr(GError) error = NULL;
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start(&lab, way, VSF_DIRECTION_BOTH);
    ring.fd = vsf_bpf_fd(lab.bpf);
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 10000000);
    bpf_lab_send(fd, 100, 100);
    g_assert_cmpint(poll(&ring, 1, 0), ==, 0);
    g_assert_true(vsf_bpf_set_rate(tap, 1, &error));
    for (guint i = 0; i < 3; i++) {
        bpf_lab_send(fd, 100, 1);
        g_assert_cmpint(poll(&ring, 1, 60 * 1000), ==, 1);
        bpf_lab_take(&lab);
        g_assert_cmpuint(lab.n_from, ==, i + 1);
        g_assert_cmpint(poll(&ring, 1, 0), ==, 0);
    }
    vsf_bpf_detach(tap);
    bpf_lab_stop(&lab);
    close(fd);
}

static void
test_no_more_than_asked_for_is_read(void)
{
    int fd = bpf_lab_new_tap("vnet0");
    VsfBpfTap *tap;
    BpfLab lab;

    bpf_lab_start(&lab, BPF_LAB_CLSACT, VSF_DIRECTION_BOTH);
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    bpf_lab_send(fd, 100, 10);
    g_assert_cmpint(bpf_lab_take_most(&lab, 0), ==, 0);
    g_assert_cmpint(bpf_lab_take_most(&lab, 4), ==, 4);
    g_assert_cmpint(bpf_lab_take_most(&lab, 4), ==, 4);
    g_assert_cmpint(bpf_lab_take_most(&lab, 4), ==, 2);
    g_assert_cmpuint(lab.n_from, ==, 10);
    vsf_bpf_detach(tap);
    bpf_lab_stop(&lab);
    close(fd);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    bpf_lab_add("/bpf/life/detach-leaves-nothing", test_detach_leaves_nothing);
    bpf_lab_add("/bpf/life/an-ingress-qdisc-is-left-alone", test_an_ingress_qdisc_is_left_alone);
    if (bpf_lab_has_tcx()) {
        g_test_add_func("/bpf/life/a-copy-of-the-descriptors-holds-nothing-up",
                        test_a_copy_of_the_descriptors_holds_nothing_up);
        g_test_add_func("/bpf/life/anothers-clsact-is-left-alone",
                        test_anothers_clsact_is_left_alone);
    }
    g_test_add_func("/bpf/life/filters-that-came-later-stay", test_filters_that_came_later_stay);
    if (bpf_lab_has_tcx())
        g_test_add_func("/bpf/life/past-the-first-taps-clsact-serves",
                        test_past_the_first_taps_clsact_serves);
    bpf_lab_add("/bpf/life/what-cannot-be-sampled-is-refused",
                test_what_cannot_be_sampled_is_refused);
    bpf_lab_add("/bpf/life/a-tap-may-go-while-it-is-sampled",
                test_a_tap_may_go_while_it_is_sampled);
    bpf_lab_add("/bpf/life/taps-come-and-go-on-several-threads",
                test_taps_come_and_go_on_several_threads);
    bpf_lab_add("/bpf/life/a-lone-sample-wakes", test_a_lone_sample_wakes);
    g_test_add_func("/bpf/life/no-more-than-asked-for-is-read",
                    test_no_more_than_asked_for_is_read);
    return g_test_run();
}
