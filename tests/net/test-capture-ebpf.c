/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture whose samplers are eBPF's, which is fake-bpf.c: what is handed out, to whom, and
 * when libpcap has a tap instead. */
#include "../../daemon/net/capture-handle.h"
#include "../../daemon/net/capture.h"
#include "fake-bpf.h"

#include <string.h>

#define IFINDEX 4711 /* no interface of this host's */
#define NAME "vnet4711"

typedef struct {
    VsfCapture *capture;
    guint n_opened, n_failed, n_packets, n_room;
    VsfPacket last;
    GError *error;
    gboolean close_on_packet;
} Lab;

static VsfCaptureHandleConfig asked_of_libpcap; /* last */

VsfCaptureHandle *__real_vsf_capture_handle_open(const VsfCaptureHandleConfig *config,
                                                 GError **error);
VsfCaptureHandle *__wrap_vsf_capture_handle_open(const VsfCaptureHandleConfig *config,
                                                 GError **error);

/* On a worker; the main loop looks when it is told of the end. */
VsfCaptureHandle *
__wrap_vsf_capture_handle_open(const VsfCaptureHandleConfig *config, GError **error)
{
    asked_of_libpcap = *config;
    return __real_vsf_capture_handle_open(config, error);
}

static void
note_opened(int ifindex G_GNUC_UNUSED, gpointer user_data)
{
    ((Lab *)user_data)->n_opened++;
}

static void
note_failed(int ifindex G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    Lab *lab = user_data;

    lab->n_failed++;
    g_clear_error(&lab->error);
    lab->error = g_error_copy(error);
}

static void
note_packet(const VsfPacket *packet, gpointer user_data)
{
    Lab *lab = user_data;

    lab->n_packets++;
    lab->last = *packet;
    if (lab->close_on_packet)
        vsf_capture_close(lab->capture, packet->ifindex);
}

static void
note_room(gpointer user_data)
{
    ((Lab *)user_data)->n_room++;
}

static void
start(Lab *lab, VsfDirection direction, guint samplers_max, gsize ring_total)
{
    static const VsfCaptureCallbacks callbacks = {note_opened, note_failed, note_packet, note_room};
    VsfCaptureConfig config = {.header_bytes = 128,
                               .direction = direction,
                               .samplers_max = samplers_max,
                               .ring_total = ring_total};
    g_autoptr(GError) error = NULL;

    *lab = (Lab){0};
    fake_bpf_reset();
    config.choice = vsf_capture_choose(VSF_CAPTURE_AUTO, 128, direction, 4096);
    lab->capture = vsf_capture_new(&config, &callbacks, lab, &error);
    g_assert_no_error(error);
}

static void
loop_until_at_least(const guint *counter, guint n)
{
    while (*counter < n)
        g_main_context_iteration(NULL, TRUE);
}

static void
stop(Lab *lab)
{
    vsf_capture_free(lab->capture);
    /* What was loaded is freed when nothing of it is in use. */
    while (fake_bpf_is_loaded())
        g_main_context_iteration(NULL, TRUE);
    g_clear_error(&lab->error);
}

static void
open_tap(Lab *lab)
{
    guint before = lab->n_opened;

    g_assert_true(vsf_capture_open(lab->capture, IFINDEX, NAME, FALSE, 64));
    g_assert_cmpuint(lab->n_opened, ==, before);
    loop_until_at_least(&lab->n_opened, before + 1);
}

static guint64
now_ns(void)
{
    return (guint64)g_get_monotonic_time() * 1000;
}

static void
test_samples_are_handed_out_with_their_gaps(void)
{
    VsfCaptureTap tap;
    guint64 passed_ns;
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    open_tap(&lab);
    g_assert_true(vsf_capture_tap(lab.capture, IFINDEX, &tap));
    g_assert_cmpstr(tap.backend, ==, "ebpf");
    g_assert_true(tap.has_gaps);
    g_assert_null(tap.reason);
    g_assert_cmpuint(vsf_capture_room(lab.capture).n_hooked, ==, 1);
    g_assert_cmpuint(vsf_capture_room(lab.capture).used, ==, 0);

    passed_ns = now_ns();
    fake_bpf_sample(IFINDEX, TRUE, 70, passed_ns);
    fake_bpf_sample(IFINDEX + 1, TRUE, 70, passed_ns); /* nobody's */
    loop_until_at_least(&lab.n_packets, 1);
    g_assert_cmpuint(lab.n_packets, ==, 1);
    g_assert_cmpint(lab.last.ifindex, ==, IFINDEX);
    g_assert_cmpuint(lab.last.gap, ==, 70);
    g_assert_cmpuint(lab.last.rate, ==, 64);
    g_assert_cmpuint(lab.last.frame_length, ==, 1514);
    g_assert_cmpuint(lab.last.header_length, ==, 64);
    g_assert_true(lab.last.from_vm);
    g_assert_true(lab.last.decided);
    g_assert_cmpint(lab.last.time_ns, ==, passed_ns);
    g_assert_cmpint(ABS(lab.last.stamp_ns / 1000 - g_get_real_time()), <, 60 * G_USEC_PER_SEC);

    fake_bpf_set_counts(100, 3);
    g_assert_cmpuint(vsf_capture_drops(lab.capture, IFINDEX), ==, 3);
    g_assert_cmpuint(vsf_capture_untold(lab.capture, IFINDEX), ==, 30);
    stop(&lab);
    g_assert_cmpuint(fake_bpf_attached(), ==, 0);
}

