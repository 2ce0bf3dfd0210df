/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that the service manager hands over. Those of our own are tested with the control socket
 * and the agent service. */
#include "../../daemon/base/listen.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
test_they_are_for_this_process_alone(void)
{
    g_assert_cmpuint(vsf_listen_fds("1", "42", 42), ==, 1);
    g_assert_cmpuint(vsf_listen_fds("3", "42", 42), ==, 3);
    g_assert_cmpuint(vsf_listen_fds("1", "43", 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds("1", NULL, 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds(NULL, "42", 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds("0", "42", 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds("-1", "42", 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds("1x", "42", 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds("1", "42x", 42), ==, 0);
    g_assert_cmpuint(vsf_listen_fds("99999999999", "42", 42), ==, 0);
}

static void
test_only_a_stream_that_listens_is_fit(void)
{
    int stream = socket(AF_UNIX, SOCK_STREAM, 0), packets = socket(AF_UNIX, SOCK_SEQPACKET, 0),
        inet = socket(AF_INET, SOCK_STREAM, 0), pipes[2];
    const struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_assert_cmpint(pipe(pipes), ==, 0);
    g_assert_false(vsf_listen_is_fit(stream)); /* not yet */
    /* A name of the kernel's choice, in the abstract name space. */
    g_assert_cmpint(bind(stream, (const struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
    g_assert_cmpint(bind(packets, (const struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
    g_assert_cmpint(listen(stream, 1), ==, 0);
    g_assert_cmpint(listen(packets, 1), ==, 0);
    g_assert_cmpint(listen(inet, 1), ==, 0);
    g_assert_true(vsf_listen_is_fit(stream));
    g_assert_false(vsf_listen_is_fit(packets));
    g_assert_false(vsf_listen_is_fit(inet));
    g_assert_false(vsf_listen_is_fit(pipes[0]));
    g_assert_false(vsf_listen_is_fit(-1));
    close(stream);
    close(packets);
    close(inet);
    close(pipes[0]);
    close(pipes[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/listen/they-are-for-this-process-alone",
                    test_they_are_for_this_process_alone);
    g_test_add_func("/base/listen/only-a-stream-that-listens-is-fit",
                    test_only_a_stream_that_listens_is_fit);
    return g_test_run();
}
