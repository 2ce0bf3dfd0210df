/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a VM's guest agent may be asked, and for what, so that no guest is
 * harmed: polling agents has frozen guests in the field. One per run of a
 * domain. Pure; time is an argument (monotonic microseconds). */
#pragma once

#include "../../include/qga.h"
#include "domain.h"

/* After a failure, doubling; and in quarantine, doubling to a day. */
#define VSF_AGENT_BACKOFF_US (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)
#define VSF_AGENT_BACKOFF_MAX_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define VSF_AGENT_QUARANTINE_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define VSF_AGENT_QUARANTINE_MAX_US (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)
#define VSF_AGENT_FLOOR_US (G_GINT64_CONSTANT(10) * G_USEC_PER_SEC)   /* between two turns */
#define VSF_AGENT_AGAIN_US (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)   /* see connected() */
#define VSF_AGENT_LASTED_US (G_GINT64_CONSTANT(600) * G_USEC_PER_SEC) /* the same */
#define VSF_AGENT_REST 20                                             /* see took() */
#define VSF_AGENT_SLOW_TIMES 3 /* slow conversations in a row that make a quarantine */

/* Would this VM's agent be asked, if asking is on at all? */
typedef enum {
    VSF_AGENT_PLAN_ASK,
    VSF_AGENT_PLAN_NO_CHANNEL, /* its XML has no agent channel */
    VSF_AGENT_PLAN_METADATA,   /* its metadata says agent="off" */
    VSF_AGENT_PLAN_EXCLUDED,   /* its name matches a pattern */
    VSF_AGENT_PLAN_CANARY,     /* its UUID is not among the percentage */
    VSF_AGENT_PLAN_RULE,       /* what is configured for VMs of its name says no */
    VSF_AGENT_N_PLANS,
} VsfAgentPlan;

/* @exclude: patterns (* and ?) of domain names or exported names. @canary: percent of VMs,
 * by a hash of the UUID that is the same on every host and in every version. */
VsfAgentPlan vsf_agent_plan(const VsfDomainDef *def, const char *name, const char *const *exclude,
                            guint canary);
const char *vsf_agent_plan_name(VsfAgentPlan plan); /* "ask", "no-channel", "metadata" ... */

typedef struct {
    guint filesystems_interval_s; /* filesystems, memory, load, CPU */
    guint os_interval_s;          /* os-info, host name */
    guint timeout_s;              /* of one request */
} VsfAgentTerms;

typedef struct {
    gboolean connected;  /* as libvirt says */
    gboolean frozen;     /* the last answer said so */
    gint64 connected_us; /* since when */
    gint64 next_us;      /* the next turn; 0: none is planned */
    gint64 os_us;        /* os-info was last asked for; 0 since the connection: never */
    gint64 answered_us;  /* the last answer of this run, 0 = never */
    gint64 latency_us;   /* the slowest request of the last answer */
    gint64 best_us;      /* the least of those of this run, 0 = none yet */
    guint slow_in_a_row;
    guint failures;              /* in a row */
    guint quarantines;           /* of this run */
    gint64 quarantined_until_us; /* 0: is not; when it passed, the next turn is a trial */

    /* Of the run, whatever its connections do. */
    gint64 not_before_us; /* no turn begins earlier */
    gint64 ended_us;      /* when the last turn ended that failed */
    gint64 lasted_us;     /* the connection that went last; 0 if a turn ended it */
    gboolean bad;         /* the last turn failed, or put it into quarantine */
    gboolean died;        /* ... and the connection ended with it */
    gboolean tried;       /* since it is bad, one connection was asked at once */
} VsfAgentManners;

/* The agent came (or is there when the run becomes known), and everything is asked for
 * anew. If its last turn was good, or its last connection lasted VSF_AGENT_LASTED_US, what
 * failed before is forgotten, also a quarantine (not how many there were: the next is
 * longer). If not, somebody may have mended it: once it is asked at once, for a trial if it
 * was in quarantine. After that only VSF_AGENT_AGAIN_US after the last failure, or when its
 * back-off is over; an agent whose connections end when it is asked waits for all of that.
 * @delay_us: a random time of up to a few seconds, so that not all are asked at once. */
void vsf_agent_manners_connected(VsfAgentManners *manners, gint64 now_us, gint64 delay_us);

/* @asked: a turn is out, and has failed by that; no vsf_agent_manners_ended() follows. */
void vsf_agent_manners_disconnected(VsfAgentManners *manners, gboolean asked, gint64 now_us);

/* A turn begins: none does within VSF_AGENT_FLOOR_US, also if the agent comes anew. */
void vsf_agent_manners_asked(VsfAgentManners *manners, gint64 now_us);

/* The conversation that is about to end, with an answer, took that long: for each second past
 * the first the agent is left alone for VSF_AGENT_REST times that, or until it comes anew. So
 * those that were never quick leave threads to others. */
void vsf_agent_manners_took(VsfAgentManners *manners, gint64 took_us, gint64 now_us);

/* A quarantine that an earlier daemon decided on; after connected(). @until_us may
 * have passed, or be 0 if none was on: @quarantines counts all of this run. */
void vsf_agent_manners_restore_quarantine(VsfAgentManners *manners, gint64 until_us,
                                          guint quarantines);

/* When its next turn is due; -1: never as things are. */
gint64 vsf_agent_manners_due_us(const VsfAgentManners *manners);

/* What to ask for at @now_us: VSF_QGA_WANT() bits. Filesystems, memory, load and CPU
 * each turn; os-info and host name once per connection and every os interval. */
guint32 vsf_agent_manners_wants(const VsfAgentManners *manners, const VsfAgentTerms *terms,
                                gint64 now_us);

/* The intervals may be shorter now: an agent that is in no trouble has its next turn no later than
 * an interval after its last answer. */
void vsf_agent_manners_hasten(VsfAgentManners *manners, const VsfAgentTerms *terms, gint64 now_us);

typedef enum {
    VSF_AGENT_TURN_ANSWERED, /* with what was wanted, or with reasons why not */
    VSF_AGENT_TURN_FROZEN,   /* no failure: asked again after the interval */
    VSF_AGENT_TURN_FAILED,   /* no reply in time, garbage: back off */
    VSF_AGENT_TURN_VOID,     /* could not be tried (libvirt away, all threads busy, paused):
                                nobody's fault, tried again after the interval */
} VsfAgentTurn;

/* A turn for @wants ended. @slowest_us: of its requests. TRUE if it put the VM into
 * quarantine: VSF_AGENT_SLOW_TIMES conversations in a row whose slowest request took at
 * least half the timeout (one second at most) and eight times the best of this run.
 * Failures and frozen turns neither count nor break the row. The turn after a
 * quarantine is a trial: if it is slow, or fails so slowly, the quarantine goes on
 * for twice as long. */
gboolean vsf_agent_manners_ended(VsfAgentManners *manners, const VsfAgentTerms *terms,
                                 guint32 wants, VsfAgentTurn turn, gint64 slowest_us,
                                 gint64 now_us);

gboolean vsf_agent_manners_is_quarantined(const VsfAgentManners *manners, gint64 now_us);
