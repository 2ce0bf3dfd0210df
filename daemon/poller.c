/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "poller.h"

#include "base/log.h"
#include "qemu-process.h"

#define SLOTS 10 /* of an interval */
#define SLOT_MAX_US (2 * G_USEC_PER_SEC)
#define TURNS_MAX 32 /* of one wake-up; the rest follows without a pause */

typedef enum { ENTRY_HOST, ENTRY_DOMAIN, ENTRY_TAP } EntryKind;

/* Something whose turn comes once per interval. */
typedef struct {
    EntryKind kind;
    gint64 due_us;
    GSequenceIter *iter; /* in the schedule; NULL while its turn is under way */
    VsfTap *tap;
    VsfDomainPoll *poll;
    VsfPollUrgency urgency; /* of the next turn, or of the one under way */
    gboolean reading;       /* waits for interface counters */
    guint64 reading_number; /* of the question that covers it */
} Entry;

struct VsfPoller {
    VsfPollContext context;
    VsfFlows *flows;
    VsfLinkStatsReader *link_stats;
    VsfNode *node;
    GSequence *schedule; /* Entry by due_us */
    GHashTable *domains; /* VsfDomain -> Entry */
    GHashTable *taps;    /* VsfTap -> Entry */
    GPtrArray *reading;  /* Entry with reading set */
    Entry host;
    gboolean host_told; /* a sample of it left */
    gint64 grid_us;     /* where the slots lie: a random time below the length of one */
    guint timer;
    guint64 turns, missed;      /* taken, and skipped */
    guint64 questions, answers; /* readings asked for and come, in the same order */
    VsfLogRate error_rate;
    VsfPollerGone gone;
    gpointer gone_data;
};

static gint64
interval_us(const VsfPoller *poller)
{
    return (gint64)poller->context.config->polling_s * G_USEC_PER_SEC;
}

static gint64
random_phase(const VsfPoller *poller)
{
    return (gint64)(g_random_double() * (double)interval_us(poller));
}

/* --- the schedule ------------------------------------------------------ */

static int
compare_due(gconstpointer a, gconstpointer b, gpointer user_data G_GNUC_UNUSED)
{
    gint64 difference = ((const Entry *)a)->due_us - ((const Entry *)b)->due_us;

    return difference < 0 ? -1 : difference > 0;
}

static gboolean slot_came(gpointer user_data);

static void
arm(VsfPoller *poller)
{
    GSequenceIter *first = g_sequence_get_begin_iter(poller->schedule);
    gint64 wait_us;

    g_clear_handle_id(&poller->timer, g_source_remove);
    if (g_sequence_iter_is_end(first))
        return;
    wait_us = MAX(((const Entry *)g_sequence_get(first))->due_us - g_get_monotonic_time(), 0);
    poller->timer = g_timeout_add((guint)((wait_us + 999) / 1000), slot_came, poller);
}

static void
unschedule(Entry *entry)
{
    g_clear_pointer(&entry->iter, g_sequence_remove);
}

static void
schedule(VsfPoller *poller, Entry *entry, gint64 due_us)
{
    if (poller->context.config->polling_s == 0)
        return;
    unschedule(entry);
    entry->due_us = due_us;
    entry->iter = g_sequence_insert_sorted(poller->schedule, entry, compare_due, NULL);
    arm(poller);
}

static gint64
slot_us(const VsfPoller *poller)
{
    return MIN(interval_us(poller) / SLOTS, SLOT_MAX_US);
}

/* The slot that begins at or after @time_us. */
static gint64
slot_of(const VsfPoller *poller, gint64 time_us)
{
    gint64 length_us = slot_us(poller);

    return (time_us - poller->grid_us + length_us - 1) / length_us * length_us + poller->grid_us;
}

static void
schedule_random(VsfPoller *poller, Entry *entry)
{
    if (poller->context.config->polling_s == 0)
        return;
    schedule(poller, entry, slot_of(poller, g_get_monotonic_time() + random_phase(poller)));
}

/* The turn after this one: due times do not drift, and after a loop that was
 * late each source still has its own phase. */
static void
schedule_next(VsfPoller *poller, Entry *entry)
{
    gint64 late_us = g_get_monotonic_time() - entry->due_us;
    gint64 turns = 1;

    if (late_us > 0)
        turns += late_us / interval_us(poller);
    schedule(poller, entry, entry->due_us + turns * interval_us(poller));
}

/* A turn out of order sets a new phase. */
static void
turn_is_over(VsfPoller *poller, Entry *entry)
{
    if (entry->urgency == VSF_POLL_REGULAR)
        schedule_next(poller, entry);
    else
        schedule_random(poller, entry);
    entry->urgency = VSF_POLL_REGULAR;
}

