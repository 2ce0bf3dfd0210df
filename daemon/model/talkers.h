/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who sends how much to whom, by the sampled packets: of the last whole span of
 * VSF_TALKERS_SPAN_US. Pure; time is an argument (monotonic microseconds). */
#pragma once

#include <glib.h>

#define VSF_TALKERS_SPAN_US (10 * (gint64)G_USEC_PER_SEC)
#define VSF_TALKERS_PAIRS_MAX 1024 /* of one span; those that come later are not told of */
#define VSF_TALKERS_OUTSIDE 0      /* no VM of this host */

typedef struct {
    guint32 from, to;                           /* indexes of VMs, or VSF_TALKERS_OUTSIDE */
    double bits_per_second, packets_per_second; /* as the samples stand for */
} VsfTalk;

typedef struct VsfTalkers VsfTalkers;

VsfTalkers *vsf_talkers_new(void);
void vsf_talkers_free(VsfTalkers *talkers);

/* A sample that stands for so many packets and bytes. */
void vsf_talkers_add(VsfTalkers *talkers, guint32 from, guint32 to, guint64 packets, guint64 bytes,
                     gint64 now_us);

/* The @n_max with the most bits, the most first; returns how many. */
guint vsf_talkers_top(VsfTalkers *talkers, VsfTalk *talks, guint n_max, gint64 now_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfTalkers, vsf_talkers_free)
