/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender-socket.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* After the libc's. */
#include <linux/errqueue.h>
#include <linux/filter.h>

typedef struct {
    int *code;
    GError **error;
} Failure;

G_GNUC_PRINTF(2, 3)
static gboolean
fail(const Failure *failure, const char *format, ...)
{
    int reason = errno;
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(failure->error, G_IO_ERROR, (gint)g_io_error_from_errno(reason), "%s: %s", what,
                g_strerror(reason));
    *failure->code = reason;
    return FALSE;
}

static socklen_t
to_native(GInetAddress *address, guint16 port, const char *device, VsfNativeAddress *native)
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

static gboolean
set_number(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* Errors come as messages with the datagram's own socket, not as the result of
 * a later send alone; and a full queue of the interface shows at all (ENOBUFS).
 *
 * IPv4 datagrams may be split on the way: with the don't-fragment bit each that
 * is larger than the smallest MTU would be lost, for good where a firewall
 * swallows the ICMP message. IPv6 has no choice: the first one is lost, then the kernel
 * splits. */
static gboolean
set_family_options(int fd, gboolean is_v4, guint dscp, const Failure *failure)
{
    int traffic_class = (int)(dscp << 2); /* the two low bits are ECN's */

    if (!set_number(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_RECVERR : IPV6_RECVERR, 1) ||
        (is_v4 && !set_number(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)))
        return fail(failure, "cannot ask for errors of the network");
    if (dscp != 0 && !set_number(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                                 is_v4 ? IP_TOS : IPV6_TCLASS, traffic_class))
        return fail(failure, "cannot set dscp %u", dscp);
    return TRUE;
}

/* Nobody reads here: what anyone sends to us must not fill the queue, which
 * errors share. */
static gboolean
refuse_input(int fd, const Failure *failure)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &nothing};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0)
        return fail(failure, "cannot refuse what is sent to us");
    return TRUE;
}

static gboolean
bind_source(VsfSenderSocket *socket, GInetAddress *source, const char *device,
            const Failure *failure)
{
    g_autofree char *text = g_inet_address_to_string(source);
    VsfNativeAddress from;
    socklen_t from_size = to_native(source, 0, device, &from);

    if (from.any.sa_family != socket->to.any.sa_family)
        errno = EAFNOSUPPORT;
    if (from.any.sa_family != socket->to.any.sa_family ||
        bind(socket->fd, &from.any, from_size) != 0)
        return fail(failure, "cannot send from source-address %s", text);
    socket->has_v6_source = from.any.sa_family == AF_INET6;
    if (socket->has_v6_source)
        socket->v6_source = from.v6.sin6_addr;
    return TRUE;
}

/* All but the destination. */
static gboolean
prepare(VsfSenderSocket *opened, const char *device, GInetAddress *source, guint dscp,
        const Failure *failure)
{
    gboolean is_v4 = opened->to.any.sa_family == AF_INET;

    opened->fd = socket(opened->to.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened->fd < 0)
        return fail(failure, "cannot open a socket");
    if (device != NULL && setsockopt(opened->fd, SOL_SOCKET, SO_BINDTODEVICE, device,
                                     (socklen_t)strlen(device) + 1) != 0)
        return fail(failure, "cannot send through %s", device);
    return set_family_options(opened->fd, is_v4, dscp, failure) &&
           refuse_input(opened->fd, failure) &&
           (source == NULL || bind_source(opened, source, device, failure));
}

gboolean
vsf_sender_socket_open(VsfSenderSocket *result, GInetAddress *address, guint16 port,
                       const char *device, GInetAddress *source, guint dscp, int *code,
                       GError **error)
{
    Failure failure = {code, error};
    VsfSenderSocket probe = VSF_SENDER_SOCKET_CLOSED, opened = VSF_SENDER_SOCKET_CLOSED;
    gboolean works;

    probe.to_size = opened.to_size = to_native(address, port, device, &opened.to);
    probe.to = opened.to;
    /* Whether there is a route shows by a connection, which sends nothing. Not on the
     * socket itself: to undo a connection also undoes the binding to a device. */
    works = prepare(&probe, device, source, dscp, &failure);
    if (works && connect(probe.fd, &probe.to.any, probe.to_size) != 0)
        works = fail(&failure, "cannot send to it");
    vsf_sender_socket_close(&probe);
    if (works && prepare(&opened, device, source, dscp, &failure)) {
        *result = opened;
        return TRUE;
    }
    vsf_sender_socket_close(&opened);
    return FALSE;
}

void
vsf_sender_socket_close(VsfSenderSocket *socket)
{
    if (socket->fd >= 0)
        close(socket->fd);
    socket->fd = -1;
}

int
vsf_sender_socket_send(const VsfSenderSocket *socket, const guint8 *data, gsize size)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr message = {
        .msg_name = (void *)&socket->to.any,
        .msg_namelen = socket->to_size,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };

    /* IPv6 looks at a bound source once; at one that comes along each time. */
    if (socket->has_v6_source) {
        struct in6_pktinfo from = {.ipi6_addr = socket->v6_source};

        control.header.cmsg_level = IPPROTO_IPV6;
        control.header.cmsg_type = IPV6_PKTINFO;
        control.header.cmsg_len = CMSG_LEN(sizeof(from));
        memcpy(CMSG_DATA(&control.header), &from, sizeof(from));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    return sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

static const struct sock_extended_err *
icmp_of(struct msghdr *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        const struct sock_extended_err *error = (const void *)CMSG_DATA(at);
        gboolean is_error = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                            (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);

        if (is_error &&
            (error->ee_origin == SO_EE_ORIGIN_ICMP || error->ee_origin == SO_EE_ORIGIN_ICMP6))
            return error;
    }
    return NULL;
}

int
vsf_sender_socket_told(const VsfSenderSocket *socket, guint *mtu)
{
    for (;;) {
        _Alignas(struct cmsghdr) char control[256];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
        const struct sock_extended_err *error;

        if (recvmsg(socket->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return 0;
        error = icmp_of(&message);
        if (error != NULL && error->ee_errno != 0) {
            *mtu = error->ee_info;
            return (int)error->ee_errno;
        }
    }
}
