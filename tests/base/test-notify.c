/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/notify.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A service manager's end at @path, "" in the abstract name space of the kernel's choice. */
static int
listen_at(const char *path, char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof(address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address,
                         *path == '\0' ? sizeof(sa_family_t) : sizeof(address)),
                    ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
    g_strlcpy(name, path, sizeof(address.sun_path));
    if (*path == '\0') {
        gsize used = length - G_STRUCT_OFFSET(struct sockaddr_un, sun_path);

        memcpy(name, address.sun_path, used);
        name[0] = '@';
        name[used] = '\0';
    }
    return fd;
}

static void
assert_heard(int fd, const char *expected)
{
    char buffer[128] = "";
    gssize size = recv(fd, buffer, sizeof(buffer) - 1, 0);

    g_assert_cmpint(size, ==, (gssize)strlen(expected));
    g_assert_cmpstr(buffer, ==, expected);
}

static void
test_word_arrives(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-notify-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "socket", NULL);
    char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

    for (guint abstract = 0; abstract < 2; abstract++) {
        int fd = listen_at(abstract ? "" : path, name);

        g_assert_true(vsf_notify_send(name, "READY=1\nSTATUS=all is well"));
        assert_heard(fd, "READY=1\nSTATUS=all is well");
        close(fd);
        g_assert_false(vsf_notify_send(name, "WATCHDOG=1"));
    }
    g_unlink(path);
    g_rmdir(folder);
}

static void
test_full_socket_does_not_block(void)
{
    char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    int fd = listen_at("", name);
    guint n = 0;

    while (vsf_notify_send(name, "WATCHDOG=1"))
        g_assert_cmpuint(++n, <, 1000000);
    close(fd);
}

static void
test_no_manager_is_no_error(void)
{
    g_autofree char *long_path = g_strnfill(200, 'x');

    long_path[0] = '/';
    g_assert_false(vsf_notify_send(NULL, "READY=1"));
    g_assert_false(vsf_notify_send("", "READY=1"));
    g_assert_false(vsf_notify_send("/", "READY=1"));
    g_assert_false(vsf_notify_send("vsock:2:1", "READY=1"));
    g_assert_false(vsf_notify_send("/nonexistent/notify", "READY=1"));
    g_assert_false(vsf_notify_send(long_path, "READY=1"));
}

static void
test_watchdog_of_this_process_counts(void)
{
    g_assert_cmpint(vsf_notify_watchdog_us("30000000", NULL, 7), ==, 30000000);
    g_assert_cmpint(vsf_notify_watchdog_us("30000000", "7", 7), ==, 30000000);
    g_assert_cmpint(vsf_notify_watchdog_us("30000000", "8", 7), ==, 0);
    g_assert_cmpint(vsf_notify_watchdog_us("30000000", "seven", 7), ==, 0);
    g_assert_cmpint(vsf_notify_watchdog_us(NULL, "7", 7), ==, 0);
    g_assert_cmpint(vsf_notify_watchdog_us("", NULL, 7), ==, 0);
    g_assert_cmpint(vsf_notify_watchdog_us("0", NULL, 7), ==, 0);
    g_assert_cmpint(vsf_notify_watchdog_us("-1", NULL, 7), ==, 0);
    g_assert_cmpint(vsf_notify_watchdog_us("30s", NULL, 7), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/notify/word-arrives", test_word_arrives);
    g_test_add_func("/base/notify/full-socket-does-not-block", test_full_socket_does_not_block);
    g_test_add_func("/base/notify/no-manager-is-no-error", test_no_manager_is_no_error);
    g_test_add_func("/base/notify/watchdog-of-this-process-counts",
                    test_watchdog_of_this_process_counts);
    return g_test_run();
}
