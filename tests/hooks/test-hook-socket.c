/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/hook-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../include/hook-msg.h"

#define NOBODY 65534

typedef struct {
    char *folder, *path;
    VsfHookSocket *socket;
    GString *seen; /* "op name xml-length;" for each message */
} Fixture;

static void
note_message(const char *op, const char *name, const char *xml, gsize xml_length,
             gpointer user_data)
{
    Fixture *fixture = user_data;

    g_assert_true((xml != NULL) == (xml_length > 0));
    g_string_append_printf(fixture->seen, "%s %s %zu;", op, name, (size_t)xml_length);
}

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    fixture->folder = g_dir_make_tmp("vsf-hook-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->folder, "hook", NULL);
    fixture->seen = g_string_new(NULL);
    fixture->socket = vsf_hook_socket_new(fixture->path, note_message, fixture, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_hook_socket_free(fixture->socket);
    g_remove(fixture->path);
    g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
    g_string_free(fixture->seen, TRUE);
    g_free(fixture->path);
    g_free(fixture->folder);
}

static gboolean
skip_without_root(void)
{
    if (geteuid() == 0)
        return FALSE;
    g_test_skip("needs root, whose messages alone count");
    return TRUE;
}

/* Returns errno. @passed_fd >= 0 is sent along. */
static int
send_bytes(const char *path, const void *bytes, gsize size, int passed_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct msghdr header = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &vector, .msg_iovlen = 1};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int failure;

    if (passed_fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(passed_fd));
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
    }
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    failure = sendmsg(fd, &header, MSG_DONTWAIT) < 0 ? errno : 0;
    close(fd);
    return failure;
}

static int
send_op(const char *path, const char *op, const char *name, const char *xml)
{
    char buffer[512];
    VsfHookMessage message = {
        .op = op, .name = name, .xml = xml, .xml_length = xml != NULL ? strlen(xml) : 0};
    gsize size = vsf_hook_message_encode(&message, buffer, sizeof(buffer));

    g_assert_cmpuint(size, >, 0);
    return send_bytes(path, buffer, size, -1);
}

/* Sends one message as another user; with @connected, over a socket that root
 * opened for it. Returns errno as that user saw it. */
static int
send_as_nobody(const char *path, gboolean connected)
{
    VsfHookMessage message = {.op = "start", .name = "forged"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char buffer[64];
    gsize size = vsf_hook_message_encode(&message, buffer, sizeof(buffer));
    int status = 0;
    pid_t child;

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connected)
        g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    child = fork();
    if (child == 0) {
        if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
            _exit(255);
        if (connected)
            _exit(send(fd, buffer, size, MSG_DONTWAIT) < 0 ? errno : 0);
        _exit(send_bytes(path, buffer, size, -1));
    }
    close(fd);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
dispatch_all(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static guint
count_open_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

static void
test_roots_messages_arrive(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    if (skip_without_root())
        return;
    g_assert_cmpint(send_op(fixture->path, "start", "web01", "<domain/>"), ==, 0);
    g_assert_cmpint(send_op(fixture->path, "stopped", "web01", NULL), ==, 0);
    g_assert_cmpstr(fixture->seen->str, ==, "");
    dispatch_all();
    g_assert_cmpstr(fixture->seen->str, ==, "start web01 9;stopped web01 0;");
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).received, ==, 2);
}

static void
test_another_users_message_is_refused(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    if (geteuid() == 0) {
        g_assert_cmpint(send_as_nobody(fixture->path, FALSE), ==, EACCES);
        /* Even if somebody opened the door. */
        g_assert_cmpint(send_as_nobody(fixture->path, TRUE), ==, 0);
        g_assert_cmpint(send_as_nobody(fixture->path, TRUE), ==, 0);
    } else {
        g_assert_cmpint(send_op(fixture->path, "start", "forged", NULL), ==, 0);
        g_assert_cmpint(send_op(fixture->path, "start", "forged", NULL), ==, 0);
    }
    /* Once, not twice: the second is held back. */
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*not root's*");
    dispatch_all();
    g_test_assert_expected_messages();
    g_assert_cmpstr(fixture->seen->str, ==, "");
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).refused, ==, 2);
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).received, ==, 0);
}

static void
test_malformed_message_costs_no_other(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *huge = g_malloc0(VSF_HOOK_MESSAGE_SIZE_MAX + 2);
    VsfHookMessage largest = {.op = "start", .name = "v"};
    gsize size;

    if (skip_without_root())
        return;
    /* Its first part alone would be a good message. */
    size = vsf_hook_message_encode(&largest, huge, VSF_HOOK_MESSAGE_SIZE_MAX);
    g_assert_cmpuint(size, >, 0);
    g_assert_cmpint(send_bytes(fixture->path, huge, VSF_HOOK_MESSAGE_SIZE_MAX + 2, -1), ==, 0);
    g_assert_cmpint(send_bytes(fixture->path, "", 0, -1), ==, 0);
    g_assert_cmpint(send_bytes(fixture->path, "garbage", 7, -1), ==, 0);
    g_assert_cmpint(send_op(fixture->path, "start", "not\xffutf8", NULL), ==, 0);
    g_assert_cmpint(send_op(fixture->path, "start", "web01", NULL), ==, 0);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*malformed*");
    dispatch_all();
    g_test_assert_expected_messages();
    g_assert_cmpstr(fixture->seen->str, ==, "start web01 0;");
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).malformed, ==, 4);
}

