/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool between two readings of a tap's counters, or from gap to gap. */
#include "sample-pool.h"

/* Weight of sampled frames that the share keeps over a reading: in a flood the
 * newest interval decides, at a low rate the last hundred samples do. */
#define SHARE_MEMORY 100.0

void
vsf_sample_pool_init(VsfSamplePool *pool, VsfDirection direction)
{
    *pool = (VsfSamplePool){.direction = direction};
}

void
vsf_sample_pool_note_to_vm(VsfSamplePool *pool, gboolean kept)
{
    pool->to_seen += 1;
    if (kept)
        pool->to_kept += 1;
}

/* The frames since the reading before the last that were candidates, as far as
 * is known now. Until a frame to the VM was sampled, all of them are. */
static double
candidates(const VsfSamplePool *pool)
{
    double share = pool->to_seen > 0 ? pool->to_kept / pool->to_seen : 1;

    switch (pool->direction) {
    case VSF_DIRECTION_IN:
        return pool->new_from;
    case VSF_DIRECTION_OUT:
        return pool->new_to;
    case VSF_DIRECTION_BOTH:
        return pool->new_from + pool->new_to;
    case VSF_DIRECTION_ONCE:
        break;
    }
    return pool->new_from + pool->new_to * share;
}

/* The older interval's share is settled: all its frames were looked at. */
static void
settle(VsfSamplePool *pool)
{
    pool->pool += candidates(pool);
    if (pool->to_seen > SHARE_MEMORY) {
        pool->to_kept *= SHARE_MEMORY / pool->to_seen;
        pool->to_seen = SHARE_MEMORY;
    }
}

static double
step(guint64 last, guint64 now)
{
    return now > last ? (double)(now - last) : 0;
}

void
vsf_sample_pool_read(VsfSamplePool *pool, const VsfLinkStats *stats, VsfNicKind kind, gint64 now_ns)
{
    /* A packet socket sees what the kernel is about to transmit, before the
     * driver drops it; what it drops on receiving is never seen. */
    guint64 sent = stats->tx_packets + stats->tx_dropped;
    guint64 received = stats->rx_packets;
    guint64 from_vm = vsf_nic_is_mirrored(kind) ? sent : received;
    guint64 to_vm = vsf_nic_is_mirrored(kind) ? received : sent;

    settle(pool);
    pool->previous_ns = pool->started ? pool->read_ns : now_ns;
    pool->new_from = pool->started ? step(pool->from_vm, from_vm) : 0;
    pool->new_to = pool->started ? step(pool->to_vm, to_vm) : 0;
    pool->started = TRUE;
    pool->from_vm = from_vm;
    pool->to_vm = to_vm;
    pool->read_ns = pool->ended_ns = now_ns;
}

void
vsf_sample_pool_pause(VsfSamplePool *pool)
{
    settle(pool);
    pool->new_from = pool->new_to = 0;
    pool->started = FALSE;
}

void
vsf_sample_pool_redirect(VsfSamplePool *pool, VsfDirection direction)
{
    vsf_sample_pool_pause(pool);
    pool->direction = direction;
}

void
vsf_sample_pool_begin(VsfSamplePool *pool, gint64 first_ns, gint64 last_ns, guint n_packets)
{
    gint64 begin_ns, end_ns;

    if (n_packets == 0 || first_ns <= pool->previous_ns || first_ns >= pool->read_ns)
        return;
    begin_ns = first_ns - (pool->read_ns - first_ns) / n_packets;
    pool->previous_ns = MAX(pool->previous_ns, begin_ns);
    end_ns = last_ns + (last_ns - pool->previous_ns) / n_packets;
    pool->ended_ns = MIN(pool->read_ns, end_ns);
}

/* Before these frames began and after they ended the pool is the readings': a guess
 * beyond what the kernel counted could never be taken back. */
static double
pool_at(const VsfSamplePool *pool, gint64 packet_ns)
{
    double span = (double)pool->ended_ns - (double)pool->previous_ns;
    double part = (double)packet_ns - (double)pool->previous_ns;

    if (span <= 0 || part >= span)
        return pool->pool + candidates(pool);
    if (part <= 0)
        return pool->pool;
    return pool->pool + candidates(pool) * (part / span);
}

guint32
vsf_sample_pool_take(VsfSamplePool *pool, gint64 packet_ns)
{
    guint64 value = (guint64)(pool_at(pool, packet_ns) + 0.5);

    pool->samples++;
    pool->last = MAX(MAX(pool->last, value), pool->samples);
    return (guint32)pool->last;
}

guint32
vsf_sample_pool_take_next(VsfSamplePool *pool, gint64 packet_ns)
{
    /* A frame of before the older reading is among those that are counted. */
    guint64 counted = packet_ns > pool->previous_ns ? (guint64)(pool->pool + 0.5) : 0;

    pool->samples++;
    pool->last = MAX(pool->last, counted) + 1;
    return (guint32)pool->last;
}

guint32
vsf_sample_pool_take_gap(VsfSamplePool *pool, guint32 gap)
{
    pool->samples++;
    vsf_sample_pool_lose_gap(pool, gap);
    return (guint32)pool->last;
}

void
vsf_sample_pool_lose_gap(VsfSamplePool *pool, guint32 gap)
{
    pool->pool += gap;
    pool->last += gap;
}

void
vsf_sample_pool_hand_over(VsfSamplePool *pool, guint64 untold)
{
    vsf_sample_pool_pause(pool);
    pool->last = MAX(pool->last, (guint64)(pool->pool + 0.5)) + untold;
    pool->pool = (double)pool->last;
}
