/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a host's network while the sender runs: real addresses,
 * routes, interfaces and queues, in a network namespace per case. */
#include "sender-help.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

static gboolean
run(const char *command)
{
    int status = -1;

    return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
}

static void
run_all(const char *const *commands)
{
    for (; *commands != NULL; commands++)
        if (!run(*commands))
            g_error("failed: %s", *commands);
}

/* An uplink whose other end swallows everything. */
static void
make_uplink(void)
{
    static const char *const commands[] = {
        "ip link set lo up",
        "ip link add up0 type veth peer name up1",
        "ip link set up0 up",
        "ip link set up1 up",
        "ip address add 192.0.2.1/24 dev up0",
        "ip address add 2001:db8::1/64 dev up0 nodad",
        /* Else the first datagrams wait for an answer that never comes. */
        "ip neighbour add 192.0.2.99 lladdr 02:00:00:00:00:99 dev up0",
        "ip neighbour add 2001:db8::99 lladdr 02:00:00:00:00:99 dev up0",
        NULL,
    };

    g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
    run_all(commands);
}

typedef struct {
    guint64 datagrams, errors;
} Counts;

/* What sending @n datagrams added, of errors those of @kind; others fail the test. */
static Counts
send_and_count(VsfSender *sender, guint n, VsfSendError kind)
{
    VsfCollectorStatus *before = status_of(sender, 0), *after;
    char kilobyte[1024];
    Counts counts;

    memset(kilobyte, 'x', sizeof(kilobyte));
    for (guint i = 0; i < n; i++)
        vsf_sender_send(sender, (const guint8 *)kilobyte, sizeof(kilobyte));
    after = status_of(sender, 0);
    counts.datagrams = after->datagrams - before->datagrams;
    counts.errors = after->errors_by[kind] - before->errors_by[kind];
    g_assert_cmpuint(counts.errors, ==, after->errors - before->errors);
    vsf_collector_status_free(before);
    vsf_collector_status_free(after);
    return counts;
}

static void
expect(VsfSender *sender, guint n, guint n_sent, VsfSendError kind)
{
    Counts counts = send_and_count(sender, n, kind);

    g_assert_cmpuint(counts.datagrams, ==, n_sent);
    g_assert_cmpuint(counts.errors, ==, n - n_sent);
}

static void
renumbered_body(void)
{
    static const char *const collectors[] = {"192.0.2.99", "2001:db8::99"};
    static const char *const to_other[][4] = {
        {"ip address delete 192.0.2.1/24 dev up0", "ip address add 192.0.2.7/24 dev up0",
         "ip neighbour replace 192.0.2.99 lladdr 02:00:00:00:00:99 dev up0", NULL},
        {"ip address delete 2001:db8::1/64 dev up0", "ip address add 2001:db8::7/64 dev up0 nodad",
         "ip neighbour replace 2001:db8::99 lladdr 02:00:00:00:00:99 dev up0", NULL},
    };

    make_uplink();
    for (guint i = 0; i < G_N_ELEMENTS(collectors); i++) {
        g_autoptr(VsfSender) sender = sender_to(collectors[i], NULL);

        expect(sender, 2, 2, VSF_SEND_OTHER);
        run_all(to_other[i]);
        expect(sender, 3, 3, VSF_SEND_OTHER);
    }
    g_assert_cmpuint(vsf_warnings->len, ==, 0);
}

static void
no_way_body(void)
{
    static const char *const collectors[] = {"192.0.2.99", "2001:db8::99"};

    make_uplink();
    for (guint i = 0; i < G_N_ELEMENTS(collectors); i++) {
        g_autoptr(VsfSender) sender = sender_to(collectors[i], NULL);

        g_assert_true(run("ip link set up0 down"));
        expect(sender, 3, 0, VSF_SEND_UNREACHABLE);
        g_assert_true(run("ip link set up0 up"));
        g_assert_true(run("ip address replace 2001:db8::1/64 dev up0 nodad"));
        expect(sender, 3, 3, VSF_SEND_UNREACHABLE);
        g_assert_cmpuint(warnings_about(": Network is unreachable; going on with every datagram"),
                         ==, i + 1);
    }
}

/* A name with an address of each family goes on by the one that is left. */
static void
family_gone_body(void)
{
    static const char *const answer[] = {"2001:db8::99", "192.0.2.99", NULL};
    VsfCollectorStatus *status;
    VsfSender *sender;

    make_uplink();
    sender = sender_to_name("collector.example", answer);
    run_loop_once();
    expect(sender, 2, 2, VSF_SEND_UNREACHABLE);
    status = status_of(sender, 0);
    g_assert_cmpstr(status->address, ==, "[2001:db8::99]:6343");
    vsf_collector_status_free(status);
    g_assert_true(run("ip address delete 2001:db8::1/64 dev up0"));
    g_assert_true(run("ip -6 route flush dev up0"));
    expect(sender, 3, 3, VSF_SEND_UNREACHABLE);
    status = status_of(sender, 0);
    g_assert_cmpstr(status->address, ==, "192.0.2.99:6343");
    vsf_collector_status_free(status);
    vsf_sender_free(sender);
}

