/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/virt/link.h"

#include <sys/socket.h>
#include <unistd.h>

static void
test_a_uri_without_a_host_is_local(void)
{
    static const char *const local[] = {"qemu:///system", "qemu+unix:///system?socket=/run/s",
                                        "test:///default"};
    static const char *const other[] = {"qemu+tcp://192.0.2.1/system", "qemu+ssh://root@h/system",
                                        "test://host/default"};

    for (guint i = 0; i < G_N_ELEMENTS(local); i++)
        g_assert_true(vsf_link_is_local(local[i]));
    for (guint i = 0; i < G_N_ELEMENTS(other); i++)
        g_assert_false(vsf_link_is_local(other[i]));
}

static void
test_a_link_is_quiet_until_its_peer_ends(void)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    g_assert_true(vsf_link_is_quiet(ends[0]));
    close(ends[1]);
    g_assert_false(vsf_link_is_quiet(ends[0]));
    close(ends[0]);
}

/* What nobody asked for: whatever libvirtd means by it, the connection cannot go on. */
static void
test_a_link_to_which_something_is_said_is_not_quiet(void)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    g_assert_cmpint(write(ends[1], "?", 1), ==, 1);
    g_assert_false(vsf_link_is_quiet(ends[0]));
    close(ends[0]);
    close(ends[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virt/link/a-uri-without-a-host-is-local", test_a_uri_without_a_host_is_local);
    g_test_add_func("/virt/link/a-link-is-quiet-until-its-peer-ends",
                    test_a_link_is_quiet_until_its_peer_ends);
    g_test_add_func("/virt/link/a-link-to-which-something-is-said-is-not-quiet",
                    test_a_link_to_which_something_is_said_is_not_quiet);
    return g_test_run();
}
