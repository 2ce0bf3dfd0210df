/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rate-word.h"

#include "sampler-shared.h"

#include <math.h>
#include <string.h>

guint64
vsf_rate_word(guint32 rate)
{
    double factor;
    int exponent;
    guint64 mantissa;

    g_assert(rate >= 1 && rate <= VSF_BPF_RATE_MAX);
    if (rate == 1)
        return rate;
    factor = -G_LN2 / log1p(-1.0 / rate);
    /* frexp's fraction is in [0.5, 1): 32 bits, the highest set. */
    mantissa = (guint64)llround(ldexp(frexp(factor, &exponent), 32));
    if (mantissa > G_MAXUINT32) {
        mantissa /= 2;
        exponent++;
    }
    return mantissa << 32 | (guint64)(26 + 32 - exponent) << 24 | rate;
}

void
vsf_log2_table(guint32 table[VSF_LOG2_STEPS + 1])
{
    for (guint i = 0; i <= VSF_LOG2_STEPS; i++)
        table[i] = (guint32)llround(ldexp(log2(1 + (double)i / VSF_LOG2_STEPS), 31));
}

guint
vsf_cpu_numbers(const char *possible)
{
    const char *end = possible + strcspn(possible, "\n"), *at = end;

    while (at > possible && g_ascii_isdigit(at[-1]))
        at--;
    return at < end ? (guint)g_ascii_strtoull(at, NULL, 10) + 1 : 0;
}

guint
vsf_bpf_slots(guint taps_max, guint n_cpus, gsize states_max)
{
    gsize most = states_max / sizeof(struct vsf_bpf_state) / MAX(n_cpus, 1);
    guint slots = 1;

    while (slots < taps_max && (slots < VSF_BPF_SLOTS_LEAST || slots * 2 <= most))
        slots *= 2;
    return slots;
}
