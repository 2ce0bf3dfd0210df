/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many frames could have been sampled on a tap when one was: sFlow's
 * sample_pool, from the interface's own counters, or from what the kernel counted
 * from sample to sample, where it does.
 *
 * Readings of the counters come at intervals; packets carry the time at which
 * they passed, and the pool of a packet is interpolated between the readings
 * around it. Never below the samples seen, never going back, and moved only by
 * the directions that are candidates. With direction = once the frames to the
 * VM are candidates only in part: that part of the pool is scaled by the share
 * of sampled frames to the VM that were kept. Pure; time is an argument. */
#pragma once

#include "counters.h"

typedef enum {
    VSF_DIRECTION_ONCE,
    VSF_DIRECTION_BOTH,
    VSF_DIRECTION_IN,  /* only frames from the VM */
    VSF_DIRECTION_OUT, /* only frames to the VM */
} VsfDirection;

typedef struct {
    VsfDirection direction;
    gboolean started;
    gint64 previous_ns; /* when the reading before the last was taken */
    gint64 read_ns;     /* and the last, same clock as the packets' times */
    gint64 ended_ns;    /* until when the frames between the two are taken to have passed */
    guint64 from_vm;    /* frames from the VM at the last reading */
    guint64 to_vm;      /* frames to the VM at the last reading, with what the tap then dropped */
    double pool;        /* candidates up to the reading before the last */
    double new_from, new_to; /* frames between the two, those to the VM not scaled yet */
    guint64 last;            /* the last value given out */
    guint64 samples;         /* samples given out */
    double to_seen;          /* sampled frames to the VM, recent ones weigh more */
    double to_kept;          /* and those of them that were candidates */
} VsfSamplePool;

void vsf_sample_pool_init(VsfSamplePool *pool, VsfDirection direction);

/* One sampled frame to the VM was looked at (direction once): was it kept? Call
 * in packet order with the takes, after the reading that followed the frame:
 * the share of an interval is that of its own frames, and settled by the next
 * reading. */
void vsf_sample_pool_note_to_vm(VsfSamplePool *pool, gboolean kept);

/* A reading of the interface's counters, taken at @now_ns. Counters that went
 * back (32-bit drivers, a reset) count as no frames. The first reading is the
 * start: the pool begins at 0 there. */
void vsf_sample_pool_read(VsfSamplePool *pool, const VsfLinkStats *stats, VsfNicKind kind,
                          gint64 now_ns);

/* Frames from now on are no candidates, until the next reading: from there it goes on. */
void vsf_sample_pool_pause(VsfSamplePool *pool);

/* The same, and from then on other frames are the candidates. */
void vsf_sample_pool_redirect(VsfSamplePool *pool, VsfDirection direction);

/* Before the samples of one interval are taken: @n_packets sampled frames of it
 * passed since the reading before the last, the first at @first_ns and the last at
 * @last_ns. A tap may have been silent for long and then busy for a moment: its frames
 * are taken to begin about one mean gap before the first sampled one, not at the older
 * reading, and to end as long after the last one, not at the newer reading. */
void vsf_sample_pool_begin(VsfSamplePool *pool, gint64 first_ns, gint64 last_ns, guint n_packets);

/* The pool for the next sample, of a frame that passed at @packet_ns: modulo
 * 2^32 as sFlow has it. Counts the sample. Call in packet order. */
guint32 vsf_sample_pool_take(VsfSamplePool *pool, gint64 packet_ns);

/* The same at a rate of 1 in 1, where nothing has to be guessed: the next sample is of the
 * next frame, and what was lost is counted from the reading after it. Collectors that weigh
 * each sample by the pool's step (pmacct's sfacctd) count right then. */
guint32 vsf_sample_pool_take_next(VsfSamplePool *pool, gint64 packet_ns);

/* The same where the kernel counted: @gap frames were candidates since the sample before it, of
 * which it is the last. No reading is needed. */
guint32 vsf_sample_pool_take_gap(VsfSamplePool *pool, guint32 gap);

/* A sample with that gap was picked and is lost: its candidates were there all the same. */
void vsf_sample_pool_lose_gap(VsfSamplePool *pool, guint32 gap);

/* Between samplers of which at least one counts by itself: the pool goes on from what is known,
 * with @untold candidates more that no sample told of; readings begin anew. */
void vsf_sample_pool_hand_over(VsfSamplePool *pool, guint64 untold);
