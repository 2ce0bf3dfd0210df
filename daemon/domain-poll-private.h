/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What domain-poll.c (turns) and domain-poll-status.c (how it stands) share. */
#pragma once

#include "domain-poll.h"
#include "domain-told.h"
#include "qemu-process.h"

/* What a turn still waits for of libvirt. */
typedef enum {
    STATS_NOTHING,
    STATS_ANSWER, /* to the question that this turn asked */
    STATS_LATER,  /* the time to ask, once more or after all */
} StatsWait;

struct VsfDomainPoll {
    const VsfPollContext *context;
    VsfDomain *domain;

    VsfQemuProcess *qemu;

    gint64 asked_us; /* a libvirt call of this run is out since then; 0: none is */
    gboolean lacks;  /* the last sample lacks what libvirt knows */
    gint64 last_info_us, last_poll_us, stuck_since_us;
    gint64 before_us;                   /* the turn before that one */
    gint64 answered_us, stale_since_us; /* libvirt; 0: its part is in the last sample */
    guint64 n_vcpus;                    /* 0 until libvirt said it */
    GHashTable *last_blocks;

    /* Taps that ended since the last regular turn. */
    VsfNetCounters final_net;
    guint n_final;

    /* The turn under way. */
    gboolean running, waiting_net, waiting_pid;
    StatsWait waiting_stats;
    VsfPollUrgency urgency;
    guint deadline_timer, busy_timer;
    gboolean asked_again;
    guint n_again;                   /* how often */
    gboolean has_blocks, had_blocks; /* disks were told of, in this turn and the one before */
    gboolean asleep;                 /* the last turn found QEMU in uninterruptible sleep */
    VsfDomainCounters counters, sent, before;
    VsfDomainDetail detail;
    VsfDomainTold told;
};