static void
poll_finished(VsfDomainPoll *poll, gpointer user_data)
{
    VsfPoller *poller = user_data;

    turn_is_over(poller, g_hash_table_lookup(poller->domains, vsf_domain_poll_domain(poll)));
}

/* --- readings of interface counters ------------------------------------ */

static void
wait_for_reading(VsfPoller *poller, Entry *entry, guint64 number)
{
    if (!entry->reading)
        g_ptr_array_add(poller->reading, entry);
    entry->reading = TRUE;
    entry->reading_number = number;
}

static void
stop_reading(VsfPoller *poller, Entry *entry)
{
    if (entry->reading)
        g_ptr_array_remove_fast(poller->reading, entry);
    entry->reading = FALSE;
}

static void
give_reading(VsfPoller *poller, Entry *entry, GHashTable *table)
{
    const VsfLinkStats *stats;

    stop_reading(poller, entry);
    if (entry->kind == ENTRY_DOMAIN) {
        vsf_domain_poll_readings(entry->poll, table);
        return;
    }
    stats = table == NULL ? NULL
                          : g_hash_table_lookup(table, GINT_TO_POINTER(entry->tap->link.ifindex));
    if (stats != NULL && entry->tap->domain != NULL)
        vsf_exporter_tap(poller->context.exporter, entry->tap, stats);
}

static void
readings_came(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data)
{
    VsfPoller *poller = user_data;
    g_autoptr(GPtrArray) entries = g_ptr_array_new();
    GHashTableIter iter;
    gpointer key, value;
    guint held_back;

    poller->answers++;
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
    /* An entry that joined after this question was asked waits for its own. */
    for (guint i = 0; i < poller->reading->len; i++) {
        Entry *entry = g_ptr_array_index(poller->reading, i);

        if (entry->reading_number <= poller->answers)
            g_ptr_array_add(entries, entry);
    }
    for (guint i = 0; i < entries->len; i++)
        give_reading(poller, g_ptr_array_index(entries, i), table);
}

/* --- a slot ------------------------------------------------------------ */

static void
tell_host(VsfPoller *poller)
{
    vsf_node_refresh(poller->node);
    vsf_exporter_host(poller->context.exporter, poller->node,
                      g_hash_table_size(vsf_registry_domains(poller->context.registry)));
    poller->host_told = TRUE;
}

/* TRUE if it waits for a reading of @ifindexes, to which its own are added. */
static gboolean
take_turn(VsfPoller *poller, Entry *entry, GArray *ifindexes)
{
    const GPtrArray *taps;

    unschedule(entry);
    poller->turns++;
    switch (entry->kind) {
    case ENTRY_HOST:
        tell_host(poller);
        turn_is_over(poller, entry);
        return FALSE;
    case ENTRY_TAP:
        turn_is_over(poller, entry);
        if (entry->tap->domain == NULL)
            return FALSE;
        wait_for_reading(poller, entry, poller->questions + 1);
        g_array_append_val(ifindexes, entry->tap->link.ifindex);
        break;
    case ENTRY_DOMAIN:
        /* The order that some collectors need (exporter.c), whosever turn comes first. */
        if (!poller->host_told)
            tell_host(poller);
        if (!vsf_domain_poll_begin(entry->poll, entry->urgency)) {
            turn_is_over(poller, entry);
            return FALSE;
        }
        wait_for_reading(poller, entry, poller->questions + 1);
        taps = vsf_domain_poll_domain(entry->poll)->taps;
        for (guint i = 0; i < taps->len; i++)
            g_array_append_val(ifindexes,
                               ((const VsfTap *)g_ptr_array_index(taps, i))->link.ifindex);
        break;
    }
    return TRUE;
}

/* A loop that was late by a whole interval skips the turns of that time rather
 * than take all sources' in a burst. */
static gboolean
is_missed(const VsfPoller *poller, const Entry *entry, gint64 now_us)
{
    return entry->urgency == VSF_POLL_REGULAR && now_us - entry->due_us >= interval_us(poller);
}

