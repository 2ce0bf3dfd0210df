/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "poller-private.h"
#include "qemu-process.h"

#define TURNS_MAX 32 /* of one wake-up; the rest follows without a pause */

/* --- turns --------------------------------------------------------------- */

/* They share a question to the kernel. */
void
vsf_poller_join_taps(VsfPoller *poller, const Entry *entry, gboolean keep)
{
    const GPtrArray *taps = vsf_domain_poll_domain(entry->poll)->taps;

    for (guint i = 0; i < taps->len; i++) {
        Entry *tap = g_hash_table_lookup(poller->taps, taps->pdata[i]);

        if (tap != NULL)
            vsf_schedule_join(poller->schedule, &tap->turn, &entry->turn,
                              keep || tap->taken_us != 0);
    }
}

/* A turn at the VM's start or end sets a new phase. */
static void
turn_is_over(VsfPoller *poller, Entry *entry)
{
    gboolean phase_stays = entry->urgency == VSF_POLL_REGULAR || entry->urgency == VSF_POLL_EXTRA;

    if (phase_stays)
        vsf_schedule_next(poller->schedule, &entry->turn);
    else
        vsf_schedule_place(poller->schedule, &entry->turn);
    entry->urgency = VSF_POLL_REGULAR;
    if (entry->kind != ENTRY_DOMAIN)
        return;
    vsf_poller_join_taps(poller, entry, phase_stays);
    vsf_poller_again_if_back(poller, entry);
}

static void
note_lateness(VsfPoller *poller, const Entry *entry)
{
    vsf_quantiles_add(&poller->lateness, g_get_monotonic_time() - entry->taken_us);
}

/* What a slot brought leaves together, as soon as all of it is there: no wake-up of its own sends
 * it later. What hangs holds up nobody: the exporter sends by itself after a while. */
static void
flush_if_over(VsfPoller *poller)
{
    if (poller->polls_out == 0 && !vsf_readings_are_out(poller->readings))
        vsf_exporter_flush(poller->context.exporter);
}

void
vsf_poller_end_turn(VsfPoller *poller, Entry *entry)
{
    note_lateness(poller, entry);
    turn_is_over(poller, entry);
    flush_if_over(poller);
}

/* First and last samples come one by one, and wait for each other a little. */
static void
poll_finished(VsfDomainPoll *poll, gpointer user_data)
{
    VsfPoller *poller = user_data;
    Entry *entry = g_hash_table_lookup(poller->domains, vsf_domain_poll_domain(poll));
    gboolean is_regular = entry->urgency == VSF_POLL_REGULAR;

    poller->polls_out--;
    note_lateness(poller, entry);
    turn_is_over(poller, entry);
    if (is_regular)
        flush_if_over(poller);
}

/* --- readings of interface counters ------------------------------------ */

static void
give_reading(VsfReader *reader, GHashTable *table, gpointer user_data)
{
    VsfPoller *poller = user_data;
    Entry *entry = reader->owner;
    const VsfLinkStats *stats;

    if (entry->kind == ENTRY_DOMAIN) {
        vsf_domain_poll_readings(entry->poll, table);
        return;
    }
    stats = table == NULL ? NULL
                          : g_hash_table_lookup(table, GINT_TO_POINTER(entry->tap->link.ifindex));
    if (stats == NULL || entry->tap->domain == NULL)
        return;
    vsf_exporter_tap(poller->context.exporter, entry->tap, stats);
    note_lateness(poller, entry);
}

static void
readings_given(gpointer user_data)
{
    flush_if_over(user_data);
}

static void
readings_came(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data)
{
    VsfPoller *poller = user_data;
    GHashTableIter iter;
    gpointer key, value;
    guint held_back;

    if (table == NULL) {
        if (vsf_log_rate_allow(&poller->error_rate, g_get_monotonic_time(), 60 * G_USEC_PER_SEC,
                               &held_back))
            g_warning("interface counters: %s; they are unknown this time (and %u times before)",
                      error->message, held_back);
    } else {
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
            vsf_flows_reading(poller->flows, GPOINTER_TO_INT(key), value, read_ns);
    }
}