static void
test_the_kernel_does_not_decide_for_mirrored_taps(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    vsf_capture_open(lab.capture, IFINDEX, NAME, VSF_SIDE_MIRRORED, 64);
    loop_until_at_least(&lab.n_opened, 1);
    fake_bpf_sample(IFINDEX, FALSE, 70, now_ns());
    loop_until_at_least(&lab.n_packets, 1);
    g_assert_false(lab.last.decided);
    fake_bpf_set_counts(100, 0);
    g_assert_cmpuint(vsf_capture_untold(lab.capture, IFINDEX), ==, 0);
    stop(&lab);
}

/* Both directions of a port are candidates, so that the kernel decides nothing, but counts. */
static void
test_the_kernel_counts_for_a_port(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    vsf_capture_open(lab.capture, IFINDEX, NAME, VSF_SIDE_PORT, 64);
    loop_until_at_least(&lab.n_opened, 1);
    fake_bpf_sample(IFINDEX, FALSE, 70, now_ns());
    loop_until_at_least(&lab.n_packets, 1);
    g_assert_false(lab.last.decided);
    fake_bpf_set_counts(100, 0);
    g_assert_cmpuint(vsf_capture_untold(lab.capture, IFINDEX), ==, 30);
    stop(&lab);
}

static void
test_a_drain_takes_what_the_ring_holds(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    open_tap(&lab);
    for (guint i = 0; i < 3000; i++)
        fake_bpf_sample(IFINDEX, TRUE, 1, now_ns());
    vsf_capture_drain(lab.capture, IFINDEX);
    g_assert_cmpuint(lab.n_packets, ==, 3000);
    vsf_capture_close(lab.capture, IFINDEX);
    stop(&lab);
}

/* What is opened again at once is another sampler; the first one's packets are not its. */
static void
test_a_sampler_that_is_replaced_is_gone_before_the_next(void)
{
    guint64 before_ns;
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    open_tap(&lab);
    before_ns = now_ns() - 1000;
    fake_bpf_sample(IFINDEX, TRUE, 5, before_ns);
    for (guint i = 0; i < 5; i++)
        vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 100 + i);
    loop_until_at_least(&lab.n_opened, 2);
    g_assert_cmpuint(fake_bpf_most_on_one(), ==, 1);
    g_assert_cmpuint(fake_bpf_attached(), ==, 1);
    g_assert_cmpuint(fake_bpf_rate(IFINDEX), ==, 104);
    g_assert_cmpuint(fake_bpf_in_ring(), ==, 0);
    g_assert_cmpuint(lab.n_packets, ==, 0);
    fake_bpf_sample(IFINDEX, TRUE, 5, now_ns());
    loop_until_at_least(&lab.n_packets, 1);
    stop(&lab);
}

/* Also one that is on the interface already and not told to be. */
static void
test_a_sampler_that_is_not_told_open_yet_is_gone_too(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 64);
    while (fake_bpf_attached() == 0)
        g_usleep(1000);
    vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 65);
    loop_until_at_least(&lab.n_opened, 1);
    g_assert_cmpuint(fake_bpf_most_on_one(), ==, 1);
    g_assert_cmpuint(fake_bpf_rate(IFINDEX), ==, 65);
    g_assert_cmpuint(vsf_capture_room(lab.capture).n_hooked, ==, 1);
    stop(&lab);
}

static void
test_first_packets_are_there_before_it_is_told_open(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    fake_bpf_hold(TRUE);
    vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 64);
    fake_bpf_sample(IFINDEX, TRUE, 5, now_ns());
    loop_until_at_least(&lab.n_packets, 1);
    g_assert_cmpuint(lab.n_opened, ==, 0);
    /* And another rate may be wanted before. */
    vsf_capture_set_rate(lab.capture, IFINDEX, 1000);
    fake_bpf_hold(FALSE);
    loop_until_at_least(&lab.n_opened, 1);
    g_assert_cmpuint(fake_bpf_rate(IFINDEX), ==, 1000);
    vsf_capture_set_rate(lab.capture, IFINDEX, 10);
    g_assert_cmpuint(fake_bpf_rate(IFINDEX), ==, 10);
    stop(&lab);
}

