/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real TCP with segmentation offload over a veth pair: each byte of payload is in the counts once,
 * and each segment has its headers, as on a wire. */
#include "bpf-lab.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAYLOAD (8 * 1024 * 1024)
#define HEADERS 66 /* Ethernet, IPv4, TCP with timestamps */
#define SEGMENT (1514 - HEADERS)

static const struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = 0x5713};

/* In a network namespace of its own: takes all that comes. */
static void
serve(int told, int go)
{
    struct sockaddr_in address = server;
    static char buffer[65536];
    int listener, fd;
    char byte;

    g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
    g_assert_cmpint(write(told, "x", 1), ==, 1);
    g_assert_cmpint(read(go, &byte, 1), ==, 1);
    tap_lab_ip("addr add 192.0.2.2/24 dev far");
    tap_lab_ip("link set far up");
    listener = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(write(told, "x", 1), ==, 1);
    fd = accept(listener, NULL, NULL);
    while (read(fd, buffer, sizeof(buffer)) > 0)
        ;
    _exit(0);
}

/* Returns when all has been taken: how many bytes were sent, again ones too. */
static guint64
send_payload(void)
{
    struct sockaddr_in address = server;
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    static char buffer[65536];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = inet_addr("192.0.2.2");
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    for (gsize sent = 0; sent < PAYLOAD; sent += sizeof(buffer))
        g_assert_cmpint(write(fd, buffer, sizeof(buffer)), ==, sizeof(buffer));
    g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
    g_assert_cmpint(read(fd, buffer, sizeof(buffer)), ==, 0);
    g_assert_cmpint(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), ==, 0);
    close(fd);
    return info.tcpi_bytes_sent;
}

static gboolean
is_gone(gpointer unused G_GNUC_UNUSED)
{
    return tap_lab_ifindex("near") == 0;
}

static void
test_offloaded_tcp_counts_as_on_a_wire(gconstpointer way)
{
    g_autofree char *move = NULL;
    double estimated = 0, expected;
    int told[2], go[2];
    VsfBpfCounts counts;
    VsfBpfTap *tap;
    guint64 sent;
    BpfLab lab;
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(told), ==, 0);
    g_assert_cmpint(pipe(go), ==, 0);
    pid = fork();
    if (pid == 0)
        serve(told[1], go[0]);
    g_assert_cmpint(read(told[0], &byte, 1), ==, 1);
    /* The lab keeps samples of frames from this address. */
    tap_lab_ip("link add near address 52:54:00:00:00:01 type veth peer name far");
    move = g_strdup_printf("link set far netns %d", (int)pid);
    tap_lab_ip(move);
    tap_lab_ip("addr add 192.0.2.1/24 dev near");
    tap_lab_ip("link set near up");
    g_assert_cmpint(write(go[1], "x", 1), ==, 1);
    g_assert_cmpint(read(told[0], &byte, 1), ==, 1);
    bpf_lab_start(&lab, way, VSF_DIRECTION_OUT);
    tap = bpf_lab_attach(&lab, "near", FALSE, 10);
    sent = send_payload();
    g_assert_cmpuint(sent, >=, PAYLOAD);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    bpf_lab_take(&lab);
    counts = bpf_lab_counts(tap);
    g_test_message("%" G_GUINT64_FORMAT " segments, %u samples", counts.packets_to_vm,
                   lab.seen->len);
    /* The handshake's options and what ARP says are all that is beside it; nothing is lost. */
    g_assert_cmpuint(counts.bytes_to_vm - HEADERS * counts.packets_to_vm, >=, sent - 100);
    g_assert_cmpuint(counts.bytes_to_vm - HEADERS * counts.packets_to_vm, <=, sent + 100);
    g_assert_cmpuint(counts.packets_to_vm, >=, PAYLOAD / SEGMENT);
    g_assert_cmpuint(counts.lost, ==, 0);
    for (guint i = 0; i < lab.seen->len; i++) {
        g_assert_cmpuint(bpf_lab_seen(&lab, i)->sample.frame_length, <=, 1514);
        estimated += 10.0 * bpf_lab_seen(&lab, i)->sample.frame_length;
    }
    expected = (double)counts.bytes_to_vm;
    /* Some 580 samples of one size: five standard deviations. */
    g_assert_cmpfloat(ABS(estimated / expected - 1), <, 0.21);
    vsf_bpf_detach(tap);
    /* It goes with the other's namespace. */
    tap_lab_loop_until(is_gone, NULL);
    bpf_lab_stop(&lab);
    for (guint i = 0; i < 2; i++) {
        close(told[i]);
        close(go[i]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    bpf_lab_add("/bpf/tcp/offloaded-tcp-counts-as-on-a-wire",
                test_offloaded_tcp_counts_as_on_a_wire);
    return g_test_run();
}
