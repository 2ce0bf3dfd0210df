/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The samplers on real taps and a real macvtap: which frames arrive, with which
 * direction and lengths. */
#include "capture-lab.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* The frame as it was written, cut to what the sampler may keep of it. */
static void
check_packet(const CaptureSeen *seen, const guint8 *frame, gsize length, gboolean from_vm)
{
    g_assert_cmpuint(seen->packet.frame_length, ==, length);
    g_assert_cmpint(seen->packet.from_vm, ==, from_vm);
    /* libpcap's filter tells the direction by a byte less. */
    g_assert_cmpuint(seen->packet.header_length, ==,
                     MIN(CAPTURE_LAB_H, from_vm || capture_lab_is_ebpf() ? length : length - 1));
    g_assert_cmpmem(seen->header, seen->packet.header_length, frame, seen->packet.header_length);
}

static void
test_first_frame_is_seen_with_its_time(void)
{
    int tap = tap_lab_tap("vnet0");
    guint8 frame[60];
    /* Of eBPF's the clocks tell when it was, which are looked at one after the other. */
    const gint64 inexact_us = capture_lab_is_ebpf() ? 10000 : 0;
    gint64 before, after;
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    before = g_get_real_time() - inexact_us;
    tap_lab_send(tap, frame, sizeof(frame));
    after = g_get_real_time() + inexact_us;
    capture_lab_wait_for(&lab, 1);
    check_packet(&g_array_index(lab.packets, CaptureSeen, 0), frame, sizeof(frame), TRUE);
    g_assert_cmpuint(g_array_index(lab.packets, CaptureSeen, 0).packet.rate, ==, 1);
    g_assert_cmpint(g_array_index(lab.packets, CaptureSeen, 0).packet.stamp_ns, >=, before * 1000);
    g_assert_cmpint(g_array_index(lab.packets, CaptureSeen, 0).packet.stamp_ns, <,
                    (after + 1) * 1000);
    g_assert_cmpuint(vsf_capture_drops(lab.capture, tap_lab_ifindex("vnet0")), ==, 0);
    capture_lab_stop(&lab);
    close(tap);
}

static void
send_frames(int tap, guint n)
{
    guint8 frame[60];

    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    for (guint i = 0; i < n; i++)
        tap_lab_send(tap, frame, sizeof(frame));
}

/* A sampler has no frames that it must let pass first: of the first 8 of each of 40 fresh
 * ones, half are picked, and of the very first ones too. */
static void
test_the_first_frames_have_the_same_chance(void)
{
    const guint samplers = 40, each = 8;
    int tap = tap_lab_tap("vnet0");
    double sigma = sqrt(samplers * each * 0.25);
    guint n = 0, n_first = 0;

    tap_lab_up("vnet0");
    tap_lab_loop_for(10);
    for (guint i = 0; i < samplers; i++) {
        CaptureLab lab;
        guint before;

        capture_lab_start(&lab, VSF_DIRECTION_BOTH);
        capture_lab_open(&lab, "vnet0", FALSE, 2);
        send_frames(tap, 1);
        tap_lab_loop_for(5);
        before = lab.n_from;
        n_first += before;
        send_frames(tap, each - 1);
        tap_lab_loop_for(15);
        n += lab.n_from;
        capture_lab_stop(&lab);
    }
    g_assert_cmpfloat(fabs(n - samplers * each * 0.5), <, 6 * sigma);
    g_assert_cmpfloat(fabs(n_first - samplers * 0.5), <, 6 * sqrt(samplers * 0.25));
    close(tap);
}

/* Each packet has the rate that it was picked at, also those that lie in the ring when
 * the rate changes. */
static void
test_the_rate_changes_without_a_gap(void)
{
    int tap = tap_lab_tap("vnet0"), ifindex;
    const guint n = 20000;
    double sigma = sqrt(n * 0.1 * 0.9);
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_BOTH);
    ifindex = capture_lab_open(&lab, "vnet0", FALSE, 1);
    tap_lab_loop_for(10);
    send_frames(tap, 50);
    vsf_capture_set_rate(lab.capture, ifindex, 10000000);
    send_frames(tap, 50);
    vsf_capture_set_rate(lab.capture, ifindex, 1);
    send_frames(tap, 30);
    vsf_capture_set_rate(lab.capture, ifindex, 10);
    capture_lab_wait_for(&lab, 80);
    for (guint i = 0; i < lab.packets->len; i++)
        g_assert_cmpuint(g_array_index(lab.packets, CaptureSeen, i).packet.rate, ==, 1);
    g_array_set_size(lab.packets, 0);
    lab.n_from = 0;
    for (guint i = 0; i < n / 200; i++) {
        send_frames(tap, 200);
        tap_lab_loop_for(1);
    }
    tap_lab_loop_for(100);
    g_assert_cmpfloat(fabs(lab.n_from - n * 0.1), <, 6 * sigma);
    for (guint i = 0; i < lab.packets->len; i++)
        g_assert_cmpuint(g_array_index(lab.packets, CaptureSeen, i).packet.rate, ==, 10);
    g_assert_cmpuint(vsf_capture_drops(lab.capture, ifindex), ==, 0);
    capture_lab_stop(&lab);
    close(tap);
}

