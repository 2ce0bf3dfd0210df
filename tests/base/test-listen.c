/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that the service manager hands over. Those of our own are tested with the control socket
 * and the agent service. */
#include "../../daemon/base/listen.h"
#include "../../daemon/base/passed.h"
#include "passing.h"

#include <glib/gstdio.h>
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

static void
test_nobody_passes_descriptors_to_one_of_ours(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-listen-XXXXXX", NULL),
                    *path = g_build_filename(folder, "control", NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_autoptr(GError) error = NULL;
    VsfListener listener;
    int got;

    g_assert_true(vsf_listener_open(&listener, path, &error));
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
    got = pass_descriptor(fd, fd);
    g_assert_cmpint(got, ==, vsf_passed_refuse(listener.fd) ? EPERM : 0);
    close(fd);
    vsf_listener_close(&listener, path);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

#define USER 4711 /* no name is needed */

/* Of a daemon that was root's and is gone: its socket. */
static void
leave_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(fchmod(fd, 0660), ==, 0);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
    close(fd);
}

/* As that user; 0 or the error's code. */
static int
open_as_user(const char *path)
{
    g_autoptr(GError) error = NULL;
    VsfListener listener;
    gboolean opened;

    g_assert_cmpint(seteuid(USER), ==, 0);
    opened = vsf_listener_open(&listener, path, &error);
    if (opened)
        vsf_listener_close(&listener, path);
    g_assert_cmpint(seteuid(0), ==, 0);
    return opened ? 0 : error->code;
}

static void
test_what_root_left_in_ones_own_folder_is_replaced(void)
{
    g_autofree char *folder = g_dir_make_tmp("vsf-listen-XXXXXX", NULL),
                    *path = g_build_filename(folder, "control", NULL);

    if (geteuid() != 0) {
        g_test_skip("needs root");
    } else {
        leave_socket(path);
        /* Not so where the folder is another's. */
        g_assert_cmpint(g_chmod(folder, 0777), ==, 0);
        g_assert_cmpint(open_as_user(path), ==, G_IO_ERROR_PERMISSION_DENIED);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
        g_assert_cmpint(chown(folder, USER, USER), ==, 0);
        g_assert_cmpint(open_as_user(path), ==, 0);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        /* Nor what is no socket. */
        g_assert_true(g_file_set_contents_full(path, "x", 1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        g_assert_cmpint(open_as_user(path), ==, G_IO_ERROR_EXISTS);
        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/listen/they-are-for-this-process-alone",
                    test_they_are_for_this_process_alone);
    g_test_add_func("/base/listen/only-a-stream-that-listens-is-fit",
                    test_only_a_stream_that_listens_is_fit);
    g_test_add_func("/base/listen/nobody-passes-descriptors-to-one-of-ours",
                    test_nobody_passes_descriptors_to_one_of_ours);
    g_test_add_func("/base/listen/what-root-left-in-ones-own-folder-is-replaced",
                    test_what_root_left_in_ones_own_folder_is_replaced);
    return g_test_run();
}
