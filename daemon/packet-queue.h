/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sampled packets of one tap that wait, with copies of their headers. */
#pragma once

#include "net/capture.h"

typedef struct VsfPacketQueue VsfPacketQueue;

VsfPacketQueue *vsf_packet_queue_new(void);
void vsf_packet_queue_free(VsfPacketQueue *queue);

/* Copies @packet and its header to the end. */
void vsf_packet_queue_push(VsfPacketQueue *queue, const VsfPacket *packet);
guint vsf_packet_queue_length(const VsfPacketQueue *queue);

/* Packet @i of length(); its header is valid until the next push or clear. */
VsfPacket vsf_packet_queue_get(const VsfPacketQueue *queue, guint i);
void vsf_packet_queue_clear(VsfPacketQueue *queue);

/* How many passed after @after_ns and not after @until_ns; *@first_ns is the
 * first one's time and *@last_ns the last one's, untouched if there is none. */
guint vsf_packet_queue_between(const VsfPacketQueue *queue, gint64 after_ns, gint64 until_ns,
                               gint64 *first_ns, gint64 *last_ns);
