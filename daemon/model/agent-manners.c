/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The times of one agent's turns: regular ones, backing off after failures, and
 * leaving it alone when its latency climbs. */
#include "agent-manners.h"

#include "fnv.h"

#define SLOW_US G_USEC_PER_SEC /* at most; else half the timeout */
#define SLOW_RATIO 8           /* to the best of this run */
#define VOID_RETRY_US (30 * G_USEC_PER_SEC)

static gboolean
matches(const char *const *patterns, const char *name)
{
    for (guint i = 0; patterns != NULL && name != NULL && patterns[i] != NULL; i++)
        if (g_pattern_match_simple(patterns[i], name))
            return TRUE;
    return FALSE;
}

VsfAgentPlan
vsf_agent_plan(const VsfDomainDef *def, const char *name, const char *const *exclude, guint canary)
{
    guint32 hash = vsf_fnv(VSF_FNV_START, def->uuid_bytes, sizeof(def->uuid_bytes));

    if (!def->has_agent)
        return VSF_AGENT_PLAN_NO_CHANNEL;
    if (def->monitor.agent_off)
        return VSF_AGENT_PLAN_METADATA;
    if (matches(exclude, def->name) || matches(exclude, name))
        return VSF_AGENT_PLAN_EXCLUDED;
    return hash % 100 < canary ? VSF_AGENT_PLAN_ASK : VSF_AGENT_PLAN_CANARY;
}

const char *
vsf_agent_plan_name(VsfAgentPlan plan)
{
    static const char *const names[VSF_AGENT_N_PLANS] = {
        [VSF_AGENT_PLAN_ASK] = "ask",           [VSF_AGENT_PLAN_NO_CHANNEL] = "no-channel",
        [VSF_AGENT_PLAN_METADATA] = "metadata", [VSF_AGENT_PLAN_EXCLUDED] = "excluded",
        [VSF_AGENT_PLAN_CANARY] = "canary",     [VSF_AGENT_PLAN_RULE] = "rule",
    };

    g_assert(plan < VSF_AGENT_N_PLANS);
    return names[plan];
}

/* A quarantine that is not over yet comes before any other plan. */
static void
schedule(VsfAgentManners *manners, gint64 at_us)
{
    at_us = MAX(at_us, MAX(manners->quarantined_until_us, manners->not_before_us));
    manners->next_us = manners->connected ? at_us : 0;
}

static gint64
backoff_us(guint failures)
{
    guint doublings = MIN(failures - 1, 6); /* the sixth is past an hour */

    return MIN(VSF_AGENT_BACKOFF_US << doublings, VSF_AGENT_BACKOFF_MAX_US);
}

static void
note_failure(VsfAgentManners *manners, gint64 now_us)
{
    manners->failures++;
    manners->bad = TRUE;
    manners->ended_us = now_us;
    schedule(manners, now_us + backoff_us(manners->failures));
}

static void
forget_trouble(VsfAgentManners *manners)
{
    manners->failures = 0;
    manners->quarantined_until_us = 0;
    manners->bad = manners->died = manners->tried = FALSE;
}

/* When an agent that came may be asked that was in trouble before. */
static gint64
again_us(const VsfAgentManners *manners)
{
    gint64 wait_us = manners->failures > 0 ? backoff_us(manners->failures) : 0;

    return manners->ended_us + (manners->died ? wait_us : MIN(wait_us, VSF_AGENT_AGAIN_US));
}

void
vsf_agent_manners_connected(VsfAgentManners *manners, gint64 now_us, gint64 delay_us)
{
    manners->connected = TRUE;
    manners->frozen = FALSE;
    manners->connected_us = now_us;
    manners->os_us = 0;
    manners->slow_in_a_row = 0;
    manners->not_before_us = MIN(manners->not_before_us, now_us + VSF_AGENT_FLOOR_US);
    if (!manners->bad || manners->lasted_us >= VSF_AGENT_LASTED_US) {
        forget_trouble(manners);
        schedule(manners, now_us + delay_us);
    } else if (!manners->tried) {
        manners->tried = TRUE;
        manners->quarantined_until_us = MIN(manners->quarantined_until_us, now_us);
        schedule(manners, now_us + delay_us);
    } else {
        schedule(manners, MAX(now_us + delay_us, again_us(manners)));
    }
}

void
vsf_agent_manners_disconnected(VsfAgentManners *manners, gboolean asked, gint64 now_us)
{
    /* The failure may be known before the disconnection that made it. */
    gboolean died = asked ||
                    (manners->failures > 0 && now_us - manners->ended_us < VSF_AGENT_FLOOR_US);

    if (!manners->connected)
        return;
    if (asked)
        note_failure(manners, now_us);
    manners->died = manners->died || died;
    manners->lasted_us = died ? 0 : now_us - manners->connected_us;
    manners->connected = manners->frozen = FALSE;
    manners->next_us = 0;
}

void
vsf_agent_manners_asked(VsfAgentManners *manners, gint64 now_us)
{
    manners->not_before_us = now_us + VSF_AGENT_FLOOR_US;
}

void
vsf_agent_manners_took(VsfAgentManners *manners, gint64 took_us, gint64 now_us)
{
    gint64 past_us = CLAMP(took_us - SLOW_US, 0, VSF_AGENT_BACKOFF_MAX_US / VSF_AGENT_REST);

    manners->not_before_us = MAX(manners->not_before_us, now_us + past_us * VSF_AGENT_REST);
}