/* A frame may lie in its ring for 50 ms, so some are sent before they are waited for: fewer
 * than any ring has room for. */
#define BATCH 32

typedef struct {
    guint8 frames[BATCH][9000];
    gsize lengths[BATCH];
    guint n;
} Batch;

/* The next one, to be written. */
static guint8 *
batch_add(Batch *batch, gsize length)
{
    g_assert_cmpuint(batch->n, <, BATCH);
    g_assert_cmpuint(length, <=, sizeof(batch->frames[0]));
    batch->lengths[batch->n] = length;
    return batch->frames[batch->n++];
}

static void
clear_packets(CaptureLab *lab)
{
    lab->n_from = lab->n_to = 0;
    g_array_set_size(lab->packets, 0);
}

/* Each of the batch was seen in that direction, in order, and @others of the other one. */
static void
check_batch(CaptureLab *lab, const Batch *batch, gboolean from_vm, guint others)
{
    guint n = 0;

    capture_lab_wait_for(lab, batch->n + others);
    for (guint i = 0; i < lab->packets->len; i++) {
        const CaptureSeen *seen = &g_array_index(lab->packets, CaptureSeen, i);

        if (!seen->packet.from_vm != !from_vm)
            continue;
        g_assert_cmpuint(n, <, batch->n);
        check_packet(seen, batch->frames[n], batch->lengths[n], from_vm);
        n++;
    }
    g_assert_cmpuint(n, ==, batch->n);
}

static gsize
next_length(gsize length)
{
    return length < 300 ? length + 1 : length * 3;
}

/* Every length through two bridged taps: from the VM of one, to the VM of the
 * other. A tag travels beside the frame in the kernel, and libpcap puts it back. */
static void
check_all_lengths(guint n_tags, gsize shortest)
{
    int one = tap_lab_tap("vnet0"), two = tap_lab_tap("vnet1");
    static Batch batch;
    CaptureLab from, to;

    tap_lab_bridge("br0");
    tap_lab_mtu("vnet0", 9000);
    tap_lab_mtu("vnet1", 9000);
    tap_lab_enslave("br0", "vnet0");
    tap_lab_enslave("br0", "vnet1");
    tap_lab_up("vnet0");
    tap_lab_up("vnet1");
    capture_lab_start(&from, VSF_DIRECTION_BOTH);
    capture_lab_start(&to, VSF_DIRECTION_BOTH);
    capture_lab_open(&from, "vnet0", FALSE, 1);
    capture_lab_open(&to, "vnet1", FALSE, 1);
    tap_lab_loop_for(10);
    for (gsize length = shortest; length <= 9000;) {
        for (batch.n = 0; batch.n < BATCH && length <= 9000; length = next_length(length)) {
            guint8 *frame = batch_add(&batch, length);

            tap_lab_frame(frame, length, capture_lab_peer_mac, capture_lab_vm_mac, n_tags);
            tap_lab_send(one, frame, length);
        }
        check_batch(&from, &batch, TRUE, 0);
        check_batch(&to, &batch, FALSE, 0);
        clear_packets(&from);
        clear_packets(&to);
    }
    capture_lab_stop(&from);
    capture_lab_stop(&to);
    close(one);
    close(two);
    tap_lab_ip("link del br0");
}

static void
test_lengths_and_direction_untagged(void)
{
    check_all_lengths(0, 14);
}

static void
test_lengths_and_direction_tagged(void)
{
    check_all_lengths(1, 20); /* the kernel discards shorter ones with a tag */
}

static void
test_lengths_and_direction_double_tagged(void)
{
    check_all_lengths(2, 22);
}

