/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From real taps to datagrams, with each backend: one packet in N and no other, over flows, sizes,
 * queues and time; and what a collector makes of the samples is what the taps counted, within what
 * sampling at random lets one know. */
#include "live-lab.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FCS 4
#define SIGMAS 5          /* off by chance once in a million times */
#define FRAMES_A_TURN 100 /* between two looks at the ring */
#define MOST_BYTES 9000

/* --- one in N ------------------------------------------------------------------ */

#define FLOWS 20
#define RATE 50

static const guint sizes[] = {60, 61, 128, 200, 576, 1280, 1514};

static const guint8 vm_mac[6] = {0x52, 0x54, 0, 1, 0, 0};

/* Frames of a VM tell which they are. */
static void
put_number(guint8 *frame, guint32 number)
{
    memcpy(frame + 24, &number, sizeof(number));
}

static guint32
number_of(const LiveSample *sample)
{
    guint32 number;

    memcpy(&number, sample->header + 24, sizeof(number));
    return number;
}

/* No more of the cells' counts than chance makes; of one cell in 100,000. */
static void
check_even(const char *what, const guint *counts, guint n_cells, double expected)
{
    double chi = 0;

    for (guint i = 0; i < n_cells; i++)
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    g_test_message("%s: chi-square %.1f of %u cells with %.0f each", what, chi, n_cells, expected);
    g_assert_cmpfloat(chi, <, n_cells + 8 * sqrt(2.0 * n_cells));
}

static void
check_near(const char *what, double is, double expected, double sigma)
{
    g_test_message("%s: %.0f of %.0f, %.1f sigma", what, is, expected, (is - expected) / sigma);
    g_assert_cmpfloat(fabs(is - expected), <=, SIGMAS * sigma);
}

static void
check_sample(const LiveSample *sample, guint32 length, guint32 ifindex, gboolean from_vm)
{
    g_assert_cmpuint(sample->frame_length, ==, length + FCS);
    g_assert_cmpuint(sample->stripped, ==, FCS);
    g_assert_cmpuint(sample->ifindex, ==, ifindex);
    g_assert_cmpuint(sample->input, ==, from_vm ? ifindex : 0);
    g_assert_cmpuint(sample->output, ==, from_vm ? 0 : ifindex);
    g_assert_cmpuint(sample->drops, ==, 0);
}

/* Flow i % FLOWS and size i % 7, as regular as a clock. */
static void
send_flows(LiveLab *lab, int tap, guint n)
{
    guint8 frame[MOST_BYTES];

    tap_lab_frame(frame, sizeof(frame), live_lab_outside, vm_mac, 0);
    for (guint i = 0; i < n; i++) {
        put_number(frame, i);
        tap_lab_send(tap, frame, sizes[i % G_N_ELEMENTS(sizes)]);
        if (i % FRAMES_A_TURN == 0)
            live_lab_turn_of(lab, i / RATE);
    }
}

static void
test_each_flow_and_size_is_picked_as_often(void)
{
    const guint n = 200000;
    guint flows[FLOWS] = {0}, lengths[G_N_ELEMENTS(sizes)] = {0}, steps[RATE] = {0};
    int tap = tap_lab_tap("vnet0");
    guint32 ifindex = (guint32)tap_lab_ifindex("vnet0");
    LiveLab lab;

    live_lab_start(&lab, 1, RATE, VSF_DIRECTION_IN);
    live_lab_plug(&lab, 1);
    send_flows(&lab, tap, n);
    live_lab_settle(&lab);
    for (guint i = 0; i < lab.samples->len; i++) {
        const LiveSample *sample = live_lab_sample(&lab, i);
        guint32 number = number_of(sample);

        g_assert_cmpuint(number, <, n);
        check_sample(sample, sizes[number % G_N_ELEMENTS(sizes)], ifindex, TRUE);
        g_assert_cmpuint(sample->rate, ==, RATE);
        g_assert_cmpuint(sample->sequence, ==, i + 1);
        g_assert_cmpuint(sample->header_length, ==, MIN(sample->frame_length - FCS, 128));
        flows[number % FLOWS]++;
        lengths[number % G_N_ELEMENTS(sizes)]++;
        /* A fixed skip, or one that is a multiple of something, meets the same of these. */
        steps[number % RATE]++;
    }
    check_even("flows", flows, FLOWS, (double)n / FLOWS / RATE);
    check_even("sizes", lengths, G_N_ELEMENTS(sizes), (double)n / G_N_ELEMENTS(sizes) / RATE);
    check_even("in step with the rate", steps, RATE, (double)n / RATE / RATE);
    check_near("samples", lab.samples->len, (double)n / RATE,
               sqrt((double)n / RATE * (1 - 1.0 / RATE)));
    live_lab_stop(&lab);
    close(tap);
}

