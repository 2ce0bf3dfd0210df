/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that come over a unix socket unasked (SCM_RIGHTS). Whoever may connect may pass them
 * and close its own; then we close the last one, with the bytes that they came with or with the
 * connection. To close a TCP socket that lingers (SO_LINGER, socket(7)) takes as long as its owner
 * said. Here nobody waits for that. Any thread. */
#pragma once

#include <glib.h>

/* Connections to @fd that are made from now on pass none; set before listen() it is all of them.
 * FALSE: the kernel (< 6.16) knows no way to refuse them. */
gboolean vsf_passed_refuse(int fd);

/* recv() of a stream with MSG_DONTWAIT; EPERM: a descriptor comes with it, and nothing was read. */
gssize vsf_passed_recv(int fd, void *bytes, gsize size);

/* close() of a connection, whatever lies in it. */
void vsf_passed_close(int fd);
