/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of samplers on real taps: what they fail with, what ends them, what
 * is lost, and that nothing stays behind. */
#include "../../daemon/net/capture-handle.h"
#include "capture-lab.h"

#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_interfaces_that_cannot_be_sampled_fail_with_the_reason(void)
{
    int tap = tap_lab_tap("vnet0"), other = tap_lab_tap("vnet1");
    int ifindex = tap_lab_ifindex("vnet0");
    CaptureLab lab;

    tap_lab_up("vnet1");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    vsf_capture_open(lab.capture, ifindex, "vnet0", FALSE, 1);
    capture_lab_wait_failed(&lab, ifindex, VSF_CAPTURE_ERROR_DOWN);
    vsf_capture_open(lab.capture, ifindex, "vnet1", FALSE, 1);
    capture_lab_wait_failed(&lab, ifindex, VSF_CAPTURE_ERROR_GONE);
    vsf_capture_open(lab.capture, 4711, "vnet4711", FALSE, 1);
    capture_lab_wait_failed(&lab, 4711, VSF_CAPTURE_ERROR_GONE);
    vsf_capture_open(lab.capture, 4711, "any", FALSE, 1);
    capture_lab_wait_failed(&lab, 4711, VSF_CAPTURE_ERROR_GONE);
    vsf_capture_open(lab.capture, 4711, "nflog", FALSE, 1);
    capture_lab_wait_failed(&lab, 4711, VSF_CAPTURE_ERROR_GONE);
    g_assert_cmpuint(lab.n_opened, ==, 0);

    tap_lab_up("vnet0");
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    capture_lab_stop(&lab);
    close(tap);
    close(other);
}

static void
is_refused(CaptureLab *lab, const char *name)
{
    tap_lab_up(name);
    vsf_capture_open(lab->capture, tap_lab_ifindex(name), name, FALSE, 1);
    capture_lab_wait_failed(lab, tap_lab_ifindex(name), VSF_CAPTURE_ERROR_NOT_ETHERNET);
}

static void
test_what_has_no_ethernet_frames_is_refused_as_that(void)
{
    int l3 = tap_lab_tun_l3("tun0");
    CaptureLab lab;

    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    is_refused(&lab, "tun0");
    if (if_nametoindex("tunl0") != 0) { /* where the kernel has ipip, each namespace has one */
        is_refused(&lab, "tunl0");
        g_test_message("ipip is refused");
    }
    g_assert_cmpuint(lab.n_opened, ==, 0);
    capture_lab_stop(&lab);
    close(l3);
}

static void
test_going_down_and_going_away_end_the_sampler(void)
{
    int tap = tap_lab_tap("vnet0");
    guint8 frame[60];
    int ifindex;
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);

    ifindex = capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_send(tap, frame, sizeof(frame));
    tap_lab_down("vnet0");
    capture_lab_wait_failed(&lab, ifindex, VSF_CAPTURE_ERROR_DOWN);
    g_assert_cmpuint(lab.n_from, ==, 1); /* what it had is not lost */

    tap_lab_up("vnet0");
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_send(tap, frame, sizeof(frame));
    capture_lab_wait_for(&lab, 2);
    tap_lab_send(tap, frame, sizeof(frame));
    close(tap);
    capture_lab_wait_failed(&lab, ifindex, VSF_CAPTURE_ERROR_GONE);
    g_assert_cmpuint(lab.n_from, ==, 3);
    capture_lab_stop(&lab);
}

static void
test_down_and_up_again_at_once_goes_on(void)
{
    int tap = tap_lab_tap("vnet0");
    guint8 frame[60];
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_down("vnet0");
    tap_lab_up("vnet0");
    tap_lab_loop_for(100);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    tap_lab_send(tap, frame, sizeof(frame));
    capture_lab_wait_for(&lab, 1);
    g_assert_cmpuint(lab.n_failed, ==, 0);
    capture_lab_stop(&lab);
    close(tap);
}

/* An end that drain() is the first to see. */
static void
test_drain_takes_all_and_does_not_hide_the_end(void)
{
    int tap = tap_lab_tap("vnet0");
    guint8 frame[60];
    int ifindex;
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    ifindex = capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    for (guint i = 0; i < 200; i++)
        tap_lab_send(tap, frame, sizeof(frame));
    close(tap);
    vsf_capture_drain(lab.capture, ifindex);
    g_assert_cmpuint(lab.n_from, ==, 200);
    g_assert_cmpuint(lab.n_failed, ==, 0);
    vsf_capture_drain(lab.capture, ifindex);
    /* eBPF's hooks do not tell: it is up to who opened it, who hears of links. */
    if (!capture_lab_is_ebpf())
        capture_lab_wait_failed(&lab, ifindex, VSF_CAPTURE_ERROR_GONE);
    capture_lab_stop(&lab);
}