/* --- estimates ------------------------------------------------------------------ */

#define SEGMENT 1448
#define TCP_HEADERS 66 /* Ethernet, IPv4, TCP with 12 bytes of options */
#define SEGMENTS 40

/* As a guest sends it: TCP for the host to cut into @n segments. Its size. */
static gsize
super_frame(guint8 *bytes, guint n)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                    .hdr_len = TCP_HEADERS,
                                    .gso_size = SEGMENT,
                                    .csum_start = 34,
                                    .csum_offset = 16};
    gsize total = TCP_HEADERS - 14 + (gsize)n * SEGMENT;
    guint8 *frame = bytes + sizeof(header), *ip = frame + 14, *tcp = ip + 20;

    memset(bytes, 0, sizeof(header) + TCP_HEADERS);
    memcpy(bytes, &header, sizeof(header));
    tap_lab_frame(frame, 14, live_lab_outside, vm_mac, 0);
    frame[12] = 8;
    frame[13] = 0;
    ip[0] = 0x45;
    ip[2] = (guint8)(total >> 8);
    ip[3] = (guint8)total;
    ip[8] = 64;
    ip[9] = 6;
    ip[12] = ip[16] = 10;
    tcp[12] = 8 << 4;
    return sizeof(header) + 14 + total;
}

#define TRIES 20 /* on a machine that is busy */

typedef enum { FLOOD, SUPER_FRAMES, MIXED } Traffic;

/* Frame @i of the traffic, with its virtio header, at @bytes. */
static gsize
make_frame(guint8 *bytes, Traffic traffic, guint i)
{
    gboolean super = traffic == SUPER_FRAMES ? i % 2 == 0 : traffic == MIXED && i % 16 == 5;
    gsize length = traffic == FLOOD          ? 64
                   : traffic == SUPER_FRAMES ? 66
                                             : sizes[i * 5 / 3 % G_N_ELEMENTS(sizes)];

    if (super)
        return super_frame(bytes, traffic == MIXED ? 2 + i / 16 % 43 : SEGMENTS);
    memset(bytes, 0, sizeof(struct virtio_net_hdr));
    tap_lab_frame(bytes + sizeof(struct virtio_net_hdr), length, live_lab_outside, vm_mac,
                  traffic == MIXED ? i % 3 : 0);
    return sizeof(struct virtio_net_hdr) + length;
}

/* What it is on a wire. */
static guint
segments_of(const guint8 *bytes)
{
    const struct virtio_net_hdr *header = (const struct virtio_net_hdr *)bytes;
    const guint8 *ip = bytes + sizeof(*header) + 14;

    if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return 1;
    return ((guint)(ip[2] << 8 | ip[3]) + 14 - TCP_HEADERS) / SEGMENT;
}

