/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket towards one collector's address: opening it, sending, and what the
 * network says about datagrams that were sent before. Never blocks. */
#pragma once

#include "sender.h"

#include <netinet/in.h>

typedef union {
    struct sockaddr any;
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
} VsfNativeAddress;

typedef struct {
    int fd; /* -1: closed */
    VsfNativeAddress to;
    socklen_t to_size;
    gboolean has_v6_source;
    struct in6_addr v6_source;
} VsfSenderSocket;

#define VSF_SENDER_SOCKET_CLOSED \
    {                            \
        .fd = -1                 \
    }

/* Opens @socket, which is closed, towards @address: bound to @device (or NULL)
 * and @source (or NULL), its datagrams marked with @dscp. FALSE with @error set
 * (G_IO_ERROR) and *@code its errno: what was tried and why it failed, @socket
 * untouched; "no route" is one of the reasons. Never falls back to a socket
 * without device or source.
 *
 * The socket is not connected: a connected one keeps the source address of its
 * first route for ever, so that after a renumbering IPv4 sends nothing and IPv6
 * from an address that is not the host's any more. */
gboolean vsf_sender_socket_open(VsfSenderSocket *socket, GInetAddress *address, guint16 port,
                                const char *device, GInetAddress *source, guint dscp, int *code,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_sender_socket_close(VsfSenderSocket *socket);

/* 0, or an errno: of this datagram, or of an earlier one about which an ICMP
 * message came since the last call of vsf_sender_socket_told(). In both cases this one was
 * not sent. */
int vsf_sender_socket_send(const VsfSenderSocket *socket, const guint8 *data, gsize size);

/* The next ICMP message about an earlier datagram, as an errno; 0: no more.
 * *@mtu is what a router said with EMSGSIZE. */
int vsf_sender_socket_told(const VsfSenderSocket *socket, guint *mtu);
