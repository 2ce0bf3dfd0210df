/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source address, device and dscp of the sender, and a black hole, in a network
 * namespace of its own. */
#include "sender-help.h"

#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_source_address_is_used_or_nothing_is_sent(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *v4 = g_strdup_printf("127.0.0.1:%u", port);
    g_autofree char *v6 = g_strdup_printf("[::1]:%u", port);
    g_autoptr(GPtrArray) list = collectors_of(v4, v6, NULL);
    g_autoptr(VsfSender) sender = vsf_sender_new(list, "127.0.0.5", 0, NULL);
    g_autoptr(GSocketAddress) from = NULL;
    g_autofree char *from_text = NULL;
    g_autoptr(GError) error = NULL;
    VsfCollectorStatus *status;
    char last[64];

    send_text(sender, "x");
    g_assert_cmpint(g_socket_receive_from(socket, &from, last, sizeof(last), NULL, NULL), ==, 1);
    from_text = g_inet_address_to_string(
        g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(from)));
    g_assert_cmpstr(from_text, ==, "127.0.0.5");
    status = status_of(sender, 1);
    g_assert_cmpuint(status->datagrams, ==, 0);
    g_assert_cmpuint(status->errors, ==, 1);
    g_assert_nonnull(strstr(status->last_error, "source-address 127.0.0.5"));
    vsf_collector_status_free(status);
    g_assert_null(vsf_sender_new(list, "eth0", 0, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* The traffic class of the next datagram; -1: none arrived. */
static int
receive_class(GSocket *socket)
{
    char data[64];
    _Alignas(struct cmsghdr) char control[128];
    struct iovec part = {data, sizeof(data)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    if (recvmsg(g_socket_get_fd(socket), &message, MSG_DONTWAIT) < 0)
        return -1;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_TOS)
            return *(guint8 *)CMSG_DATA(at);
        if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_TCLASS)
            return *(int *)CMSG_DATA(at);
    }
    return -1;
}

static void
test_dscp_marks_the_datagrams(void)
{
    static const char *const ips[] = {"127.0.0.1", "::1"};

    for (guint i = 0; i < G_N_ELEMENTS(ips); i++) {
        guint16 port = 0;
        g_autoptr(GSocket) socket = listen_on(ips[i], &port);
        g_autofree char *text = g_strdup_printf(i == 0 ? "%s:%u" : "[%s]:%u", ips[i], port);
        g_autoptr(GPtrArray) list = collectors_of(text, NULL);
        g_autoptr(VsfSender) sender = vsf_sender_new(list, NULL, 46, NULL);

        if (socket == NULL)
            continue;
        g_assert_true(g_socket_set_option(socket, i == 0 ? IPPROTO_IP : IPPROTO_IPV6,
                                          i == 0 ? IP_RECVTOS : IPV6_RECVTCLASS, 1, NULL));
        send_text(sender, "x");
        g_assert_cmpint(receive_class(socket), ==, 46 << 2);
    }
}

static void
test_device_is_used_or_nothing_is_sent(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *through_lo = g_strdup_printf("127.0.0.1:%u%%lo", port);
    g_autofree char *through_none = g_strdup_printf("127.0.0.1:%u%%vsf-absent0", port);
    g_autoptr(VsfSender) sender = sender_to(through_none, through_lo);
    VsfCollectorStatus *status;
    char last[64];

    send_text(sender, "x");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 1);
    status = status_of(sender, 0);
    g_assert_cmpuint(status->datagrams, ==, 0);
    g_assert_cmpuint(status->errors, ==, 1);
    g_assert_nonnull(strstr(status->last_error, "cannot send through vsf-absent0"));
    vsf_collector_status_free(status);
    g_assert_cmpuint(warnings_about("vsf-absent0"), ==, 1);
}

static gboolean
run(const char *command)
{
    int status = -1;

    return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
}

/* In a network namespace of its own: a black hole (an interface that swallows
 * everything, a neighbour that never answers) beside a collector that works. */
static void
black_hole_body(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = NULL;
    g_autofree char *good = NULL;
    g_autoptr(VsfSender) sender = NULL;
    g_autoptr(GPtrArray) list = NULL;
    guint received = 0;
    char last[64];

    g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
    g_assert_true(run("ip link set lo up"));
    g_assert_true(run("ip link add hole0 type veth peer name hole1"));
    g_assert_true(run("ip link set hole0 up"));
    g_assert_true(run("ip link set hole1 up"));
    g_assert_true(run("ip address add 192.0.2.1/24 dev hole0"));
    socket = listen_on("127.0.0.1", &port);
    good = g_strdup_printf("127.0.0.1:%u", port);
    list = collectors_of("192.0.2.2", "198.51.100.1", "192.0.2.3:9%hole0", good, NULL);
    sender = vsf_sender_new(list, NULL, 0, NULL);
    for (guint i = 0; i < 5000; i++) {
        send_text(sender, "x");
        received += drain(socket, last, sizeof(last));
    }
    g_assert_cmpuint(received, ==, 5000);
    g_assert_cmpuint(warnings_about("198.51.100.1: cannot send to it: Network is unreachable"), ==,
                     1);
}

static void
test_black_hole_delays_nobody(void)
{
    if (g_test_subprocess()) {
        black_hole_body();
        return;
    }
    if (geteuid() != 0 || !run("unshare -n ip link add hole0 type veth peer name hole1")) {
        g_test_skip("needs root, a network namespace and veth");
        return;
    }
    g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

int
main(int argc, char **argv)
{
    static const Case cases[] = {
        {"source-address-is-used-or-nothing-is-sent",
         test_source_address_is_used_or_nothing_is_sent},
        {"dscp-marks-the-datagrams", test_dscp_marks_the_datagrams},
        {"device-is-used-or-nothing-is-sent", test_device_is_used_or_nothing_is_sent},
        {"black-hole-delays-nobody", test_black_hole_delays_nobody},
    };

    return run_cases(argc, argv, cases, G_N_ELEMENTS(cases));
}