/* Sends, and says what the tap must count of it, in the unit of the backend. */
static LiveCounters
send_traffic(LiveLab *lab, int tap, Traffic traffic, guint32 rate, guint n)
{
    g_autofree guint8 *bytes = g_malloc0(65536 + 100);
    LiveCounters more = {0};

    for (guint i = 0; i < n; i++) {
        gsize size = make_frame(bytes, traffic, i);
        guint segments = segments_of(bytes);

        tap_lab_send(tap, bytes, size);
        more.rx_packets += segments - 1;
        more.rx_bytes += (guint64)(segments - 1) * TCP_HEADERS;
        if (i % FRAMES_A_TURN == 0)
            live_lab_turn_of(lab, i / rate);
    }
    return more;
}

/* A collector's: mean of the samples times the pool; and samples times their rate. */
static void
check_estimates(const LiveLab *lab, guint32 rate, double packets, double bytes)
{
    guint n = lab->samples->len;
    double pool = live_lab_sample(lab, n - 1)->pool, sum = 0, squares = 0, mean, spread;

    for (guint i = 0; i < n; i++) {
        double length = live_lab_sample(lab, i)->frame_length - FCS;

        sum += length;
        squares += length * length;
    }
    mean = sum / n;
    spread = sqrt(MAX(squares / n - mean * mean, 0));
    /* The last sample lies a gap before the end. */
    g_assert_cmpfloat(pool, <=, packets);
    g_assert_cmpfloat(packets - pool, <=, 20 * rate);
    check_near("packets by rate", (double)n * rate, packets, sqrt(packets * (rate - 1)));
    check_near("bytes by rate", sum * rate, bytes, sqrt(squares * rate * (rate - 1)));
    check_near("bytes by pool", mean * pool, bytes,
               pool * spread / sqrt(n) + (packets - pool) * mean + 1);
}

/* FALSE: the machine was too busy for a judgement, the kernel's counters came late. What else is
 * wrong is a fault. */
static gboolean
check_traffic_once(Traffic traffic, guint32 rate, guint n)
{
    int tap = tap_lab_tap_virtio("vnet0");
    gboolean in_time;
    LiveCounters segments, counted;
    LiveLab lab;

    g_assert_cmpint(ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), ==, 0);
    live_lab_start(&lab, 1, rate, VSF_DIRECTION_IN);
    live_lab_plug(&lab, 1);
    segments = send_traffic(&lab, tap, traffic, rate, n);
    live_lab_settle(&lab);
    counted = live_lab_counters("vnet0");
    g_assert_cmpuint(counted.rx_packets, ==, n);
    /* The tap counts super-frames, and so does libpcap's sampler. */
    if (live_lab_is_ebpf()) {
        counted.rx_packets += segments.rx_packets;
        counted.rx_bytes += segments.rx_bytes;
    }
    g_test_message("%" G_GUINT64_FORMAT " packets, %u samples", counted.rx_packets,
                   lab.samples->len);
    /* Who sends is who empties the ring. */
    g_assert_cmpuint(live_lab_sample(&lab, lab.samples->len - 1)->drops, ==, 0);
    in_time = live_lab_late_readings() == 0;
    if (in_time)
        check_estimates(&lab, rate, (double)counted.rx_packets, (double)counted.rx_bytes);
    for (guint i = 0; live_lab_is_ebpf() && i < lab.samples->len; i++)
        g_assert_cmpuint(live_lab_sample(&lab, i)->frame_length, <=, 1514 + FCS);
    live_lab_stop(&lab);
    close(tap);
    return in_time;
}

static void
check_traffic(Traffic traffic, guint32 rate, guint n)
{
    for (guint tries = 1; !check_traffic_once(traffic, rate, n); tries++) {
        g_test_message("too busy, once more");
        g_assert_cmpuint(tries, <, TRIES);
    }
}

static void
test_a_flood_is_estimated_as_it_is(void)
{
    check_traffic(FLOOD, 8, 200000);
}

static void
test_super_frames_are_estimated_in_the_unit_in_force(void)
{
    check_traffic(SUPER_FRAMES, 16, 8000);
}

static void
test_mixed_traffic_is_estimated_as_it_is(void)
{
    check_traffic(MIXED, 20, 60000);
}

