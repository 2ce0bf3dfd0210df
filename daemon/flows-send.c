/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From waiting packets to flow samples: which count, and how many could have
 * been picked when each was. */
#include "flows-private.h"
#include "model/ends.h"

#define FLOW_TICK_MS 50      /* packets wait this long for company and a reading */
#define FLOW_PATIENCE_MS 100 /* and this long for a reading that does not come */

/* The interface that a switch knows both by: taps of one bridge, macvtaps of
 * one lower interface. 0: none. */
static int
segment(const VsfTap *tap)
{
    return tap->link.master != 0 ? tap->link.master : tap->link.lower;
}

/* Whether the kernel knew of @sender's sampler when it decided about @packet. */
static gboolean
kernel_knew(const Sampler *sender, const VsfPacket *packet)
{
    return packet->decided && sender->has_gaps && packet->time_ns >= sender->moved_ns;
}

static gboolean
had_it(const Sampler *sender, const VsfPacket *packet)
{
    if (packet->time_ns < sender->moved_ns)
        return TRUE;
    if (packet->time_ns < sender->opened_ns)
        return FALSE;
    return vsf_flows_is_sampling(sender) && !kernel_knew(sender, packet);
}

/* With direction = once a frame to the VM is a candidate only if no sampled
 * tap of this host on the same segment had it before, as a frame from its VM. Of those
 * taps the kernel knows eBPF's, where it decided. */
static gboolean
seen_elsewhere(const VsfFlows *flows, const VsfTap *tap, const VsfPacket *packet)
{
    const GPtrArray *senders;

    if (packet->header_length < 12)
        return FALSE;
    senders = vsf_registry_taps_by_mac(flows->registry, packet->header + 6);
    for (guint i = 0; senders != NULL && i < senders->len; i++) {
        const VsfTap *sender = g_ptr_array_index(senders, i);
        const Sampler *sampler = vsf_flows_sampler(flows, sender->link.ifindex);

        if (sender != tap && segment(sender) != 0 && segment(sender) == segment(tap) &&
            sampler != NULL && sampler->direction != VSF_DIRECTION_OUT && had_it(sampler, packet))
            return TRUE;
    }
    return FALSE;
}

/* A tap that went down and up has another handle, which counts from 0; what is
 * told to collectors never goes back. */
guint64
vsf_flows_drops(const VsfFlows *flows, Sampler *sampler)
{
    if (sampler->state == OPEN)
        sampler->drops = vsf_capture_drops(flows->capture, sampler->ifindex);
    return sampler->drops_before + sampler->drops + sampler->overflow;
}

static VsfSflowSource
entity(const VsfTap *tap)
{
    return tap == NULL || tap->domain == NULL
               ? (VsfSflowSource){0}
               : (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, tap->domain->index};
}

static guint32
port(const VsfTap *tap)
{
    return tap == NULL ? 0 : (guint32)tap->link.ifindex;
}

static guint16
port_vlan(const VsfTap *tap)
{
    return tap == NULL ? 0 : tap->port_vlan;
}

static guint32
talker(const VsfTap *tap)
{
    return tap != NULL && tap->domain != NULL ? tap->domain->index : VSF_TALKERS_OUTSIDE;
}

/* One end is the tap's VM, also of what is for many. What two taps see is counted on its
 * sender's, and what a port sees on the VM's. */
static void
count_talk(VsfFlows *flows, const Sampler *sampler, const VsfPacket *packet, const VsfEnds *ends)
{
    guint64 bytes = (guint64)packet->frame_length * packet->rate;

    if (sampler->tap->role == VSF_TAP_PORT)
        return;
    if (sampler->direction == VSF_DIRECTION_BOTH && !packet->from_vm &&
        seen_elsewhere(flows, sampler->tap, packet))
        return;
    vsf_talkers_add(flows->talkers, talker(ends->from),
                    talker(packet->from_vm ? ends->to : sampler->tap), packet->rate, bytes,
                    g_get_monotonic_time());
}

guint
vsf_flows_talks(VsfFlows *flows, VsfTalk *talks, guint n_max)
{
    return vsf_talkers_top(flows->talkers, talks, n_max, g_get_monotonic_time());
}

static guint32
take_pool(VsfSamplePool *pool, const VsfPacket *packet)
{
    if (packet->gap != 0)
        return vsf_sample_pool_take_gap(pool, packet->gap);
    if (packet->rate == 1)
        return vsf_sample_pool_take_next(pool, packet->time_ns);
    return vsf_sample_pool_take(pool, packet->time_ns);
}

/* The kernel left out what came in by a tap of eBPF: what it picked came by none, whatever its
 * source address says. */
static VsfEnds
ends_of(const VsfFlows *flows, const VsfTap *tap, const VsfPacket *packet)
{
    VsfEnds ends = vsf_ends_of(flows->registry, tap, packet->from_vm, packet->time_ns,
                               packet->header, packet->header_length);
    const Sampler *sender = NULL;

    if (packet->decided && !packet->from_vm && ends.from != NULL)
        sender = vsf_flows_sampler(flows, ends.from->link.ifindex);
    if (sender != NULL && vsf_flows_is_sampling(sender) && kernel_knew(sender, packet))
        ends.from = NULL;
    return ends;
}

