/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On real taps: which frames are picked, with which direction, lengths and header. */
#include "bpf-lab.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct {
    int fd, packets; /* the VM's side, and the host's */
    VsfBpfTap *tap;
} Vm;

static void
plug(BpfLab *lab, Vm *vm, const char *name, VsfSide side, guint32 rate)
{
    vm->fd = tap_lab_tap(name);
    tap_lab_mtu(name, 9000);
    tap_lab_up(name);
    vm->packets = tap_lab_packet_socket(name);
    vm->tap = bpf_lab_attach(lab, name, side, rate);
}

static void
unplug(Vm *vm)
{
    vsf_bpf_detach(vm->tap);
    close(vm->packets);
    close(vm->fd);
}

static void
check_seen(const BpfSeen *seen, const guint8 *frame, gsize length, guint header_bytes,
           gboolean from_vm)
{
    gsize kept = MIN(length, header_bytes);

    g_assert_cmpint(seen->sample.from_vm, ==, from_vm);
    g_assert_cmpuint(seen->sample.frame_length, ==, length);
    g_assert_cmpmem(seen->header, seen->sample.header_length, frame, kept);
}

/* Runt, small, common and jumbo frames with no, one and two tags, both ways. */
static void
check_lengths(gconstpointer way, guint header_bytes)
{
    static const gsize lengths[] = {22, 59, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1514, 8999};
    VsfBpfConfig config = {header_bytes, VSF_DIRECTION_BOTH, 1, 0};
    g_autofree guint8 *frame = g_malloc(9000);
    guint64 bytes = 0;
    VsfBpfCounts counts;
    guint n = 0;
    BpfLab lab;
    Vm vm;

    bpf_lab_start_with(&lab, way, &config);
    plug(&lab, &vm, "vnet0", VSF_SIDE_TAP, 1);
    for (guint tags = 0; tags <= 2; tags++)
        for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
            gint64 before_ns = g_get_monotonic_time() * 1000;

            tap_lab_frame(frame, lengths[i], bpf_lab_peer_mac, bpf_lab_vm_mac, tags);
            tap_lab_send(vm.fd, frame, lengths[i]);
            tap_lab_send_packet(vm.packets, frame, lengths[i]);
            bpf_lab_take(&lab);
            check_seen(bpf_lab_seen(&lab, n), frame, lengths[i], header_bytes, TRUE);
            check_seen(bpf_lab_seen(&lab, n + 1), frame, lengths[i], header_bytes, FALSE);
            g_assert_cmpint((gint64)bpf_lab_seen(&lab, n)->sample.time_ns, >=, before_ns);
            g_assert_cmpint((gint64)bpf_lab_seen(&lab, n + 1)->sample.time_ns, <,
                            (g_get_monotonic_time() + 1) * 1000);
            bytes += lengths[i];
            n += 2;
            g_assert_cmpuint(lab.seen->len, ==, n);
        }
    counts = bpf_lab_counts(vm.tap);
    g_assert_cmpuint(counts.packets_from_vm, ==, n / 2);
    g_assert_cmpuint(counts.packets_to_vm, ==, n / 2);
    g_assert_cmpuint(counts.bytes_from_vm, ==, bytes);
    g_assert_cmpuint(counts.bytes_to_vm, ==, bytes);
    g_assert_cmpuint(counts.candidates, ==, n);
    g_assert_cmpuint(counts.lost, ==, 0);
    g_assert_cmpuint(lab.gaps, ==, n);
    unplug(&vm);
    bpf_lab_stop(&lab);
}

static void
test_lengths_and_tags_are_those_of_the_wire(gconstpointer way)
{
    check_lengths(way, 64);
    check_lengths(way, 100);
    check_lengths(way, 128);
    check_lengths(way, 256);
}

static void
check_direction(gconstpointer way, VsfDirection direction, VsfSide side, guint from, guint to)
{
    guint8 frame[60];
    VsfBpfCounts counts;
    BpfLab lab;
    Vm vm;

    bpf_lab_start(&lab, way, direction);
    plug(&lab, &vm, "vnet0", side, 1);
    tap_lab_frame(frame, sizeof(frame), bpf_lab_peer_mac, bpf_lab_vm_mac, 0);
    for (guint n = 0; n < 3; n++)
        tap_lab_send(vm.fd, frame, sizeof(frame));
    for (guint n = 0; n < 2; n++)
        tap_lab_send_packet(vm.packets, frame, sizeof(frame));
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, from);
    g_assert_cmpuint(lab.n_to, ==, to);
    counts = bpf_lab_counts(vm.tap);
    g_assert_cmpuint(counts.candidates, ==, from + to);
    g_assert_cmpuint(counts.packets_from_vm, ==, from);
    g_assert_cmpuint(counts.packets_to_vm, ==, to);
    g_assert_cmpuint(lab.gaps, ==, from + to);
    unplug(&vm);
    bpf_lab_stop(&lab);
}