static const VsfReadingsCallbacks readings_callbacks = {
    .came = readings_came,
    .give = give_reading,
    .given = readings_given,
};

/* --- a slot ------------------------------------------------------------ */

/* @counters: NULL for what is known at once. */
static void
tell_host(VsfPoller *poller, VsfHostCounters *counters)
{
    if (poller->context.config->host == VSF_HOST_OFF)
        return;
    vsf_node_refresh(poller->node, counters);
    vsf_exporter_host(poller->context.exporter, poller->node,
                      vsf_registry_n_here(poller->context.registry), counters);
    poller->host_told = TRUE;
}

static void
host_came(VsfHostCounters *counters, gpointer user_data)
{
    VsfPoller *poller = user_data;

    tell_host(poller, counters);
    vsf_poller_tell_uplinks(poller, counters);
    vsf_poller_end_turn(poller, &poller->host);
}

static gboolean
begin_host(const VsfPoller *poller)
{
    gint64 interval_us = vsf_schedule_interval_us(poller->schedule);

    return poller->context.config->host != VSF_HOST_OFF &&
           vsf_host_poll_begin(poller->host_poll, vsf_host_poll_deadline_ms(interval_us));
}

void
vsf_poller_host_first(VsfPoller *poller)
{
    if (!poller->host_told)
        tell_host(poller, NULL);
}

static void
wait_for_taps(VsfPoller *poller, Entry *entry)
{
    const GPtrArray *taps = vsf_domain_poll_domain(entry->poll)->taps;

    vsf_readings_wait(poller->readings, &entry->reader);
    for (guint i = 0; i < taps->len; i++)
        vsf_readings_add(poller->readings,
                         ((const VsfTap *)g_ptr_array_index(taps, i))->link.ifindex);
}

/* A guest that is on its way has its turns on the host where it is, but for the last one here. */
static gboolean
is_to_be_polled(const Entry *entry)
{
    return vsf_domain_poll_domain(entry->poll)->here || entry->urgency == VSF_POLL_LAST;
}

/* TRUE: the rest of it is begin_poll()'s. */
static gboolean
take_turn(VsfPoller *poller, Entry *entry)
{
    poller->turns++;
    entry->taken_us = entry->turn.due_us;
    switch (entry->kind) {
    case ENTRY_HOST:
        if (begin_host(poller))
            return FALSE; /* until host_came() */
        break;
    case ENTRY_UPLINKS:
        vsf_poller_uplinks_due(poller, entry);
        return FALSE;
    case ENTRY_TAP:
        if (entry->tap->domain == NULL)
            break;
        vsf_readings_wait(poller->readings, &entry->reader);
        vsf_readings_add(poller->readings, entry->tap->link.ifindex);
        break;
    case ENTRY_DOMAIN:
        if (!is_to_be_polled(entry)) {
            vsf_domain_poll_look(entry->poll);
            if (is_to_be_polled(entry))
                return FALSE; /* its first turn is planned */
            break;
        }
        /* Whosever turn comes first. */
        vsf_poller_host_first(poller);
        if (!vsf_domain_poll_may_begin(entry->poll, entry->urgency))
            break;
        wait_for_taps(poller, entry);
        return TRUE;
    }
    turn_is_over(poller, entry);
    return FALSE;
}

static void
begin_poll(VsfPoller *poller, Entry *entry)
{
    if (vsf_domain_poll_begin(entry->poll, entry->urgency)) {
        poller->polls_out++;
        return;
    }
    vsf_readings_leave(&entry->reader);
    turn_is_over(poller, entry);
}

