/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a collector works: what faults and clean sends mean over time, and of
 * what kind they are. Pure; time is an argument.
 *
 * UDP tells late and in part: the refusal of one datagram shows at the next
 * send, and hosts limit how many refusals they report. So one clean send does
 * not mean that the collector is back; a time without any fault does. */
#pragma once

#include <glib.h>

#define VSF_SENDER_RECOVERED_US (10 * G_USEC_PER_SEC)

/* What keeps a datagram from its collector. */
typedef enum {
    VSF_SEND_REFUSED,     /* its host says that nobody listens */
    VSF_SEND_UNREACHABLE, /* no route, no neighbour, no such interface or source address */
    VSF_SEND_FORBIDDEN,   /* a firewall here or on the way says so */
    VSF_SEND_FULL,        /* the queue of the socket or of the interface */
    VSF_SEND_TOO_BIG,     /* for a router on the way, which told its MTU */
    VSF_SEND_NO_ADDRESS,  /* its name has none yet */
    VSF_SEND_OTHER,
    VSF_N_SEND_ERRORS
} VsfSendError;

/* By the errno of a send or of an ICMP message (Linux's icmp_err_convert). */
VsfSendError vsf_send_error_of(int code);

/* As it stands in the status: "refused", "no_address" ... */
const char *vsf_send_error_name(VsfSendError kind);

/* What the administrator can do about it, in a few words for the log. */
const char *vsf_send_error_remedy(VsfSendError kind);

typedef struct {
    gboolean failing;
    gint64 since_us;                      /* it is as @failing says */
    gint64 first_fault_us, last_fault_us; /* of the failure that goes on or was the last */
    guint n_faults;                       /* since it began to fail */
    guint n_lookups;                      /* since it began to fail */
} VsfSenderState;

/* TRUE if this fault begins a failure: log it and plan a new lookup. */
gboolean vsf_sender_state_fault(VsfSenderState *state, gint64 now_us);

/* A send that showed no fault. TRUE if the collector works again: log it, with
 * @n_faults and vsf_sender_state_outage_s(). */
gboolean vsf_sender_state_clean(VsfSenderState *state, gint64 now_us);

/* Whatever it was, it is over. TRUE if it was failing: log it as above. */
gboolean vsf_sender_state_over(VsfSenderState *state, gint64 now_us);

/* Of the failure that goes on or was the last: from its first fault to its last. */
guint vsf_sender_state_outage_s(const VsfSenderState *state);

/* Seconds until the next lookup while it fails: 5, 10, 20, 40, then 60. Counts it. */
guint vsf_sender_state_next_lookup_s(VsfSenderState *state);
