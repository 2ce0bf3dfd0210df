/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows.h"

#include "base/log.h"
#include "packet-queue.h"

#include <net/if.h>
#include <string.h>

#define FLOW_TICK_MS 50       /* packets wait this long for company and a reading */
#define FLOW_PATIENCE_MS 100  /* and this long for a reading that does not come */
#define FLOW_BURST 512        /* waiting packets of one tap that end the wait at once */
#define FLOW_WAITING_MAX 8192 /* packets of one tap that wait at most */
#define FLOW_HELD_MAX 512     /* the same while its VM is not known */
#define RETRY_MS 1000         /* until a sampler that failed is tried again */
#define RETRIES_MAX 30

typedef enum { CLOSED, OPENING, OPEN } SamplerState;

/* One tap's sampler. */
typedef struct {
    int ifindex;
    /* Until vsf_flows_tap_removed() returns, so also for what is drained then,
     * when the registry does not find it any more. */
    const VsfTap *tap;
    SamplerState state;
    char *trouble; /* why it is not open, NULL if nothing is wrong */
    guint retry_timer, retries;
    VsfSamplePool pool;
    VsfPacketQueue *waiting;
    guint64 samples, left_out;
    guint64 overflow;            /* picked by the kernel, lost here for lack of room */
    guint64 drops, drops_before; /* of the handle that is open, and of those before it */
    guint32 last_pool;
    VsfFlows *flows;
} Sampler;

struct VsfFlows {
    const VsfConfig *config;
    const VsfRegistry *registry;
    VsfExporter *exporter;
    VsfLinkStatsReader *link_stats;
    VsfCapture *capture;
    GHashTable *samplers; /* ifindex -> Sampler */
    GHashTable *ready;    /* set of Sampler with waiting packets and a known VM */
    guint tick_timer;
    gboolean asking; /* a reading for the waiting packets is out */
    gint64 asked_us;
    VsfLogRate overflow_rate;
};

static void
sampler_free(gpointer data)
{
    Sampler *sampler = data;

    g_clear_handle_id(&sampler->retry_timer, g_source_remove);
    vsf_packet_queue_free(sampler->waiting);
    g_free(sampler->trouble);
    g_free(sampler);
}

static Sampler *
sampler_of(const VsfFlows *flows, int ifindex)
{
    return g_hash_table_lookup(flows->samplers, GINT_TO_POINTER(ifindex));
}

/* The interface that a switch knows both by: taps of one bridge, macvtaps of
 * one lower interface. 0: none. */
static int
segment(const VsfTap *tap)
{
    return tap->link.master != 0 ? tap->link.master : tap->link.lower;
}

/* With direction = once a frame to the VM is a candidate only if no sampled
 * tap of this host on the same segment had it before, as a frame from its VM. */
static gboolean
seen_elsewhere(const VsfFlows *flows, const VsfTap *tap, const VsfPacket *packet)
{
    const GPtrArray *senders;

    if (packet->header_length < 12)
        return FALSE;
    senders = vsf_registry_taps_by_mac(flows->registry, packet->header + 6);
    for (guint i = 0; senders != NULL && i < senders->len; i++) {
        const VsfTap *sender = g_ptr_array_index(senders, i);
        const Sampler *sampler = sampler_of(flows, sender->link.ifindex);

        if (sender != tap && segment(sender) != 0 && segment(sender) == segment(tap) &&
            sampler != NULL && sampler->state == OPEN)
            return TRUE;
    }
    return FALSE;
}

/* A tap that went down and up has another handle, which counts from 0; what is
 * told to collectors never goes back. */
static guint64
drops_of(const VsfFlows *flows, Sampler *sampler)
{
    if (sampler->state == OPEN)
        sampler->drops = vsf_capture_drops(flows->capture, sampler->ifindex);
    return sampler->drops_before + sampler->drops + sampler->overflow;
}

static void
emit(VsfFlows *flows, Sampler *sampler, const VsfPacket *packet, guint32 drops)
{
    guint32 ifindex = (guint32)sampler->ifindex;
    VsfSflowFlow flow = {
        .sampling_rate = packet->rate,
        .drops = drops,
        .input = packet->from_vm ? ifindex : 0,
        .output = packet->from_vm ? 0 : ifindex,
        .frame_length = packet->frame_length,
        .header = packet->header,
        .header_length = packet->header_length,
        .time_ns = packet->time_ns,
    };

    sampler->last_pool = vsf_sample_pool_take(&sampler->pool, packet->time_ns);
    flow.sample_pool = sampler->last_pool;
    sampler->samples++;
    vsf_exporter_flow(flows->exporter, sampler->ifindex, &flow);
}

/* Applies the direction to the waiting packets of a tap whose VM is known, and
 * sends those that count. */
