/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent service and the daemon's client of it, over a real socket. */
#include "../../daemon/virt/error.h"
#include "house.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPEN \
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/proc/meminfo\",\"mode\":\"r\"}}"
#define READ_1000 "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":1000,\"count\":4096}}"
#define CLOSE_1000 "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":1000}}"
#define OTHER "1f6b2d1e-1c53-4f0a-9d6a-0a7b3c9d5e4f"
#define LINE "ask " WEB " 2 guest-info\n"

static void
expect_error(const House *house, const char *json, GQuark domain, int code, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = house_ask(house, NULL, WEB, json, &error);

    g_assert_null(reply);
    g_assert_error(error, domain, code);
    g_assert_nonnull(strstr(error->message, words));
}

static void
expect_reply(const House *house, const char *uuid, const char *json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = house_ask(house, NULL, uuid, json, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(reply, ==, house_reply);
}

static void
set_error(GQuark domain, int code)
{
    g_clear_pointer(&house_reply, g_free);
    g_clear_error(&house_error);
    house_error = g_error_new(domain, code, "these words");
}

static void
set_reply(char *taken)
{
    g_free(house_reply);
    house_reply = taken;
}

static void
say(int fd, const char *bytes)
{
    g_assert_cmpint(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), ==, (gssize)strlen(bytes));
}

static gboolean
is_closed(gconstpointer fd)
{
    return house_is_closed(*(const int *)fd);
}

static gboolean
has_no_clients(gconstpointer house)
{
    return vsf_agent_server_clients(((const House *)house)->server) == 0;
}

static gboolean
some_are_out(gconstpointer n)
{
    return g_atomic_int_get(&house_out) == *(const gint *)n;
}

/* --- what comes through -------------------------------------------------------- */

static void
test_a_reply_comes_through_as_it_is(void)
{
    g_autoptr(House) house = house_new(NULL, 0);

    set_reply(g_strdup("{\"return\":\"\x01\xff\n\"}"));
    expect_reply(house, WEB, INFO);
    set_reply(g_strdup(""));
    expect_reply(house, WEB, INFO);
    set_reply(g_strnfill(VSF_QGA_REPLY_BYTES_MAX, 'x'));
    expect_reply(house, WEB, INFO);
    g_assert_cmpstr(house_asked->str, ==, "0f6b " INFO "\n0f6b " INFO "\n0f6b " INFO "\n");
}

static void
test_a_reply_that_is_too_long_is_refused(void)
{
    g_autoptr(House) house = house_new(NULL, 0);

    set_reply(g_strnfill(VSF_QGA_REPLY_BYTES_MAX + 1, 'x'));
    expect_error(house, INFO, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED, "too long");
}

static void
test_an_error_is_whose_it_was(void)
{
    const struct {
        GQuark domain;
        int code;
    } errors[] = {{G_IO_ERROR, G_IO_ERROR_READ_ONLY},
                  {G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED},
                  {G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED},
                  {VSF_QGA_ERROR, VSF_QGA_ERROR_DISABLED},
                  {VSF_VIRT_ERROR, VIR_ERR_AGENT_UNRESPONSIVE}};
    g_autoptr(House) house = house_new(NULL, 0);

    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        set_error(errors[i].domain, errors[i].code);
        expect_error(house, INFO, errors[i].domain, errors[i].code, "these words");
    }
}

static void
test_the_balloon_is_set(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    g_autoptr(GError) error = NULL;
    g_autofree char *done = house_ask(house, NULL, WEB, NULL, &error), *refused = NULL;

    g_assert_no_error(error);
    g_assert_cmpstr(done, ==, "set");
    g_assert_cmpstr(house_asked->str, ==, "0f6b balloon 7\n");
    set_error(VSF_VIRT_ERROR, VIR_ERR_OPERATION_INVALID);
    refused = house_ask(house, NULL, WEB, NULL, &error);
    g_assert_null(refused);
    g_assert_cmpint((gint)error->domain, ==, (gint)VSF_VIRT_ERROR);
}

