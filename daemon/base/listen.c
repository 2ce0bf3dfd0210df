/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen.h"

#include "owner.h"
#include "passed.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024 /* who comes in a crowd is let in later, not turned away */
#define MODE 0660

static gboolean
fail(GError **error, const char *path, const char *what)
{
    int reason = errno;

    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(reason), "%s: %s: %s", path, what,
                g_strerror(reason));
    return FALSE;
}

static int
new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        vsf_passed_refuse(fd);
    return fd;
}

/* TRUE if @path is free now: nothing was there, or a socket without a listener. */
static gboolean
clear_stale(const struct sockaddr_un *address, GError **error)
{
    const char *path = address->sun_path;
    struct stat file;
    int probe, result;

    if (lstat(path, &file) != 0)
        return errno == ENOENT || fail(error, path, "cannot look");
    if (!S_ISSOCK(file.st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: is in the way and no socket", path);
        return FALSE;
    }
    probe = new_socket();
    if (probe < 0)
        return fail(error, path, "cannot open a socket");
    result = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    close(probe);
    /* EACCES: whether somebody listens may not be asked, as where a daemon that was root's left it.
     */
    if (result != ECONNREFUSED && result != ENOENT &&
        !(result == EACCES && vsf_owner_is_left_socket(path))) {
        /* 0 and EAGAIN (its backlog is full): somebody listens. */
        errno = result == 0 || result == EAGAIN ? EADDRINUSE : result;
        return fail(error, path, errno == EADDRINUSE ? "another daemon runs" : "cannot connect");
    }
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(error, path, "cannot remove the stale socket");
    return TRUE;
}

/* As the owner of the directory, whose the file is then. */
static int
bind_file(int fd, const struct sockaddr_un *address)
{
    g_autofree char *directory = g_path_get_dirname(address->sun_path);
    gboolean entered = vsf_owner_enter(directory);
    /* The file takes the socket's own mode: never wider, not even for a moment. */
    int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));

    if (result == 0)
        result = chmod(address->sun_path, MODE);
    vsf_owner_leave(entered);
    return result;
}

gboolean
vsf_listener_open(VsfListener *listener, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat file;
    int fd;

    *listener = (VsfListener){.fd = -1};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(error, path, "cannot listen");
    }
    strcpy(address.sun_path, path);
    if (!clear_stale(&address, error))
        return FALSE;
    fd = new_socket();
    if (fd < 0 || fchmod(fd, MODE) != 0 || bind_file(fd, &address) != 0 ||
        listen(fd, BACKLOG) != 0 || lstat(path, &file) != 0) {
        fail(error, path, "cannot listen");
        if (fd >= 0)
            close(fd);
        return FALSE;
    }
    *listener = (VsfListener){fd, file.st_dev, file.st_ino};
    return TRUE;
}

void
vsf_listener_close(VsfListener *listener, const char *path)
{
    struct stat file;

    if (listener->fd < 0)
        return;
    close(listener->fd);
    listener->fd = -1;
    if (lstat(path, &file) == 0 && file.st_dev == listener->device &&
        file.st_ino == listener->inode)
        unlink(path);
}

guint
vsf_listen_fds(const char *listen_fds, const char *listen_pid, gint64 pid)
{
    guint64 number;

    if (listen_pid == NULL ||
        !g_ascii_string_to_unsigned(listen_pid, 10, 1, G_MAXINT32, &number, NULL) ||
        (gint64)number != pid)
        return 0;
    if (listen_fds == NULL ||
        !g_ascii_string_to_unsigned(listen_fds, 10, 1, G_MAXINT32, &number, NULL))
        return 0;
    return (guint)number;
}

gboolean
vsf_listen_is_fit(int fd)
{
    const struct {
        int option, wanted;
    } wants[] = {{SO_DOMAIN, AF_UNIX}, {SO_TYPE, SOCK_STREAM}, {SO_ACCEPTCONN, 1}};

    for (guint i = 0; i < G_N_ELEMENTS(wants); i++) {
        int value = -1;
        socklen_t size = sizeof(value);

        if (getsockopt(fd, SOL_SOCKET, wants[i].option, &value, &size) != 0 ||
            value != wants[i].wanted)
            return FALSE;
    }
    return TRUE;
}
