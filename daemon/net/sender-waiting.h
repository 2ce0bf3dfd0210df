/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams that wait for a name's first address. Sent much later they would
 * tell old counters as new ones, so they wait once only. */
#pragma once

#include <gio/gio.h>

#define VSF_SENDER_WAITING_MAX (64 * 1024) /* bytes */

typedef struct {
    GQueue datagrams; /* GBytes, the oldest first */
    gsize size;       /* bytes in all */
} VsfSenderWaiting;

/* A copy of @data; how many datagrams were dropped for the bound: the oldest, or
 * this one if it alone is too large. */
guint vsf_sender_waiting_push(VsfSenderWaiting *waiting, const guint8 *data, gsize size);

/* The oldest, the caller's; NULL: none. */
GBytes *vsf_sender_waiting_pop(VsfSenderWaiting *waiting);

/* Drops all; how many they were. */
guint vsf_sender_waiting_clear(VsfSenderWaiting *waiting);
