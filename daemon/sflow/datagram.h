/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects samples into datagrams of a bounded size. Pure: time is an
 * argument, finished datagrams go to a callback. */
#pragma once

#include "xdr.h"

typedef struct {
    uint32_t family; /* 1 = IPv4, 2 = IPv6; as on the wire */
    uint8_t bytes[16];
} VsfSflowAddress;

typedef struct VsfSflowDatagram VsfSflowDatagram;
typedef void (*VsfSflowDatagramFunc)(const uint8_t *data, size_t size, gpointer user_data);

/* @size: bytes of a datagram at most (UDP payload), 512 to 65507. */
VsfSflowDatagram *vsf_sflow_datagram_new(const VsfSflowAddress *agent, uint32_t sub_agent_id,
                                         size_t size, VsfSflowDatagramFunc out, gpointer user_data);
void vsf_sflow_datagram_free(VsfSflowDatagram *datagram);

/* As in vsf_sflow_datagram_new(), from the next datagram on; sequence numbers go on. Nothing may
 * be pending. */
void vsf_sflow_datagram_change(VsfSflowDatagram *datagram, const VsfSflowAddress *agent,
                               uint32_t sub_agent_id, size_t size);

/* Most bytes that one sample may have. */
size_t vsf_sflow_datagram_room(const VsfSflowDatagram *datagram);

/* Samples of one kind alone share a datagram. */
typedef enum {
    VSF_SFLOW_KIND_PLAIN,
    /* A source's first counter sample (sequence 1): some collectors suppress the rates of
     * samples that follow one in the same datagram. */
    VSF_SFLOW_KIND_FIRST,
    /* Custom metrics: pmacct drops what follows a sample whose format it does not know. They
     * are collected apart, so that they do not break up the others. */
    VSF_SFLOW_KIND_METRICS,
} VsfSflowKind;

/* Adds one whole encoded sample. Sends first what is collected if it does not fit. FALSE if
 * the sample is larger than room(): nothing is added. @uptime_ms: since the agent started. */
gboolean vsf_sflow_datagram_add(VsfSflowDatagram *datagram, const uint8_t *sample, size_t size,
                                VsfSflowKind kind, uint32_t uptime_ms);

/* Sends what is collected, if anything. */
void vsf_sflow_datagram_flush(VsfSflowDatagram *datagram, uint32_t uptime_ms);

/* Samples waiting for the next flush. */
guint vsf_sflow_datagram_pending(const VsfSflowDatagram *datagram);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfSflowDatagram, vsf_sflow_datagram_free)
