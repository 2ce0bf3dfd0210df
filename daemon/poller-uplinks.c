/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns of the host's own interfaces that a section gives another interval than the host's: one
 * turn for each such interval, at which all interfaces are read, since which there are is known no
 * other way. */
#include "poller-private.h"

#include <string.h>

/* Between two turns of an interval that no interface has: its sections are for taps. */
#define REST_S 60

static gboolean
are_wanted(const VsfConfig *config)
{
    return config->host != VSF_HOST_OFF && config->host_interfaces != VSF_HOST_INTERFACES_OFF;
}

static gboolean
are_read(const VsfPoller *poller)
{
    return are_wanted(poller->context.config) &&
           (poller->context.config->polling_s != 0 || g_hash_table_size(poller->uplink_turns) > 0);
}

static void
set_interval(VsfPoller *poller, Entry *entry, guint interval_s)
{
    vsf_schedule_set_own(&entry->turn, interval_s);
    vsf_schedule_retime(poller->schedule, &entry->turn);
}

/* --- what a reading brings --------------------------------------------------- */

/* Those of the host's own interval. One that has another ends the rest of that interval's turns. */
void
vsf_poller_tell_uplinks(VsfPoller *poller, const VsfHostCounters *counters)
{
    const VsfConfig *config = poller->context.config;
    GHashTableIter iter;
    gpointer interval_s, entry;

    if (!are_read(poller)) {
        vsf_uplinks_stop(poller->uplinks);
        return;
    }
    vsf_uplinks_tell(poller->uplinks, counters, config, config->polling_s);
    g_hash_table_iter_init(&iter, poller->uplink_turns);
    while (g_hash_table_iter_next(&iter, &interval_s, &entry))
        if (vsf_uplinks_have(poller->uplinks, config, GPOINTER_TO_UINT(interval_s)))
            set_interval(poller, entry, GPOINTER_TO_UINT(interval_s));
}

static void
interfaces_came(const VsfHostCounters *counters, gpointer user_data)
{
    VsfPoller *poller = user_data;
    const VsfConfig *config = poller->context.config;
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, poller->uplink_turns);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        guint interval_s = GPOINTER_TO_UINT(key);
        Entry *entry = value;

        if (!entry->waits)
            continue;
        entry->waits = FALSE;
        vsf_uplinks_tell(poller->uplinks, counters, config, interval_s);
        set_interval(poller, entry,
                     vsf_uplinks_have(poller->uplinks, config, interval_s)
                         ? interval_s
                         : MAX(interval_s, REST_S));
        vsf_poller_end_turn(poller, entry);
    }
}

void
vsf_poller_uplinks_due(VsfPoller *poller, Entry *entry)
{
    entry->waits = TRUE;
    vsf_uplink_poll_begin(poller->uplink_poll);
}

/* --- which intervals there are ----------------------------------------------- */

static GHashTable *
intervals_of(const VsfConfig *config)
{
    GHashTable *intervals = g_hash_table_new(NULL, NULL);

    for (guint i = 0; are_wanted(config) && i < config->rules->len; i++) {
        const VsfConfigRule *rule = config->rules->pdata[i];

        if (rule->kind == VSF_RULE_INTERFACE && (rule->set & 1u << VSF_RULE_POLLING) != 0 &&
            rule->polling_s != 0 && rule->polling_s != config->polling_s)
            g_hash_table_add(intervals, GUINT_TO_POINTER(rule->polling_s));
    }
    return intervals;
}

static void
add_turn(VsfPoller *poller, guint interval_s)
{
    Entry *entry = g_new0(Entry, 1);
    g_autofree char *key = g_strdup_printf("interfaces every %u s", interval_s);

    entry->kind = ENTRY_UPLINKS;
    vsf_schedule_set_key(&entry->turn, key, strlen(key));
    vsf_schedule_set_own(&entry->turn, interval_s);
    g_hash_table_insert(poller->uplink_turns, GUINT_TO_POINTER(interval_s), entry);
    vsf_schedule_place(poller->schedule, &entry->turn);
}

static gboolean
is_over(gpointer interval, gpointer entry G_GNUC_UNUSED, gpointer intervals)
{
    return !g_hash_table_contains(intervals, interval);
}

void
vsf_poller_uplinks_set_config(VsfPoller *poller)
{
    g_autoptr(GHashTable) intervals = intervals_of(poller->context.config);
    GHashTableIter iter;
    gpointer key;

    g_hash_table_foreach_remove(poller->uplink_turns, is_over, intervals);
    g_hash_table_iter_init(&iter, intervals);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Entry *entry = g_hash_table_lookup(poller->uplink_turns, key);

        if (entry == NULL)
            add_turn(poller, GPOINTER_TO_UINT(key));
        else /* a section may name others now */
            set_interval(poller, entry, GPOINTER_TO_UINT(key));
    }
    if (!are_read(poller))
        vsf_uplinks_stop(poller->uplinks);
}

void
vsf_poller_uplinks_new(VsfPoller *poller)
{
    poller->uplinks = vsf_uplinks_new(poller->context.exporter);
    poller->uplink_poll = vsf_uplink_poll_new(NULL, interfaces_came, poller);
    poller->uplink_turns = g_hash_table_new_full(NULL, NULL, NULL, vsf_poller_entry_free);
    vsf_poller_uplinks_set_config(poller);
}

void
vsf_poller_uplinks_free(VsfPoller *poller)
{
    g_hash_table_unref(poller->uplink_turns);
    vsf_uplink_poll_free(poller->uplink_poll);
    vsf_uplinks_free(poller->uplinks);
}

const GArray *
vsf_poller_uplinks(const VsfPoller *poller)
{
    return vsf_uplinks_known(poller->uplinks);
}