static void
test_a_packet_callback_may_close_its_sampler(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    open_tap(&lab);
    lab.close_on_packet = TRUE;
    for (guint i = 0; i < 5; i++)
        fake_bpf_sample(IFINDEX, TRUE, 5, now_ns());
    loop_until_at_least(&lab.n_packets, 1);
    loop_until_at_least(&lab.n_room, 1);
    g_assert_cmpuint(lab.n_packets, ==, 1);
    g_assert_cmpuint(fake_bpf_attached(), ==, 0);
    stop(&lab);
}

static void
test_freed_with_attaches_in_flight_nothing_stays(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    for (int i = 0; i < 20; i++)
        vsf_capture_open(lab.capture, IFINDEX + i, NAME, FALSE, 64);
    stop(&lab);
    g_assert_cmpuint(fake_bpf_attached(), ==, 0);
}

/* libpcap then says in its own words that there is no such interface, or no permission. */
static void
test_what_ebpf_cannot_serve_libpcap_tries(void)
{
    static const VsfBpfError codes[] = {VSF_BPF_ERROR_TAKEN, VSF_BPF_ERROR_NO_ROOM,
                                        VSF_BPF_ERROR_FAILED, VSF_BPF_ERROR_PERMISSION};

    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        Lab lab;

        start(&lab, VSF_DIRECTION_ONCE, 0, 0);
        fake_bpf_refuse_attach((int)codes[i]);
        vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 64);
        loop_until_at_least(&lab.n_failed, 1);
        g_assert_true(lab.error->domain == VSF_CAPTURE_ERROR);
        g_assert_null(strstr(lab.error->message, "a qdisc of others"));
        loop_until_at_least(&lab.n_room, 1);
        g_assert_cmpuint(vsf_capture_room(lab.capture).n_samplers, ==, 0);
        g_assert_cmpuint(vsf_capture_room(lab.capture).n_descriptors, ==, 0);
        g_assert_cmpuint(vsf_capture_room(lab.capture).used, ==, 0);
        stop(&lab);
    }
}

/* Whatever terms there are by then for others. */
static void
test_what_falls_to_libpcap_keeps_its_terms(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_IN, 0, 0);
    fake_bpf_hold(TRUE);
    fake_bpf_refuse_attach(VSF_BPF_ERROR_TAKEN);
    vsf_capture_open(lab.capture, IFINDEX, NAME, TRUE, 64);
    vsf_capture_set_terms(lab.capture, 200, VSF_DIRECTION_OUT);
    fake_bpf_hold(FALSE);
    loop_until_at_least(&lab.n_failed, 1);
    g_assert_cmpuint(asked_of_libpcap.filter.header_bytes, ==, 128);
    g_assert_cmpint(asked_of_libpcap.filter.direction, ==, VSF_DIRECTION_IN);
    g_assert_cmpuint(asked_of_libpcap.filter.rate, ==, 64);
    g_assert_true(asked_of_libpcap.filter.mirrored);
    stop(&lab);
}

static void
test_what_neither_can_sample_is_not_tried_twice(void)
{
    static const struct {
        VsfBpfError said;
        VsfCaptureError want;
    } cases[] = {{VSF_BPF_ERROR_GONE, VSF_CAPTURE_ERROR_GONE},
                 {VSF_BPF_ERROR_NOT_ETHERNET, VSF_CAPTURE_ERROR_NOT_ETHERNET}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Lab lab;

        start(&lab, VSF_DIRECTION_ONCE, 0, 0);
        fake_bpf_refuse_attach((int)cases[i].said);
        vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 64);
        loop_until_at_least(&lab.n_failed, 1);
        g_assert_error(lab.error, VSF_CAPTURE_ERROR, (gint)cases[i].want);
        g_assert_cmpstr(lab.error->message, ==, "a qdisc of others");
        g_assert_cmpuint(vsf_capture_room(lab.capture).n_samplers, ==, 0);
        stop(&lab);
    }
}

/* Two pages of ring, which another tap has. */
static void
test_where_libpcap_has_no_room_either_that_is_said(void)
{
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 1);
    fake_bpf_refuse_attach(VSF_BPF_ERROR_TAKEN);
    vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 64);
    loop_until_at_least(&lab.n_failed, 1);
    g_assert_error(lab.error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_NO_ROOM);
    g_assert_nonnull(strstr(lab.error->message, "a qdisc of others"));
    /* Nobody is told of room by that: it would be tried again and again. */
    g_assert_cmpuint(lab.n_room, ==, 0);
    g_assert_cmpuint(vsf_capture_room(lab.capture).n_samplers, ==, 0);
    stop(&lab);
}