static void
test_frames_that_find_the_ring_full_are_counted(void)
{
    int tap = tap_lab_tap("vnet0");
    guint8 frame[60];
    guint64 drops;
    int ifindex;
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    lab.keep = FALSE;
    ifindex = capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    for (guint i = 0; i < 2000; i++)
        tap_lab_send(tap, frame, sizeof(frame));
    vsf_capture_drain(lab.capture, ifindex);
    drops = vsf_capture_drops(lab.capture, ifindex);
    g_assert_cmpuint(drops, >, 0);
    g_assert_cmpuint(drops + lab.n_from, ==, 2000);
    g_test_message("the ring held %u frames", lab.n_from);
    g_assert_cmpuint(lab.n_from, >=, 300);
    tap_lab_loop_for(60);
    g_assert_cmpuint(vsf_capture_drops(lab.capture, ifindex), ==, drops);
    capture_lab_stop(&lab);
    close(tap);
}

static gboolean
is_quiet(gpointer user_data)
{
    const guint *wanted = user_data;

    return tap_lab_n_fds() <= *wanted;
}

typedef struct {
    const CaptureLab *lab;
    guint n;
} Opened;

static gboolean
have_opened(gpointer user_data)
{
    const Opened *opened = user_data;

    g_assert_no_error(opened->lab->error);
    return opened->lab->n_opened >= opened->n;
}

#define MANY 300

static void
test_many_taps_are_cheap_and_give_all_back(void)
{
    int taps[MANY];
    guint before;
    CaptureLab lab;
    Opened all = {&lab, MANY};

    for (guint i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        taps[i] = tap_lab_tap(name);
        tap_lab_up(name);
    }
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    vsf_capture_close(lab.capture, tap_lab_ifindex("vnet0"));
    tap_lab_loop_for(50);
    before = tap_lab_n_fds();
    g_assert_cmpuint(capture_lab_ring_bytes(), ==, 0);

    lab.n_opened = 0;
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        vsf_capture_open(lab.capture, tap_lab_ifindex(name), name, FALSE, 512);
    }
    tap_lab_loop_until(have_opened, &all);
    g_assert_cmpuint(tap_lab_n_fds(), <=, before + 2 * MANY);
    g_test_message("%.1f descriptors a tap", (double)(tap_lab_n_fds() - before) / MANY);
    g_test_message("%" G_GSIZE_FORMAT " bytes of ring a tap", capture_lab_ring_bytes() / MANY);
    g_assert_cmpuint(capture_lab_ring_bytes(), <=, 32 * 1024 * 1024);
    g_assert_cmpuint(capture_lab_ring_bytes(), <=, vsf_capture_room(lab.capture).used);
    g_assert_cmpuint(capture_lab_ring_bytes(), >=, MANY * 48 * 1024);
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        vsf_capture_close(lab.capture, tap_lab_ifindex(name));
    }
    tap_lab_loop_until(is_quiet, &before);
    g_assert_cmpuint(capture_lab_ring_bytes(), ==, 0);
    capture_lab_stop(&lab);
    for (guint i = 0; i < MANY; i++)
        close(taps[i]);
}

