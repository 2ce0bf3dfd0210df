/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program in the kernel and its loader have in common. */
#pragma once

#include "geometric.h"

#define VSF_BPF_HEADER_MAX 256
#define VSF_BPF_HITS_MAX 64 /* samples of one super-frame; more are counted as lost */

/* Flags of a tap. What a hook sees are candidates: there is no program where none are. */
#define VSF_TAP_MIRRORED 1U /* ingress is to the VM; the lowest bit */
#define VSF_TAP_ONCE 2U     /* of the egress only what came in by no attached tap of a VM */
#define VSF_TAP_IS_PORT 4U  /* the host's: what came in by it came in by no VM's */

/* The 64-bit numbers VSF_CODE + these, where an instruction loads one, are what the loader puts the
 * number into that is told here: the programs need it for each packet. */
#define VSF_CODE 0x7673663c0de00000ULL
enum {
    VSF_CODE_SLOTS,    /* a power of two */
    VSF_CODE_N_STATES, /* CPUs times slots */
    VSF_CODE_STATES,   /* the address of the states */
    VSF_CODE_N,
};

/* The only read-only data: set before the programs are loaded, so that the verifier knows them as
 * constants. For what few packets need. */
struct vsf_bpf_constants {
    __u32 header_bytes;
    __u64 ring_bytes;
    __u32 log2_table[VSF_LOG2_STEPS + 1];
};

/* A tap, in a slot of an array that user space has mapped. Its slot is ifindex & (n_slots - 1) if
 * that is free, else any other, which the map `displaced` knows. A cache line each. */
struct vsf_bpf_tap {
    __s32 ifindex;    /* 0: free; negative: taken, but no program is to find it. User space's */
    __u32 generation; /* of the slot: grows with each tap that it gets */
    __u32 displaced;  /* taps that belong here and lie elsewhere. User space's */
    /* Records of this slot that were put into the ring, and those of them that were taken out.
     * They go on from tap to tap: what the one before left still lies in the ring. */
    __u64 produced; /* kernel */
    __u64 consumed; /* user space, one thread */
} __attribute__((aligned(64)));

/* One of each tap on each CPU, at cpu * slots + slot of an array that user space has mapped too.
 * The first cache line is all that a frame needs that is not picked: what the tap is, and what
 * was counted. Programs run with bottom halves off, so nothing interrupts a program by another on
 * the same CPU. */
struct vsf_bpf_state {
    __u32 ifindex; /* 0: no program is to find it. User space writes these */
    __u16 flags;
    __u16 has_displaced; /* taps that belong here lie elsewhere */
    __u32 rate;          /* N that is in force */
    __u32 drawn_for;     /* N that `left` was drawn for */
    __u64 left;          /* candidates up to the one that is picked next, this included */
    __u64 passed;        /* segments at egress that are no candidates */
    __u64 packets[2];    /* segments that are: at egress and at ingress */
    __u64 bytes[2];      /* of all */
    __u64 rate_word __attribute__((aligned(64))); /* of `rate`, written before it. User space */
    __u64 seen;                                   /* candidates, when the last was picked */
    __u64 last;                                   /* the number of the last that was picked */
    __u64 told;                                   /* the sum of the gaps in records */
    __u64 lost;
    __u32 drawing_for; /* N that the last pick drew for */
};

/* In the ring, header_bytes of `header`. */
struct vsf_bpf_record {
    __u64 time_ns;
    __u32 ifindex;
    __u32 slot;
    __u32 generation;
    __u32 rate;
    __u32 gap;          /* of all hits together */
    __u32 frame_length; /* of a segment */
    __u32 last_length;  /* of that which the last hit is on: the last of a super-frame is shorter */
    __u16 hits;         /* samples: those of a super-frame share a record */
    __u8 from_vm;
    __u8 padding;
    __u32 header_length;
    __u8 header[];
};