static void
emit(VsfFlows *flows, Sampler *sampler, const VsfPacket *packet, guint32 drops)
{
    const VsfTap *tap = sampler->tap;
    VsfEnds ends = ends_of(flows, tap, packet);
    VsfSflowFlow flow = {
        .sampling_rate = packet->rate,
        .drops = drops,
        .from = entity(ends.from),
        .to = entity(ends.to),
        .input = port(packet->from_vm ? tap : ends.from),
        .output = port(packet->from_vm ? ends.to : tap),
        .input_vlan = port_vlan(packet->from_vm ? tap : ends.from),
        .output_vlan = port_vlan(packet->from_vm ? ends.to : tap),
        .frame_length = packet->frame_length,
        .header = packet->header,
        .header_length = packet->header_length,
        .time_ns = packet->stamp_ns,
    };

    flow.sample_pool = sampler->last_pool = take_pool(&sampler->pool, packet);
    sampler->samples++;
    count_talk(flows, sampler, packet, &ends);
    vsf_exporter_flow(flows->exporter, sampler->ifindex, &flow);
}

/* Applies the direction to the waiting packets of a tap whose VM is known, and
 * sends those that count. Of those that do not the gap does not either: of many packets it is
 * as much as the candidates among what passed. */
void
vsf_flows_send_waiting(VsfFlows *flows, Sampler *sampler)
{
    guint32 drops = (guint32)vsf_flows_drops(flows, sampler);
    gint64 first_ns = 0, last_ns = 0;
    guint covered = vsf_packet_queue_between(sampler->waiting, sampler->pool.previous_ns,
                                             sampler->pool.read_ns, &first_ns, &last_ns);

    vsf_sample_pool_begin(&sampler->pool, first_ns, last_ns, covered);
    for (guint i = 0; i < vsf_packet_queue_length(sampler->waiting); i++) {
        VsfPacket packet = vsf_packet_queue_get(sampler->waiting, i);
        gboolean kept = TRUE;

        /* It was picked when another direction was configured. */
        if (sampler->direction == (packet.from_vm ? VSF_DIRECTION_OUT : VSF_DIRECTION_IN))
            continue;
        if (sampler->direction == VSF_DIRECTION_ONCE && !packet.from_vm &&
            sampler->tap->role != VSF_TAP_PORT) {
            kept = !seen_elsewhere(flows, sampler->tap, &packet);
            if (packet.gap == 0)
                vsf_sample_pool_note_to_vm(&sampler->pool, kept);
        }
        if (kept)
            emit(flows, sampler, &packet, drops);
        else
            sampler->left_out++;
    }
    vsf_packet_queue_clear(sampler->waiting);
}

/* What is ready; with @counted only of samplers that need no reading. */
static void
emit_ready(VsfFlows *flows, gboolean counted)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, flows->ready);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Sampler *sampler = key;

        if (counted && !sampler->has_gaps)
            continue;
        if (vsf_tap_is_settled(sampler->tap))
            vsf_flows_send_waiting(flows, sampler);
        g_hash_table_iter_remove(&iter);
    }
    vsf_exporter_flush(flows->exporter);
}

static void schedule_tick(VsfFlows *flows, guint delay_ms);

static void
readings_came(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data)
{
    VsfFlows *flows = user_data;
    GHashTableIter iter;
    gpointer key, value;

    flows->asking = FALSE;
    if (table != NULL) {
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
            vsf_flows_reading(flows, GPOINTER_TO_INT(key), value, read_ns);
    } else {
        g_debug("interface counters: %s; sample pools go on without", error->message);
    }
    g_clear_handle_id(&flows->tick_timer, g_source_remove);
    emit_ready(flows, FALSE);
}

static gboolean
tick(gpointer user_data)
{
    VsfFlows *flows = user_data;
    g_autofree int *ifindexes = NULL;
    GHashTableIter iter;
    gpointer key;
    guint n = 0;

    flows->tick_timer = 0;
    emit_ready(flows, TRUE);
    if (g_hash_table_size(flows->ready) == 0)
        return G_SOURCE_REMOVE;
    if (flows->asking) {
        /* The kernel's lock is held by someone: samples leave on time, with the
         * pool as far as it is known. */
        if (g_get_monotonic_time() - flows->asked_us >= FLOW_PATIENCE_MS * 1000)
            emit_ready(flows, FALSE);
        else
            schedule_tick(flows, FLOW_TICK_MS);
        return G_SOURCE_REMOVE;
    }
    ifindexes = g_new(int, g_hash_table_size(flows->ready));
    g_hash_table_iter_init(&iter, flows->ready);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        ifindexes[n++] = ((Sampler *)key)->ifindex;
    flows->asking = TRUE;
    flows->asked_us = g_get_monotonic_time();
    vsf_link_stats_ask(flows->link_stats, ifindexes, n, readings_came, flows);
    schedule_tick(flows, FLOW_PATIENCE_MS);
    return G_SOURCE_REMOVE;
}

static void
schedule_tick(VsfFlows *flows, guint delay_ms)
{
    if (flows->tick_timer == 0)
        flows->tick_timer = g_timeout_add_full(G_PRIORITY_HIGH, delay_ms, tick, flows, NULL);
}

void
vsf_flows_make_ready(VsfFlows *flows, Sampler *sampler)
{
    if (vsf_packet_queue_length(sampler->waiting) == 0)
        return;
    g_hash_table_add(flows->ready, sampler);
    if (vsf_packet_queue_length(sampler->waiting) >= FLOW_BURST &&
        (sampler->has_gaps || !flows->asking)) {
        g_clear_handle_id(&flows->tick_timer, g_source_remove);
        tick(flows);
    } else {
        schedule_tick(flows, FLOW_TICK_MS);
    }
}

void
vsf_flows_reading(VsfFlows *flows, int ifindex, const VsfLinkStats *stats, gint64 read_ns)
{
    Sampler *sampler = vsf_flows_sampler(flows, ifindex);

    if (sampler != NULL && sampler->rate != 0 && !sampler->has_gaps)
        vsf_sample_pool_read(&sampler->pool, stats, sampler->tap->kind, read_ns);
}