/* The same from the host, where a tag lies in the frame. */
static void
test_frames_of_the_host_go_to_the_vm(void)
{
    int tap = tap_lab_tap("vnet0"), packet_socket;
    static Batch batch;
    CaptureLab lab;

    tap_lab_up("vnet0");
    packet_socket = tap_lab_packet_socket("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_BOTH);
    capture_lab_open(&lab, "vnet0", FALSE, 1);
    for (guint n_tags = 0; n_tags <= 2; n_tags++)
        for (gsize length = 14 + 4 * n_tags; length <= 400;) {
            for (batch.n = 0; batch.n < BATCH && length <= 400; length++) {
                guint8 *frame = batch_add(&batch, length);

                tap_lab_frame(frame, length, capture_lab_vm_mac, capture_lab_peer_mac, n_tags);
                tap_lab_send_packet(packet_socket, frame, length);
            }
            check_batch(&lab, &batch, FALSE, 0);
            clear_packets(&lab);
        }
    capture_lab_stop(&lab);
    close(packet_socket);
    close(tap);
}

/* The kernel and libpcap must not cut more than the filter said, whatever the
 * size of the ring's slots comes to. */
static void
test_every_header_size_is_taken_whole(void)
{
    int tap = tap_lab_tap("vnet0"), packet_socket;
    guint8 frame[600];
    CaptureLab lab;

    tap_lab_up("vnet0");
    packet_socket = tap_lab_packet_socket("vnet0");
    for (guint32 header_bytes = 64; header_bytes <= 256;
         header_bytes += capture_lab_is_ebpf() ? 32 : (header_bytes < 96 ? 1 : 5)) {
        capture_lab_start_with(&lab, VSF_DIRECTION_BOTH, header_bytes);
        capture_lab_open(&lab, "vnet0", FALSE, 1);
        tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
        tap_lab_send(tap, frame, sizeof(frame));
        tap_lab_send_packet(packet_socket, frame, sizeof(frame));
        capture_lab_wait_for(&lab, 2);
        g_assert_cmpuint(lab.n_from, ==, 1);
        for (guint i = 0; i < 2; i++)
            g_assert_cmpuint(g_array_index(lab.packets, CaptureSeen, i).packet.header_length, ==,
                             header_bytes);
        g_assert_cmpuint(capture_lab_ring_bytes(), <=, 128 * 1024);
        vsf_capture_close(lab.capture, tap_lab_ifindex("vnet0"));
        tap_lab_loop_until(capture_lab_has_no_ring, NULL);
        capture_lab_stop(&lab);
    }
    close(packet_socket);
    close(tap);
}

static void
check_direction(VsfDirection direction, VsfSide side, guint n_from, guint n_to)
{
    int tap = tap_lab_tap("vnet0"), packet_socket;
    guint8 out[60], in[60];
    CaptureLab lab;

    tap_lab_up("vnet0");
    packet_socket = tap_lab_packet_socket("vnet0");
    capture_lab_start(&lab, direction);
    capture_lab_open(&lab, "vnet0", side, 1);
    tap_lab_frame(in, sizeof(in), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    tap_lab_frame(out, sizeof(out), capture_lab_vm_mac, capture_lab_peer_mac, 0);
    for (guint n = 0; n < 20; n++)
        tap_lab_send(tap, in, sizeof(in));
    for (guint n = 0; n < 10; n++)
        tap_lab_send_packet(packet_socket, out, sizeof(out));
    capture_lab_wait_for(&lab, n_from + n_to);
    vsf_capture_drain(lab.capture, tap_lab_ifindex("vnet0"));
    g_assert_cmpuint(lab.n_from, ==, n_from);
    g_assert_cmpuint(lab.n_to, ==, n_to);
    capture_lab_stop(&lab);
    close(packet_socket);
    close(tap);
}

static void
test_one_direction_alone_is_filtered_in_the_kernel(void)
{
    for (VsfSide side = VSF_SIDE_TAP; side <= VSF_SIDE_PORT; side++) {
        guint from = side == VSF_SIDE_MIRRORED ? 10 : 20, to = 30 - from;

        check_direction(VSF_DIRECTION_IN, side, from, 0);
        check_direction(VSF_DIRECTION_OUT, side, 0, to);
        check_direction(VSF_DIRECTION_ONCE, side, from, to);
    }
}

static void
check_rate(CaptureLab *lab, int tap, guint32 rate, guint n_frames)
{
    int ifindex = capture_lab_open(lab, "vnet0", FALSE, rate);
    double mean = (double)n_frames / rate;
    double six_sigma = 6 * sqrt(mean * (1 - 1.0 / rate));
    guint8 frame[60];

    lab->n_from = 0;
    tap_lab_frame(frame, sizeof(frame), capture_lab_peer_mac, capture_lab_vm_mac, 0);
    for (guint i = 0; i < n_frames; i++) {
        tap_lab_send(tap, frame, sizeof(frame));
        if (i % 100 == 0)
            vsf_capture_drain(lab->capture, ifindex);
    }
    vsf_capture_drain(lab->capture, ifindex);
    g_test_message("1 in %u: %u of %u, expected %.0f +- %.0f", rate, lab->n_from, n_frames, mean,
                   six_sigma);
    g_assert_cmpuint(vsf_capture_drops(lab->capture, ifindex), ==, 0);
    g_assert_cmpfloat(fabs(lab->n_from - mean), <=, six_sigma);
}

static void
test_one_in_n_is_kept(void)
{
    int tap = tap_lab_tap("vnet0");
    CaptureLab lab;

    tap_lab_up("vnet0");
    capture_lab_start(&lab, VSF_DIRECTION_ONCE);
    lab.keep = FALSE;
    check_rate(&lab, tap, 2, 20000);
    check_rate(&lab, tap, 3, 20000);
    check_rate(&lab, tap, 100, 200000);
    capture_lab_stop(&lab);
    close(tap);
}

/* On macvtap the VM's frames are the kernel's outgoing ones. */
static void
test_macvtap_is_mirrored(void)
{
    g_autofree char *device = NULL, *add = NULL;
    static Batch from, to;
    int vm, packet_socket;
    CaptureLab lab;

    tap_lab_ip("link add veth0 type veth peer name veth1");
    tap_lab_up("veth0");
    tap_lab_up("veth1");
    /* Its device node bears its ifIndex, and is one for the macvtaps of all namespaces. */
    add = g_strdup_printf("link add link veth0 name macvtap0 index %d address 52:54:00:00:00:01 "
                          "type macvtap mode bridge",
                          100000 + getpid());
    tap_lab_ip(add);
    tap_lab_up("macvtap0");
    device = g_strdup_printf("/dev/tap%d", tap_lab_ifindex("macvtap0"));
    vm = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (vm < 0) {
        g_test_skip("no device node for a macvtap in this namespace");
        tap_lab_ip("link del veth0");
        return;
    }
    packet_socket = tap_lab_packet_socket("veth1");
    capture_lab_start(&lab, VSF_DIRECTION_BOTH);
    capture_lab_open(&lab, "macvtap0", TRUE, 1);
    for (gsize length = 60; length <= 200;) {
        from.n = to.n = 0;
        for (guint i = 0; i < BATCH / 2 && length <= 200; i++, length++) {
            /* The device speaks with a virtio header of 10 bytes in front. */
            guint8 with_header[10 + 200] = {0}, *frame = batch_add(&from, length);

            tap_lab_frame(frame, length, capture_lab_peer_mac, capture_lab_vm_mac, 0);
            memcpy(with_header + 10, frame, length);
            tap_lab_send(vm, with_header, 10 + length);

            frame = batch_add(&to, length);
            tap_lab_frame(frame, length, capture_lab_vm_mac, capture_lab_peer_mac, 0);
            tap_lab_send_packet(packet_socket, frame, length);
        }
        check_batch(&lab, &from, TRUE, to.n);
        check_batch(&lab, &to, FALSE, from.n);
        clear_packets(&lab);
    }
    capture_lab_stop(&lab);
    close(packet_socket);
    close(vm);
    tap_lab_ip("link del veth0");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (capture_lab_skip_all())
        return 0;
    g_test_add_func("/net/capture/first-frame-is-seen-with-its-time",
                    test_first_frame_is_seen_with_its_time);
    g_test_add_func("/net/capture/lengths-and-direction-untagged",
                    test_lengths_and_direction_untagged);
    g_test_add_func("/net/capture/lengths-and-direction-tagged", test_lengths_and_direction_tagged);
    g_test_add_func("/net/capture/lengths-and-direction-double-tagged",
                    test_lengths_and_direction_double_tagged);
    g_test_add_func("/net/capture/frames-of-the-host-go-to-the-vm",
                    test_frames_of_the_host_go_to_the_vm);
    g_test_add_func("/net/capture/every-header-size-is-taken-whole",
                    test_every_header_size_is_taken_whole);
    g_test_add_func("/net/capture/one-direction-alone-is-filtered-in-the-kernel",
                    test_one_direction_alone_is_filtered_in_the_kernel);
    g_test_add_func("/net/capture/one-in-n-is-kept", test_one_in_n_is_kept);
    g_test_add_func("/net/capture/macvtap-is-mirrored", test_macvtap_is_mirrored);
    g_test_add_func("/net/capture/the-first-frames-have-the-same-chance",
                    test_the_first_frames_have_the_same_chance);
    g_test_add_func("/net/capture/the-rate-changes-without-a-gap",
                    test_the_rate_changes_without_a_gap);
    return g_test_run();
}
