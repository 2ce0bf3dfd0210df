/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens the socket towards one collector's address. */
#pragma once

#include "sender.h"

/* A non-blocking, close-on-exec UDP socket, connected to @address (so that the
 * kernel reports refusals), bound to @device (or NULL) and @source (or NULL),
 * its datagrams marked with @dscp. -1 with @error set: what was tried and why
 * it failed. Never falls back to a socket without device or source. */
int vsf_sender_socket_open(GInetAddress *address, guint16 port, const char *device,
                           GInetAddress *source, guint dscp, GError **error);
