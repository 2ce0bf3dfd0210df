/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: its file, its requests and its answers. */
#include "../../daemon/control/request.h"
#include "house.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
test_request_is_answered_and_closed(void)
{
    House house;
    g_autofree char *heard = NULL;

    house_open(&house);
    heard = ask(&house, ASK_STATUS);
    g_assert_cmpstr(heard, ==, "{\"pad\":\"\"}\n");
    g_assert_cmpuint(house.uid, ==, getuid());
    g_assert_cmpuint(vsf_control_clients(house.control), ==, 0);
    house_close(&house);
}

static void
test_request_may_come_in_pieces_and_end_without_newline(void)
{
    House house;
    g_autofree char *heard = NULL;
    int fd;

    house_open(&house);
    fd = visit(&house);
    for (const char *at = "{\"request\":\"status\"}"; *at != '\0'; at++) {
        say(fd, at, 1);
        settle();
    }
    g_assert_cmpuint(house.asked, ==, 0);
    shutdown(fd, SHUT_WR);
    heard = hear(fd);
    g_assert_cmpstr(heard, ==, "{\"pad\":\"\"}\n");
    house_close(&house);
}

static void
test_error_of_the_answer_reaches_the_client(void)
{
    static const char request[] = "{\"request\":\"dan\\u0022ce\"}\n";
    House house;
    g_autofree char *heard = NULL;

    house_open(&house);
    heard = ask(&house, request, sizeof(request) - 1);
    g_assert_cmpstr(heard, ==, "{\"error\":\"unknown request dan\\\"ce\"}\n");
    house_close(&house);
}

/* Who asks may be a terminal. */
static void
test_what_a_terminal_obeys_is_escaped(void)
{
    static const char request[] = "{\"request\":\"\\u009b31m\\u001f\"}\n";
    House house;
    g_autofree char *heard = NULL;

    house_open(&house);
    heard = ask(&house, request, sizeof(request) - 1);
    g_assert_cmpstr(heard, ==, "{\"error\":\"unknown request \\u009b31m\\u001f\"}\n");
    house_close(&house);
}

static void
test_garbage_is_answered_with_an_error(void)
{
    static const struct {
        const char *text;
        gsize length;
    } cases[] = {
#define TEXT(literal) {literal, sizeof(literal) - 1}
        TEXT("\n"),
        TEXT("\r\n"),
        TEXT("hello\n"),
        TEXT("GET / HTTP/1.0\r\n\r\n"),
        TEXT("[]\n"),
        TEXT("{}\n"),
        TEXT("{\"request\":1}\n"),
        TEXT("{\"request\":null}\n"),
        TEXT("{\"request\":[\"status\"]}\n"),
        TEXT("{\"request\":\"status\"\n"),
        TEXT("\"status\"\n"),
        TEXT("\xff\xfe\n"),
        TEXT("{\"request\":\"sta\0tus\"}\n"),
        TEXT("{\"a\":[[[[[[[[[[1]]]]]]]]]],\"request\":\"status\"}\n"),
#undef TEXT
    };
    House house;

    house_open(&house);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *heard = ask(&house, cases[i].text, cases[i].length);

        g_assert_true(g_str_has_prefix(heard, "{\"error\":\"the request "));
    }
    g_assert_cmpuint(house.asked, ==, 0);
    house_close(&house);
}

static void
test_deep_nesting_never_reaches_the_json_parser(void)
{
    g_autofree char *deep = g_strnfill(VSF_REQUEST_MAX, '[');
    g_autofree char *wide = g_strdup("{\"request\":\"[[[[[[[[[[\\\"[[[[\"}");
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfRequest) request = NULL;

    g_assert_null(vsf_request_parse(deep, VSF_REQUEST_MAX, &error));
    g_assert_cmpstr(error->message, ==, "the request is nested too deeply");
    request = vsf_request_parse(wide, strlen(wide), NULL);
    g_assert_cmpstr(request->word, ==, "[[[[[[[[[[\"[[[[");
}

static void
test_oversize_request_is_refused(void)
{
    House house;
    g_autofree char *flood = g_strnfill(100000, ' ');
    g_autofree char *longest = g_strnfill(VSF_REQUEST_MAX + 1, ' ');
    g_autofree char *too_long = ask_once(&house, flood, VSF_REQUEST_MAX + 1);
    g_autofree char *just_fits = NULL;
    g_autofree char *lost = NULL;

    longest[VSF_REQUEST_MAX] = '\n';
    just_fits = ask_once(&house, longest, VSF_REQUEST_MAX + 1);
    lost = ask_once(&house, flood, 100000);
    g_assert_cmpstr(too_long, ==, "{\"error\":\"the request is too long\"}\n");
    g_assert_cmpstr(just_fits, ==, "{\"error\":\"the request is no JSON object\"}\n");
    /* What was sent and not read resets the connection, maybe before the answer is read. */
    g_assert_true(*lost == '\0' || strstr(lost, "too long") != NULL);
    g_assert_cmpuint(house.asked, ==, 0);
}

