/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sampler in the kernel: two programs, for a tap's ingress and egress hook. All that is done
 * for each packet is to find what this CPU has of the tap, one cache line, to count there, and to
 * see whether the candidate that is picked next is reached. */
#include "sampler-shared.h"
#include "super-frame.bpf.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SEEN_TAG_BYTES 4
#define NO_SLOT 0xffffffff

/* Also TCX_NEXT: whatever others have there goes on as without us. */
#define NEXT TC_ACT_UNSPEC

const volatile struct vsf_bpf_constants constants SEC(".rodata.vsf");

/* The sizes are the loader's. It makes one map more, of the states, whose address is put into the
 * instructions. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct vsf_bpf_tap);
} vsf_taps SEC(".maps");

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

/* A number whose address is taken has a word of the stack for itself: verifiers before Linux 6.8 do
 * not like another half to be written where one was kept. */
#define ALONE __attribute__((aligned(8)))

/* What the loader writes into the instructions. Read-only data would be a cache line, and a page,
 * more for each packet. Loaded anew where it is needed: kept, it would be kept on the stack. */
#define IN_CODE(number)                                                        \
    ({                                                                         \
        __u64 in_code;                                                         \
        asm volatile("%0 = %1 ll" : "=r"(in_code) : "i"(VSF_CODE + (number))); \
        in_code;                                                               \
    })

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* The slot of a tap that is not at home; NO_SLOT: none. Apart, since few are. */
static __noinline __u32
find_displaced(__u32 ifindex)
{
    __u32 key ALONE = ifindex;
    __u32 *slot = bpf_map_lookup_elem(&vsf_displaced, &key);

    return slot ? *slot : NO_SLOT;
}

/* The number of this CPU's first state. */
static __always_inline __u64
states_begin(void)
{
    return bpf_get_smp_processor_id() * IN_CODE(VSF_CODE_SLOTS);
}

static __always_inline __u64
home_of(__u32 ifindex)
{
    return ifindex & (IN_CODE(VSF_CODE_SLOTS) - 1);
}

/* What the CPU has of the tap in @slot. */
static __always_inline struct vsf_bpf_state *
state_in(__u64 begin, __u64 slot)
{
    __u64 number = begin + slot;
    struct vsf_bpf_state *state;

    asm volatile("" : "+r"(number)); /* else a copy of it is compared */
    if (unlikely(number >= IN_CODE(VSF_CODE_N_STATES)))
        return 0; /* never, which the verifier does not know */
    state = (struct vsf_bpf_state *)IN_CODE(VSF_CODE_STATES) + number;
    asm volatile("" : "+r"(state)); /* else it is worked out twice */
    if (!state)
        __builtin_unreachable();
    return state;
}

static __always_inline struct vsf_bpf_state *
find_state(__u64 begin, __u32 ifindex, __u64 *slot)
{
    struct vsf_bpf_state *state;

    *slot = home_of(ifindex);
    state = state_in(begin, *slot);
    if (unlikely(!state))
        return 0;
    if (likely(state->ifindex == ifindex))
        return state;
    if (likely(!state->has_displaced))
        return 0;
    *slot = find_displaced(ifindex);
    if (*slot == NO_SLOT)
        return 0;
    state = state_in(begin, *slot);
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
    state->seen = state->packets[0] + state->packets[1];
    rate_word = *(volatile __u64 *)&state->rate_word;
    state->drawing_for = VSF_RATE_N(rate_word);
    next = state->seen - n + state->left;
    if (VSF_RATE_N(rate_word) <= 1) {
        hits = state->seen - next + 1;
        state->last = state->seen;
        state->left = 1;
        return hits;
    }
    /* Unrolled: what a processor might guess of a loop has no end. */
#pragma unroll
    for (int i = 0; i < VSF_BPF_HITS_MAX && next <= state->seen; i++) {
        state->last = next;
        hits++;
        next += 1 + vsf_draw_skip(rate_word);
    }
    if (next <= state->seen) {
        /* As many as there would be on average. */
        rest = state->seen - next;
        hits += 1 + rest / VSF_RATE_N(rate_word);
        next = state->seen + 1 + vsf_draw_skip(rate_word);
    }
    state->left = next - state->seen;
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
    if (state->last != state->seen)
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
came_by_tap(const struct __sk_buff *skb, __u64 begin)
{
    const struct vsf_bpf_state *other;
    __u64 unused;

    if (!skb->ingress_ifindex)
        return 0;
    other = find_state(begin, skb->ingress_ifindex, &unused);
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
count(struct __sk_buff *skb, __u64 begin, struct vsf_bpf_state *state, __u32 ingress, __u64 n,
      __u64 bytes)
{
    if (ingress) {
        state->packets[1] += n;
        state->bytes[1] += bytes;
    } else {
        state->bytes[0] += bytes;
        if (state->flags & VSF_TAP_ONCE && came_by_tap(skb, begin)) {
            state->passed += n;
            return 0;
        }
        state->packets[0] += n;
    }
    if (unlikely(state->drawn_for != *(volatile __u32 *)&state->rate))
        draw_anew(state);
    if (unlikely(n >= state->left))
        return 1;
    state->left -= n;
    return 0;
}

static __always_inline __u32
tag_bytes_of(const struct __sk_buff *skb)
{
    return skb->vlan_present * SEEN_TAG_BYTES; /* it is 0 or 1 */
}

/* Apart, as all is that few frames need, so that the rest lies together. @place: the slot and, in
 * the lowest bit, whether it is the ingress. */
static __noinline int
pick_frame(struct __sk_buff *skb, struct vsf_bpf_state *state, __u64 place)
{
    __u64 length = skb->len + tag_bytes_of(skb);
    struct shape shape = {1, length, length, length};

    pick(skb, state, &shape, place);
    return NEXT;
}

/* A super-frame, or one of an interface that is not at home or is not sampled. */
static __noinline int
see_other(struct __sk_buff *skb, __u32 ingress)
{
    __u32 tag_bytes = tag_bytes_of(skb);
    struct shape shape = {.n = 1};
    __u64 begin = states_begin(), slot;
    struct vsf_bpf_state *state = find_state(begin, skb->ifindex, &slot);

    if (!state)
        return NEXT;
    shape.length = shape.last_length = shape.bytes = skb->len + tag_bytes;
    if (skb->gso_size != 0)
        shape_super_frame(skb, tag_bytes, &shape);
    if (count(skb, begin, state, ingress, shape.n, shape.bytes))
        pick(skb, state, &shape, slot << 1 | ingress);
    return NEXT;
}

static __always_inline int
see(struct __sk_buff *skb, __u32 ingress)
{
    __u32 ifindex = skb->ifindex;
    __u64 begin = states_begin(), slot = home_of(ifindex);
    struct vsf_bpf_state *state = state_in(begin, slot);

    if (unlikely(!state || state->ifindex != ifindex || skb->gso_size != 0))
        return see_other(skb, ingress);
    if (likely(!count(skb, begin, state, ingress, 1, skb->len + tag_bytes_of(skb))))
        return NEXT;
    return pick_frame(skb, state, slot << 1 | ingress);
}

SEC("vsf")
int
vsf_ingress(struct __sk_buff *skb)
{
    return see(skb, 1);
}

SEC("vsf")
int
vsf_egress(struct __sk_buff *skb)
{
    return see(skb, 0);
}

char vsf_license[] SEC("license") = "GPL";
