/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One turn of the host's own counters: read on workers, since drivers and disks may hang. What has
 * not come by the deadline leaves as unknown, and what hangs is not asked again until it is back.
 * Main thread only. */
#pragma once

#include "model/host-counters.h"

typedef struct VsfHostPoll VsfHostPoll;

/* Both run off the main thread and may block. */
typedef struct {
    VsfHostCounters *(*counters)(void); /* everything but the space */
    VsfHostSpace (*space)(void);
} VsfHostReaders;

/* The turn is over. @counters: valid during the call; NULL if they did not come in time. */
typedef void (*VsfHostPollDone)(VsfHostCounters *counters, gpointer user_data);

/* @readers: copied; NULL for this machine's /proc and /sys. */
VsfHostPoll *vsf_host_poll_new(const VsfHostReaders *readers, VsfHostPollDone done,
                               gpointer user_data);

/* Waits for nobody; @done is not called any more. Takes NULL. */
void vsf_host_poll_free(VsfHostPoll *poll);

/* How long a turn may wait where they come every @interval_us: nobody waits for it, and some
 * drivers take seconds. Pure. */
guint vsf_host_poll_deadline_ms(gint64 interval_us);

/* Starts a turn: @done comes once, never inside this call. FALSE: one is under way. */
gboolean vsf_host_poll_begin(VsfHostPoll *poll, guint deadline_ms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfHostPoll, vsf_host_poll_free)
