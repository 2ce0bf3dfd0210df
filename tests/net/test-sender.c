/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sender against real sockets on loopback. */
#include "sender-help.h"

#include <string.h>

static void
expect_arrival(const char *ip)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on(ip, &port);
    g_autofree char *text = NULL;
    g_autoptr(VsfSender) sender = NULL;
    VsfCollectorStatus *status;
    char last[64];

    if (socket == NULL) {
        g_test_skip("no such address here");
        return;
    }
    text = g_strdup_printf(strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u", ip, port);
    sender = sender_to(text, NULL);
    send_text(sender, "one");
    send_text(sender, "two!");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 2);
    g_assert_cmpstr(last, ==, "two!");

    status = status_of(sender, 0);
    g_assert_cmpstr(status->text, ==, text);
    g_assert_cmpstr(status->address, ==, text);
    g_assert_cmpuint(status->datagrams, ==, 2);
    g_assert_cmpuint(status->bytes, ==, 7);
    g_assert_cmpuint(status->errors, ==, 0);
    g_assert_null(status->last_error);
    g_assert_cmpint(status->last_sent_us, >, 0);
    vsf_collector_status_free(status);
    g_assert_cmpuint(vsf_warnings->len, ==, 0);
}

static void
test_datagrams_arrive_over_ipv4(void)
{
    expect_arrival("127.0.0.1");
}

static void
test_datagrams_arrive_over_ipv6(void)
{
    expect_arrival("::1");
}

static void
test_refusing_collector_is_counted_and_logged_once(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *refusing = g_strdup_printf("127.0.0.1:%u", closed_port("127.0.0.1"));
    g_autofree char *good = g_strdup_printf("127.0.0.1:%u", port);
    g_autoptr(VsfSender) sender = sender_to(refusing, good);
    VsfCollectorStatus *status;
    char last[64];

    for (guint i = 0; i < 10; i++)
        send_text(sender, "x");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 10);
    status = status_of(sender, 0);
    g_assert_cmpuint(status->errors, >=, 5);
    g_assert_cmpstr(status->last_error, ==, "Connection refused");
    vsf_collector_status_free(status);
    status = status_of(sender, 1);
    g_assert_cmpuint(status->errors, ==, 0);
    vsf_collector_status_free(status);
    g_assert_cmpuint(vsf_warnings->len, ==, 1);
    g_assert_cmpuint(warnings_about("Connection refused; going on"), ==, 1);
}

/* The refusal of a datagram shows at the next send, which must not be lost for it. */
static void
test_datagram_after_a_refused_one_is_sent(void)
{
    guint16 port = closed_port("127.0.0.1");
    g_autofree char *text = g_strdup_printf("127.0.0.1:%u", port);
    g_autoptr(VsfSender) sender = sender_to(text, NULL);
    g_autoptr(GInetAddress) ip = g_inet_address_new_from_string("127.0.0.1");
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(ip, port);
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, 0, NULL);
    char last[64];

    send_text(sender, "refused");
    g_assert_true(g_socket_bind(socket, address, FALSE, NULL));
    g_socket_set_blocking(socket, FALSE);
    send_text(sender, "arrives");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 1);
    g_assert_cmpstr(last, ==, "arrives");
}

/* As localhost is ::1 first where the collector listens on 127.0.0.1 alone. */
static void
test_name_with_two_addresses_reaches_the_one_that_listens(void)
{
    static const char *const answer[] = {"127.0.0.2", "127.0.0.1", NULL};
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *text = g_strdup_printf("collector.example:%u", port);
    g_autofree char *want = g_strdup_printf("127.0.0.1:%u", port);
    g_autoptr(VsfSender) sender = sender_to_name(text, answer);
    VsfCollectorStatus *status;
    char last[64];

    run_loop_once();
    send_text(sender, "refused");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 0);
    for (guint i = 0; i < 5; i++)
        send_text(sender, "arrives");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 5);
    status = status_of(sender, 0);
    g_assert_cmpstr(status->address, ==, want);
    vsf_collector_status_free(status);
}

static void
test_address_that_cannot_be_used_is_passed_over(void)
{
    static const char *const answer[] = {"fe80::1", "127.0.0.1", NULL};
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *text = g_strdup_printf("collector.example:%u", port);
    g_autoptr(VsfSender) sender = sender_to_name(text, answer);
    char last[64];

    send_text(sender, "waits");
    run_loop_once();
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 1);
    g_assert_cmpuint(vsf_warnings->len, ==, 0);
}

static void
test_localhost_resolves(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *text = g_strdup_printf("localhost:%u", port);
    g_autoptr(VsfSender) sender = sender_to(text, NULL);
    char last[64];
    guint n = 0;

    while (n == 0) {
        g_main_context_iteration(NULL, FALSE);
        send_text(sender, "again");
        n = drain(socket, last, sizeof(last));
        g_thread_yield();
    }
}