/* The daemon is started before the network is. */
static void
network_late_body(void)
{
    static const char *const late[] = {
        "ip address add 198.51.100.1/24 dev up0",
        "ip neighbour add 198.51.100.99 lladdr 02:00:00:00:00:99 dev up0",
        NULL,
    };
    VsfSender *sender;
    Counts counts;

    make_uplink();
    sender = sender_to("198.51.100.99", NULL);
    expect(sender, 3, 0, VSF_SEND_UNREACHABLE);
    g_assert_cmpuint(warnings_about("cannot send to it: Network is unreachable"), ==, 1);
    run_all(late);
    do {
        counts = send_and_count(sender, 1, VSF_SEND_UNREACHABLE);
        g_usleep(20000);
    } while (counts.datagrams == 0);
    expect(sender, 3, 3, VSF_SEND_UNREACHABLE);
    g_assert_cmpuint(vsf_warnings->len, ==, 1);
    vsf_sender_free(sender);
}

/* 192.0.2.5 or 2001:db8::5 is configured, goes, and comes back. */
static void
source_gone_body(void)
{
    static const struct {
        const char *collector, *source, *add, *remove;
    } cases[] = {
        {"192.0.2.99", "192.0.2.5", "ip address add 192.0.2.5/24 dev up0",
         "ip address delete 192.0.2.5/24 dev up0"},
        {"2001:db8::99", "2001:db8::5", "ip address add 2001:db8::5/64 dev up0 nodad",
         "ip address delete 2001:db8::5/64 dev up0"},
    };

    make_uplink();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) list = collectors_of(cases[i].collector, NULL);
        g_autofree char *why = g_strdup_printf("cannot send from source-address %s: Cannot assign",
                                               cases[i].source);
        g_autoptr(VsfSender) sender = NULL;

        g_assert_true(run(cases[i].add));
        sender = vsf_sender_new(list, cases[i].source, 0, NULL);
        expect(sender, 2, 2, VSF_SEND_UNREACHABLE);
        g_assert_true(run(cases[i].remove));
        expect(sender, 3, 0, VSF_SEND_UNREACHABLE);
        g_assert_cmpuint(warnings_about(why), ==, 1);
        g_assert_true(run(cases[i].add));
        expect(sender, 2, 2, VSF_SEND_UNREACHABLE);
    }
    g_assert_cmpuint(vsf_warnings->len, ==, 2);
}

static void
device_remade_body(void)
{
    static const char *const again[] = {
        "ip link delete up0", "ip link add up0 type veth peer name up1", "ip link set up0 up",
        "ip link set up1 up", "ip address add 192.0.2.1/24 dev up0",     NULL,
    };
    VsfSender *sender;

    make_uplink();
    sender = sender_to("192.0.2.99%up0", NULL);
    expect(sender, 2, 2, VSF_SEND_UNREACHABLE);
    run_all(again);
    expect(sender, 2, 2, VSF_SEND_UNREACHABLE);
    vsf_sender_free(sender);
}

/* The queue of a slow interface: what does not fit is counted as lost. */
static void
full_queue_body(void)
{
    static const char *const collectors[] = {"192.0.2.99", "2001:db8::99"};

    make_uplink();
    for (guint i = 0; i < G_N_ELEMENTS(collectors); i++) {
        g_autoptr(VsfSender) sender = sender_to(collectors[i], NULL);
        Counts counts;

        if (!run("tc qdisc add dev up0 root tbf rate 8kbit burst 1600 limit 3300"))
            return; /* no tc, or not this queue */
        counts = send_and_count(sender, 20, VSF_SEND_FULL);
        g_assert_cmpuint(counts.datagrams + counts.errors, ==, 20);
        g_assert_cmpuint(counts.errors, >=, 10);
        g_assert_cmpuint(warnings_about("is full"), ==, i + 1);
        g_assert_true(run("tc qdisc delete dev up0 root"));
        expect(sender, 20, 20, VSF_SEND_FULL);
    }
    g_assert_cmpuint(vsf_warnings->len, ==, 2);
}

