/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that switches itself off ends its agent first. By the time that libvirt tells of the end
 * it has ended QEMU as well, and nobody is told the disks' final counters; so they are read while
 * the agent is away: at once and then once a second, until it is back or for half a minute. */
#include "poller-private.h"

#define STEP_MS 1000
#define WATCH_US (30 * G_USEC_PER_SEC)
/* From one watch to the next: a guest's agent may come and go as often as it likes. */
#define AGAIN_US (60 * G_USEC_PER_SEC)
#define WATCHED_MAX 64 /* four calls a second */

static gboolean
step(gpointer user_data)
{
    VsfPoller *poller = user_data;
    gint64 now_us = g_get_monotonic_time();
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, poller->ending);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const Entry *entry = key;

        if (now_us - entry->agent_left_us >= WATCH_US)
            g_hash_table_iter_remove(&iter);
        else
            vsf_domain_poll_keep(entry->poll);
    }
    vsf_calls_begin_gathered(poller->context.stats);
    if (g_hash_table_size(poller->ending) > 0)
        return G_SOURCE_CONTINUE;
    poller->ending_timer = 0;
    return G_SOURCE_REMOVE;
}

/* Whose samples nobody wants needs none at its end. */
static gboolean
is_to_be_watched(const VsfPoller *poller, const Entry *entry)
{
    return g_hash_table_size(poller->ending) < WATCHED_MAX &&
           vsf_schedule_has_turns(poller->schedule, &entry->turn) &&
           vsf_domain_poll_domain(entry->poll)->here;
}

/* One whose agent was back for a moment goes on in the watch that it has. */
static void
watch(VsfPoller *poller, Entry *entry)
{
    gint64 now_us = g_get_monotonic_time();
    gint64 ago_us = entry->agent_left_us != 0 ? now_us - entry->agent_left_us : AGAIN_US;

    if (!is_to_be_watched(poller, entry) || (ago_us >= WATCH_US && ago_us < AGAIN_US))
        return;
    g_hash_table_add(poller->ending, entry);
    if (ago_us >= AGAIN_US) {
        entry->agent_left_us = now_us;
        vsf_domain_poll_keep(entry->poll);
        vsf_calls_begin_gathered(poller->context.stats);
    }
    if (poller->ending_timer == 0)
        poller->ending_timer = g_timeout_add(STEP_MS, step, poller);
}

void
vsf_poller_ending_forget(VsfPoller *poller, Entry *entry)
{
    g_hash_table_remove(poller->ending, entry);
}

void
vsf_poller_agent(VsfPoller *poller, const VsfDomain *domain, gboolean connected)
{
    Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL)
        return;
    if (connected)
        vsf_poller_ending_forget(poller, entry);
    else
        watch(poller, entry);
}