static void
test_datagrams_wait_for_the_first_lookup_within_bounds(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) listener G_GNUC_UNUSED = listen_on("127.0.0.1", &port);
    g_autofree char *text = g_strdup_printf("localhost:%u", port);
    g_autoptr(VsfSender) sender = sender_to(text, NULL);
    VsfCollectorStatus *status = status_of(sender, 0);
    char kilobyte[1024] = {0};

    g_assert_null(status->address);
    vsf_collector_status_free(status);
    for (guint i = 0; i < 100; i++)
        vsf_sender_send(sender, (const guint8 *)kilobyte, sizeof(kilobyte));
    status = status_of(sender, 0);
    g_assert_cmpuint(status->errors, ==, 100 - 64);
    g_assert_cmpuint(status->datagrams, ==, 0);
    vsf_collector_status_free(status);

    for (gboolean resolved = FALSE; !resolved;) {
        run_loop_once();
        status = status_of(sender, 0);
        resolved = status->address != NULL;
        if (resolved)
            g_assert_cmpuint(status->datagrams, ==, 64);
        vsf_collector_status_free(status);
    }
}

static void
test_unresolvable_name_delays_nobody(void)
{
    guint16 port = 0;
    g_autoptr(GSocket) socket = listen_on("127.0.0.1", &port);
    g_autofree char *good = g_strdup_printf("127.0.0.1:%u", port);
    g_autoptr(VsfSender) sender = sender_to("collector.invalid", good);
    VsfCollectorStatus *status;
    char last[64];

    send_text(sender, "x");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 1);
    while (vsf_warnings->len == 0)
        run_loop_once();
    send_text(sender, "y");
    g_assert_cmpuint(drain(socket, last, sizeof(last)), ==, 1);
    status = status_of(sender, 0);
    g_assert_null(status->address);
    g_assert_cmpuint(status->errors, ==, 2);
    g_assert_nonnull(status->last_error);
    vsf_collector_status_free(status);
    g_assert_cmpuint(warnings_about("collector.invalid"), ==, 1);
}

static void
test_sender_can_go_while_it_resolves(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    VsfSender *sender = sender_to("localhost", "collector.invalid");

    send_text(sender, "x");
    vsf_sender_free(sender);
    vsf_sender_free(NULL);
    /* The resolver's answers come to nobody. */
    g_timeout_add(50, (GSourceFunc)(void (*)(void))g_main_loop_quit, loop);
    g_main_loop_run(loop);
}

typedef struct {
    guint calls;
    char *address;
} Ready;

static void
note_ready(GInetAddress *address, gpointer user_data)
{
    Ready *ready = user_data;

    ready->calls++;
    ready->address = address != NULL ? g_inet_address_to_string(address) : NULL;
}

/* @data: a collector, or NULL for none. */
static Ready
wait_until_ready(const char *collector, guint timeout_ms)
{
    g_autoptr(VsfSender) sender = sender_to(collector, NULL);
    Ready ready = {0};

    vsf_sender_when_first_resolved(sender, timeout_ms, note_ready, &ready);
    g_assert_cmpuint(ready.calls, ==, 0);
    while (ready.calls == 0)
        run_loop_once();
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(ready.calls, ==, 1);
    return ready;
}

static void
test_first_address_is_told_once(void)
{
    Ready literal = wait_until_ready("192.0.2.7:1", 60000);
    Ready name = wait_until_ready("localhost", 60000);
    Ready none = wait_until_ready(NULL, 60000);
    Ready late = wait_until_ready("collector.invalid", 1);

    g_assert_cmpstr(literal.address, ==, "192.0.2.7");
    g_assert_true(g_strcmp0(name.address, "127.0.0.1") == 0 || g_strcmp0(name.address, "::1") == 0);
    g_assert_null(none.address);
    g_assert_null(late.address);
    g_free(literal.address);
    g_free(name.address);
}

static void
test_no_collector_is_allowed(void)
{
    g_autoptr(VsfSender) sender = sender_to(NULL, NULL);
    g_autoptr(GPtrArray) status = vsf_sender_status(sender);

    send_text(sender, "x");
    g_assert_cmpuint(status->len, ==, 0);
}

int
main(int argc, char **argv)
{
    static const Case cases[] = {
        {"datagrams-arrive-over-ipv4", test_datagrams_arrive_over_ipv4},
        {"datagrams-arrive-over-ipv6", test_datagrams_arrive_over_ipv6},
        {"refusing-collector-is-counted-and-logged-once",
         test_refusing_collector_is_counted_and_logged_once},
        {"datagram-after-a-refused-one-is-sent", test_datagram_after_a_refused_one_is_sent},
        {"name-with-two-addresses-reaches-the-one-that-listens",
         test_name_with_two_addresses_reaches_the_one_that_listens},
        {"address-that-cannot-be-used-is-passed-over",
         test_address_that_cannot_be_used_is_passed_over},
        {"localhost-resolves", test_localhost_resolves},
        {"datagrams-wait-for-the-first-lookup-within-bounds",
         test_datagrams_wait_for_the_first_lookup_within_bounds},
        {"unresolvable-name-delays-nobody", test_unresolvable_name_delays_nobody},
        {"can-go-while-it-resolves", test_sender_can_go_while_it_resolves},
        {"first-address-is-told-once", test_first_address_is_told_once},
        {"no-collector-is-allowed", test_no_collector_is_allowed},
    };

    return run_cases(argc, argv, cases, G_N_ELEMENTS(cases));
}