static void
emit_waiting(VsfFlows *flows, Sampler *sampler)
{
    guint32 drops = (guint32)drops_of(flows, sampler);
    gint64 first_ns = 0;
    guint covered = vsf_packet_queue_between(sampler->waiting, sampler->pool.previous_ns,
                                             sampler->pool.read_ns, &first_ns);

    vsf_sample_pool_begin(&sampler->pool, first_ns, covered);
    for (guint i = 0; i < vsf_packet_queue_length(sampler->waiting); i++) {
        VsfPacket packet = vsf_packet_queue_get(sampler->waiting, i);
        gboolean kept = TRUE;

        if (flows->config->direction == VSF_DIRECTION_ONCE && !packet.from_vm) {
            kept = !seen_elsewhere(flows, sampler->tap, &packet);
            vsf_sample_pool_note_to_vm(&sampler->pool, kept);
        }
        if (kept)
            emit(flows, sampler, &packet, drops);
        else
            sampler->left_out++;
    }
    vsf_packet_queue_clear(sampler->waiting);
}

static void
emit_ready(VsfFlows *flows)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, flows->ready);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Sampler *sampler = key;

        if (sampler->tap->domain != NULL)
            emit_waiting(flows, sampler);
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
    emit_ready(flows);
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
    if (g_hash_table_size(flows->ready) == 0)
        return G_SOURCE_REMOVE;
    if (flows->asking) {
        /* The kernel's lock is held by someone: samples leave on time, with the
         * pool as far as it is known. */
        if (g_get_monotonic_time() - flows->asked_us >= FLOW_PATIENCE_MS * 1000)
            emit_ready(flows);
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

static void
make_ready(VsfFlows *flows, Sampler *sampler)
{
    if (vsf_packet_queue_length(sampler->waiting) == 0)
        return;
    g_hash_table_add(flows->ready, sampler);
    if (vsf_packet_queue_length(sampler->waiting) >= FLOW_BURST && !flows->asking) {
        g_clear_handle_id(&flows->tick_timer, g_source_remove);
        tick(flows);
    } else {
        schedule_tick(flows, FLOW_TICK_MS);
    }
}

static void
note_overflow(VsfFlows *flows, Sampler *sampler)
{
    const VsfTap *tap = sampler->tap;
    guint held_back;

    sampler->overflow++;
    /* A tap that no VM claims yet is only watched on suspicion. */
    if (tap->domain != NULL && vsf_log_rate_allow(&flows->overflow_rate, g_get_monotonic_time(),
                                                  60 * G_USEC_PER_SEC, &held_back))
        g_warning(
            "%s: more sampled packets than can be sent (and %u times before that); the excess is "
            "counted in drops: raise [sflow] sampling",
            tap->link.name, held_back);
}

static void
packet_came(const VsfPacket *packet, gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = sampler_of(flows, packet->ifindex);
    gboolean bound;

    if (sampler == NULL)
        return;
    bound = sampler->tap->domain != NULL;
    if (vsf_packet_queue_length(sampler->waiting) >= (bound ? FLOW_WAITING_MAX : FLOW_HELD_MAX)) {
        note_overflow(flows, sampler);
        return;
    }
    vsf_packet_queue_push(sampler->waiting, packet);
    if (bound)
        make_ready(flows, sampler);
}

static void
first_reading_came(GHashTable *table, gint64 read_ns, const GError *error G_GNUC_UNUSED,
                   gpointer user_data)
{
    GHashTableIter iter;
    gpointer key, value;

    if (table == NULL)
        return;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, &value))
        vsf_flows_reading(user_data, GPOINTER_TO_INT(key), value, read_ns);
}

static void
sampler_opened(int ifindex, gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = sampler_of(flows, ifindex);

    if (sampler == NULL)
        return;
    sampler->state = OPEN;
    sampler->retries = 0;
    g_debug("%s: sampling 1 in %u", sampler->tap->link.name, flows->config->sampling);
    g_clear_pointer(&sampler->trouble, g_free);
    vsf_link_stats_ask(flows->link_stats, &ifindex, 1, first_reading_came, flows);
}

static void
open_sampler(VsfFlows *flows, Sampler *sampler)
{
    const VsfTap *tap = sampler->tap;

    if (sampler->state != CLOSED || !(tap->link.flags & IFF_UP))
        return;
    g_clear_handle_id(&sampler->retry_timer, g_source_remove);
    sampler->state = OPENING;
    vsf_capture_open(flows->capture, sampler->ifindex, tap->link.name,
                     vsf_nic_is_mirrored(tap->kind), flows->config->sampling);
}

static gboolean
retry(gpointer user_data)
{
    Sampler *sampler = user_data;

    sampler->retry_timer = 0;
    open_sampler(sampler->flows, sampler);
    return G_SOURCE_REMOVE;
}

/* Down and gone are answered by the next link message; the rest is tried
 * again for a while, since a busy kernel may refuse for a moment. */
