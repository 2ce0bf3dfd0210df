/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

#include <string.h>

#define MAX_TAGS 4
#define MAX_EXTENSIONS 8

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_8021Q = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_8021AD = 0x88a8,
};

enum {
    IP_HOP_BY_HOP = 0,
    IP_TCP = 6,
    IP_UDP = 17,
    IP_ROUTING = 43,
    IP_FRAGMENT = 44,
    IP_DESTINATION = 60,
    IP_SCTP = 132,
};

static uint16_t
u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void
parse_transport(const uint8_t *data, size_t size, VsfFrame *frame)
{
    size_t length;

    if (frame->ip_protocol != IP_TCP && frame->ip_protocol != IP_UDP &&
        frame->ip_protocol != IP_SCTP)
        return;
    if (size < 4)
        return;
    frame->has_ports = TRUE;
    frame->src_port = u16(data);
    frame->dst_port = u16(data + 2);
    if (frame->ip_protocol != IP_UDP || size < 8)
        return;
    length = u16(data + 4);
    if (length < 8)
        return;
    frame->udp_payload = data + 8;
    frame->udp_payload_size = MIN(length, size) - 8;
    frame->udp_cut = length > size;
}

static void
parse_ipv4(const uint8_t *data, size_t size, VsfFrame *frame)
{
    size_t header, total;
    uint16_t fragment;

    if (size < 20 || data[0] >> 4 != 4)
        return;
    header = (size_t)(data[0] & 0x0f) * 4;
    total = u16(data + 2);
    fragment = u16(data + 6);
    frame->ip_family = 1;
    frame->ip_protocol = data[9];
    memcpy(frame->src, data + 12, 4);
    memcpy(frame->dst, data + 16, 4);
    frame->fragment = (fragment & 0x3fff) != 0; /* more fragments, or an offset */
    if (header < 20 || header > size || (fragment & 0x1fff) != 0)
        return;
    /* Ethernet pads short frames; 0 is what segmentation offload leaves. */
    if (total >= header)
        size = MIN(size, total);
    parse_transport(data + header, size - header, frame);
}

/* TRUE if the transport header begins at *@at, FALSE if it cannot be had. */
static gboolean
skip_extensions(const uint8_t *data, size_t size, size_t *at, VsfFrame *frame)
{
    for (int i = 0; i < MAX_EXTENSIONS; i++) {
        size_t length;

        switch (frame->ip_protocol) {
        case IP_HOP_BY_HOP:
        case IP_ROUTING:
        case IP_DESTINATION:
        case IP_FRAGMENT:
            break;
        default:
            return TRUE;
        }
        if (size - *at < 8)
            return FALSE;
        if (frame->ip_protocol == IP_FRAGMENT) {
            length = 8;
            frame->fragment = TRUE;
        } else {
            length = ((size_t)data[*at + 1] + 1) * 8;
        }
        /* A later fragment holds no transport header. */
        if (length > size - *at ||
            (frame->ip_protocol == IP_FRAGMENT && (u16(data + *at + 2) & 0xfff8) != 0))
            return FALSE;
        frame->ip_protocol = data[*at];
        *at += length;
    }
    return FALSE;
}

static void
parse_ipv6(const uint8_t *data, size_t size, VsfFrame *frame)
{
    size_t at = 40;
    size_t payload;

    if (size < 40 || data[0] >> 4 != 6)
        return;
    payload = u16(data + 4);
    frame->ip_family = 2;
    frame->ip_protocol = data[6];
    memcpy(frame->src, data + 8, 16);
    memcpy(frame->dst, data + 24, 16);
    if (payload > 0) /* 0: jumbogram, or segmentation offload */
        size = MIN(size, 40 + payload);
    if (skip_extensions(data, size, &at, frame))
        parse_transport(data + at, size - at, frame);
}

