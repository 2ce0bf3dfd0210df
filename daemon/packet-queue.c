/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet-queue.h"

#define KEEP_BYTES 65536 /* of room for headers after a burst */

typedef struct {
    VsfPacket packet; /* its header is at header_at: the bytes move when they grow */
    guint header_at;
} Entry;

struct VsfPacketQueue {
    GArray *entries; /* Entry */
    GByteArray *bytes;
};

VsfPacketQueue *
vsf_packet_queue_new(void)
{
    VsfPacketQueue *queue = g_new(VsfPacketQueue, 1);

    queue->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    queue->bytes = g_byte_array_new();
    return queue;
}

void
vsf_packet_queue_free(VsfPacketQueue *queue)
{
    if (queue == NULL)
        return;
    g_array_unref(queue->entries);
    g_byte_array_unref(queue->bytes);
    g_free(queue);
}

void
vsf_packet_queue_push(VsfPacketQueue *queue, const VsfPacket *packet)
{
    Entry entry = {.packet = *packet, .header_at = queue->bytes->len};

    entry.packet.header = NULL;
    g_byte_array_append(queue->bytes, packet->header, packet->header_length);
    g_array_append_val(queue->entries, entry);
}

guint
vsf_packet_queue_length(const VsfPacketQueue *queue)
{
    return queue->entries->len;
}

VsfPacket
vsf_packet_queue_get(const VsfPacketQueue *queue, guint i)
{
    const Entry *entry = &g_array_index(queue->entries, Entry, i);
    VsfPacket packet = entry->packet;

    packet.header = queue->bytes->data + entry->header_at;
    return packet;
}

void
vsf_packet_queue_clear(VsfPacketQueue *queue)
{
    if (queue->bytes->len > KEEP_BYTES) {
        VsfPacketQueue *fresh = vsf_packet_queue_new();
        VsfPacketQueue used = *queue;

        *queue = *fresh;
        *fresh = used;
        vsf_packet_queue_free(fresh);
        return;
    }
    g_array_set_size(queue->entries, 0);
    g_byte_array_set_size(queue->bytes, 0);
}

guint
vsf_packet_queue_between(const VsfPacketQueue *queue, gint64 after_ns, gint64 until_ns,
                         gint64 *first_ns, gint64 *last_ns)
{
    guint n = 0;

    for (guint i = 0; i < queue->entries->len; i++) {
        gint64 time_ns = g_array_index(queue->entries, Entry, i).packet.time_ns;

        if (time_ns <= after_ns || time_ns > until_ns)
            continue;
        if (n++ == 0)
            *first_ns = time_ns;
        *last_ns = time_ns;
    }
    return n;
}
