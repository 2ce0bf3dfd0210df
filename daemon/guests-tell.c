/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a guest and what is remembered of its run. */
#include "guests-private.h"

Guest *
vsf_guests_find(const VsfGuests *guests, const char *uuid)
{
    return g_hash_table_lookup(guests->by_uuid, uuid);
}

/* --- what outlives the daemon ------------------------------------------ */

void
vsf_guests_remember(VsfGuests *guests, const Guest *guest)
{
    VsfGuestRecord record = {.choice = guest->choice, .quarantines = guest->manners.quarantines};
    gint64 left_us = guest->manners.quarantined_until_us - g_get_monotonic_time();

    if (guest->run[0] == '\0')
        return;
    g_strlcpy(record.run, guest->run, sizeof(record.run));
    /* Also one that is over: its trial is still to come. */
    if (guest->manners.quarantined_until_us != 0)
        record.quarantined_until_s = (g_get_real_time() + left_us) / G_USEC_PER_SEC;
    vsf_guest_store_set(guests->store, guest->domain->def->uuid, &record);
}

void
vsf_guests_run_ended(VsfGuests *guests, const VsfDomain *domain)
{
    Guest *guest = vsf_guests_find(guests, domain->def->uuid);

    if (guest != NULL)
        guest->run[0] = '\0';
    vsf_guest_store_remove(guests->store, domain->def->uuid);
}

/* The process names its run better than libvirt's id does, and for good. */
static gboolean
is_better(const char *run, const char *known)
{
    return known[0] == '\0' || (g_str_has_prefix(known, VSF_GUEST_RUN_BY_ID) &&
                                !g_str_has_prefix(run, VSF_GUEST_RUN_BY_ID));
}

static const char *
source_word(VsfSource source)
{
    return source == VSF_SOURCE_UNDECIDED ? "none yet" : vsf_source_name(source);
}

void
vsf_guests_run_known(VsfGuests *guests, const VsfDomain *domain, const char *run)
{
    Guest *guest = vsf_guests_find(guests, domain->def->uuid);
    const VsfGuestRecord *record;
    gboolean was_known;
    gint64 left_s;

    if (guest == NULL || !is_better(run, guest->run))
        return;
    was_known = guest->run[0] != '\0';
    g_strlcpy(guest->run, run, sizeof(guest->run));
    record = vsf_guest_store_get(guests->store, domain->def->uuid, guest->run);
    if (record == NULL) {
        if (was_known) /* by another word */
            vsf_guests_remember(guests, guest);
        return;
    }
    guest->choice = record->choice;
    left_s = record->quarantined_until_s - g_get_real_time() / G_USEC_PER_SEC;
    /* A clock that was set back must not make it last for ever. */
    left_s = MIN(left_s, VSF_AGENT_QUARANTINE_MAX_US / G_USEC_PER_SEC);
    if (record->quarantines > 0)
        vsf_agent_manners_restore_quarantine(
            &guest->manners,
            record->quarantined_until_s != 0 ? g_get_monotonic_time() + left_s * G_USEC_PER_SEC : 0,
            record->quarantines);
    g_debug("%s: known from before: memory by %s, disk by %s", domain->name,
            source_word(guest->choice.memory), source_word(guest->choice.disk));
}

/* --- telling ----------------------------------------------------------- */

static void
note_choice(VsfGuests *guests, const Guest *guest, const char *what, VsfSource before,
            VsfSource after, gint64 known_for_s)
{
    static const char *const meanings[VSF_N_SOURCES] = {
        [VSF_SOURCE_BALLOON] = "inside the guest, by its balloon",
        [VSF_SOURCE_AGENT] = "inside the guest, by its agent",
        [VSF_SOURCE_HOST] = "as the host sees it",
    };
    gboolean is_news = after != VSF_SOURCE_HOST || known_for_s >= VSF_TRUTH_PATIENCE_S;

    if (before == after)
        return;
    /* What needed no waiting is no news: most VMs have no agent. */
    g_log(G_LOG_DOMAIN, is_news ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_DEBUG,
          "%s: %s: %s, for this run", guest->domain->name, what, meanings[after]);
    vsf_guests_remember(guests, guest);
}

static VsfTruth
memory_truth(const VsfGuests *guests, Guest *guest, const VsfTruthTerms *terms,
             const VsfBalloon *balloon)
{
    if (guests->config->virt_memory != VSF_VIRT_MEMORY_BALLOON)
        return vsf_truth_memory(&guest->choice, terms, balloon, guest->facts);
    return (VsfTruth){
        .value = balloon != NULL ? balloon->current : VSF_UNKNOWN,
        .source = VSF_SOURCE_HOST,
        .age_s = balloon != NULL ? 0 : -1,
        .why = balloon != NULL ? VSF_WHY_OK : VSF_WHY_NO_STATISTICS,
    };
}

/* One that is still to be set counts: the balloon will tell. */
static guint
balloon_period_s(const VsfGuests *guests, const Guest *guest)
{
    const VsfDomainDef *def = guest->domain->def;

    if (!def->has_balloon || def->balloon_period_s != 0)
        return def->has_balloon ? def->balloon_period_s : 0;
    return guest->balloon_failed ? 0 : guests->config->balloon_period_s;
}

