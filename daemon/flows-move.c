/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Samplers that are libpcap's only because eBPF had no room move to eBPF when there is some: a
 * VM ended, or a pause, and with it those samplers, was over before they had all ended.
 *
 * One at a time and only so often, since an attach holds the lock of all interfaces for some 20
 * ms, and who just starts shall find room as well. Nothing moves back, so that nothing moves to
 * and fro. The old sampler ends before the new one begins: no frame is picked twice, and what
 * passes between them counts for neither. */
#include "flows-private.h"

#define MOVE_MS 250

static gboolean
may_move(VsfFlows *flows, const Sampler *sampler)
{
    VsfCaptureTap tap = {0};

    return sampler->state == OPEN && vsf_tap_is_settled(sampler->tap) &&
           vsf_capture_tap(flows->capture, sampler->ifindex, &tap) && tap.for_room &&
           vsf_capture_has_hooks(flows->capture);
}

static Sampler *
next_to_move(VsfFlows *flows)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, flows->samplers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (may_move(flows, value))
            return value;
    return NULL;
}

/* Its counters were read just now: the pool is complete. */
static void
move(VsfFlows *flows, Sampler *sampler)
{
    vsf_flows_suspend(flows, sampler);
    vsf_sample_pool_hand_over(&sampler->pool, 0);
    sampler->has_gaps = TRUE; /* no reading is for its pool any more */
    sampler->moved_ns = g_get_monotonic_time() * 1000;
    sampler->opened_ns = G_MAXINT64;
    vsf_flows_open_sampler(flows, sampler);
}

static void
last_reading_came(GHashTable *table, gint64 read_ns, const GError *error G_GNUC_UNUSED,
                  gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = vsf_flows_sampler(flows, flows->moving);
    GHashTableIter iter;
    gpointer key, value;

    flows->moving = 0;
    /* Else its pool would lack what passed since the last one, for good: in a while again. */
    if (table == NULL)
        return;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, &value))
        vsf_flows_reading(flows, GPOINTER_TO_INT(key), value, read_ns);
    if (sampler != NULL && g_hash_table_contains(table, GINT_TO_POINTER(sampler->ifindex)) &&
        may_move(flows, sampler))
        move(flows, sampler);
}

static gboolean
move_next(gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = next_to_move(flows);

    if (sampler == NULL) {
        flows->move_timer = 0;
        return G_SOURCE_REMOVE;
    }
    if (flows->moving == 0) {
        flows->moving = sampler->ifindex;
        vsf_link_stats_ask(flows->link_stats, &sampler->ifindex, 1, last_reading_came, flows);
    }
    return G_SOURCE_CONTINUE;
}

void
vsf_flows_look_who_moves(VsfFlows *flows)
{
    if (flows->move_timer == 0 && vsf_capture_has_hooks(flows->capture))
        flows->move_timer = g_timeout_add(MOVE_MS, move_next, flows);
}