static void
test_closing_and_opening_again_in_flight_leaves_one_sampler(void)
{
    int tap = tap_lab_tap("vnet0"), ifindex;
    guint open_fds;
    guint8 frame[60];
    CaptureLab lab;

    tap_lab_up("vnet0");
    ifindex = tap_lab_ifindex("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    open_fds = tap_lab_n_fds() + (capture_lab_is_ebpf() ? VSF_CAPTURE_HOOK_DESCRIPTORS : 1);
    for (guint i = 0; i < 5; i++)
        vsf_capture_open(lab.capture, ifindex, "vnet0", FALSE, i + 1);
    vsf_capture_close(lab.capture, ifindex);
    tap_lab_loop_for(200);
    g_assert_cmpuint(lab.n_opened, ==, 0);
    for (guint rate = 5; rate > 0; rate--)
        vsf_capture_open(lab.capture, ifindex, "vnet0", FALSE, rate);
    tap_lab_loop_until(capture_lab_has_opened, &lab);
    tap_lab_loop_until(is_quiet, &open_fds);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    for (guint i = 0; i < 50; i++)
        tap_lab_send(tap, frame, sizeof(frame));
    capture_lab_wait_for(&lab, 50); /* the last one's rate, 1; and once each */
    g_assert_cmpuint(lab.n_opened, ==, 1);
    capture_lab_stop(&lab);
    close(tap);
}

static void
test_a_packet_callback_may_close_its_own_sampler(void)
{
    int tap = tap_lab_tap("vnet0");
    guint8 frame[60];
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    lab.close_on_packet = capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    for (guint i = 0; i < 10; i++)
        tap_lab_send(tap, frame, sizeof(frame));
    tap_lab_loop_for(100);
    g_assert_cmpuint(lab.n_from, ==, 1);
    g_assert_cmpuint(lab.n_failed, ==, 0);
    capture_lab_stop(&lab);
    close(tap);
}

static void
test_freed_with_opens_in_flight_nothing_stays(void)
{
    int tap = tap_lab_tap("vnet0");
    guint before = tap_lab_n_fds();
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    for (int i = 0; i < 20; i++)
        vsf_capture_open(lab.capture, tap_lab_ifindex("vnet0") + 1000 * i, "vnet0", FALSE, 1);
    g_usleep(20000); /* let some be open and some not begun */
    capture_lab_stop(&lab);
    tap_lab_loop_until(is_quiet, &before);
    g_assert_cmpuint(lab.n_opened, ==, 0);
    g_assert_cmpuint(lab.n_failed, ==, 0);
    close(tap);
}

typedef struct {
    const CaptureLab *lab;
    guint n;
} Room;

static gboolean
has_room(gpointer user_data)
{
    const Room *room = user_data;

    return room->lab->n_room == room->n;
}

static void
test_room_comes_back_when_a_sampler_has_ended(void)
{
    int taps[3];
    CaptureLab lab;

    for (guint i = 0; i < G_N_ELEMENTS(taps); i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        taps[i] = tap_lab_tap(name);
        tap_lab_up(name);
    }
    capture_lab_start_narrow(&lab, 2);
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    capture_lab_open(&lab, "vnet1", FALSE, 1);
    g_assert_false(vsf_capture_has_room(lab.capture));
    g_assert_false(vsf_capture_open(lab.capture, tap_lab_ifindex("vnet2"), "vnet2", FALSE, 1));
    g_assert_cmpuint(lab.n_room, ==, 0);
    vsf_capture_close(lab.capture, tap_lab_ifindex("vnet1"));
    tap_lab_loop_until(has_room, &(Room){&lab, 1});
    capture_lab_open(&lab, "vnet2", FALSE, 1);
    /* An interface that goes, and one that never comes. */
    close(taps[0]);
    tap_lab_loop_until(has_room, &(Room){&lab, 2});
    g_assert_true(vsf_capture_open(lab.capture, 4711, "vnet4711", FALSE, 1));
    tap_lab_loop_until(has_room, &(Room){&lab, 3});
    g_assert_cmpuint(lab.n_failed, ==, 2);
    g_assert_cmpuint(vsf_capture_room(lab.capture).n_samplers, ==, 1);
    capture_lab_stop(&lab);
    close(taps[1]);
    close(taps[2]);
}

/* A socket that wants stamps turns them on for every frame of every interface. */
static void
test_the_kernel_need_not_stamp_what_is_not_picked(void)
{
    static const int options[] = {SO_TIMESTAMP, SO_TIMESTAMPNS};
    int tap = tap_lab_tap("vnet0");
    VsfCaptureHandleConfig config = {.ifindex = tap_lab_ifindex("vnet0"),
                                     .name = "vnet0",
                                     .filter = {CAPTURE_LAB_H, 1, VSF_DIRECTION_BOTH, FALSE}};
    g_autoptr(VsfCaptureHandle) handle = NULL;

    tap_lab_up("vnet0");
    handle = vsf_capture_handle_open(&config, NULL);
    g_assert_nonnull(handle);
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        int value = -1;
        socklen_t size = sizeof(value);

        g_assert_cmpint(
            getsockopt(vsf_capture_handle_fd(handle), SOL_SOCKET, options[i], &value, &size), ==,
            0);
        g_assert_cmpint(value, ==, 0);
    }
    close(tap);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (capture_lab_skip_all())
        return 0;
    g_test_add_func("/net/capture/down-and-up-again-at-once-goes-on",
                    test_down_and_up_again_at_once_goes_on);
    g_test_add_func("/net/capture/drain-takes-all-and-does-not-hide-the-end",
                    test_drain_takes_all_and_does_not_hide_the_end);
    g_test_add_func("/net/capture/closing-and-opening-again-in-flight-leaves-one-sampler",
                    test_closing_and_opening_again_in_flight_leaves_one_sampler);
    g_test_add_func("/net/capture/a-packet-callback-may-close-its-own-sampler",
                    test_a_packet_callback_may_close_its_own_sampler);
    g_test_add_func("/net/capture/freed-with-opens-in-flight-nothing-stays",
                    test_freed_with_opens_in_flight_nothing_stays);
    g_test_add_func("/net/capture/what-has-no-ethernet-frames-is-refused-as-that",
                    test_what_has_no_ethernet_frames_is_refused_as_that);
    if (capture_lab_is_ebpf())
        return g_test_run();
    /* What follows is about packet sockets and their rings. */
    g_test_add_func("/net/capture/interfaces-that-cannot-be-sampled-fail-with-the-reason",
                    test_interfaces_that_cannot_be_sampled_fail_with_the_reason);
    g_test_add_func("/net/capture/going-down-and-going-away-end-the-sampler",
                    test_going_down_and_going_away_end_the_sampler);
    g_test_add_func("/net/capture/frames-that-find-the-ring-full-are-counted",
                    test_frames_that_find_the_ring_full_are_counted);
    g_test_add_func(
        "/net/capture/many-taps-cost-at-most-two-fds-each-and-32-mib-and-give-them-back",
        test_many_taps_are_cheap_and_give_all_back);
    g_test_add_func("/net/capture/the-kernel-need-not-stamp-what-is-not-picked",
                    test_the_kernel_need_not_stamp_what_is_not_picked);
    g_test_add_func("/net/capture/room-comes-back-when-a-sampler-has-ended",
                    test_room_comes_back_when_a_sampler_has_ended);
    return g_test_run();
}
