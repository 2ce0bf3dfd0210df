/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quantiles.h"

#define STEPS_BITS 4 /* sixteen buckets per power of two */
#define STEPS (1u << STEPS_BITS)

/* Below STEPS each value has its own bucket; from there on those with the same highest
 * bit and the same STEPS_BITS bits after it share one. */
static guint
bucket_of(guint64 value)
{
    guint shift, bucket;

    if (value < STEPS)
        return (guint)value;
    shift = 63 - (guint)__builtin_clzll(value) - STEPS_BITS;
    bucket = (shift + 1) * STEPS + (guint)(value >> shift) - STEPS;
    return MIN(bucket, VSF_QUANTILES_BUCKETS - 1);
}

/* The largest value of a bucket. */
static guint64
bound_of(guint bucket)
{
    guint shift;

    if (bucket < STEPS)
        return bucket;
    shift = bucket / STEPS - 1;
    return (((guint64)(bucket % STEPS) + STEPS + 1) << shift) - 1;
}

void
vsf_quantiles_add(VsfQuantiles *quantiles, gint64 value)
{
    quantiles->counts[bucket_of((guint64)MAX(value, 0))]++;
    quantiles->n++;
}

guint64
vsf_quantiles_at(const VsfQuantiles *quantiles, guint per_mille)
{
    /* By the nearest rank: the value itself, none between two. */
    guint64 rank = (quantiles->n * per_mille + 999) / 1000, below = 0;

    for (guint i = 0; i < VSF_QUANTILES_BUCKETS && quantiles->n > 0; i++) {
        below += quantiles->counts[i];
        if (below >= rank)
            return bound_of(i);
    }
    return G_MAXUINT64;
}

VsfQuantiles
vsf_quantiles_take(VsfQuantiles *quantiles)
{
    VsfQuantiles taken = *quantiles;

    *quantiles = (VsfQuantiles){0};
    return taken;
}