static void
blackhole_route_body(void)
{
    VsfSender *sender;

    make_uplink();
    sender = sender_to("192.0.2.99", NULL);
    expect(sender, 1, 1, VSF_SEND_UNREACHABLE);
    g_assert_true(run("ip route add blackhole 192.0.2.99/32"));
    expect(sender, 3, 0, VSF_SEND_UNREACHABLE);
    g_assert_true(run("ip route replace prohibit 192.0.2.99/32"));
    expect(sender, 3, 0, VSF_SEND_FORBIDDEN);
    g_assert_true(run("ip route delete prohibit 192.0.2.99/32"));
    expect(sender, 3, 3, VSF_SEND_UNREACHABLE);
    g_assert_cmpuint(warnings_about("this host has no way to it"), ==, 1);
    g_assert_cmpuint(vsf_warnings->len, ==, 1);
    vsf_sender_free(sender);
}

/* Nobody answers for the address: the kernel says so after three seconds, by a
 * message of its own, and what was sent meanwhile is lost. */
static void
no_neighbour_body(void)
{
    VsfSender *sender;
    VsfCollectorStatus *status;

    make_uplink();
    sender = sender_to("192.0.2.77", NULL);
    expect(sender, 1, 1, VSF_SEND_UNREACHABLE);
    while (warnings_about("No route to host") == 0) {
        g_usleep(100000);
        send_text(sender, "x");
    }
    status = status_of(sender, 0);
    g_assert_cmpstr(status->state, ==, "failing");
    g_assert_cmpuint(status->errors_by[VSF_SEND_UNREACHABLE], >=, 1);
    g_assert_cmpuint(status->errors, ==, status->errors_by[VSF_SEND_UNREACHABLE]);
    vsf_collector_status_free(status);
    vsf_sender_free(sender);
}

/* Bytes that wait in the only other UDP socket of this namespace. */
static guint64
bytes_unread(guint16 port)
{
    g_autofree char *text = NULL, *wanted = g_strdup_printf(":%04X ", port);
    g_auto(GStrv) words = NULL;
    char *line;

    g_assert_true(g_file_get_contents("/proc/self/net/udp", &text, NULL, NULL));
    line = strstr(text, wanted); /* local address, remote address, state, tx:rx */
    g_assert_nonnull(line);
    words = g_strsplit(line, " ", 5);
    return g_ascii_strtoull(strchr(words[3], ':') + 1, NULL, 16);
}

/* Anybody may send to the port that datagrams come from. */
static void
strangers_body(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GSocketAddress) from = NULL;
    g_autofree char *text = NULL;
    VsfSender *sender;
    char last[64];

    make_uplink();
    socket = listen_on("127.0.0.1", &port);
    text = g_strdup_printf("127.0.0.1:%u", port);
    sender = sender_to(text, NULL);
    send_text(sender, "x");
    g_assert_cmpint(g_socket_receive_from(socket, &from, last, sizeof(last), NULL, NULL), ==, 1);
    for (guint i = 0; i < 100; i++)
        g_socket_send_to(socket, from, "stranger", 8, NULL, NULL);
    g_assert_cmpuint(bytes_unread(g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(from))), ==,
                     0);
    expect(sender, 3, 3, VSF_SEND_OTHER);
    vsf_sender_free(sender);
}

static void
in_a_namespace(void (*body)(void))
{
    if (g_test_subprocess()) {
        body();
        return;
    }
    if (geteuid() != 0 || !run("unshare -n ip link add up0 type veth peer name up1")) {
        g_test_skip("needs root, a network namespace and veth");
        return;
    }
    g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

#define IN_A_NAMESPACE(name)         \
    static void test_##name(void)    \
    {                                \
        in_a_namespace(name##_body); \
    }
IN_A_NAMESPACE(renumbered)
IN_A_NAMESPACE(no_way)
IN_A_NAMESPACE(family_gone)
IN_A_NAMESPACE(network_late)
IN_A_NAMESPACE(source_gone)
IN_A_NAMESPACE(device_remade)
IN_A_NAMESPACE(full_queue)
IN_A_NAMESPACE(blackhole_route)
IN_A_NAMESPACE(no_neighbour)
IN_A_NAMESPACE(strangers)

int
main(int argc, char **argv)
{
    static const Case cases[] = {
        {"renumbered-host-sends-from-its-new-address", test_renumbered},
        {"sends-resume-when-there-is-a-way-again", test_no_way},
        {"name-goes-on-by-the-family-that-is-left", test_family_gone},
        {"sends-begin-when-the-network-does", test_network_late},
        {"source-address-that-is-gone-is-not-used", test_source_gone},
        {"device-that-is-made-anew-is-used", test_device_remade},
        {"full-queue-is-counted", test_full_queue},
        {"blackhole-route-is-told-as-such", test_blackhole_route},
        {"what-strangers-send-is-not-kept", test_strangers},
        {"neighbour-that-never-answers-is-told", test_no_neighbour},
    };

    return run_cases(argc, argv, cases, G_N_ELEMENTS(cases));
}