static gboolean
slot_came(gpointer user_data)
{
    VsfPoller *poller = user_data;
    g_autoptr(GArray) ifindexes = g_array_new(FALSE, FALSE, sizeof(int));
    gint64 now_us = g_get_monotonic_time();
    gboolean ask = FALSE;

    poller->timer = 0;
    for (guint turns = 0; turns < TURNS_MAX; turns++) {
        GSequenceIter *first = g_sequence_get_begin_iter(poller->schedule);
        Entry *entry = g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);

        if (entry == NULL || entry->due_us > now_us)
            break;
        if (is_missed(poller, entry, now_us)) {
            poller->missed++;
            schedule_next(poller, entry);
        } else if (take_turn(poller, entry, ifindexes)) {
            ask = TRUE;
        }
    }
    if (ask) {
        poller->questions++;
        vsf_link_stats_ask(poller->link_stats, (const int *)(void *)ifindexes->data, ifindexes->len,
                           readings_came, poller);
    }
    arm(poller);
    return G_SOURCE_REMOVE;
}

/* --- the door ---------------------------------------------------------- */

static void
entry_free(gpointer data)
{
    Entry *entry = data;

    unschedule(entry);
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
               VsfPollerGone gone, gpointer gone_data)
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
        .process_gone = process_gone,
        .user_data = poller,
    };
    poller->flows = flows;
    poller->link_stats = link_stats;
    poller->gone = gone;
    poller->gone_data = gone_data;
    poller->node = vsf_node_read();
    poller->schedule = g_sequence_new(NULL);
    poller->domains = g_hash_table_new_full(NULL, NULL, NULL, entry_free);
    poller->taps = g_hash_table_new_full(NULL, NULL, NULL, entry_free);
    poller->reading = g_ptr_array_new();
    poller->grid_us = (gint64)(g_random_double() * (double)slot_us(poller));
    poller->host.kind = ENTRY_HOST;
    schedule_random(poller, &poller->host);
    return poller;
}

void
vsf_poller_free(VsfPoller *poller)
{
    if (poller == NULL)
        return;
    g_clear_handle_id(&poller->timer, g_source_remove);
    vsf_worker_free(poller->context.finder);
    g_hash_table_unref(poller->domains);
    g_hash_table_unref(poller->taps);
    unschedule(&poller->host);
    g_sequence_free(poller->schedule);
    g_ptr_array_unref(poller->reading);
    vsf_node_free(poller->node);
    g_free(poller);
}

void
vsf_poller_domain_added(VsfPoller *poller, VsfDomain *domain)
{
    Entry *entry = g_new0(Entry, 1);

    entry->kind = ENTRY_DOMAIN;
    entry->poll = vsf_domain_poll_new(&poller->context, domain);
    g_hash_table_insert(poller->domains, domain, entry);
    schedule_random(poller, entry);
}

void
vsf_poller_domain_removed(VsfPoller *poller, VsfDomain *domain)
{
    Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL)
        return;
    stop_reading(poller, entry);
    vsf_domain_poll_end(entry->poll);
    g_hash_table_remove(poller->domains, domain);
}

void
vsf_poller_tap_added(VsfPoller *poller, VsfTap *tap)
{
    Entry *entry = g_new0(Entry, 1);

    entry->kind = ENTRY_TAP;
    entry->tap = tap;
    g_hash_table_insert(poller->taps, tap, entry);
    schedule_random(poller, entry);
}

void
vsf_poller_tap_removed(VsfPoller *poller, VsfTap *tap)
{
    Entry *entry = g_hash_table_lookup(poller->taps, tap);

    if (entry == NULL)
        return;
    stop_reading(poller, entry);
    g_hash_table_remove(poller->taps, tap);
}

void
vsf_poller_domain_now(VsfPoller *poller, VsfDomain *domain, VsfPollUrgency urgency)
{
    Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL)
        return;
    entry->urgency = urgency;
    if (!vsf_domain_poll_hurry(entry->poll, urgency))
        schedule(poller, entry, g_get_monotonic_time());
}

void
vsf_poller_tap_final(VsfPoller *poller, int ifindex, const VsfLinkStats *stats)
{
    VsfTap *tap = vsf_registry_tap(poller->context.registry, ifindex);
    Entry *entry = tap == NULL || tap->domain == NULL
                       ? NULL
                       : g_hash_table_lookup(poller->domains, tap->domain);

    if (entry == NULL || poller->context.config->polling_s == 0)
        return;
    vsf_exporter_tap(poller->context.exporter, tap, stats);
    vsf_domain_poll_tap_final(entry->poll, tap, stats);
}

void
vsf_poller_connected(VsfPoller *poller, gboolean connected)
{
    poller->context.connected = connected;
}

VsfPollerTurns
vsf_poller_turns(const VsfPoller *poller)
{
    GSequenceIter *first = g_sequence_get_begin_iter(poller->schedule);

    return (VsfPollerTurns){
        .taken = poller->turns,
        .missed = poller->missed,
        .due = !g_sequence_iter_is_end(first) &&
               ((const Entry *)g_sequence_get(first))->due_us <= g_get_monotonic_time(),
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