/* --- rates that change ------------------------------------------------------------ */

static void
test_rates_change_under_traffic(void)
{
    static const guint32 rates[] = {64, 16, 512, 1, 100};
    const guint each = 10000;
    int tap = tap_lab_tap("vnet0");
    guint counts[G_N_ELEMENTS(rates)] = {0};
    double expected = 0;
    guint8 frame[100];
    LiveLab lab;

    live_lab_start(&lab, 1, rates[0], VSF_DIRECTION_IN);
    live_lab_plug(&lab, 1);
    tap_lab_frame(frame, sizeof(frame), live_lab_outside, vm_mac, 0);
    for (guint i = 0; i < G_N_ELEMENTS(rates) * each; i++) {
        if (i % each == 0 && i > 0)
            live_lab_set_rate(&lab, rates[i / each]);
        put_number(frame, i);
        tap_lab_send(tap, frame, sizeof(frame));
        expected += 1.0 / rates[i / each];
        if (i % FRAMES_A_TURN == 0)
            live_lab_turn_of(&lab, (guint)expected);
    }
    live_lab_settle(&lab);
    for (guint i = 0; i < lab.samples->len; i++) {
        const LiveSample *sample = live_lab_sample(&lab, i);
        guint part = number_of(sample) / each;

        g_assert_cmpuint(part, <, G_N_ELEMENTS(rates));
        g_assert_cmpuint(sample->rate, ==, rates[part]);
        g_assert_cmpuint(sample->drops, ==, 0);
        counts[part]++;
    }
    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        double chance = 1.0 / rates[i];

        check_near("samples", counts[i], each * chance, sqrt(each * chance * (1 - chance)) + 1e-9);
    }
    live_lab_stop(&lab);
    close(tap);
}

/* --- queues ------------------------------------------------------------------------ */

#define QUEUES 4
#define OF_A_QUEUE 20000

typedef struct {
    int fd;
    guint queue, n;
} Writer;

static gpointer
write_queue(gpointer data)
{
    const Writer *writer = data;
    guint8 frame[200];

    tap_lab_frame(frame, sizeof(frame), live_lab_outside, vm_mac, 0);
    for (guint i = 0; i < writer->n; i++) {
        put_number(frame, writer->queue);
        tap_lab_send(writer->fd, frame, 100 + writer->queue);
        if (i % 50 == 0)
            g_usleep(500);
    }
    return NULL;
}

/* All at a time, as a VM with as many processors does. */
static void
write_queues(const LiveLab *lab, const int fds[QUEUES], guint n)
{
    GThread *threads[QUEUES];
    Writer writers[QUEUES];

    for (guint i = 0; i < QUEUES; i++) {
        writers[i] = (Writer){fds[i], i, n};
        threads[i] = g_thread_new("vm", write_queue, &writers[i]);
    }
    /* Samples are read meanwhile. */
    while (live_lab_counters("vnet0").rx_packets < (guint64)QUEUES * n)
        live_lab_turn(lab);
    for (guint i = 0; i < QUEUES; i++)
        g_thread_join(threads[i]);
}

static gboolean
check_queues_once(void)
{
    gboolean in_time;
    const double n = QUEUES * OF_A_QUEUE, rate = 20;
    guint counts[QUEUES] = {0};
    guint32 ifindex;
    int fds[QUEUES];
    LiveLab lab;

    tap_lab_tap_queues("vnet0", fds, QUEUES);
    ifindex = (guint32)tap_lab_ifindex("vnet0");
    live_lab_start(&lab, 1, (guint32)rate, VSF_DIRECTION_IN);
    live_lab_plug(&lab, 1);
    write_queues(&lab, fds, OF_A_QUEUE);
    live_lab_settle(&lab);
    /* Threads that send may be faster than this one. */
    in_time = live_lab_late_readings() == 0 &&
              live_lab_sample(&lab, lab.samples->len - 1)->drops == 0;
    for (guint i = 0; in_time && i < lab.samples->len; i++) {
        const LiveSample *sample = live_lab_sample(&lab, i);

        g_assert_cmpuint(number_of(sample), <, QUEUES);
        check_sample(sample, 100 + number_of(sample), ifindex, TRUE);
        counts[number_of(sample)]++;
    }
    if (in_time) {
        check_even("queues", counts, QUEUES, OF_A_QUEUE / rate);
        check_estimates(&lab, (guint32)rate, n, n * (100 + (QUEUES - 1) / 2.0));
    }
    live_lab_stop(&lab);
    for (guint i = 0; i < QUEUES; i++)
        close(fds[i]);
    return in_time;
}

