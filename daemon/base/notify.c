/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* 0: no address that we know. */
static socklen_t
socket_address(const char *text, struct sockaddr_un *address)
{
    gsize length = text == NULL ? 0 : strlen(text);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof(address->sun_path) || (*text != '/' && *text != '@'))
        return 0;
    memcpy(address->sun_path, text, length);
    if (*text == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(G_STRUCT_OFFSET(struct sockaddr_un, sun_path) + length);
}

gboolean
vsf_notify_send(const char *address, const char *state)
{
    struct sockaddr_un where;
    socklen_t length = socket_address(address, &where);
    int fd = length == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gboolean taken;

    if (fd < 0)
        return FALSE;
    taken = sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
                   (const struct sockaddr *)&where, length) >= 0;
    close(fd);
    return taken;
}

gint64
vsf_notify_watchdog_us(const char *watchdog_usec, const char *watchdog_pid, gint64 pid)
{
    guint64 number;

    if (watchdog_pid != NULL &&
        (!g_ascii_string_to_unsigned(watchdog_pid, 10, 1, G_MAXINT32, &number, NULL) ||
         (gint64)number != pid))
        return 0;
    if (watchdog_usec == NULL ||
        !g_ascii_string_to_unsigned(watchdog_usec, 10, 1, G_MAXINT64 / 2, &number, NULL))
        return 0;
    return (gint64)number;
}