/* 3 frames come in, and 2 go out. */
static void
test_direction_chooses_candidates(gconstpointer way)
{
    static const VsfSide plain[] = {VSF_SIDE_TAP, VSF_SIDE_PORT};

    for (guint i = 0; i < G_N_ELEMENTS(plain); i++) {
        check_direction(way, VSF_DIRECTION_BOTH, plain[i], 3, 2);
        check_direction(way, VSF_DIRECTION_IN, plain[i], 3, 0);
        check_direction(way, VSF_DIRECTION_OUT, plain[i], 0, 2);
        check_direction(way, VSF_DIRECTION_ONCE, plain[i], 3, 2);
    }
    check_direction(way, VSF_DIRECTION_BOTH, VSF_SIDE_MIRRORED, 2, 3);
    check_direction(way, VSF_DIRECTION_IN, VSF_SIDE_MIRRORED, 2, 0);
    check_direction(way, VSF_DIRECTION_OUT, VSF_SIDE_MIRRORED, 0, 3);
    check_direction(way, VSF_DIRECTION_ONCE, VSF_SIDE_MIRRORED, 2, 3);
}

/* A tap whose frames come from another that is sampled, and then is not any more. */
static void
test_once_leaves_out_what_a_sampled_tap_had(gconstpointer way)
{
    guint8 frame[60];
    BpfLab lab;
    Vm one, two;

    bpf_lab_start(&lab, way, VSF_DIRECTION_ONCE);
    tap_lab_bridge("br0");
    plug(&lab, &one, "vnet0", VSF_SIDE_TAP, 1);
    plug(&lab, &two, "vnet1", VSF_SIDE_TAP, 1);
    tap_lab_enslave("br0", "vnet0");
    tap_lab_enslave("br0", "vnet1");
    /* Known to nobody: it goes to all ports. */
    tap_lab_frame(frame, sizeof(frame), bpf_lab_peer_mac, bpf_lab_vm_mac, 0);
    for (guint n = 0; n < 10; n++)
        tap_lab_send(one.fd, frame, sizeof(frame));
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 10);
    g_assert_cmpuint(lab.n_to, ==, 0);
    g_assert_cmpuint(bpf_lab_counts(two.tap).packets_to_vm, >=, 10);
    g_assert_cmpuint(bpf_lab_counts(two.tap).candidates, <, 10); /* the bridge's own frames */
    vsf_bpf_detach(one.tap);
    one.tap = NULL;
    for (guint n = 0; n < 10; n++)
        tap_lab_send(one.fd, frame, sizeof(frame));
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 10);
    g_assert_cmpuint(lab.n_to, ==, 10);
    unplug(&one);
    unplug(&two);
    tap_lab_ip("link del br0");
    bpf_lab_stop(&lab);
}

/* What comes in by a port of the host's is nobody's yet: the tap that it goes to counts it, and
 * the port counts both ways. */
static void
test_a_port_takes_nothing_from_taps(gconstpointer way)
{
    guint8 frame[60];
    BpfLab lab;
    Vm vm, port;

    bpf_lab_start(&lab, way, VSF_DIRECTION_ONCE);
    tap_lab_bridge("br0");
    plug(&lab, &vm, "vnet0", VSF_SIDE_TAP, 1);
    plug(&lab, &port, "eth7", VSF_SIDE_PORT, 1);
    tap_lab_enslave("br0", "vnet0");
    tap_lab_enslave("br0", "eth7");
    tap_lab_frame(frame, sizeof(frame), bpf_lab_peer_mac, bpf_lab_vm_mac, 0);
    for (guint n = 0; n < 10; n++)
        tap_lab_send(port.fd, frame, sizeof(frame));
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 10); /* on the port */
    g_assert_cmpuint(lab.n_to, ==, 10);   /* on the tap */
    tap_lab_frame(frame, sizeof(frame), bpf_lab_vm_mac, bpf_lab_peer_mac, 0);
    for (guint n = 0; n < 10; n++)
        tap_lab_send(vm.fd, frame, sizeof(frame));
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 10); /* on the tap */
    g_assert_cmpuint(lab.n_to, ==, 10);   /* on the port, from whoever it is */
    unplug(&vm);
    unplug(&port);
    tap_lab_ip("link del br0");
    bpf_lab_stop(&lab);
}

