/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sampler in the kernel: two programs, for a tap's ingress and egress hook. All that is done
 * for each packet is to find what this CPU has of the tap, one cache line, to count there, and to
 * see whether the candidate that is picked next is reached. */
#include "sampler-shared.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SEEN_TAG_BYTES 4
#define TAGS_MAX 3
#define EXTENSIONS_MAX 4
#define MAC_BYTES 12 /* before the tag */
#define NO_SLOT 0xffffffff
#define IPV4_TCP_END (ETH_HLEN + 20 + 20)
#define IPV6_TCP_END (ETH_HLEN + 40 + 20)

/* Also TCX_NEXT: whatever others have there goes on as without us. */
#define NEXT TC_ACT_UNSPEC

const volatile struct vsf_bpf_constants constants SEC(".rodata.vsf");

/* The sizes are the loader's. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct vsf_bpf_tap);
} vsf_taps SEC(".maps");

/* Not of the kernel's per-CPU kind, to whose values there is one way more to go. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct vsf_bpf_state);
} vsf_states SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, __u32);   /* ifindex */
    __type(value, __u32); /* slot */
} vsf_displaced SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} vsf_ring SEC(".maps");

/* How a frame goes over the wire. On the stack, where verifiers before Linux 6.8 do not like a half
 * of eight bytes to be written when the whole was. */
struct shape {
    __u64 n;      /* segments */
    __u64 length; /* of each but the last */
    __u64 last_length;
    __u64 bytes; /* of all */
};

/* A number whose address is taken has a word of the stack for itself: verifiers before Linux 6.8 do
 * not like another half to be written where one was kept. */
#define ALONE __attribute__((aligned(8)))

static __always_inline struct vsf_bpf_state *
state_of(__u32 slot)
{
    __u32 key ALONE = bpf_get_smp_processor_id() * constants.n_slots + slot;

    return bpf_map_lookup_elem(&vsf_states, &key);
}

/* The slot of a tap that is not at home; NO_SLOT: none. Apart, since few are. */
static __noinline __u32
find_displaced(__u32 ifindex)
{
    __u32 key ALONE = ifindex;
    __u32 *slot = bpf_map_lookup_elem(&vsf_displaced, &key);

    return slot ? *slot : NO_SLOT;
}

/* What this CPU has of it. */
static __always_inline struct vsf_bpf_state *
find_state(__u32 ifindex, __u32 *slot)
{
    struct vsf_bpf_state *state;
    struct vsf_bpf_tap *home;

    *slot = ifindex & (constants.n_slots - 1);
    state = state_of(*slot);
    if (!state || state->ifindex == ifindex)
        return state;
    home = bpf_map_lookup_elem(&vsf_taps, slot);
    if (!home || home->displaced == 0)
        return 0;
    *slot = find_displaced(ifindex);
    if (*slot == NO_SLOT)
        return 0;
    state = state_of(*slot);
    return state && state->ifindex == ifindex ? state : 0;
}

/* The functions with loops, or called in one, are not static: so the verifier looks at each alone
 * and once. Without CAP_PERFMON, where it follows what a processor might guess as well, it would
 * find the whole too complex. */
__noinline __u64
vsf_draw_skip(__u64 rate_word)
{
    __u64 random;

    if (VSF_RATE_N(rate_word) <= 1)
        return 0;
    random = (__u64)bpf_get_prandom_u32() << 32;
    return vsf_geometric_skip(random | bpf_get_prandom_u32(), rate_word, constants.log2_table);
}

/* --- super-frames ---------------------------------------------------------- */

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

/* --- samples --------------------------------------------------------------- */

/* At most @most of @length bytes from @from on, to the record's header at @at. */
static __always_inline int
copy_bytes(struct __sk_buff *skb, struct vsf_bpf_record *record, __u32 from, __u32 at, __u32 length,
           __u32 most)
{
    if (length > most)
        length = most;
    /* What is known already, in a form that each verifier understands (that of Linux 6.1 does not
     * see that what is not 0 is at least 1), and which the compiler may not take out again. */
    asm volatile("" : "+r"(length));
    length = ((length - 1) & (VSF_BPF_HEADER_MAX - 1)) + 1;
    asm volatile("" : "+r"(length));
    if (length > most)
        return -1;
    record->header_length = at + length;
    return (int)bpf_skb_load_bytes(skb, from, record->header + at, length);
}

