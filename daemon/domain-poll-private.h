/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What domain-poll.c (turns), domain-poll-keep.c (readings for the last sample),
 * domain-poll-stuck.c (since when nobody answers), domain-poll-truth.c (what samples say beside)
 * and domain-poll-status.c (how it stands) share. */
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
    gint64 busy_since_us; /* answers lack what only QEMU knows, for the sake of another client */
    gint64 before_us;     /* the turn before that one */
    gint64 answered_us, stale_since_us; /* libvirt; 0: its part is in the last sample */
    guint64 n_vcpus;                    /* 0 until libvirt said it */
    GHashTable *last_blocks;

    /* What was read of its disks since the last sample that had their numbers. */
    gboolean keeping;    /* the call that is out is no turn's */
    gboolean kept_again; /* it asks once more */
    guint keep_timer;
    GArray *kept;   /* VsfBlockStats; NULL: nothing */
    gint64 kept_us; /* when */

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

#define DEADLINE_MS 750   /* no sample is later than a second, on a busy host too */
#define BUSY_RETRY_MS 100 /* another client's question to QEMU is answered by then */

/* Reads CPU time and state, of one that just ended too. FALSE: the process was known and is gone,
 * so this run is over whatever libvirt still says. */
gboolean vsf_domain_poll_read_process(VsfDomainPoll *poll, VsfProcess *process);

/* FALSE: not now. */
gboolean vsf_domain_poll_ask(VsfDomainPoll *poll, VsfStatsHow how, gint64 now_us);

/* FALSE: libvirt left out what only QEMU knows. */
gboolean vsf_domain_poll_is_whole(const VsfDomainPoll *poll, const VsfDomainStats *stats);
/* An answer came that is not asked for once more. */
void vsf_domain_poll_note_busy(VsfDomainPoll *poll, const VsfDomainStats *stats);
/* A turn finds the call of an earlier one still out. */
void vsf_domain_poll_note_hung(VsfDomainPoll *poll, gint64 now_us);
/* A turn is over for its deadline. */
void vsf_domain_poll_note_stuck(VsfDomainPoll *poll);

/* NULL: nothing any more. */
void vsf_domain_poll_set_kept(VsfDomainPoll *poll, GArray *blocks);
/* An answer that no turn waits for; @wanted: it was asked to be kept. */
void vsf_domain_poll_keep_answer(VsfDomainPoll *poll, const VsfDomainStats *stats, gboolean wanted);
/* What was kept, for the last sample. */
void vsf_domain_poll_take_kept(VsfDomainPoll *poll, gint64 now_us);

/* What the guest says, or the host in its place; and in the last sample what was kept for it. */
void vsf_domain_poll_take_truth(VsfDomainPoll *poll, gint64 now_us);

/* Rounded up: 0 is for what is in this sample. */
static inline guint64
vsf_domain_poll_age_s(gint64 since_us, gint64 now_us)
{
    return (guint64)(now_us - since_us) / G_USEC_PER_SEC + 1;
}