/* Domains' turns in @polls, which is returned as their number. */
static guint
take_turns(VsfPoller *poller, gint64 now_us, Entry *polls[TURNS_MAX])
{
    guint n_polls = 0;

    for (guint turns = 0; turns < TURNS_MAX; turns++) {
        VsfTurn *turn = vsf_schedule_take(poller->schedule, now_us);
        Entry *entry = (Entry *)turn;

        if (turn == NULL)
            break;
        if (entry->urgency == VSF_POLL_REGULAR &&
            vsf_schedule_is_missed(poller->schedule, turn, now_us)) {
            poller->missed++;
            vsf_schedule_next(poller->schedule, turn);
        } else if (take_turn(poller, entry)) {
            polls[n_polls++] = entry;
        }
    }
    return n_polls;
}

/* The kernel is asked first: its answer is there when all polls are begun, and most often needs no
 * wake-up of its own. */
static void
slot_came(gpointer user_data)
{
    VsfPoller *poller = user_data;
    gint64 now_us = g_get_monotonic_time();
    Entry *polls[TURNS_MAX];
    guint n_polls = take_turns(poller, now_us, polls);

    vsf_readings_ask(poller->readings, vsf_schedule_is_due(poller->schedule, now_us));
    for (guint i = 0; i < n_polls; i++)
        begin_poll(poller, polls[i]);
    vsf_calls_begin_gathered(poller->context.stats);
    vsf_schedule_arm(poller->schedule);
}

/* --- the door ---------------------------------------------------------- */

void
vsf_poller_entry_free(gpointer data)
{
    Entry *entry = data;

    vsf_schedule_cancel(&entry->turn);
    vsf_domain_poll_free(entry->poll);
    g_free(entry);
}

static VsfDomainPoll *
poll_for(const char *uuid, gpointer user_data)
{
    VsfPoller *poller = user_data;
    VsfDomain *domain = vsf_registry_by_uuid(poller->context.registry, uuid);
    Entry *entry = domain == NULL ? NULL : g_hash_table_lookup(poller->domains, domain);

    return entry == NULL ? NULL : entry->poll;
}

static void
process_gone(VsfDomain *domain, gpointer user_data)
{
    VsfPoller *poller = user_data;

    poller->gone(domain, poller->gone_data);
}

VsfPoller *
vsf_poller_new(const VsfConfig *config, VsfRegistry *registry, VsfExporter *exporter,
               VsfFlows *flows, VsfLinkStatsReader *link_stats, VsfCalls *stats, VsfGuests *guests,
               guint32 seed, VsfPollerGone gone, gpointer gone_data)
{
    VsfPoller *poller = g_new0(VsfPoller, 1);

    poller->context = (VsfPollContext){
        .config = config,
        .registry = registry,
        .exporter = exporter,
        .stats = stats,
        .guests = guests,
        .finder = vsf_qemu_finder_new(),
        .poll_for = poll_for,
        .finished = poll_finished,
        .answered_late = vsf_poller_answered_late,
        .process_gone = process_gone,
        .user_data = poller,
    };
    poller->flows = flows;
    poller->gone = gone;
    poller->gone_data = gone_data;
    poller->node = vsf_node_read();
    poller->host_poll = vsf_host_poll_new(NULL, host_came, poller);
    poller->schedule = vsf_schedule_new(config->polling_s, seed, slot_came, poller);
    poller->domains = g_hash_table_new_full(NULL, NULL, NULL, vsf_poller_entry_free);
    poller->taps = g_hash_table_new_full(NULL, NULL, NULL, vsf_poller_entry_free);
    poller->ending = g_hash_table_new(NULL, NULL);
    poller->readings = vsf_readings_new(link_stats, &readings_callbacks, poller);
    vsf_poller_uplinks_new(poller);
    poller->host.kind = ENTRY_HOST;
    vsf_schedule_place(poller->schedule, &poller->host.turn);
    return poller;
}

void
vsf_poller_free(VsfPoller *poller)
{
    if (poller == NULL)
        return;
    vsf_worker_free(poller->context.finder);
    g_clear_handle_id(&poller->ending_timer, g_source_remove);
    g_hash_table_unref(poller->ending);
    g_hash_table_unref(poller->domains);
    g_hash_table_unref(poller->taps);
    vsf_poller_uplinks_free(poller);
    vsf_schedule_cancel(&poller->host.turn);
    vsf_schedule_free(poller->schedule);
    vsf_readings_free(poller->readings);
    vsf_host_poll_free(poller->host_poll);
    vsf_node_free(poller->node);
    g_free(poller);
}