void
vsf_agent_manners_restore_quarantine(VsfAgentManners *manners, gint64 until_us, guint quarantines)
{
    /* Whatever a damaged file says, a day is the longest. */
    manners->quarantined_until_us = CLAMP(until_us, 0,
                                          manners->connected_us + VSF_AGENT_QUARANTINE_MAX_US);
    manners->quarantines = quarantines;
    manners->bad = manners->bad || until_us > 0;
    schedule(manners, manners->next_us);
}

gint64
vsf_agent_manners_due_us(const VsfAgentManners *manners)
{
    return manners->connected && manners->next_us != 0 ? manners->next_us : -1;
}

#define REGULAR                                                                   \
    (VSF_QGA_WANT(VSF_QGA_PART_FILESYSTEMS) | VSF_QGA_WANT(VSF_QGA_PART_MEMORY) | \
     VSF_QGA_WANT(VSF_QGA_PART_LOAD) | VSF_QGA_WANT(VSF_QGA_PART_CPU_STATS))
#define OS (VSF_QGA_WANT(VSF_QGA_PART_OS) | VSF_QGA_WANT(VSF_QGA_PART_HOST_NAME))

guint32
vsf_agent_manners_wants(const VsfAgentManners *manners, const VsfAgentTerms *terms, gint64 now_us)
{
    gint64 interval_us = (gint64)terms->os_interval_s * G_USEC_PER_SEC;

    if (manners->os_us == 0 || now_us - manners->os_us >= interval_us)
        return REGULAR | OS;
    return REGULAR;
}

void
vsf_agent_manners_hasten(VsfAgentManners *manners, const VsfAgentTerms *terms, gint64 now_us)
{
    gint64 interval_us = (gint64)terms->filesystems_interval_s * G_USEC_PER_SEC;
    gint64 due_us = MAX(manners->answered_us + interval_us, now_us);

    if (manners->answered_us != 0 && !manners->bad && manners->next_us > due_us)
        schedule(manners, due_us);
}

/* --- a turn that ended ---------------------------------------------------- */

/* Slow is what climbed. A quarantine of an earlier daemon is believed without the
 * best latency that led to it. */
static gboolean
is_slow(const VsfAgentManners *manners, const VsfAgentTerms *terms, gint64 slowest_us)
{
    if (slowest_us < MIN((gint64)terms->timeout_s * G_USEC_PER_SEC / 2, SLOW_US))
        return FALSE;
    if (manners->best_us == 0)
        return manners->quarantines > 0;
    return slowest_us / SLOW_RATIO >= manners->best_us;
}

static void
begin_quarantine(VsfAgentManners *manners, gint64 now_us)
{
    guint doublings = MIN(manners->quarantines, 5); /* the fifth is past a day */

    manners->quarantines++;
    manners->bad = TRUE;
    manners->slow_in_a_row = 0;
    manners->quarantined_until_us = now_us + MIN(VSF_AGENT_QUARANTINE_US << doublings,
                                                 VSF_AGENT_QUARANTINE_MAX_US);
    schedule(manners, now_us);
}

static void
note_words(VsfAgentManners *manners, gboolean frozen, gint64 slowest_us, gint64 now_us)
{
    manners->frozen = frozen;
    manners->failures = 0;
    manners->answered_us = now_us;
    manners->latency_us = slowest_us;
}

/* Returns whether it begins a quarantine. @trial: the turn after one. */
static gboolean
note_answer(VsfAgentManners *manners, guint32 wants, gboolean slow, gboolean trial,
            gint64 slowest_us, gint64 now_us)
{
    note_words(manners, FALSE, slowest_us, now_us);
    if ((wants & OS) != 0)
        manners->os_us = now_us;
    manners->slow_in_a_row = slow ? manners->slow_in_a_row + 1 : 0;
    if (!slow || manners->quarantined_until_us == 0)
        manners->bad = manners->tried = manners->died = FALSE;
    if (slow)
        return trial || manners->slow_in_a_row >= VSF_AGENT_SLOW_TIMES;
    if (slowest_us > 0 && (manners->best_us == 0 || slowest_us < manners->best_us))
        manners->best_us = slowest_us;
    if (trial)
        manners->quarantined_until_us = 0;
    return FALSE;
}

gboolean
vsf_agent_manners_ended(VsfAgentManners *manners, const VsfAgentTerms *terms, guint32 wants,
                        VsfAgentTurn turn, gint64 slowest_us, gint64 now_us)
{
    gint64 interval_us = (gint64)terms->filesystems_interval_s * G_USEC_PER_SEC;
    gboolean slow = is_slow(manners, terms, slowest_us);
    gboolean trial = manners->quarantined_until_us != 0 && now_us >= manners->quarantined_until_us;
    gboolean too_slow = FALSE;

    switch (turn) {
    case VSF_AGENT_TURN_ANSWERED:
        too_slow = note_answer(manners, wants, slow, trial, slowest_us, now_us);
        schedule(manners, now_us + interval_us);
        break;
    case VSF_AGENT_TURN_FROZEN:
        note_words(manners, TRUE, slowest_us, now_us);
        manners->bad = manners->quarantined_until_us != 0;
        schedule(manners, now_us + interval_us);
        break;
    case VSF_AGENT_TURN_FAILED:
        note_failure(manners, now_us);
        manners->died = FALSE; /* not yet */
        /* Not to answer at all is slow too. */
        too_slow = slow && trial;
        break;
    case VSF_AGENT_TURN_VOID:
        schedule(manners, now_us + MIN(interval_us, VOID_RETRY_US));
        break;
    }
    if (too_slow)
        begin_quarantine(manners, now_us);
    return too_slow;
}

gboolean
vsf_agent_manners_is_quarantined(const VsfAgentManners *manners, gint64 now_us)
{
    return now_us < manners->quarantined_until_us;
}
