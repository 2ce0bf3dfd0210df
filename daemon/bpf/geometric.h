/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many candidates pass before the next one is picked, 1 in N: the geometric distribution, in
 * fixed point. The BPF program and the unit test compile this same code, so it has no floats, no
 * libc and no branches that a verifier would have to follow one by one.
 *
 * With U uniform in (0, 1], floor(log U / log(1 - 1/N)) candidates are passed over. */
#pragma once

#include <linux/types.h>

#define VSF_LOG2_STEPS 256

/* A rate in one word, so that another one is in force at once and whole: N in the low 24 bits, a
 * shift in the next 8, and above them a mantissa of 32 bits, normalised, such that
 * -1 / log2(1 - 1/N) is mantissa * 2^(26 - shift). vsf_rate_word() makes it. */
#define VSF_RATE_N(word) ((__u32)((word)&0xffffff))
#define VSF_RATE_SHIFT(word) ((__u32)((word) >> 24) & 63)
#define VSF_RATE_MANTISSA(word) ((__u32)((word) >> 32))

/* By halves and without branches; clang 14 has no builtin for BPF. @value is not 0. */
static inline __u32
vsf_leading_zeros(__u64 value)
{
    __u32 zeros = 0, step;

    /* What is 0 underflows, and so has the highest bit set. */
#define VSF_HALVE(bits)                                            \
    step = (__u32)(((value >> (64 - (bits))) - 1) >> 63) * (bits); \
    value <<= step;                                                \
    zeros += step
    VSF_HALVE(32);
    VSF_HALVE(16);
    VSF_HALVE(8);
    VSF_HALVE(4);
    VSF_HALVE(2);
    VSF_HALVE(1);
#undef VSF_HALVE
    return zeros;
}

/* -log2(@random / 2^64) with 26 bits after the point. @table: log2(1 + i / 256), 31 bits after
 * the point, 257 of them; between them straight lines, which are off by less than 3e-6. */
static inline __u64
vsf_minus_log2(__u64 random, const volatile __u32 *table)
{
    __u32 zeros = vsf_leading_zeros(random |= 1);
    __u64 normal = random << zeros;
    __u32 step = (normal >> 55) & (VSF_LOG2_STEPS - 1);
    __u64 part = (normal >> 31) & 0xffffff;
    __u64 low = table[step], log = low + ((table[step + 1] - low) * part >> 24);
    __u64 result = ((((__u64)zeros + 1) << 31) - log) >> 5;

    return result > 0xffffffff ? 0xffffffff : result;
}

/* @random: 64 random bits. N must be 2 or more. */
static inline __u64
vsf_geometric_skip(__u64 random, __u64 rate_word, const volatile __u32 *table)
{
    return vsf_minus_log2(random, table) * VSF_RATE_MANTISSA(rate_word) >>
           VSF_RATE_SHIFT(rate_word);
}