static void
test_one_connection_serves_many_requests(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    g_autoptr(GError) error = NULL;
    gpointer link = house_open(house->place, &error);

    g_assert_no_error(error);
    for (guint i = 0; i < 5; i++) {
        g_autofree char *reply = house_ask(house, link, WEB, INFO, &error);

        g_assert_no_error(error);
        g_assert_nonnull(reply);
        g_assert_true(vsf_agent_service.calls.is_alive(link));
    }
    g_assert_cmpuint(vsf_agent_server_clients(house->server), ==, 1);
    vsf_agent_service.calls.close(link);
    house_wait(has_no_clients, house);
}

/* --- what is refused ------------------------------------------------------------- */

static void
test_another_user_is_refused(void)
{
    const guint others[] = {geteuid() + 1};
    g_autoptr(House) house = house_new(others, 1);
    int fd = house_connect(house);
    g_autofree char *text = NULL;

    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "user * was turned away: *");
    say(fd, LINE);
    text = house_read(fd, 10000);
    g_test_assert_expected_messages();
    g_assert_true(g_str_has_prefix(text, "forbidden "));
    g_assert_null(strstr(text, "hello"));
    close(fd);
    expect_error(house, INFO, G_IO_ERROR, G_IO_ERROR_READ_ONLY, "user ");
    g_assert_cmpint(house_calls, ==, 0);
}

static void
test_what_is_not_listed_reaches_no_guest(void)
{
    static const char *const lines[] = {
        "ask " WEB " 2 guest-exec\n",
        "ask " WEB " 2 guest-shutdown\n",
        "ask " WEB " 2 guest-file-open /etc/shadow\n",
        "ask web01 2 guest-info\n",
        "balloon " WEB " 4000\n",
        "\n",
        "GET / HTTP/1.1\r\n",
    };
    g_autoptr(House) house = house_new(NULL, 0);
    int fd = house_connect(house);

    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "a request was refused: *");
    house_read_hello(fd);
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text = NULL;

        say(fd, lines[i]);
        text = house_read(fd, strlen("not-listed"));
        g_assert_cmpstr(text, ==, "not-listed");
        while (!g_str_has_suffix(text, "\n")) {
            g_autofree char *more = house_read(fd, 1);

            g_free(text);
            text = g_steal_pointer(&more);
        }
        /* The words of it: as many as are there. */
        for (char byte; recv(fd, &byte, 1, MSG_DONTWAIT) == 1;)
            g_main_context_iteration(NULL, FALSE);
    }
    g_test_assert_expected_messages();
    g_assert_cmpint(house_calls, ==, 0);
    close(fd);
    expect_reply(house, WEB, INFO);
}

static void
test_who_does_not_speak_the_language_is_let_go(void)
{
    static const char *const all[] = {
        LINE LINE,
        LINE "x",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    g_autoptr(House) house = house_new(NULL, 0);

    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "a request was refused: more than*");
    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        int fd = house_connect(house);

        house_read_hello(fd);
        say(fd, all[i]);
        house_wait(is_closed, &fd);
        close(fd);
    }
    g_test_assert_expected_messages();
    g_assert_cmpint(house_calls, ==, 0);
    expect_reply(house, WEB, INFO);
}

static void
test_half_a_line_is_waited_for_and_not_for_ever(void)
{
    VsfAgentServerLimits limits = {
        .clients = 4, .line_ms = 100, .read_ms = 60000, .stall_ms = 60000};
    g_autoptr(House) house = house_new(NULL, 0);
    int fd = house_connect(house), other = house_connect(house);
    g_autofree char *reply = NULL;

    house_read_hello(fd);
    say(fd, "ask " WEB);
    for (guint i = 0; i < 10; i++)
        g_main_context_iteration(NULL, FALSE);
    say(fd, " 2 guest-info\n");
    reply = house_read(fd, strlen("reply 13\n{\"return\":{}}"));
    g_assert_cmpstr(reply, ==, "reply 13\n{\"return\":{}}");
    close(fd);
    vsf_agent_server_set_limits(house->server, limits);
    house_read_hello(other);
    say(other, "ask " WEB " 2 gue");
    house_wait(is_closed, &other);
    close(other);
    g_assert_cmpint(house_calls, ==, 1);
}