static const char *
agent_state(const VsfGuests *guests, const Guest *guest, gint64 now_us)
{
    const VsfAgentManners *manners = &guest->manners;

    if (!vsf_guests_is_on(guests, guest))
        return "off";
    if (guest->plan != VSF_AGENT_PLAN_ASK)
        return vsf_agent_plan_name(guest->plan);
    if (guest->domain->state == VSF_STATE_PAUSED || guest->domain->state == VSF_STATE_PMSUSPENDED)
        return "paused";
    if (!manners->connected)
        return "disconnected";
    if (guests->paused)
        return "held";
    if (guests->refused != NULL || guest->denied_us != 0)
        return "refused";
    if (vsf_agent_manners_is_quarantined(manners, now_us))
        return "quarantined";
    if (manners->failures > 0)
        return "failing";
    if (manners->frozen)
        return "frozen";
    if (manners->answered_us != 0)
        return "answers";
    return guest->asking ? "asking" : "waiting";
}

/* When each part was known, and whether that is recent: three of its periods. */
static void
tell_ages(const VsfGuests *guests, const VsfGuestFacts *facts, gint64 now_us,
          VsfDomainDetail *detail)
{
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        gboolean is_os = part == VSF_QGA_PART_OS || part == VSF_QGA_PART_HOST_NAME;
        gint64 period_s = is_os ? guests->config->os_interval_s
                                : guests->config->filesystems_interval_s;

        if (facts->known_us[part] == 0)
            continue;
        detail->part_age_s[part] = (now_us - facts->known_us[part]) / G_USEC_PER_SEC;
        detail->part_fresh[part] = detail->part_age_s[part] <= MAX(period_s * 3, VSF_TRUTH_FRESH_S);
    }
}

void
vsf_guests_tell(VsfGuests *guests, const VsfDomain *domain, const VsfBalloon *balloon,
                guint64 host_available, gboolean has_statistics, VsfDomainDetail *detail)
{
    Guest *guest = vsf_guests_find(guests, domain->def->uuid);
    gint64 now_us = g_get_monotonic_time();
    VsfTruthTerms terms = {
        .now_us = now_us,
        .now_s = g_get_real_time() / G_USEC_PER_SEC,
        .agent_period_s = guests->config->filesystems_interval_s,
    };
    VsfGuestChoice before;

    if (guest == NULL)
        return;
    terms.balloon_period_s = balloon_period_s(guests, guest);
    before = guest->choice;
    terms.agent_possible = vsf_guests_is_on(guests, guest) && guest->plan == VSF_AGENT_PLAN_ASK;
    terms.known_for_s = vsf_guests_known_for_s(guests, guest, terms.agent_possible, now_us);
    terms.decide = guest->run[0] != '\0';
    detail->memory = guest->memory = memory_truth(guests, guest, &terms, balloon);
    detail->available = guest->available = vsf_truth_available(
        &guest->choice, &terms, host_available, has_statistics, guest->facts);
    note_choice(guests, guest, "memory", before.memory, guest->choice.memory, terms.known_for_s);
    note_choice(guests, guest, "disk space available", before.disk, guest->choice.disk,
                terms.known_for_s);
    if (detail->memory.source == VSF_SOURCE_BALLOON && detail->memory.why == VSF_WHY_OK)
        detail->page_cache = balloon->disk_caches;
    if (guest->facts != NULL)
        tell_ages(guests, guest->facts, now_us, detail);
    detail->agent = agent_state(guests, guest, now_us);
    if (guest->manners.answered_us != 0) {
        detail->agent_latency_ms = (guint64)guest->manners.latency_us / 1000;
        detail->agent_age_s = (guint64)(now_us - guest->manners.answered_us) / G_USEC_PER_SEC;
    }
}

const VsfGuestFacts *
vsf_guests_facts(const VsfGuests *guests, const VsfDomain *domain)
{
    const Guest *guest = vsf_guests_find(guests, domain->def->uuid);

    return guest != NULL ? guest->facts : NULL;
}

const char *
vsf_guests_host_name(const VsfGuests *guests, const char *uuid)
{
    const Guest *guest = vsf_guests_find(guests, uuid);

    return guest != NULL && guest->facts != NULL ? guest->facts->host_name : NULL;
}

gboolean
vsf_guests_status(const VsfGuests *guests, const VsfDomain *domain, VsfGuestStatus *status)
{
    const Guest *guest = vsf_guests_find(guests, domain->def->uuid);
    gint64 now_us = g_get_monotonic_time();
    gboolean quarantined;

    if (guest == NULL)
        return FALSE;
    *status = (VsfGuestStatus){
        .plan = guest->plan,
        .state = agent_state(guests, guest, now_us),
        .trouble = guest->trouble,
        .version = guest->version,
        .answered_us = guest->manners.answered_us,
        .latency_us = guest->manners.latency_us,
        .failures = guest->manners.failures,
        .requests = guest->requests,
        .balloon_set = guest->balloon_set,
        .memory = guest->memory,
        .available = guest->available,
    };
    quarantined = vsf_agent_manners_is_quarantined(&guest->manners, now_us);
    if (quarantined && status->trouble == NULL)
        status->trouble = "it takes longer and longer to answer";
    if (guest->manners.failures > 0 || quarantined)
        status->retry_us = MAX(vsf_agent_manners_due_us(&guest->manners), 0);
    return TRUE;
}

const char *
vsf_guests_trouble(const VsfGuests *guests)
{
    return guests->refused;
}

VsfGuestTotals
vsf_guests_totals(const VsfGuests *guests)
{
    VsfGuestTotals totals = {.failures = guests->failures_gone};
    gint64 now_us = g_get_monotonic_time();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, guests->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Guest *guest = value;

        totals.failures += guest->n_failures;
        if (vsf_agent_manners_is_quarantined(&guest->manners, now_us))
            totals.quarantined++;
        else if (guest->manners.failures > 0)
            totals.failing++;
    }
    return totals;
}
