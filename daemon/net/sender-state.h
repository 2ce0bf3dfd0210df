/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a collector works: what faults and clean sends mean over time. Pure;
 * time is an argument.
 *
 * UDP tells late and in part: the refusal of one datagram shows at the next
 * send, and hosts limit how many refusals they report. So one clean send does
 * not mean that the collector is back; a time without any fault does. */
#pragma once

#include <glib.h>

#define VSF_SENDER_RECOVERED_US (10 * G_USEC_PER_SEC)

typedef struct {
    gboolean failing;
    gint64 last_fault_us;
    guint n_lookups; /* since it began to fail */
} VsfSenderState;

/* TRUE if this fault begins a failure: log it and plan a new lookup. */
gboolean vsf_sender_state_fault(VsfSenderState *state, gint64 now_us);

/* A send that showed no fault. TRUE if the collector works again: log it. */
gboolean vsf_sender_state_clean(VsfSenderState *state, gint64 now_us);

/* Seconds until the next lookup while it fails: 5, 10, 20, 40, then 60. Counts it. */
guint vsf_sender_state_next_lookup_s(VsfSenderState *state);
