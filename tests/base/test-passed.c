/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/passed.h"
#include "passing.h"

static void
connect_pair(int pair[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    let_descriptors_pass(pair[0]);
    let_descriptors_pass(pair[1]);
}

static void
test_bytes_are_read_as_they_come(void)
{
    char bytes[16] = "";
    int pair[2];

    connect_pair(pair);
    g_assert_cmpint((int)vsf_passed_recv(pair[1], bytes, sizeof(bytes)), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(send(pair[0], "abcde", 5, 0), ==, 5);
    g_assert_cmpint((int)vsf_passed_recv(pair[1], bytes, 3), ==, 3);
    g_assert_cmpint((int)vsf_passed_recv(pair[1], bytes + 3, sizeof(bytes) - 3), ==, 2);
    g_assert_cmpstr(bytes, ==, "abcde");
    close(pair[0]);
    g_assert_cmpint((int)vsf_passed_recv(pair[1], bytes, sizeof(bytes)), ==, 0);
    vsf_passed_close(pair[1]);
}

/* Neither behind others, nor asked again. */
static void
test_bytes_that_bring_one_are_not_read(void)
{
    char bytes[16] = "";
    int pair[2];

    connect_pair(pair);
    g_assert_cmpint(send(pair[0], "a", 1, 0), ==, 1);
    g_assert_cmpint(pass_descriptor(pair[0], pair[0]), ==, 0);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint((int)vsf_passed_recv(pair[1], bytes, sizeof(bytes)), ==, -1);
        g_assert_cmpint(errno, ==, EPERM);
    }
    vsf_passed_close(pair[1]);
    close(pair[0]);
}

/* It would take an hour. */
static void
test_a_connection_is_closed_with_what_lies_in_it(void)
{
    int pair[2], ends[2];
    char byte;

    connect_pair(pair);
    pass_lingering(pair[0], ends);
    vsf_passed_close(pair[1]);
    g_assert_cmpint((int)recv(pair[0], &byte, 1, 0), <=, 0); /* waits for the end */
    close(pair[0]);
    close(ends[0]);
    close(ends[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/passed/bytes-are-read-as-they-come", test_bytes_are_read_as_they_come);
    g_test_add_func("/base/passed/bytes-that-bring-one-are-not-read",
                    test_bytes_that_bring_one_are_not_read);
    g_test_add_func("/base/passed/a-connection-is-closed-with-what-lies-in-it",
                    test_a_connection_is_closed_with_what_lies_in_it);
    return g_test_run();
}
