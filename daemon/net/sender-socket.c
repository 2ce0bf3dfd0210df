/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket towards one collector. Connecting a UDP socket does not block. */
#include "sender-socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
    struct sockaddr any;
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
} Native;

G_GNUC_PRINTF(3, 4)
static int
fail(int fd, GError **error, const char *format, ...)
{
    int reason = errno;
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(reason), "%s: %s", what,
                g_strerror(reason));
    if (fd >= 0)
        close(fd);
    return -1;
}

static socklen_t
to_native(GInetAddress *address, guint16 port, const char *device, Native *native)
{
    gsize size = g_inet_address_get_native_size(address);

    memset(native, 0, sizeof(*native));
    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4) {
        native->v4.sin_family = AF_INET;
        native->v4.sin_port = htons(port);
        memcpy(&native->v4.sin_addr, g_inet_address_to_bytes(address), size);
        return sizeof(native->v4);
    }
    native->v6.sin6_family = AF_INET6;
    native->v6.sin6_port = htons(port);
    memcpy(&native->v6.sin6_addr, g_inet_address_to_bytes(address), size);
    if (device != NULL && g_inet_address_get_is_link_local(address))
        native->v6.sin6_scope_id = if_nametoindex(device);
    return sizeof(native->v6);
}

int
vsf_sender_socket_open(GInetAddress *address, guint16 port, const char *device,
                       GInetAddress *source, guint dscp, GError **error)
{
    gboolean is_v4 = g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4;
    int traffic_class = (int)(dscp << 2); /* the two low bits are ECN's */
    Native to, from;
    socklen_t to_size = to_native(address, port, device, &to);
    int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail(fd, error, "cannot open a socket");
    if (device != NULL &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) != 0)
        return fail(fd, error, "cannot send through %s", device);
    if (dscp != 0 && setsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TOS : IPV6_TCLASS,
                                &traffic_class, sizeof(traffic_class)) != 0)
        return fail(fd, error, "cannot set dscp %u", dscp);
    if (source != NULL) {
        g_autofree char *text = g_inet_address_to_string(source);
        socklen_t from_size = to_native(source, 0, device, &from);

        if (from.any.sa_family != to.any.sa_family)
            errno = EAFNOSUPPORT;
        if (from.any.sa_family != to.any.sa_family || bind(fd, &from.any, from_size) != 0)
            return fail(fd, error, "cannot send from source-address %s", text);
    }
    if (connect(fd, &to.any, to_size) != 0)
        return fail(fd, error, "cannot send to it");
    return fd;
}