static void
test_stale_socket_is_replaced(void)
{
    House house, other;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *heard = NULL;
    g_autoptr(GError) error = NULL;
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    house_open(&house);
    other = (House){.path = g_build_filename(house.folder, "other", NULL)};
    g_strlcpy(address.sun_path, other.path, sizeof(address.sun_path));
    g_assert_cmpint(bind(dead, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(dead, 1), ==, 0);
    close(dead);
    g_assert_true(g_file_test(other.path, G_FILE_TEST_EXISTS));
    other.control = vsf_control_new(other.path, house_answer, &other, &error);
    g_assert_no_error(error);
    heard = ask(&other, ASK_STATUS);
    g_assert_cmpstr(heard, ==, "{\"pad\":\"\"}\n");
    vsf_control_free(other.control);
    g_assert_false(g_file_test(other.path, G_FILE_TEST_EXISTS));
    g_free(other.path);
    house_close(&house);
}

static void
test_live_socket_is_left_alone(void)
{
    House house;
    g_autofree char *heard = NULL;
    g_autoptr(GError) error = NULL;

    house_open(&house);
    g_assert_null(vsf_control_new(house.path, house_answer, &house, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
    g_assert_nonnull(strstr(error->message, house.path));
    heard = ask(&house, ASK_STATUS);
    g_assert_cmpstr(heard, ==, "{\"pad\":\"\"}\n");
    house_close(&house);
}

static void
test_what_is_no_socket_is_left_alone(void)
{
    House house;
    g_autoptr(GError) error = NULL;
    g_autofree char *file = NULL, *text = NULL;

    house_open(&house);
    file = g_build_filename(house.folder, "file", NULL);
    g_assert_true(g_file_set_contents(file, "precious", -1, NULL));
    g_assert_null(vsf_control_new(file, house_answer, &house, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS);
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "precious");
    g_unlink(file);
    house_close(&house);
}

static void
test_another_daemons_socket_survives_our_end(void)
{
    House house;
    g_autofree char *moved = NULL;

    house_open(&house);
    moved = g_strconcat(house.path, "-old", NULL);
    g_assert_cmpint(g_rename(house.path, moved), ==, 0);
    g_assert_true(g_file_set_contents(house.path, "theirs", -1, NULL));
    vsf_control_free(g_steal_pointer(&house.control));
    g_assert_true(g_file_test(house.path, G_FILE_TEST_EXISTS));
    g_unlink(house.path);
    g_unlink(moved);
    house_close(&house);
}

static void
test_socket_is_for_owner_and_group(void)
{
    House house;
    GStatBuf file;

    house_open(&house);
    g_assert_cmpint(g_lstat(house.path, &file), ==, 0);
    g_assert_cmpuint(file.st_mode & 07777, ==, 0660);
    house_close(&house);
}

static void
test_impossible_paths_are_errors(void)
{
    g_autofree char *filler = g_strnfill(200, 'x');
    g_autofree char *path = g_strconcat("/tmp/", filler, NULL);
    g_autoptr(GError) first = NULL, second = NULL;

    g_assert_null(vsf_control_new(path, house_answer, NULL, &first));
    g_assert_error(first, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG);
    g_assert_null(vsf_control_new("/nonexistent/control", house_answer, NULL, &second));
    g_assert_error(second, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add_func("/control/" path, func)
    CASE("request-is-answered-and-closed", test_request_is_answered_and_closed);
    CASE("request-may-come-in-pieces-and-end-without-newline",
         test_request_may_come_in_pieces_and_end_without_newline);
    CASE("error-of-the-answer-reaches-the-client", test_error_of_the_answer_reaches_the_client);
    g_test_add_func("/control/what-a-terminal-obeys-is-escaped",
                    test_what_a_terminal_obeys_is_escaped);
    CASE("garbage-is-answered-with-an-error", test_garbage_is_answered_with_an_error);
    CASE("deep-nesting-never-reaches-the-json-parser",
         test_deep_nesting_never_reaches_the_json_parser);
    CASE("oversize-request-is-refused", test_oversize_request_is_refused);
    CASE("stale-socket-is-replaced", test_stale_socket_is_replaced);
    CASE("live-socket-is-left-alone", test_live_socket_is_left_alone);
    CASE("what-is-no-socket-is-left-alone", test_what_is_no_socket_is_left_alone);
    CASE("another-daemons-socket-survives-our-end", test_another_daemons_socket_survives_our_end);
    CASE("socket-is-for-owner-and-group", test_socket_is_for_owner_and_group);
    CASE("impossible-paths-are-errors", test_impossible_paths_are_errors);
    return g_test_run();
}
