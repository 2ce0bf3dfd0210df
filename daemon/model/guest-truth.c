/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each source is read into a value, its age and why it has none; then the field's
 * choice, made once, says which of them is sent. */
#include "guest-truth.h"

#include <string.h>

static const char *const source_names[VSF_N_SOURCES] = {
    [VSF_SOURCE_UNDECIDED] = NULL,
    [VSF_SOURCE_BALLOON] = "balloon",
    [VSF_SOURCE_AGENT] = "agent",
    [VSF_SOURCE_HOST] = "host",
};

const char *
vsf_source_name(VsfSource source)
{
    g_assert(source < VSF_N_SOURCES);
    return source_names[source];
}

gboolean
vsf_source_of_name(const char *name, VsfSource *source)
{
    for (guint i = 0; name != NULL && i < VSF_N_SOURCES; i++) {
        if (g_strcmp0(source_names[i], name) == 0) {
            *source = (VsfSource)i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *
vsf_why_name(VsfWhy why)
{
    static const char *const names[VSF_N_WHYS] = {
        [VSF_WHY_OK] = "ok",
        [VSF_WHY_WAITING] = "waiting",
        [VSF_WHY_NO_STATISTICS] = "no-statistics",
        [VSF_WHY_NO_DRIVER] = "no-driver",
        [VSF_WHY_STALE] = "stale",
        [VSF_WHY_AGENT_OFF] = "agent-off",
        [VSF_WHY_NOT_FOUND] = "not-found",
        [VSF_WHY_DISABLED] = "disabled",
        [VSF_WHY_FROZEN] = "frozen",
        [VSF_WHY_FAILED] = "failed",
        [VSF_WHY_MALFORMED] = "malformed",
        [VSF_WHY_NO_REPLY] = "no-reply",
        [VSF_WHY_INCOMPLETE] = "incomplete",
        [VSF_WHY_NOT_FILES] = "not-files",
    };

    g_assert(why < VSF_N_WHYS);
    return names[why];
}

static gint64
fresh_s(guint period_s)
{
    return MAX((gint64)period_s * 3, VSF_TRUTH_FRESH_S);
}

static VsfTruth
no_value(VsfSource source, gint64 age_s, VsfWhy why)
{
    return (VsfTruth){.value = VSF_UNKNOWN, .source = source, .age_s = age_s, .why = why};
}

/* --- the sources ---------------------------------------------------------- */

/* @value may be unknown: then @why. */
static VsfTruth
told(VsfSource source, guint64 value, gint64 age_s, VsfWhy why)
{
    if (value == VSF_UNKNOWN)
        return no_value(source, age_s, why);
    return (VsfTruth){.value = value, .source = source, .age_s = age_s, .why = VSF_WHY_OK};
}

/* Memory that no process could have: what is free, and caches that would be
 * given up. Unknown if the guest does not tell enough. */
static guint64
balloon_in_use(const VsfBalloon *balloon)
{
    guint64 spare;

    if (balloon->available == VSF_UNKNOWN)
        return VSF_UNKNOWN;
    if (balloon->usable != VSF_UNKNOWN) {
        spare = balloon->usable;
    } else {
        if (balloon->unused == VSF_UNKNOWN || balloon->disk_caches == VSF_UNKNOWN)
            return VSF_UNKNOWN;
        spare = balloon->unused > balloon->available
                    ? balloon->available
                    : balloon->unused + MIN(balloon->disk_caches, balloon->available);
    }
    /* Guests lie: never negative. */
    return balloon->available - MIN(spare, balloon->available);
}

static VsfTruth
read_balloon(const VsfTruthTerms *terms, const VsfBalloon *balloon)
{
    gint64 limit_s = fresh_s(terms->balloon_period_s);
    gint64 age_s;

    if (balloon == NULL || balloon->last_update_s == VSF_UNKNOWN)
        return no_value(VSF_SOURCE_BALLOON, -1, VSF_WHY_NO_STATISTICS);
    if (balloon->last_update_s == 0)
        return no_value(VSF_SOURCE_BALLOON, -1, VSF_WHY_NO_DRIVER);
    if (balloon->last_update_s > G_MAXINT64 / 2)
        return no_value(VSF_SOURCE_BALLOON, -1, VSF_WHY_STALE);
    age_s = terms->now_s - (gint64)balloon->last_update_s;
    /* A wall clock that was set back makes it seem to come from the future: of
     * far there, its age is not known. */
    if (age_s < -limit_s)
        return no_value(VSF_SOURCE_BALLOON, -1, VSF_WHY_STALE);
    age_s = MAX(age_s, 0);
    if (age_s > limit_s)
        return no_value(VSF_SOURCE_BALLOON, age_s, VSF_WHY_STALE);
    return told(VSF_SOURCE_BALLOON, balloon_in_use(balloon), age_s, VSF_WHY_INCOMPLETE);
}

static guint64
agent_in_use(const VsfGuestFacts *facts)
{
    const VsfQgaMemory *memory = &facts->memory;

    if (memory->total == VSF_QGA_UNKNOWN || memory->available == VSF_QGA_UNKNOWN)
        return VSF_UNKNOWN;
    return memory->total - MIN(memory->available, memory->total);
}

/* Why the agent has no fresh value of a part. */
static VsfWhy
agent_why(const VsfTruthTerms *terms, VsfQgaState state, gboolean ever)
{
    if (!terms->agent_possible)
        return VSF_WHY_AGENT_OFF;
    switch (state) {
    case VSF_QGA_STATE_NOT_FOUND:
        return VSF_WHY_NOT_FOUND;
    case VSF_QGA_STATE_DISABLED:
        return VSF_WHY_DISABLED;
    case VSF_QGA_STATE_FROZEN:
        return VSF_WHY_FROZEN;
    case VSF_QGA_STATE_FAILED:
        return VSF_WHY_FAILED;
    case VSF_QGA_STATE_MALFORMED:
        return VSF_WHY_MALFORMED;
    case VSF_QGA_STATE_NO_REPLY:
    case VSF_QGA_STATE_NO_TIME:
        return VSF_WHY_NO_REPLY;
    case VSF_QGA_STATE_NOT_ASKED:
    case VSF_QGA_STATE_KNOWN:
        break;
    }
    return ever ? VSF_WHY_STALE : VSF_WHY_WAITING;
}

/* @value: what @facts have of @part, whenever it was told. */
static VsfTruth
read_agent(const VsfTruthTerms *terms, const VsfGuestFacts *facts, VsfQgaPart part, guint64 value)
{
    VsfQgaState state = facts != NULL ? facts->state[part] : VSF_QGA_STATE_NOT_ASKED;
    gint64 known_us = facts != NULL ? facts->known_us[part] : 0;
    gint64 age_us = MAX(terms->now_us - known_us, 0);
    gint64 age_s = age_us / G_USEC_PER_SEC;

    if (known_us == 0)
        return no_value(VSF_SOURCE_AGENT, -1, agent_why(terms, state, FALSE));
    if (age_us > fresh_s(terms->agent_period_s) * G_USEC_PER_SEC)
        return no_value(VSF_SOURCE_AGENT, age_s, agent_why(terms, state, TRUE));
    return told(VSF_SOURCE_AGENT, value, age_s, VSF_WHY_INCOMPLETE);
}

static VsfTruth
read_host(guint64 value, VsfWhy why)
{
    return told(VSF_SOURCE_HOST, value, value == VSF_UNKNOWN ? -1 : 0, why);
}

/* --- the choices ---------------------------------------------------------- */

/* May the agent tell @part at all? An agent's own rules do not change while it
 * runs. */
static gboolean
agent_may_answer(const VsfTruthTerms *terms, const VsfGuestFacts *facts, VsfQgaPart part)
{
    return terms->agent_possible &&
           (facts == NULL || (facts->state[part] != VSF_QGA_STATE_DISABLED &&
                              facts->state[part] != VSF_QGA_STATE_NOT_FOUND));
}

static gboolean
has_answered(const VsfTruthTerms *terms, const VsfTruth *agent)
{
    return terms->agent_possible && agent->value != VSF_UNKNOWN;
}

static VsfSource
choose_memory(const VsfTruthTerms *terms, const VsfTruth *balloon, const VsfTruth *agent,
              gboolean has_balloon_group, gboolean may_answer)
{
    gboolean collects = terms->balloon_period_s > 0;

    /* Without a period it may be a driver's single sample at its start. */
    if (collects && balloon->value != VSF_UNKNOWN)
        return VSF_SOURCE_BALLOON;
    if (has_answered(terms, agent) && (!collects || terms->known_for_s >= VSF_TRUTH_FRESH_S))
        return VSF_SOURCE_AGENT;
    if (!collects && !may_answer)
        return VSF_SOURCE_HOST;
    /* While libvirt tells nothing, the balloon is not silent, and the host has no
     * number either: nothing is gained by a choice. */
    if (terms->known_for_s >= VSF_TRUTH_PATIENCE_S && (!collects || has_balloon_group))
        return VSF_SOURCE_HOST;
    return VSF_SOURCE_UNDECIDED;
}

VsfTruth
vsf_truth_memory(VsfGuestChoice *choice, const VsfTruthTerms *terms, const VsfBalloon *balloon,
                 const VsfGuestFacts *facts)
{
    VsfTruth by_balloon = read_balloon(terms, balloon);
    VsfTruth by_agent = read_agent(terms, facts, VSF_QGA_PART_MEMORY,
                                   facts != NULL ? agent_in_use(facts) : VSF_UNKNOWN);
    /* A busy domain tells no more than the balloon's size. */
    gboolean has_group = balloon != NULL && balloon->last_update_s != VSF_UNKNOWN;

    if (choice->memory == VSF_SOURCE_UNDECIDED && terms->decide)
        choice->memory = choose_memory(terms, &by_balloon, &by_agent, has_group,
                                       agent_may_answer(terms, facts, VSF_QGA_PART_MEMORY));
    switch (choice->memory) {
    case VSF_SOURCE_BALLOON:
        return by_balloon;
    case VSF_SOURCE_AGENT:
        return by_agent;
    case VSF_SOURCE_HOST:
        return read_host(balloon != NULL ? balloon->current : VSF_UNKNOWN, VSF_WHY_NO_STATISTICS);
    case VSF_SOURCE_UNDECIDED:
    case VSF_N_SOURCES:
        break;
    }
    /* When the time of waiting is over, only libvirt's silence is left. */
    return no_value(VSF_SOURCE_UNDECIDED, -1,
                    terms->decide && terms->known_for_s >= VSF_TRUTH_PATIENCE_S
                        ? VSF_WHY_NO_STATISTICS
                        : VSF_WHY_WAITING);
}

/* Where the host has no number (a network disk), choosing it would gain nothing and
 * shut out an agent that is installed later. */
static VsfSource
choose_disk(const VsfTruthTerms *terms, const VsfTruth *agent, gboolean host_knows,
            gboolean is_waited_for)
{
    if (has_answered(terms, agent))
        return VSF_SOURCE_AGENT;
    return host_knows && !is_waited_for ? VSF_SOURCE_HOST : VSF_SOURCE_UNDECIDED;
}

VsfTruth
vsf_truth_available(VsfGuestChoice *choice, const VsfTruthTerms *terms, guint64 host,
                    gboolean has_statistics, const VsfGuestFacts *facts)
{
    VsfTruth by_agent = read_agent(terms, facts, VSF_QGA_PART_FILESYSTEMS,
                                   facts != NULL ? facts->available : VSF_UNKNOWN);
    VsfTruth by_host = read_host(has_statistics ? host : VSF_UNKNOWN,
                                 has_statistics ? VSF_WHY_NOT_FILES : VSF_WHY_NO_STATISTICS);
    gboolean is_waited_for = agent_may_answer(terms, facts, VSF_QGA_PART_FILESYSTEMS) &&
                             terms->known_for_s < VSF_TRUTH_PATIENCE_S;

    if (choice->disk == VSF_SOURCE_UNDECIDED && terms->decide)
        choice->disk = choose_disk(terms, &by_agent, by_host.value != VSF_UNKNOWN, is_waited_for);
    switch (choice->disk) {
    case VSF_SOURCE_AGENT:
        return by_agent;
    case VSF_SOURCE_HOST:
        return by_host;
    case VSF_SOURCE_UNDECIDED:
    case VSF_SOURCE_BALLOON: /* has no number of disks */
    case VSF_N_SOURCES:
        break;
    }
    /* When the time of waiting is over, or nobody is waited for, the host's lack is left. */
    return no_value(choice->disk, -1,
                    terms->decide && !is_waited_for ? by_host.why : VSF_WHY_WAITING);
}