static void
test_only_files_that_were_opened_here_are_read(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = NULL;
    const char *asked;

    expect_error(house, READ_1000, VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED, "no file");
    expect_error(house, CLOSE_1000, VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED, "no file");
    g_assert_cmpint(house_calls, ==, 0);
    set_reply(g_strdup("{\"return\":1000}"));
    expect_reply(house, WEB, OPEN);
    expect_reply(house, WEB, READ_1000);
    /* Of another guest it is not ours. */
    reply = house_ask(house, NULL, OTHER, READ_1000, &error);
    g_assert_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED);
    expect_reply(house, WEB, CLOSE_1000);
    expect_error(house, READ_1000, VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED, "no file");
    asked = "0f6b " OPEN "\n0f6b " READ_1000 "\n0f6b " CLOSE_1000 "\n";
    g_assert_cmpstr(house_asked->str, ==, asked);
}

/* --- crowds, and those that hang --- */

static void
test_a_thousand_clients_are_bounded_and_one_more_is_served(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    g_autoptr(GArray) crowd = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = 0; i < 1000; i++) {
        int fd = house_connect(house);

        g_array_append_val(crowd, fd);
        for (guint turn = 0; turn < 3; turn++)
            g_main_context_iteration(NULL, FALSE);
        g_assert_cmpuint(vsf_agent_server_clients(house->server), <=, 16);
    }
    expect_reply(house, WEB, INFO);
    for (guint i = 0; i < crowd->len; i++)
        close(g_array_index(crowd, int, i));
    house_wait(has_no_clients, house);
}

static void
test_who_never_reads_goes_and_holds_up_nobody(void)
{
    VsfAgentServerLimits limits = {
        .clients = 4, .line_ms = 60000, .read_ms = 200, .stall_ms = 60000};
    g_autoptr(House) house = house_new(NULL, 0);
    int fd = house_connect(house);

    vsf_agent_server_set_limits(house->server, limits);
    set_reply(g_strnfill(VSF_QGA_REPLY_BYTES_MAX, 'x'));
    house_read_hello(fd);
    say(fd, LINE);
    expect_reply(house, OTHER, INFO);
    house_wait(has_no_clients, house);
    close(fd);
}

static void
say_dead(int fd, guint i)
{
    g_autofree char *line = g_strdup_printf(
        "ask dead%04x-1c53-4f0a-9d6a-0a7b3c9d5e4f 2 guest-info\n", i);

    house_read_hello(fd);
    say(fd, line);
}

static void
test_one_that_hangs_holds_up_no_other(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    const gint one = 1, none = 0;
    int fd = house_connect(house), again = house_connect(house);
    g_autofree char *busy = NULL, *reply = NULL;

    say_dead(fd, 1);
    house_wait(some_are_out, &one);
    expect_reply(house, WEB, INFO);
    /* Nor is it asked twice. */
    say_dead(again, 1);
    busy = house_read(again, strlen("busy "));
    g_assert_cmpstr(busy, ==, "busy ");
    house_let_go(1);
    house_wait(some_are_out, &none);
    reply = house_read(fd, strlen("reply "));
    g_assert_cmpstr(reply, ==, "reply ");
    close(fd);
    close(again);
}

static void
test_at_most_four_are_out_at_a_time(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    const gint four = 4, none = 0;
    int fds[6];

    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = house_connect(house);
        say_dead(fds[i], i);
    }
    house_wait(some_are_out, &four);
    for (guint i = 0; i < 100; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpint(g_atomic_int_get(&house_calls), ==, 4);
    g_assert_cmpuint(vsf_agent_server_running(house->server), ==, VSF_AGENT_SERVER_THREADS);
    house_let_go(G_N_ELEMENTS(fds));
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_autofree char *reply = house_read(fds[i], strlen("reply "));

        g_assert_cmpstr(reply, ==, "reply ");
        close(fds[i]);
    }
    house_wait(some_are_out, &none);
}