void
vsf_poller_domain_added(VsfPoller *poller, VsfDomain *domain)
{
    Entry *entry = g_new0(Entry, 1);

    entry->kind = ENTRY_DOMAIN;
    entry->reader.owner = entry;
    entry->poll = vsf_domain_poll_new(&poller->context, domain);
    entry->here = domain->here;
    g_hash_table_insert(poller->domains, domain, entry);
    vsf_poller_set_own(poller, entry);
    vsf_schedule_place(poller->schedule, &entry->turn);
    vsf_poller_join_taps(poller, entry, FALSE);
    vsf_poller_added_if_back(poller, entry);
}

void
vsf_poller_domain_removed(VsfPoller *poller, VsfDomain *domain)
{
    Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL)
        return;
    vsf_readings_leave(&entry->reader);
    vsf_poller_ending_forget(poller, entry);
    if (vsf_domain_poll_end(entry->poll))
        poller->polls_out--;
    g_hash_table_remove(poller->domains, domain);
}

void
vsf_poller_tap_added(VsfPoller *poller, VsfTap *tap)
{
    Entry *entry = g_new0(Entry, 1);

    entry->kind = ENTRY_TAP;
    entry->reader.owner = entry;
    entry->tap = tap;
    g_hash_table_insert(poller->taps, tap, entry);
    vsf_poller_set_own(poller, entry);
    vsf_schedule_place(poller->schedule, &entry->turn);
}

void
vsf_poller_tap_removed(VsfPoller *poller, VsfTap *tap)
{
    Entry *entry = g_hash_table_lookup(poller->taps, tap);

    if (entry == NULL)
        return;
    vsf_readings_leave(&entry->reader);
    g_hash_table_remove(poller->taps, tap);
}

void
vsf_poller_domain_now(VsfPoller *poller, VsfDomain *domain, VsfPollUrgency urgency)
{
    Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL || (!domain->here && urgency != VSF_POLL_LAST))
        return;
    entry->urgency = urgency;
    if (vsf_domain_poll_hurry(entry->poll, urgency))
        return;
    /* Without turns there is none to be in a hurry, nor when there are again. */
    if (!vsf_schedule_has_turns(poller->schedule, &entry->turn))
        entry->urgency = VSF_POLL_REGULAR;
    else
        vsf_schedule_at(poller->schedule, &entry->turn, g_get_monotonic_time());
}

void
vsf_poller_tap_final(VsfPoller *poller, int ifindex, const VsfLinkStats *stats)
{
    VsfTap *tap = vsf_registry_tap(poller->context.registry, ifindex);
    Entry *entry = tap == NULL || tap->domain == NULL
                       ? NULL
                       : g_hash_table_lookup(poller->domains, tap->domain);

    if (entry == NULL)
        return;
    if (vsf_poller_tap_has_turns(poller, tap))
        vsf_exporter_tap(poller->context.exporter, tap, stats);
    if (vsf_schedule_has_turns(poller->schedule, &entry->turn))
        vsf_domain_poll_tap_final(entry->poll, tap, stats);
}

VsfQuantiles
vsf_poller_take_lateness(VsfPoller *poller)
{
    return vsf_quantiles_take(&poller->lateness);
}

VsfPollerTurns
vsf_poller_turns(const VsfPoller *poller)
{
    return (VsfPollerTurns){
        .taken = poller->turns,
        .missed = poller->missed,
        .due = vsf_schedule_is_due(poller->schedule, g_get_monotonic_time()),
    };
}

gboolean
vsf_poller_status(const VsfPoller *poller, const VsfDomain *domain, VsfPollStatus *status)
{
    const Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL)
        return FALSE;
    *status = vsf_domain_poll_status(entry->poll);
    return TRUE;
}