/* With the tag that the kernel keeps beside the frame put back. Apart, or the compiler makes one
 * copy of both, to a place that is chosen, which verifiers do not like. */
static __noinline int
copy_tagged(struct __sk_buff *skb, struct vsf_bpf_record *record)
{
    __u16 *tag = (__u16 *)(record->header + MAC_BYTES);

    if (bpf_skb_load_bytes(skb, 0, record->header, MAC_BYTES) != 0)
        return -1;
    tag[0] = (__u16)skb->vlan_proto;
    tag[1] = bpf_htons((__u16)skb->vlan_tci);
    return copy_bytes(skb, record, MAC_BYTES, MAC_BYTES + SEEN_TAG_BYTES, skb->len - MAC_BYTES,
                      constants.header_bytes - MAC_BYTES - SEEN_TAG_BYTES);
}

static __always_inline int
copy_header(struct __sk_buff *skb, struct vsf_bpf_record *record)
{
    if (skb->vlan_present)
        return copy_tagged(skb, record);
    return copy_bytes(skb, record, 0, 0, skb->len, constants.header_bytes);
}

/* A tap may have as many records in the ring as there is room for beside them. So one that floods
 * leaves half to the others, and n that do leave 1/(n + 1). */
static __always_inline int
has_room(const struct vsf_bpf_tap *tap, __u64 record_bytes)
{
    __u64 own = (tap->produced - tap->consumed) * (record_bytes + BPF_RINGBUF_HDR_SZ);
    __u64 used = bpf_ringbuf_query(&vsf_ring, BPF_RB_AVAIL_DATA);

    return own + used < constants.ring_bytes;
}

/* Draws until the next one lies behind this frame of @n segments, which are counted already.
 * Returns how many of them are picked, and sets state->last and state->drawing_for. */
__noinline __u64
vsf_draw_hits(struct vsf_bpf_state *state, __u64 n)
{
    __u64 rate_word, next, hits = 0, rest;

    if (!state)
        return 0;
    rate_word = *(volatile __u64 *)&state->rate_word;
    state->drawing_for = VSF_RATE_N(rate_word);
    next = state->candidates - n + state->left;
    if (VSF_RATE_N(rate_word) <= 1) {
        hits = state->candidates - next + 1;
        state->last = state->candidates;
        state->left = 1;
        return hits;
    }
    /* Unrolled: what a processor might guess of a loop has no end. */
#pragma unroll
    for (int i = 0; i < VSF_BPF_HITS_MAX && next <= state->candidates; i++) {
        state->last = next;
        hits++;
        next += 1 + vsf_draw_skip(rate_word);
    }
    if (next <= state->candidates) {
        /* As many as there would be on average. */
        rest = state->candidates - next;
        hits += 1 + rest / VSF_RATE_N(rate_word);
        next = state->candidates + 1 + vsf_draw_skip(rate_word);
    }
    state->left = next - state->candidates;
    return hits;
}

/* A record of @hits samples, the last of which is state->last. @place: as for pick(). */
static __always_inline int
emit(struct __sk_buff *skb, const struct vsf_bpf_state *state, const struct shape *shape,
     __u64 place, __u32 gap, __u16 hits)
{
    const __u64 bytes = sizeof(struct vsf_bpf_record) + constants.header_bytes;
    __u64 length = shape->length, last_length = shape->last_length;
    __u32 slot ALONE = (__u32)(place >> 1);
    struct vsf_bpf_tap *tap = bpf_map_lookup_elem(&vsf_taps, &slot);
    struct vsf_bpf_record *record;

    if (!tap || !has_room(tap, bytes))
        return -1;
    /* Else the compiler chooses between two addresses, which needs CAP_PERFMON. */
    asm volatile("" : "+r"(length), "+r"(last_length));
    if (state->last != state->candidates)
        last_length = length;
    record = bpf_ringbuf_reserve(&vsf_ring, bytes, 0);
    if (!record)
        return -1;
    record->time_ns = bpf_ktime_get_ns();
    record->ifindex = skb->ifindex;
    record->slot = slot;
    record->generation = tap->generation;
    record->rate = state->drawn_for;
    record->gap = gap;
    record->frame_length = (__u32)length;
    record->last_length = (__u32)last_length;
    record->hits = hits;
    record->from_vm = (place ^ state->flags) & 1;
    if (copy_header(skb, record) != 0) {
        bpf_ringbuf_discard(record, 0);
        return -1;
    }
    __sync_fetch_and_add(&tap->produced, 1);
    /* Wakes user space only if that has read all that was there. */
    bpf_ringbuf_submit(record, 0);
    return 0;
}