static void
test_every_queue_of_a_tap_is_sampled_alike(void)
{
    for (guint tries = 1; !check_queues_once(); tries++) {
        g_test_message("too busy, once more");
        g_assert_cmpuint(tries, <, TRIES);
    }
}

/* To the VM the kernel chooses the queue, by flow. */
static void
test_what_comes_out_of_any_queue_is_sampled_once(void)
{
    const guint n = 256;
    guint8 frame[100];
    guint n_queues = 0, n_read = 0;
    int fds[QUEUES], packets;
    guint32 ifindex;
    LiveLab lab;

    tap_lab_tap_queues("vnet0", fds, QUEUES);
    ifindex = (guint32)tap_lab_ifindex("vnet0");
    live_lab_start(&lab, 1, 1, VSF_DIRECTION_ONCE);
    live_lab_plug(&lab, 1);
    packets = tap_lab_packet_socket("vnet0");
    tap_lab_frame(frame, sizeof(frame), vm_mac, live_lab_outside, 0);
    memcpy(frame + 12, "\x08\x00\x45\x00\x00\x56\x00\x00\x00\x00\x40\x11\x00\x00", 14);
    for (guint i = 0; i < n; i++) {
        frame[29] = (guint8)i; /* of the sender's address */
        tap_lab_send_packet(packets, frame, sizeof(frame));
        if (i % 50 == 0)
            live_lab_turn(&lab);
    }
    live_lab_settle(&lab);
    for (guint i = 0; i < QUEUES; i++) {
        guint of_queue = tap_lab_discard(fds[i]);

        n_queues += of_queue > 0;
        n_read += of_queue;
        close(fds[i]);
    }
    g_test_message("%u frames in %u queues", n_read, n_queues);
    g_assert_cmpuint(n_queues, >, 1);
    g_assert_cmpuint(n_read, ==, n);
    g_assert_cmpuint(lab.samples->len, ==, n);
    for (guint i = 0; i < n; i++) {
        check_sample(live_lab_sample(&lab, i), sizeof(frame), ifindex, FALSE);
        g_assert_cmpuint(live_lab_sample(&lab, i)->pool, ==, i + 1);
    }
    live_lab_stop(&lab);
    close(packets);
}

#define ADD(name, func) g_test_add_func("/flows-live/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (live_lab_skip_all())
        return 0;
    ADD("each-flow-and-size-is-picked-as-often", test_each_flow_and_size_is_picked_as_often);
    ADD("a-flood-is-estimated-as-it-is", test_a_flood_is_estimated_as_it_is);
    ADD("super-frames-are-estimated-in-the-unit-in-force",
        test_super_frames_are_estimated_in_the_unit_in_force);
    ADD("mixed-traffic-is-estimated-as-it-is", test_mixed_traffic_is_estimated_as_it_is);
    ADD("rates-change-under-traffic", test_rates_change_under_traffic);
    ADD("every-queue-of-a-tap-is-sampled-alike", test_every_queue_of_a_tap_is_sampled_alike);
    ADD("what-comes-out-of-any-queue-is-sampled-once",
        test_what_comes_out_of_any_queue_is_sampled_once);
    return g_test_run();
}
