/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender-waiting.h"

GBytes *
vsf_sender_waiting_pop(VsfSenderWaiting *waiting)
{
    GBytes *oldest = g_queue_pop_head(&waiting->datagrams);

    if (oldest != NULL)
        waiting->size -= g_bytes_get_size(oldest);
    return oldest;
}

guint
vsf_sender_waiting_push(VsfSenderWaiting *waiting, const guint8 *data, gsize size)
{
    guint n_dropped = 0;

    if (size > VSF_SENDER_WAITING_MAX)
        return 1;
    for (; waiting->size + size > VSF_SENDER_WAITING_MAX; n_dropped++)
        g_bytes_unref(vsf_sender_waiting_pop(waiting));
    g_queue_push_tail(&waiting->datagrams, g_bytes_new(data, size));
    waiting->size += size;
    return n_dropped;
}

guint
vsf_sender_waiting_clear(VsfSenderWaiting *waiting)
{
    guint n_dropped = g_queue_get_length(&waiting->datagrams);

    g_queue_clear_full(&waiting->datagrams, (GDestroyNotify)g_bytes_unref);
    waiting->size = 0;
    return n_dropped;
}
