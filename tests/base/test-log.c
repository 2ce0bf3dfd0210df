/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_LINES 1000
/* Past the tests' own handler of messages. */
#define LOG(...) g_log_structured(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "MESSAGE", __VA_ARGS__)

static void
test_rate_holds_back_and_counts(void)
{
    VsfLogRate rate = {0};
    guint held_back = 99;

    g_assert_true(vsf_log_rate_allow(&rate, 1000, 500, &held_back));
    g_assert_cmpuint(held_back, ==, 0);
    g_assert_false(vsf_log_rate_allow(&rate, 1100, 500, &held_back));
    g_assert_false(vsf_log_rate_allow(&rate, 1499, 500, &held_back));
    g_assert_true(vsf_log_rate_allow(&rate, 1500, 500, &held_back));
    g_assert_cmpuint(held_back, ==, 2);
    g_assert_true(vsf_log_rate_allow(&rate, 2000, 500, &held_back));
    g_assert_cmpuint(held_back, ==, 0);
}

static void
read_all(int fd, GString *text)
{
    char part[4096];
    gssize size;

    while ((size = read(fd, part, sizeof(part))) > 0)
        g_string_append_len(text, part, size);
}

/* @ends: reader and writer. Nobody reads what is logged, then somebody does. */
static void
assert_nobody_waits(const int ends[2])
{
    g_autofree char *long_text = g_strnfill(1000, 'x'), *too_long = g_strnfill(9000, 'y');
    g_autoptr(GString) text = g_string_new(NULL);
    g_auto(GStrv) lines = NULL;
    int stderr_fd = dup(STDERR_FILENO);
    guint taken = 0;

    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    alarm(60); /* or it hangs */
    for (guint i = 0; i < N_LINES; i++)
        LOG("%u %s", i, long_text);
    read_all(ends[0], text);
    LOG("somebody reads");
    LOG("%s", too_long);
    alarm(0);
    read_all(ends[0], text);
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    close(ends[0]);
    close(ends[1]);

    lines = g_strsplit(text->str, "\n", -1);
    for (; g_str_has_suffix(lines[taken], long_text); taken++)
        g_assert_cmpuint(g_ascii_strtoull(lines[taken] + strlen("virt-sflowd: "), NULL, 10), ==,
                         taken);
    g_assert_cmpuint(taken, >, 10);
    g_assert_cmpuint(taken, <, N_LINES);
    g_assert_true(g_str_has_prefix(lines[taken], "virt-sflowd: warning: "));
    g_assert_cmpuint(g_ascii_strtoull(lines[taken] + strlen("virt-sflowd: warning: "), NULL, 10),
                     ==, N_LINES - taken);
    g_assert_cmpstr(lines[taken + 1], ==, "virt-sflowd: somebody reads");
    g_assert_cmpuint(strlen(lines[taken + 2]), <, 4096);
    g_assert_true(g_str_has_suffix(lines[taken + 2], "yyy"));
    g_assert_cmpstr(lines[taken + 3], ==, "");
}

static void
test_a_full_pipe_is_not_waited_for(void)
{
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    assert_nobody_waits(ends);
}

/* As the journal's is. */
static void
test_a_full_socket_is_not_waited_for(void)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
    assert_nobody_waits(ends);
}

static void
test_text_of_others_is_one_harmless_line(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int stderr_fd = dup(STDERR_FILENO), ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    LOG("caf\303\251 %s!", "\033[2J\302\23331m\nvirt-sflowd: all is well\x9b\342\200\256\t"
                           "\342\200\250\342\200\251");
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    close(ends[1]);
    read_all(ends[0], text);
    close(ends[0]);
    g_assert_cmpstr(text->str, ==,
                    "virt-sflowd: caf\303\251 \\x1b[2J\\x9b31m\\x0avirt-sflowd: all is "
                    "well\\x9b\\x202e\\x09\\x2028\\x2029!\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/log/rate-holds-back-and-counts", test_rate_holds_back_and_counts);
    vsf_log_init("virt-sflowd", FALSE);
    g_test_add_func("/base/log/a-full-pipe-is-not-waited-for", test_a_full_pipe_is_not_waited_for);
    g_test_add_func("/base/log/a-full-socket-is-not-waited-for",
                    test_a_full_socket_is_not_waited_for);
    g_test_add_func("/base/log/text-of-others-is-one-harmless-line",
                    test_text_of_others_is_one_harmless_line);
    return g_test_run();
}