static void
test_taps_beyond_the_bound_are_libpcaps(void)
{
    VsfCaptureTap tap;
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 3, 0);
    open_tap(&lab);
    /* Of three descriptors one is left. */
    g_assert_true(vsf_capture_open(lab.capture, IFINDEX + 1, NAME, FALSE, 64));
    g_assert_true(vsf_capture_tap(lab.capture, IFINDEX + 1, &tap));
    g_assert_cmpstr(tap.backend, ==, "pcap");
    g_assert_cmpstr(tap.reason, ==, "eBPF serves no more than 1 interfaces");
    g_assert_true(tap.for_room);
    g_assert_false(vsf_capture_has_hooks(lab.capture));
    g_assert_false(vsf_capture_open(lab.capture, IFINDEX + 2, NAME, FALSE, 64));
    g_assert_false(vsf_capture_tap(lab.capture, IFINDEX + 2, &tap));
    loop_until_at_least(&lab.n_failed, 1);
    loop_until_at_least(&lab.n_room, 1);
    /* Hooks are there again when the sampler has ended, and not before. */
    g_assert_cmpuint(vsf_capture_ending(lab.capture), ==, 0);
    vsf_capture_close(lab.capture, IFINDEX);
    g_assert_cmpuint(vsf_capture_ending(lab.capture), ==, 1);
    g_assert_false(vsf_capture_has_hooks(lab.capture));
    loop_until_at_least(&lab.n_room, 2);
    g_assert_cmpuint(vsf_capture_ending(lab.capture), ==, 0);
    g_assert_true(vsf_capture_has_hooks(lab.capture));
    stop(&lab);
}

/* The programs were loaded for one direction and one number of header bytes. */
static void
test_other_terms_than_at_the_start_are_libpcaps(void)
{
    static const struct {
        guint32 header_bytes;
        VsfDirection direction;
        const char *backend;
    } cases[] = {
        {128, VSF_DIRECTION_IN, "pcap"},
        {64, VSF_DIRECTION_ONCE, "pcap"},
        {128, VSF_DIRECTION_ONCE, "ebpf"},
    };
    Lab lab;

    start(&lab, VSF_DIRECTION_ONCE, 0, 0);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfCaptureTap tap;

        vsf_capture_set_terms(lab.capture, cases[i].header_bytes, cases[i].direction);
        g_assert_true(vsf_capture_open(lab.capture, IFINDEX, NAME, FALSE, 64));
        g_assert_true(vsf_capture_tap(lab.capture, IFINDEX, &tap));
        g_assert_cmpstr(tap.backend, ==, cases[i].backend);
        if (g_str_equal(tap.backend, "pcap"))
            g_assert_nonnull(strstr(tap.reason, "at the start"));
        g_assert_false(tap.for_room);
    }
    loop_until_at_least(&lab.n_opened, 1);
    stop(&lab);
}

#define ADD(name, func) g_test_add_func("/net/capture-ebpf/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("samples-are-handed-out-with-their-gaps", test_samples_are_handed_out_with_their_gaps);
    ADD("the-kernel-counts-for-a-port", test_the_kernel_counts_for_a_port);
    ADD("the-kernel-does-not-decide-for-mirrored-taps",
        test_the_kernel_does_not_decide_for_mirrored_taps);
    ADD("a-drain-takes-what-the-ring-holds", test_a_drain_takes_what_the_ring_holds);
    ADD("a-sampler-that-is-replaced-is-gone-before-the-next",
        test_a_sampler_that_is_replaced_is_gone_before_the_next);
    ADD("a-sampler-that-is-not-told-open-yet-is-gone-too",
        test_a_sampler_that_is_not_told_open_yet_is_gone_too);
    ADD("first-packets-are-there-before-it-is-told-open",
        test_first_packets_are_there_before_it_is_told_open);
    ADD("a-packet-callback-may-close-its-sampler", test_a_packet_callback_may_close_its_sampler);
    ADD("freed-with-attaches-in-flight-nothing-stays",
        test_freed_with_attaches_in_flight_nothing_stays);
    ADD("what-ebpf-cannot-serve-libpcap-tries", test_what_ebpf_cannot_serve_libpcap_tries);
    ADD("what-falls-to-libpcap-keeps-its-terms", test_what_falls_to_libpcap_keeps_its_terms);
    ADD("what-neither-can-sample-is-not-tried-twice",
        test_what_neither_can_sample_is_not_tried_twice);
    ADD("where-libpcap-has-no-room-either-that-is-said",
        test_where_libpcap_has_no_room_either_that_is_said);
    ADD("taps-beyond-the-bound-are-libpcaps", test_taps_beyond_the_bound_are_libpcaps);
    ADD("other-terms-than-at-the-start-are-libpcaps",
        test_other_terms_than_at_the_start_are_libpcaps);
    return g_test_run();
}