/* @place: the slot and, in the lowest bit, whether it is the ingress. */
static __always_inline void
pick(struct __sk_buff *skb, struct vsf_bpf_state *state, const struct shape *shape, __u64 place)
{
    __u64 hits = vsf_draw_hits(state, shape->n), gap = state->last - state->told;

    if (hits > VSF_BPF_HITS_MAX) {
        state->lost += hits - VSF_BPF_HITS_MAX;
        hits = VSF_BPF_HITS_MAX;
    }
    if (gap > 0xffffffff)
        gap = 0xffffffff;
    if (emit(skb, state, shape, place, (__u32)gap, (__u16)hits) == 0)
        state->told += gap;
    else
        state->lost += hits;               /* and the next record tells of the gap */
    state->drawn_for = state->drawing_for; /* another, if the rate is being changed */
}

/* --- each packet ----------------------------------------------------------- */

static __always_inline int
came_by_tap(const struct __sk_buff *skb)
{
    const struct vsf_bpf_state *other;
    __u32 unused ALONE;

    if (!skb->ingress_ifindex)
        return 0;
    other = find_state(skb->ingress_ifindex, &unused);
    return other && !(other->flags & VSF_TAP_IS_PORT);
}

/* The distribution has no memory: what passed since the last pick does not matter. */
static __noinline int
draw_anew(struct vsf_bpf_state *state)
{
    __u64 rate_word = *(volatile __u64 *)&state->rate_word;

    state->drawn_for = VSF_RATE_N(rate_word);
    state->left = 1 + vsf_draw_skip(rate_word);
    return 0;
}

/* Counts @n segments of @bytes together. Returns whether one of them is to be picked. */
static __always_inline int
count(struct __sk_buff *skb, struct vsf_bpf_state *state, __u32 ingress, __u64 n, __u64 bytes)
{
    if (ingress) {
        state->packets[1] += n;
        state->bytes[1] += bytes;
    } else {
        state->packets[0] += n;
        state->bytes[0] += bytes;
    }
    if (!ingress && state->flags & VSF_TAP_ONCE && came_by_tap(skb))
        return 0;
    if (state->drawn_for != *(volatile __u32 *)&state->rate)
        draw_anew(state);
    state->candidates += n;
    if (n >= state->left)
        return 1;
    state->left -= n;
    return 0;
}

static __always_inline __u32
tag_bytes_of(const struct __sk_buff *skb)
{
    return skb->vlan_present ? SEEN_TAG_BYTES : 0;
}

/* These two are apart, so that the programs hold little of what few frames need. @place: the slot
 * and, in the lowest bit, whether it is the ingress. */
static __noinline int
see_super_frame(struct __sk_buff *skb, struct vsf_bpf_state *state, __u64 place)
{
    __u32 tag_bytes = tag_bytes_of(skb);
    struct shape shape = {.n = 1};

    shape.length = shape.last_length = shape.bytes = skb->len + tag_bytes;
    shape_super_frame(skb, tag_bytes, &shape);
    if (count(skb, state, place & 1, shape.n, shape.bytes))
        pick(skb, state, &shape, place);
    return NEXT;
}

static __noinline int
pick_frame(struct __sk_buff *skb, struct vsf_bpf_state *state, __u64 place)
{
    __u64 length = skb->len + tag_bytes_of(skb);
    struct shape shape = {1, length, length, length};

    pick(skb, state, &shape, place);
    return NEXT;
}

static __always_inline int
see(struct __sk_buff *skb, __u32 ingress)
{
    __u32 slot ALONE;
    struct vsf_bpf_state *state = find_state(skb->ifindex, &slot);

    if (!state)
        return NEXT;
    if (skb->gso_size != 0)
        return see_super_frame(skb, state, (__u64)slot << 1 | ingress);
    if (!count(skb, state, ingress, 1, skb->len + tag_bytes_of(skb)))
        return NEXT;
    return pick_frame(skb, state, (__u64)slot << 1 | ingress);
}

SEC("tc")
int
vsf_ingress(struct __sk_buff *skb)
{
    return see(skb, 1);
}

SEC("tc")
int
vsf_egress(struct __sk_buff *skb)
{
    return see(skb, 0);
}

char vsf_license[] SEC("license") = "GPL";
