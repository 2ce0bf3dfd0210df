/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What virt_memory.memory means for one run of a domain: memory in use inside
 * the guest, from the balloon's statistics, or the balloon's size.
 *
 * A series never changes its meaning: once a run has given in-guest numbers, a
 * missing or stale one is unknown. Where the balloon collects statistics the
 * field is unknown until the first, or until VSF_GUEST_MEMORY_PATIENCE_S
 * passed without one; only then, and at once where it collects none, it is the
 * balloon's size. Pure; time is an argument. */
#pragma once

#include "counters.h"

#define VSF_GUEST_MEMORY_PATIENCE_S 300
#define VSF_GUEST_MEMORY_FRESH_S 60 /* at least; else three collection periods */

/* libvirt's BALLOON group. Bytes, VSF_UNKNOWN where it told nothing. */
typedef struct {
    guint64 current;
    guint64 available;     /* what the guest's kernel has: MemTotal */
    guint64 usable;        /* MemAvailable; older guests do not tell it */
    guint64 unused;        /* MemFree */
    guint64 disk_caches;   /* page cache */
    guint64 last_update_s; /* host's time since the epoch; 0 = the guest has no driver */
} VsfBalloon;

typedef enum {
    VSF_MEMORY_UNDECIDED,
    VSF_MEMORY_GUEST, /* in use inside the guest */
    VSF_MEMORY_HOST,  /* the balloon's size */
} VsfMemoryMeaning;

/* The value to send. *@meaning starts a run as UNDECIDED and is set once.
 * @period_s: the balloon's collection period, 0 = none. @now_s: since the
 * epoch. @known_for_s: how long the run is known. */
guint64 vsf_guest_memory(VsfMemoryMeaning *meaning, const VsfBalloon *balloon, guint period_s,
                         gint64 now_s, gint64 known_for_s);
