/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a frame that is to be cut goes over the wire. In the kernel. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAC_BYTES 12 /* before the tag */
#define TAGS_MAX 3
#define EXTENSIONS_MAX 4
#define IPV4_TCP_END (ETH_HLEN + 20 + 20)
#define IPV6_TCP_END (ETH_HLEN + 40 + 20)

/* How a frame goes over the wire. On the stack, where verifiers before Linux 6.8 do not like a half
 * of eight bytes to be written when the whole was. */
struct shape {
    __u64 n;      /* segments */
    __u64 length; /* of each but the last */
    __u64 last_length;
    __u64 bytes; /* of all */
};

/* To where the network header begins; sets @protocol. 0: too short. */
static __always_inline __u32
skip_link(struct __sk_buff *skb, __u16 *protocol)
{
    __u32 at = MAC_BYTES;

#pragma unroll
    for (int i = 0; i < TAGS_MAX; i++) {
        if (bpf_skb_load_bytes(skb, at, protocol, sizeof(*protocol)) != 0)
            return 0;
        at += sizeof(*protocol);
        if (*protocol != bpf_htons(ETH_P_8021Q) && *protocol != bpf_htons(ETH_P_8021AD))
            break;
        at += 2;
    }
    return at;
}

/* From the network header at @at to the transport's; sets @protocol to that. */
static __always_inline __u32
skip_network(struct __sk_buff *skb, __u32 at, __u16 link_protocol, __u8 *protocol)
{
    __u8 first = 0, extension[2];

    *protocol = 0;
    if (link_protocol == bpf_htons(ETH_P_IP)) {
        if (bpf_skb_load_bytes(skb, at, &first, 1) != 0 ||
            bpf_skb_load_bytes(skb, at + 9, protocol, 1) != 0)
            return at;
        return at + (first & 15) * 4;
    }
    if (link_protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, at + 6, protocol, 1) != 0)
        return at;
    at += 40;
#pragma unroll
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        if (*protocol != IPPROTO_HOPOPTS && *protocol != IPPROTO_ROUTING &&
            *protocol != IPPROTO_DSTOPTS)
            break;
        if (bpf_skb_load_bytes(skb, at, extension, sizeof(extension)) != 0)
            break;
        *protocol = extension[0];
        at += (extension[1] + 1) * 8;
    }
    return at;
}

/* Those of nearly every super-frame, TCP right behind an IP header without options, where they lie
 * in one piece: a tenth of what the general way costs. 0: another frame. Places are constant, for
 * verifiers without CAP_PERFMON. */
static __always_inline __u32
plain_headers_length(struct __sk_buff *skb)
{
    const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
    __u32 offset;

    if (data + IPV4_TCP_END > end)
        return 0;
    /* Here, or the compiler makes one access of both, to a place that is chosen. */
    offset = data[ETH_HLEN + 20 + 12] >> 4;
    asm volatile("" : "+r"(offset));
    if (*(const __u16 *)(data + MAC_BYTES) == bpf_htons(ETH_P_IP)) {
        if (data[ETH_HLEN] != 0x45 || data[ETH_HLEN + 9] != IPPROTO_TCP)
            return 0;
        return ETH_HLEN + 20 + offset * 4;
    }
    if (*(const __u16 *)(data + MAC_BYTES) != bpf_htons(ETH_P_IPV6) || data + IPV6_TCP_END > end ||
        data[ETH_HLEN + 6] != IPPROTO_TCP)
        return 0;
    return ETH_HLEN + 40 + (data[ETH_HLEN + 40 + 12] >> 4) * 4;
}

/* The bytes that each segment of a super-frame begins with. */
__noinline __u32
vsf_headers_length(struct __sk_buff *skb)
{
    __u16 link_protocol = 0;
    __u8 protocol, offset = 0;
    __u32 at = plain_headers_length(skb);

    if (at != 0)
        return at;
    at = skip_link(skb, &link_protocol);
    if (at == 0)
        return ETH_HLEN;
    at = skip_network(skb, at, link_protocol, &protocol);
    if (protocol == IPPROTO_UDP)
        return at + 8;
    if (protocol == IPPROTO_TCP && bpf_skb_load_bytes(skb, at + 12, &offset, 1) == 0)
        return at + (offset >> 4) * 4;
    return at;
}

/* gso_segs is 0 in what a guest sends until the kernel has looked at it, which it does later. */
static __always_inline int
shape_super_frame(struct __sk_buff *skb, __u32 tag_bytes, struct shape *shape)
{
    __u32 headers = vsf_headers_length(skb), size = skb->gso_size, length = skb->len;
    __u32 n = skb->gso_segs, payload;

    if (headers >= length || size == 0)
        return 0;
    payload = length - headers;
    if (n == 0)
        n = (payload + size - 1) / size;
    if (n <= 1)
        return 0;
    shape->n = n;
    shape->bytes = (__u64)length + tag_bytes + (__u64)(n - 1) * (headers + tag_bytes);
    if (payload > size)
        shape->length = headers + tag_bytes + size;
    shape->last_length = shape->length;
    if (payload > (__u64)(n - 1) * size)
        shape->last_length = headers + tag_bytes + payload - (n - 1) * size;
    return 0;
}