static void
test_mirrored_swaps_directions(gconstpointer way)
{
    guint8 frame[60];
    VsfBpfTap *tap;
    BpfLab lab;
    int fd = tap_lab_tap("vnet0"), packets;

    bpf_lab_start(&lab, way, VSF_DIRECTION_IN);
    tap_lab_up("vnet0");
    packets = tap_lab_packet_socket("vnet0");
    tap = bpf_lab_attach(&lab, "vnet0", VSF_SIDE_MIRRORED, 1);
    tap_lab_frame(frame, sizeof(frame), bpf_lab_peer_mac, bpf_lab_vm_mac, 0);
    for (guint n = 0; n < 3; n++)
        tap_lab_send(fd, frame, sizeof(frame));
    for (guint n = 0; n < 2; n++)
        tap_lab_send_packet(packets, frame, sizeof(frame));
    bpf_lab_take(&lab);
    g_assert_cmpuint(lab.n_from, ==, 2);
    g_assert_cmpuint(lab.n_to, ==, 0);
    g_assert_cmpuint(bpf_lab_counts(tap).packets_from_vm, ==, 2);
    vsf_bpf_detach(tap);
    close(packets);
    close(fd);
    bpf_lab_stop(&lab);
}

/* --- super-frames ---------------------------------------------------------- */

#define SEGMENT 1000
#define TCP_BYTES 32   /* with 12 of options */
#define TCP_HEADERS 66 /* Ethernet, IPv4, TCP */

typedef enum { PLAIN, TAGGED, IPV6 } Kind;

static guint
headers_of(Kind kind)
{
    return TCP_HEADERS + (kind == TAGGED ? 4 : kind == IPV6 ? 20 : 0);
}

static void
fill_ipv4(guint8 *ip, gsize total)
{
    ip[0] = 0x45;
    ip[2] = (guint8)(total >> 8);
    ip[3] = (guint8)total;
    ip[8] = 64;
    ip[9] = 6;
    ip[12] = ip[16] = 10;
    ip[15] = 1;
    ip[19] = 2;
}

static void
fill_ipv6(guint8 *ip, gsize total)
{
    ip[0] = 0x60;
    ip[4] = (guint8)((total - 40) >> 8);
    ip[5] = (guint8)(total - 40);
    ip[6] = 6;
    ip[7] = 64;
    ip[8] = ip[24] = 0xfd;
    ip[23] = 1;
    ip[39] = 2;
}

/* As a guest sends it: @payload bytes of TCP for the host to cut. */
static gsize
super_frame(guint8 *bytes, gsize payload, Kind kind)
{
    guint headers = headers_of(kind), ip_at = kind == TAGGED ? 18 : 14;
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = kind == IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                                             : VIRTIO_NET_HDR_GSO_TCPV4,
                                    .hdr_len = (guint16)headers,
                                    .gso_size = SEGMENT,
                                    .csum_start = (guint16)(headers - TCP_BYTES),
                                    .csum_offset = 16};
    guint8 *frame = bytes + sizeof(header);

    memset(bytes, 0, sizeof(header) + headers);
    memcpy(bytes, &header, sizeof(header));
    tap_lab_frame(frame, ip_at, bpf_lab_peer_mac, bpf_lab_vm_mac, kind == TAGGED ? 1 : 0);
    memcpy(frame + ip_at - 2, kind == IPV6 ? "\x86\xdd" : "\x08", 2);
    (kind == IPV6 ? fill_ipv6 : fill_ipv4)(frame + ip_at, headers - ip_at + payload);
    frame[headers - TCP_BYTES + 12] = (TCP_BYTES / 4) << 4;
    return sizeof(header) + headers + payload;
}

/* Rate 1: each segment of 10, the last one of 500 bytes, is a sample. */
static void
check_super_frame(gconstpointer way, Kind kind)
{
    g_autofree guint8 *bytes = g_malloc0(65536);
    gsize size = super_frame(bytes, 9 * SEGMENT + 500, kind);
    guint headers = headers_of(kind);
    int fd = tap_lab_tap_virtio("vnet0");
    VsfBpfCounts counts;
    VsfBpfTap *tap;
    BpfLab lab;

    g_assert_cmpint(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6), ==, 0);
    bpf_lab_start(&lab, way, VSF_DIRECTION_IN);
    tap_lab_up("vnet0");
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    tap_lab_send(fd, bytes, size);
    bpf_lab_take(&lab);
    counts = bpf_lab_counts(tap);
    g_assert_cmpuint(counts.packets_from_vm, ==, 10);
    g_assert_cmpuint(counts.bytes_from_vm, ==, 10 * headers + 9 * SEGMENT + 500);
    g_assert_cmpuint(counts.candidates, ==, 10);
    g_assert_cmpuint(lab.seen->len, ==, 10);
    g_assert_cmpuint(lab.gaps, ==, 10);
    for (guint i = 0; i < 10; i++) {
        const BpfSeen *seen = bpf_lab_seen(&lab, i);

        g_assert_cmpuint(seen->sample.frame_length, ==, headers + (i == 9 ? 500 : SEGMENT));
        g_assert_cmpmem(seen->header, 128, bytes + sizeof(struct virtio_net_hdr), 128);
    }
    vsf_bpf_detach(tap);
    close(fd);
    bpf_lab_stop(&lab);
}