static void
test_one_dispatch_is_bounded(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    if (skip_without_root())
        return;
    for (guint i = 0; i < 8; i++)
        g_assert_cmpint(send_op(fixture->path, "start", "web01", NULL), ==, 0);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).received, ==, 4);
    dispatch_all();
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).received, ==, 8);
}

static void
test_passed_descriptors_do_not_stay(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const guint before = count_open_fds();
    char buffer[64];
    VsfHookMessage message = {.op = "stopped", .name = "web01"};
    const gsize size = vsf_hook_message_encode(&message, buffer, sizeof(buffer));

    if (skip_without_root())
        return;
    g_assert_cmpint(send_bytes(fixture->path, buffer, size, STDERR_FILENO), ==, 0);
    dispatch_all();
    g_assert_cmpuint(vsf_hook_socket_counts(fixture->socket).received, ==, 1);
    g_assert_cmpuint(count_open_fds(), ==, before);
}

static void
test_file_is_private_and_goes_away(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    struct stat info;

    g_assert_cmpint(lstat(fixture->path, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
    g_clear_pointer(&fixture->socket, vsf_hook_socket_free);
    g_assert_cmpint(lstat(fixture->path, &info), ==, -1);
    vsf_hook_socket_free(NULL);
}

/* As a killed daemon leaves it: the file without a listener. */
static void
leave_stale_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    close(fd);
}

static void
test_stale_socket_is_replaced(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&fixture->socket, vsf_hook_socket_free);
    leave_stale_socket(fixture->path);
    fixture->socket = vsf_hook_socket_new(fixture->path, note_message, fixture, &error);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->socket);
}

/* As a daemon that was root's left it, in the folder that is its successor's. */
static void
test_stale_socket_of_root_is_replaced(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    if (skip_without_root())
        return;
    g_clear_pointer(&fixture->socket, vsf_hook_socket_free);
    leave_stale_socket(fixture->path);
    g_assert_cmpint(chmod(fixture->path, 0600), ==, 0);
    g_assert_cmpint(chown(fixture->folder, NOBODY, NOBODY), ==, 0);
    g_assert_cmpint(seteuid(NOBODY), ==, 0);
    fixture->socket = vsf_hook_socket_new(fixture->path, note_message, fixture, &error);
    g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->socket);
}

static void
test_living_socket_is_not_taken(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_hook_socket_new(fixture->path, note_message, fixture, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
    g_assert_nonnull(strstr(error->message, fixture->path));
    g_assert_true(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
}

static void
test_other_file_is_not_removed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&fixture->socket, vsf_hook_socket_free);
    g_assert_true(g_file_set_contents(fixture->path, "precious", -1, NULL));
    g_assert_null(vsf_hook_socket_new(fixture->path, note_message, fixture, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
    g_assert_true(g_file_test(fixture->path, G_FILE_TEST_IS_REGULAR));
}

/* A newer daemon's socket at the same path stays when the older one ends. */
static void
test_successors_socket_is_not_removed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *aside = g_strconcat(fixture->path, ".old", NULL);

    /* Renamed, so that its inode cannot be used again for the new one. */
    g_assert_cmpint(g_rename(fixture->path, aside), ==, 0);
    leave_stale_socket(fixture->path);
    g_clear_pointer(&fixture->socket, vsf_hook_socket_free);
    g_assert_true(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
    g_remove(aside);
}

static void
test_bad_paths_are_errors(void)
{
    g_autofree char *name = g_strnfill(120, 'p');
    g_autofree char *path = g_strconcat("/tmp/", name, NULL);
    g_autoptr(GError) too_long = NULL;
    g_autoptr(GError) no_folder = NULL;

    g_assert_null(vsf_hook_socket_new(path, note_message, NULL, &too_long));
    g_assert_nonnull(too_long);
    g_assert_null(vsf_hook_socket_new("/nonexistent/hook", note_message, NULL, &no_folder));
    g_assert_error(no_folder, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
    g_test_add("/net/hook-socket/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("roots-messages-arrive", test_roots_messages_arrive);
    ADD("another-users-message-is-refused", test_another_users_message_is_refused);
    ADD("malformed-message-costs-no-other", test_malformed_message_costs_no_other);
    ADD("one-dispatch-is-bounded", test_one_dispatch_is_bounded);
    ADD("passed-descriptors-do-not-stay", test_passed_descriptors_do_not_stay);
    ADD("file-is-private-and-goes-away", test_file_is_private_and_goes_away);
    ADD("stale-socket-is-replaced", test_stale_socket_is_replaced);
    ADD("stale-socket-of-root-is-replaced", test_stale_socket_of_root_is_replaced);
    ADD("living-socket-is-not-taken", test_living_socket_is_not_taken);
    ADD("other-file-is-not-removed", test_other_file_is_not_removed);
    ADD("successors-socket-is-not-removed", test_successors_socket_is_not_removed);
    g_test_add_func("/net/hook-socket/bad-paths-are-errors", test_bad_paths_are_errors);
    return g_test_run();
}
