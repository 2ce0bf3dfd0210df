/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other collectors while it runs: those that stay do not notice. */
#include "sender-help.h"

#include <string.h>

static char *
text_of(guint16 port)
{
    return g_strdup_printf("127.0.0.1:%u", port);
}

static void
change(VsfSender *sender, const char *first, const char *second, const char *source, guint dscp)
{
    g_autoptr(GPtrArray) collectors = collectors_of(first, second, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(vsf_sender_change(sender, collectors, source, dscp, &error));
    g_assert_no_error(error);
}

static guint64
datagrams_to(VsfSender *sender, guint index)
{
    VsfCollectorStatus *status = status_of(sender, index);
    guint64 datagrams = status->datagrams;

    vsf_collector_status_free(status);
    return datagrams;
}

/* From which port what the socket got last was sent. */
static guint16
sent_from(GSocket *socket)
{
    g_autoptr(GSocketAddress) from = NULL;
    char buffer[64];

    g_assert_cmpint(g_socket_receive_from(socket, &from, buffer, sizeof(buffer), NULL, NULL), >, 0);
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(from));
}

typedef struct {
    GSocket *a, *b;
    char *to_a, *to_b;
} Pair;

static void
pair_clear(Pair *pair)
{
    g_object_unref(pair->a);
    g_object_unref(pair->b);
    g_free(pair->to_a);
    g_free(pair->to_b);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static Pair
pair_new(void)
{
    guint16 port_a = 0, port_b = 0;
    Pair pair = {.a = listen_on("127.0.0.1", &port_a), .b = listen_on("127.0.0.1", &port_b)};

    pair.to_a = text_of(port_a);
    pair.to_b = text_of(port_b);
    return pair;
}

static void
test_one_that_stays_keeps_its_socket_and_counts(void)
{
    g_auto(Pair) pair = pair_new();
    g_autoptr(VsfSender) sender = sender_to(pair.to_a, NULL);
    guint16 port;

    send_text(sender, "one");
    port = sent_from(pair.a);
    /* It is the second one now. */
    change(sender, pair.to_b, pair.to_a, NULL, 0);
    send_text(sender, "two");
    g_assert_cmpuint(sent_from(pair.a), ==, port);
    g_assert_cmpuint(datagrams_to(sender, 1), ==, 2);
    g_assert_cmpuint(datagrams_to(sender, 0), ==, 1);
    sent_from(pair.b);
    change(sender, pair.to_a, NULL, NULL, 0);
    send_text(sender, "three");
    g_assert_cmpuint(sent_from(pair.a), ==, port);
    g_assert_cmpuint(drain(pair.b, (char[64]){0}, 64), ==, 0);
    g_assert_cmpuint(datagrams_to(sender, 0), ==, 3);
    g_assert_cmpuint(vsf_warnings->len, ==, 0);
}

static void
test_none_is_left_and_one_comes_again(void)
{
    g_auto(Pair) pair = pair_new();
    g_autoptr(VsfSender) sender = sender_to(pair.to_a, NULL);

    change(sender, NULL, NULL, NULL, 0);
    send_text(sender, "nobody");
    g_assert_cmpuint(drain(pair.a, (char[64]){0}, 64), ==, 0);
    g_assert_null(vsf_sender_first_address(sender));
    change(sender, pair.to_b, NULL, NULL, 0);
    g_assert_nonnull(vsf_sender_first_address(sender));
    send_text(sender, "one");
    g_assert_cmpuint(drain(pair.b, (char[64]){0}, 64), ==, 1);
}

static void
test_another_source_address_opens_sockets_anew(void)
{
    g_auto(Pair) pair = pair_new();
    g_autoptr(VsfSender) sender = sender_to(pair.to_a, NULL);
    g_autoptr(GSocketAddress) from = NULL;
    g_autofree char *text = NULL;
    char buffer[64];

    send_text(sender, "one");
    sent_from(pair.a);
    change(sender, pair.to_a, NULL, "127.0.0.9", 0);
    send_text(sender, "two");
    g_assert_cmpint(g_socket_receive_from(pair.a, &from, buffer, sizeof(buffer), NULL, NULL), ==,
                    3);
    text = g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(from)));
    g_assert_cmpstr(text, ==, "127.0.0.9");
    g_assert_cmpuint(datagrams_to(sender, 0), ==, 2);
}

static void
test_a_source_address_that_is_not_here_is_a_fault_of_the_collector(void)
{
    g_auto(Pair) pair = pair_new();
    g_autoptr(VsfSender) sender = sender_to(pair.to_a, NULL);
    VsfCollectorStatus *status;

    change(sender, pair.to_a, NULL, "192.0.2.77", 0);
    status = status_of(sender, 0);
    g_assert_cmpstr(status->state, ==, "failing");
    vsf_collector_status_free(status);
    g_assert_cmpuint(vsf_warnings->len, ==, 1);
    send_text(sender, "lost");
    g_assert_cmpuint(drain(pair.a, (char[64]){0}, 64), ==, 0);
    change(sender, pair.to_a, NULL, NULL, 0);
    send_text(sender, "back");
    g_assert_cmpuint(drain(pair.a, (char[64]){0}, 64), ==, 1);
}

static void
test_text_that_is_no_address_changes_nothing(void)
{
    g_auto(Pair) pair = pair_new();
    g_autoptr(VsfSender) sender = sender_to(pair.to_a, NULL);
    g_autoptr(GPtrArray) other = collectors_of(pair.to_b, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(vsf_sender_change(sender, other, "eth0", 0, &error));
    g_assert_nonnull(error);
    send_text(sender, "one");
    g_assert_cmpuint(drain(pair.a, (char[64]){0}, 64), ==, 1);
}

static void
note_ready(GInetAddress *address, gpointer user_data)
{
    *(char **)user_data = address != NULL ? g_inet_address_to_string(address) : g_strdup("none");
}

static void
test_whoever_waits_for_the_first_address_has_the_new_ones(void)
{
    g_auto(Pair) pair = pair_new();
    g_autoptr(VsfSender) sender = sender_to("nobody.invalid", NULL);
    g_autofree char *told = NULL;

    vsf_sender_when_first_resolved(sender, 60000, note_ready, &told);
    change(sender, pair.to_a, NULL, NULL, 0);
    while (told == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(told, ==, "127.0.0.1");
}

int
main(int argc, char **argv)
{
    const Case cases[] = {
        {"one-that-stays-keeps-its-socket-and-counts",
         test_one_that_stays_keeps_its_socket_and_counts},
        {"none-is-left-and-one-comes-again", test_none_is_left_and_one_comes_again},
        {"another-source-address-opens-sockets-anew",
         test_another_source_address_opens_sockets_anew},
        {"a-source-address-that-is-not-here-is-a-fault-of-the-collector",
         test_a_source_address_that_is_not_here_is_a_fault_of_the_collector},
        {"text-that-is-no-address-changes-nothing", test_text_that_is_no_address_changes_nothing},
        {"whoever-waits-for-the-first-address-has-the-new-ones",
         test_whoever_waits_for_the_first_address_has_the_new_ones},
    };

    return run_cases(argc, argv, cases, G_N_ELEMENTS(cases));
}