static void
test_super_frames_count_as_segments(gconstpointer way)
{
    check_super_frame(way, PLAIN);
    check_super_frame(way, TAGGED);
    check_super_frame(way, IPV6);
}

/* Samples times the rate is the number of segments and, by their lengths, of bytes. */
static void
test_super_frames_are_estimated_right(gconstpointer way)
{
    g_autofree guint8 *bytes = g_malloc0(65536);
    gsize size = super_frame(bytes, 40 * SEGMENT, PLAIN);
    int fd = tap_lab_tap_virtio("vnet0");
    double sampled = 0, expected;
    VsfBpfTap *tap;
    BpfLab lab;

    g_assert_cmpint(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), ==, 0);
    bpf_lab_start(&lab, way, VSF_DIRECTION_IN);
    tap_lab_up("vnet0");
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 16);
    for (guint i = 0; i < 2000; i++) {
        tap_lab_send(fd, bytes, size);
        if (i % 100 == 0)
            bpf_lab_take(&lab);
    }
    bpf_lab_take(&lab);
    expected = 2000.0 * 40 / 16;
    g_assert_cmpuint(bpf_lab_counts(tap).candidates, ==, 2000 * 40);
    g_assert_cmpuint(bpf_lab_counts(tap).lost, ==, 0);
    /* Five standard deviations of a binomial. */
    g_assert_cmpfloat(ABS(lab.seen->len - expected), <, 5 * 70);
    for (guint i = 0; i < lab.seen->len; i++)
        sampled += bpf_lab_seen(&lab, i)->sample.frame_length;
    g_assert_cmpfloat(sampled, ==, (double)lab.seen->len * (TCP_HEADERS + SEGMENT));
    vsf_bpf_detach(tap);
    close(fd);
    bpf_lab_stop(&lab);
}

/* Of more than 64 in one frame the rest is counted as lost; and no gap is. */
static void
test_a_frame_of_many_segments_gives_64_samples_at_most(gconstpointer way)
{
    g_autofree guint8 *bytes = g_malloc0(65536);
    struct virtio_net_hdr *header = (struct virtio_net_hdr *)bytes;
    gsize size = super_frame(bytes, 10000, PLAIN);
    int fd = tap_lab_tap_virtio("vnet0");
    VsfBpfCounts counts;
    VsfBpfTap *tap;
    BpfLab lab;

    header->gso_size = 100;
    g_assert_cmpint(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), ==, 0);
    bpf_lab_start(&lab, way, VSF_DIRECTION_IN);
    tap_lab_up("vnet0");
    tap = bpf_lab_attach(&lab, "vnet0", FALSE, 1);
    tap_lab_send(fd, bytes, size);
    bpf_lab_take(&lab);
    counts = bpf_lab_counts(tap);
    g_assert_cmpuint(counts.candidates, ==, 100);
    g_assert_cmpuint(lab.seen->len, ==, 64);
    g_assert_cmpuint(counts.lost, ==, 36);
    g_assert_cmpuint(lab.gaps, ==, 100);
    vsf_bpf_detach(tap);
    close(fd);
    bpf_lab_stop(&lab);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    bpf_lab_add("/bpf/frames/lengths-and-tags-are-those-of-the-wire",
                test_lengths_and_tags_are_those_of_the_wire);
    bpf_lab_add("/bpf/frames/direction-chooses-candidates", test_direction_chooses_candidates);
    bpf_lab_add("/bpf/frames/once-leaves-out-what-a-sampled-tap-had",
                test_once_leaves_out_what_a_sampled_tap_had);
    bpf_lab_add("/bpf/frames/a-port-takes-nothing-from-taps", test_a_port_takes_nothing_from_taps);
    bpf_lab_add("/bpf/frames/mirrored-swaps-directions", test_mirrored_swaps_directions);
    bpf_lab_add("/bpf/frames/super-frames-count-as-segments", test_super_frames_count_as_segments);
    bpf_lab_add("/bpf/frames/super-frames-are-estimated-right",
                test_super_frames_are_estimated_right);
    bpf_lab_add("/bpf/frames/a-frame-of-many-segments-gives-64-samples-at-most",
                test_a_frame_of_many_segments_gives_64_samples_at_most);
    return g_test_run();
}