static void
test_it_ends_while_calls_hang(void)
{
    House *house = house_new(NULL, 0);
    const gint four = 4, none = 0;
    int fds[5];

    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = house_connect(house);
        say_dead(fds[i], i);
    }
    house_wait(some_are_out, &four);
    vsf_agent_server_free(g_steal_pointer(&house->server));
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_assert_true(house_is_closed(fds[i]));
        close(fds[i]);
    }
    house_let_go(4);
    house_wait(some_are_out, &none);
    g_assert_cmpint(g_atomic_int_get(&house_calls), ==, 4);
    house_free(house);
}

/* --- the client --------------------------------------------------------------------- */

static void
test_the_end_of_the_service_is_noticed(void)
{
    House *house = house_new(NULL, 0);
    g_autoptr(GError) error = NULL;
    gpointer link = house_open(house->place, &error);
    g_autofree char *reply = NULL;

    g_assert_true(vsf_agent_service.calls.is_alive(link));
    vsf_agent_server_free(g_steal_pointer(&house->server));
    g_assert_false(vsf_agent_service.calls.is_alive(link));
    reply = house_ask(house, link, WEB, INFO, &error);
    g_assert_null(reply);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
    vsf_agent_service.calls.close(link);
    house_free(house);
}

/* Of what libvirt forbids to this service, the next one may be allowed. */
static void
test_a_link_ends_with_the_permission(void)
{
    g_autoptr(House) house = house_new(NULL, 0);
    g_autoptr(GError) error = NULL;
    gpointer link = house_open(house->place, &error);
    g_autofree char *reply = NULL;

    set_error(G_IO_ERROR, G_IO_ERROR_READ_ONLY);
    reply = house_ask(house, link, WEB, INFO, &error);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
    g_assert_false(vsf_agent_service.calls.is_alive(link));
    vsf_agent_service.calls.close(link);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func("/agent/server/" name, test)
    ADD("a-reply-comes-through-as-it-is", test_a_reply_comes_through_as_it_is);
    ADD("a-reply-that-is-too-long-is-refused", test_a_reply_that_is_too_long_is_refused);
    ADD("an-error-is-whose-it-was", test_an_error_is_whose_it_was);
    ADD("the-balloon-is-set", test_the_balloon_is_set);
    ADD("one-connection-serves-many-requests", test_one_connection_serves_many_requests);
    ADD("another-user-is-refused", test_another_user_is_refused);
    ADD("what-is-not-listed-reaches-no-guest", test_what_is_not_listed_reaches_no_guest);
    ADD("who-does-not-speak-the-language-is-let-go",
        test_who_does_not_speak_the_language_is_let_go);
    ADD("half-a-line-is-waited-for-and-not-for-ever",
        test_half_a_line_is_waited_for_and_not_for_ever);
    ADD("only-files-that-were-opened-here-are-read",
        test_only_files_that_were_opened_here_are_read);
    ADD("a-thousand-clients-are-bounded-and-one-more-is-served",
        test_a_thousand_clients_are_bounded_and_one_more_is_served);
    ADD("who-never-reads-goes-and-holds-up-nobody", test_who_never_reads_goes_and_holds_up_nobody);
    ADD("one-that-hangs-holds-up-no-other", test_one_that_hangs_holds_up_no_other);
    ADD("at-most-four-are-out-at-a-time", test_at_most_four_are_out_at_a_time);
    ADD("it-ends-while-calls-hang", test_it_ends_while_calls_hang);
    ADD("the-end-of-the-service-is-noticed", test_the_end_of_the_service_is_noticed);
    ADD("a-link-ends-with-the-permission", test_a_link_ends_with_the_permission);
    return g_test_run();
}
