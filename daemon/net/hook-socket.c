/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-socket.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../include/hook-msg.h"
#include "../base/log.h"
#include "../base/owner.h"

/* A callback reads an XML of up to 128 KiB, so a full queue is taken in
 * several rounds of the main loop. */
#define MESSAGES_PER_DISPATCH 4

#define LOG_INTERVAL_US (60 * G_USEC_PER_SEC)

struct VsfHookSocket {
    char *path;
    int fd;
    guint source_id;
    gboolean bound;
    dev_t device; /* of the socket file, so that another one is not removed */
    ino_t inode;
    VsfHookFunc message;
    gpointer user_data;
    VsfHookSocketCounts counts;
    VsfLogRate malformed_rate, refused_rate;
    /* One byte more than a message may have: a longer one is seen to be so. */
    char buffer[VSF_HOOK_MESSAGE_SIZE_MAX + 1];
};

static void
log_limited(VsfLogRate *rate, const char *what, const char *next)
{
    guint held_back;

    if (!vsf_log_rate_allow(rate, g_get_monotonic_time(), LOG_INTERVAL_US, &held_back))
        return;
    if (held_back > 0)
        g_warning("hook: %s, and %u more: %s", what, held_back, next);
    else
        g_warning("hook: %s: %s", what, next);
}

/* The kernel vouches for the credentials. Passed descriptors are dropped by
 * the kernel, since there is room for the credentials alone. */
static gboolean
is_from_root(struct msghdr *header)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        struct ucred sender;

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS ||
            part->cmsg_len != CMSG_LEN(sizeof(sender)))
            continue;
        memcpy(&sender, CMSG_DATA(part), sizeof(sender));
        return sender.uid == 0;
    }
    return FALSE;
}

static void
take_message(VsfHookSocket *hook, struct msghdr *header, gsize size)
{
    VsfHookMessage message;

    if (!is_from_root(header)) {
        hook->counts.refused++;
        log_limited(&hook->refused_rate, "a message that is not root's", "ignored");
        return;
    }
    /* libvirt's names are UTF-8, as they come from XML; the XML itself is
     * checked by who parses it. */
    if ((header->msg_flags & MSG_TRUNC) != 0 ||
        !vsf_hook_message_decode(hook->buffer, size, &message) ||
        !g_utf8_validate(message.name, -1, NULL)) {
        hook->counts.malformed++;
        log_limited(&hook->malformed_rate, "a malformed message",
                    "ignored; libvirt's events tell the same later");
        return;
    }
    hook->counts.received++;
    hook->message(message.op, message.name, message.xml, message.xml_length, hook->user_data);
}

static gboolean
readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfHookSocket *hook = user_data;

    for (guint n = 0; n < MESSAGES_PER_DISPATCH; n++) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec vector = {.iov_base = hook->buffer, .iov_len = sizeof(hook->buffer)};
        struct msghdr header = {.msg_iov = &vector,
                                .msg_iovlen = 1,
                                .msg_control = control.bytes,
                                .msg_controllen = sizeof(control.bytes)};
        gssize size = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (size < 0)
            break;
        take_message(hook, &header, (gsize)size);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
fail(GError **error, const char *path, const char *doing, int number)
{
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "hook socket %s: %s: %s", path,
                doing, g_strerror(number));
    return FALSE;
}

static gboolean
fill_address(const char *path, struct sockaddr_un *address, GError **error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (g_strlcpy(address->sun_path, path, sizeof(address->sun_path)) >= sizeof(address->sun_path))
        return fail(error, path, "the path", ENAMETOOLONG);
    return TRUE;
}

/* A socket file that nobody listens on was left by a daemon that was killed.
 * Any other file is not ours to remove, and bind() will say so. */
static gboolean
remove_stale(const char *path, const struct sockaddr_un *address, GError **error)
{
    struct stat info;
    int probe;
    int failure;

    if (lstat(path, &info) < 0 || !S_ISSOCK(info.st_mode))
        return TRUE;
    probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return fail(error, path, "socket", errno);
    failure = connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
    close(probe);
    if (failure == 0)
        return fail(error, path, "another process listens", EADDRINUSE);
    /* EACCES: it may not be asked, as where a daemon that was root's left it. */
    if ((failure == ECONNREFUSED || (failure == EACCES && vsf_owner_is_left_socket(path))) &&
        unlink(path) < 0 && errno != ENOENT)
        return fail(error, path, "the old one cannot be removed", errno);
    return TRUE;
}

/* As the owner of the directory, whose the file is then. */
static int
bind_file(int fd, const struct sockaddr_un *address)
{
    g_autofree char *directory = g_path_get_dirname(address->sun_path);
    gboolean entered = vsf_owner_enter(directory);
    int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));

    vsf_owner_leave(entered);
    return result;
}

static gboolean
open_socket(VsfHookSocket *hook, const struct sockaddr_un *address, GError **error)
{
    const int on = 1;
    struct stat info;

    hook->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (hook->fd < 0)
        return fail(error, hook->path, "socket", errno);
    /* Before bind(), so that no message comes without credentials; and the mode
     * set on the descriptor is the file's from its first moment on. Root may
     * write anyway, and nobody else has to. */
    if (setsockopt(hook->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        fchmod(hook->fd, 0600) < 0)
        return fail(error, hook->path, "setting up", errno);
    if (bind_file(hook->fd, address) < 0)
        return fail(error, hook->path, "bind", errno);
    if (lstat(hook->path, &info) == 0) {
        hook->bound = TRUE;
        hook->device = info.st_dev;
        hook->inode = info.st_ino;
    }
    return TRUE;
}

VsfHookSocket *
vsf_hook_socket_new(const char *path, VsfHookFunc message, gpointer user_data, GError **error)
{
    g_autoptr(VsfHookSocket) hook = g_new0(VsfHookSocket, 1);
    struct sockaddr_un address;

    hook->fd = -1;
    hook->path = g_strdup(path);
    hook->message = message;
    hook->user_data = user_data;
    if (!fill_address(path, &address, error) || !remove_stale(path, &address, error) ||
        !open_socket(hook, &address, error))
        return NULL;
    hook->source_id = g_unix_fd_add(hook->fd, G_IO_IN, readable, hook);
    return g_steal_pointer(&hook);
}

void
vsf_hook_socket_free(VsfHookSocket *hook)
{
    struct stat info;

    if (hook == NULL)
        return;
    g_clear_handle_id(&hook->source_id, g_source_remove);
    if (hook->bound && lstat(hook->path, &info) == 0 && info.st_dev == hook->device &&
        info.st_ino == hook->inode)
        unlink(hook->path);
    if (hook->fd >= 0)
        close(hook->fd);
    g_free(hook->path);
    g_free(hook);
}

VsfHookSocketCounts
vsf_hook_socket_counts(const VsfHookSocket *hook)
{
    return hook->counts;
}