static void
sampler_failed(int ifindex, const GError *error, gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = sampler_of(flows, ifindex);
    gboolean expected = g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_GONE) ||
                        g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_DOWN);

    if (sampler == NULL)
        return;
    sampler->state = CLOSED;
    sampler->drops_before += sampler->drops;
    sampler->drops = 0;
    if (!expected && g_strcmp0(sampler->trouble, error->message) != 0)
        g_warning("%s: cannot sample: %s; its counters go on", sampler->tap->link.name,
                  error->message);
    g_free(sampler->trouble);
    sampler->trouble = g_strdup(error->message);
    if (g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_NOT_ETHERNET))
        return;
    if (sampler->retries++ < RETRIES_MAX && sampler->retry_timer == 0)
        sampler->retry_timer = g_timeout_add(RETRY_MS, retry, sampler);
}

static const VsfCaptureCallbacks capture_callbacks = {
    .opened = sampler_opened,
    .failed = sampler_failed,
    .packet = packet_came,
};

VsfFlows *
vsf_flows_new(const VsfConfig *config, const VsfRegistry *registry, VsfExporter *exporter,
              VsfLinkStatsReader *link_stats, GError **error)
{
    g_autoptr(VsfFlows) flows = g_new0(VsfFlows, 1);
    VsfCaptureConfig capture_config = {
        .header_bytes = config->header_bytes,
        .direction = config->direction,
    };

    flows->config = config;
    flows->registry = registry;
    flows->exporter = exporter;
    flows->link_stats = link_stats;
    flows->samplers = g_hash_table_new_full(NULL, NULL, NULL, sampler_free);
    flows->ready = g_hash_table_new(NULL, NULL);
    flows->capture = vsf_capture_new(&capture_config, &capture_callbacks, flows, error);
    if (flows->capture == NULL)
        return NULL;
    return g_steal_pointer(&flows);
}

void
vsf_flows_free(VsfFlows *flows)
{
    if (flows == NULL)
        return;
    g_clear_handle_id(&flows->tick_timer, g_source_remove);
    g_clear_pointer(&flows->capture, vsf_capture_free);
    g_clear_pointer(&flows->ready, g_hash_table_unref);
    g_clear_pointer(&flows->samplers, g_hash_table_unref);
    g_free(flows);
}

void
vsf_flows_tap_added(VsfFlows *flows, VsfTap *tap)
{
    Sampler *sampler;

    if (flows->config->sampling == 0)
        return;
    sampler = g_new0(Sampler, 1);
    sampler->flows = flows;
    sampler->tap = tap;
    sampler->ifindex = tap->link.ifindex;
    sampler->waiting = vsf_packet_queue_new();
    vsf_sample_pool_init(&sampler->pool, flows->config->direction);
    g_hash_table_insert(flows->samplers, GINT_TO_POINTER(sampler->ifindex), sampler);
    open_sampler(flows, sampler);
}

void
vsf_flows_tap_bound(VsfFlows *flows, VsfTap *tap)
{
    Sampler *sampler = sampler_of(flows, tap->link.ifindex);

    if (sampler != NULL)
        make_ready(flows, sampler);
}

void
vsf_flows_tap_changed(VsfFlows *flows, VsfTap *tap)
{
    Sampler *sampler = sampler_of(flows, tap->link.ifindex);

    if (sampler != NULL)
        open_sampler(flows, sampler);
}

void
vsf_flows_tap_removed(VsfFlows *flows, VsfTap *tap)
{
    Sampler *sampler = sampler_of(flows, tap->link.ifindex);

    if (sampler == NULL)
        return;
    vsf_capture_drain(flows->capture, sampler->ifindex);
    if (tap->domain != NULL && vsf_packet_queue_length(sampler->waiting) > 0) {
        emit_waiting(flows, sampler);
        vsf_exporter_flush(flows->exporter);
    }
    vsf_capture_close(flows->capture, sampler->ifindex);
    g_hash_table_remove(flows->ready, sampler);
    g_hash_table_remove(flows->samplers, GINT_TO_POINTER(sampler->ifindex));
}

void
vsf_flows_reading(VsfFlows *flows, int ifindex, const VsfLinkStats *stats, gint64 read_ns)
{
    Sampler *sampler = sampler_of(flows, ifindex);

    if (sampler != NULL)
        vsf_sample_pool_read(&sampler->pool, stats, sampler->tap->kind, read_ns);
}

gboolean
vsf_flows_status(VsfFlows *flows, int ifindex, VsfFlowStatus *status)
{
    static const char *const states[] = {"closed", "opening", "sampling"};
    Sampler *sampler = sampler_of(flows, ifindex);

    if (sampler == NULL)
        return FALSE;
    *status = (VsfFlowStatus){
        .state = sampler->trouble != NULL ? sampler->trouble : states[sampler->state],
        .sampling = flows->config->sampling,
        .samples = sampler->samples,
        .left_out = sampler->left_out,
        .drops = drops_of(flows, sampler),
        .pool = sampler->last_pool,
    };
    return TRUE;
}
