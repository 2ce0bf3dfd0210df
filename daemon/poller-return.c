/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "poller-private.h"

/* After libvirt was away or hung: extra turns of the VMs whose last sample lacks its
 * numbers. The first ones are spread, and a VM has more of them while libvirt is
 * still busy with its own return. */
#define BACK_US (10 * G_USEC_PER_SEC)
#define BACK_SPREAD_MS 1500
#define BACK_STEP_MS 250
#define BACK_AGAIN_US G_USEC_PER_SEC

static gboolean
is_just_back(const VsfPoller *poller)
{
    return poller->context.connected && poller->back_us != 0 &&
           g_get_monotonic_time() - poller->back_us < BACK_US;
}

/* Its next turn comes earlier; the phase stays. */
static void
hasten(VsfPoller *poller, Entry *entry, gint64 wait_us)
{
    if (vsf_domain_poll_lacks(entry->poll) &&
        vsf_schedule_hasten(poller->schedule, &entry->turn, g_get_monotonic_time() + wait_us))
        entry->urgency = VSF_POLL_EXTRA;
}

static void
hasten_first(VsfPoller *poller, Entry *entry)
{
    gint32 step = g_random_int_range(0, BACK_SPREAD_MS / BACK_STEP_MS);

    hasten(poller, entry, step * BACK_STEP_MS * G_TIME_SPAN_MILLISECOND);
}

/* What lacks only what libvirt knows is made good now, not an interval later. */
static void
libvirt_is_back(VsfPoller *poller)
{
    GHashTableIter iter;
    gpointer entry;

    poller->back_us = g_get_monotonic_time();
    g_hash_table_iter_init(&iter, poller->domains);
    while (g_hash_table_iter_next(&iter, NULL, &entry))
        hasten_first(poller, entry);
}

/* A call that had hung came back: so may be all, unless nobody can be asked yet. A VM that is
 * always so slow must not have turns without end. */
void
vsf_poller_answered_late(gpointer user_data)
{
    VsfPoller *poller = user_data;
    gint64 interval_us = vsf_schedule_interval_us(poller->schedule);

    if (!poller->context.connected)
        return;
    /* Where only some VMs have turns there is no common interval. */
    if (poller->back_us == 0 ||
        g_get_monotonic_time() - poller->back_us >= (interval_us > 0 ? interval_us : 2 * BACK_US))
        libvirt_is_back(poller);
}

void
vsf_poller_again_if_back(VsfPoller *poller, Entry *entry)
{
    if (is_just_back(poller))
        hasten(poller, entry, BACK_AGAIN_US);
}

void
vsf_poller_added_if_back(VsfPoller *poller, Entry *entry)
{
    if (is_just_back(poller))
        hasten_first(poller, entry);
}

void
vsf_poller_connected(VsfPoller *poller, gboolean connected)
{
    gboolean was_connected = poller->context.connected;

    poller->context.connected = connected;
    if (connected && poller->lost)
        libvirt_is_back(poller);
    poller->lost = !connected && (poller->lost || was_connected);
}
