/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the first bytes of a packet say, for people, and for reading UDP out
 * of capture files. Looks no further than ports; guesses nothing where the
 * bytes end. */
#pragma once

#include "reader.h"

typedef struct {
    gboolean has_macs;
    uint8_t dst_mac[6], src_mac[6];
    gboolean has_vlan; /* of the outer tag */
    uint16_t vlan;
    uint8_t vlan_priority;
    gboolean has_ethertype; /* of what is inside all tags */
    uint16_t ethertype;
    uint32_t ip_family; /* 0: no IP header, or not all of it; 1 = IPv4, 2 = IPv6 */
    uint8_t src[16], dst[16];
    uint8_t ip_protocol;
    gboolean fragment;  /* any part of a fragmented packet */
    gboolean has_ports; /* TCP, UDP or SCTP, not a later fragment */
    uint16_t src_port, dst_port;
    /* UDP: what is inside, as far as it was captured; NULL otherwise. */
    const uint8_t *udp_payload;
    size_t udp_payload_size;
    gboolean udp_cut; /* the datagram is longer than what is there */
} VsfFrame;

/* Link layers of capture files. */
typedef enum {
    VSF_FRAME_ETHERNET,
    VSF_FRAME_COOKED,   /* LINUX_SLL */
    VSF_FRAME_COOKED_2, /* LINUX_SLL2 */
    VSF_FRAME_LOOPBACK, /* BSD's: a word with the address family */
    VSF_FRAME_RAW_IP,
} VsfFrameLink;

/* They fill in what they find and leave the rest of a zeroed @frame. */
void vsf_frame_parse(VsfFrameLink link, const uint8_t *data, size_t size, VsfFrame *frame);
void vsf_frame_parse_ethernet(const uint8_t *data, size_t size, VsfFrame *frame);
/* Begins behind the link layer, or at an 802.1Q tag. */
void vsf_frame_parse_network(const uint8_t *data, size_t size, uint16_t ethertype, VsfFrame *frame);

/* Tells the object "packet" for a sampled header; @protocol is
 * sampled_header's: 1 Ethernet, 11 IPv4, 12 IPv6, others tell nothing. */
void vsf_frame_tell(VsfReader *reader, uint32_t protocol, const uint8_t *header, size_t length);