void
vsf_frame_parse_network(const uint8_t *data, size_t size, uint16_t ethertype, VsfFrame *frame)
{
    for (int i = 0; i < MAX_TAGS && (ethertype == ETHERTYPE_8021Q || ethertype == ETHERTYPE_8021AD);
         i++) {
        if (size < 4)
            return;
        if (!frame->has_vlan) {
            frame->has_vlan = TRUE;
            frame->vlan = u16(data) & 0x0fff;
            frame->vlan_priority = data[0] >> 5;
        }
        ethertype = u16(data + 2);
        data += 4;
        size -= 4;
    }
    frame->has_ethertype = TRUE;
    frame->ethertype = ethertype;
    if (ethertype == ETHERTYPE_IPV4)
        parse_ipv4(data, size, frame);
    else if (ethertype == ETHERTYPE_IPV6)
        parse_ipv6(data, size, frame);
}

void
vsf_frame_parse_ethernet(const uint8_t *data, size_t size, VsfFrame *frame)
{
    if (size < 12)
        return;
    frame->has_macs = TRUE;
    memcpy(frame->dst_mac, data, 6);
    memcpy(frame->src_mac, data + 6, 6);
    if (size >= 14)
        vsf_frame_parse_network(data + 14, size - 14, u16(data + 12), frame);
}

static void
parse_raw_ip(const uint8_t *data, size_t size, VsfFrame *frame)
{
    if (size > 0)
        vsf_frame_parse_network(data, size, data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4,
                                frame);
}

void
vsf_frame_parse(VsfFrameLink link, const uint8_t *data, size_t size, VsfFrame *frame)
{
    switch (link) {
    case VSF_FRAME_ETHERNET:
        vsf_frame_parse_ethernet(data, size, frame);
        break;
    case VSF_FRAME_COOKED: /* 16 bytes, the ethertype last */
        if (size >= 16)
            vsf_frame_parse_network(data + 16, size - 16, u16(data + 14), frame);
        break;
    case VSF_FRAME_COOKED_2: /* 20 bytes, the ethertype first */
        if (size >= 20)
            vsf_frame_parse_network(data + 20, size - 20, u16(data), frame);
        break;
    case VSF_FRAME_LOOPBACK: /* the family has the writer's byte order and system: not used */
        if (size >= 4)
            parse_raw_ip(data + 4, size - 4, frame);
        break;
    case VSF_FRAME_RAW_IP:
        parse_raw_ip(data, size, frame);
        break;
    }
}

static void
tell_link(VsfReader *reader, const VsfFrame *frame)
{
    const VsfSflowSink *sink = reader->sink;

    if (frame->has_macs) {
        vsf_reader_tell_mac(reader, "dst_mac", frame->dst_mac);
        vsf_reader_tell_mac(reader, "src_mac", frame->src_mac);
    }
    if (frame->has_vlan) {
        sink->integer(reader->user_data, "vlan", frame->vlan);
        sink->integer(reader->user_data, "vlan_priority", frame->vlan_priority);
    }
    if (frame->has_ethertype)
        sink->integer(reader->user_data, "ethertype", frame->ethertype);
}

static void
tell_ip(VsfReader *reader, const VsfFrame *frame)
{
    const VsfSflowSink *sink = reader->sink;

    if (frame->ip_family == 0)
        return;
    vsf_reader_tell_address(reader, "src", frame->ip_family, frame->src);
    vsf_reader_tell_address(reader, "dst", frame->ip_family, frame->dst);
    sink->integer(reader->user_data, "ip_protocol", frame->ip_protocol);
    if (frame->has_ports) {
        sink->integer(reader->user_data, "src_port", frame->src_port);
        sink->integer(reader->user_data, "dst_port", frame->dst_port);
    }
}

void
vsf_frame_tell(VsfReader *reader, uint32_t protocol, const uint8_t *header, size_t length)
{
    VsfFrame frame = {0};

    if (protocol == 1)
        vsf_frame_parse_ethernet(header, length, &frame);
    else if (protocol == 11 || protocol == 12)
        vsf_frame_parse_network(header, length, protocol == 11 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
                                &frame);
    else
        return;
    reader->sink->begin_object(reader->user_data, "packet");
    tell_link(reader, &frame);
    tell_ip(reader, &frame);
    reader->sink->end_object(reader->user_data);
}
