/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The samplers: which taps have one, at which rate, and when it is opened. */
#include "base/descriptors.h"
#include "base/event.h"
#include "flows-private.h"

#include <net/if.h>

#define FLOW_WAITING_MAX 8192 /* packets of one tap that wait at most */
#define FLOW_HELD_MAX 512     /* the same while its VM is not known */
#define RETRY_MS 1000         /* until a sampler that failed is tried again */
#define RETRIES_QUICK 30      /* so often; then */
#define RETRY_SLOWLY_MS 60000
#define LOG_US (60 * G_USEC_PER_SEC)
#define LOG_NEWS_US (5 * G_USEC_PER_SEC) /* the same for what was not logged last */

static void
sampler_free(gpointer data)
{
    Sampler *sampler = data;

    g_clear_handle_id(&sampler->retry_timer, g_source_remove);
    vsf_packet_queue_free(sampler->waiting);
    g_free(sampler->trouble);
    g_free(sampler);
}

/* libpcap's sampler ends when its interface goes down, eBPF's stays. */
gboolean
vsf_flows_is_sampling(const Sampler *sampler)
{
    return sampler->state == OPEN && (sampler->tap->link.flags & IFF_UP) != 0;
}

Sampler *
vsf_flows_sampler(const VsfFlows *flows, int ifindex)
{
    return g_hash_table_lookup(flows->samplers, GINT_TO_POINTER(ifindex));
}

static guint32
wanted_rate(const VsfFlows *flows, const VsfTap *tap)
{
    return flows->paused ? 0 : vsf_flows_configured_rate(flows, tap);
}

static void
note_overflow(VsfFlows *flows, Sampler *sampler)
{
    const VsfTap *tap = sampler->tap;
    guint held_back;

    sampler->overflow++;
    /* A tap that no VM claims yet is only watched on suspicion. */
    if (vsf_tap_is_settled(tap) && vsf_log_rate_allow(&flows->overflow_rate, g_get_monotonic_time(),
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
    Sampler *sampler = vsf_flows_sampler(flows, packet->ifindex);
    gboolean settled;

    if (sampler == NULL)
        return;
    vsf_flows_count_picked(flows, sampler);
    settled = vsf_tap_is_settled(sampler->tap);
    if (vsf_packet_queue_length(sampler->waiting) >= (settled ? FLOW_WAITING_MAX : FLOW_HELD_MAX)) {
        vsf_sample_pool_lose_gap(&sampler->pool, packet->gap);
        note_overflow(flows, sampler);
        return;
    }
    vsf_packet_queue_push(sampler->waiting, packet);
    if (settled)
        vsf_flows_make_ready(flows, sampler);
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

/* Two that take readings are one to the pool, whatever was between them. */
static void
hand_over_pool(Sampler *sampler, gboolean has_gaps)
{
    if (sampler->has_gaps || has_gaps)
        vsf_sample_pool_hand_over(&sampler->pool, 0);
    sampler->has_gaps = has_gaps;
}

static void
sampler_opened(int ifindex, gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = vsf_flows_sampler(flows, ifindex);
    VsfCaptureTap tap = {0};

    if (sampler == NULL)
        return;
    vsf_capture_tap(flows->capture, ifindex, &tap);
    sampler->state = OPEN;
    if (sampler->opened_ns == G_MAXINT64)
        sampler->opened_ns = g_get_monotonic_time() * 1000;
    sampler->retries = 0;
    hand_over_pool(sampler, tap.has_gaps);
    g_debug("%s: sampling 1 in %u", sampler->tap->link.name, vsf_flows_rate(sampler));
    g_clear_pointer(&sampler->trouble, g_free);
    if (tap.for_room)
        vsf_flows_look_who_moves(flows);
    if (!sampler->has_gaps)
        vsf_link_stats_ask(flows->link_stats, &ifindex, 1, first_reading_came, flows);
}

void
vsf_flows_open_sampler(VsfFlows *flows, Sampler *sampler)
{
    const VsfTap *tap = sampler->tap;

    if (sampler->state != CLOSED || sampler->rate == 0 || !(tap->link.flags & IFF_UP))
        return;
    g_clear_handle_id(&sampler->retry_timer, g_source_remove);
    vsf_capture_set_terms(flows->capture, flows->config->header_bytes, sampler->direction);
    if (!vsf_capture_open(flows->capture, sampler->ifindex, tap->link.name, vsf_flows_side(tap),
                          vsf_flows_rate(sampler))) {
        vsf_flows_wait_for_room(flows, sampler);
        return;
    }
    vsf_flows_leave_waiting(flows, sampler);
    sampler->state = OPENING;
}

static gboolean
retry(gpointer user_data)
{
    Sampler *sampler = user_data;

    sampler->retry_timer = 0;
    vsf_flows_open_sampler(sampler->flows, sampler);
    return G_SOURCE_REMOVE;
}

static void
forget_handle(Sampler *sampler)
{
    sampler->state = CLOSED;
    sampler->drops_before += sampler->drops;
    sampler->drops = sampler->drops_noted = 0;
}

/* What hits one tap may hit hundreds, and not all in the same words: the first is logged, and
 * then with a number, once a minute what was logged last and a little sooner what is another
 * trouble. The status names them all. */
static void
tell_trouble(VsfFlows *flows, const Sampler *sampler, const GError *error)
{
    gboolean is_new = g_strcmp0(flows->trouble_told, error->message) != 0;
    const char *remedy = g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_PERMISSION)
                             ? "; the daemon needs CAP_NET_RAW"
                             : "";
    guint held_back;

    if (!vsf_log_rate_allow(&flows->trouble_rate, g_get_monotonic_time(),
                            is_new ? LOG_NEWS_US : LOG_US, &held_back))
        return;
    g_free(flows->trouble_told);
    flows->trouble_told = g_strdup(error->message);
    if (held_back > 0)
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_SAMPLER_FAILED,
                      &(VsfLogAbout){.tap = sampler->tap->link.name},
                      "%s, and %u more before it: cannot sample: %s; their counters go on%s",
                      sampler->tap->link.name, held_back, error->message, remedy);
    else
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_SAMPLER_FAILED,
                      &(VsfLogAbout){.tap = sampler->tap->link.name},
                      "%s: cannot sample: %s; its counters go on%s", sampler->tap->link.name,
                      error->message, remedy);
}

/* Down and gone are answered by the next link message; the rest is tried again,
 * since a busy kernel may refuse for a moment, and memory come back. */
static void
sampler_failed(int ifindex, const GError *error, gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler = vsf_flows_sampler(flows, ifindex);
    gboolean expected = g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_GONE) ||
                        g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_DOWN);

    if (sampler == NULL)
        return;
    forget_handle(sampler);
    if (g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_NO_ROOM)) {
        vsf_flows_wait_for_room(flows, sampler);
        return;
    }
    if (!expected && g_strcmp0(sampler->trouble, error->message) != 0)
        tell_trouble(flows, sampler, error);
    g_free(sampler->trouble);
    sampler->trouble = g_strdup(error->message);
    if (g_error_matches(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_NOT_ETHERNET))
        return;
    if (sampler->retry_timer == 0)
        sampler->retry_timer = g_timeout_add(
            sampler->retries++ < RETRIES_QUICK ? RETRY_MS : RETRY_SLOWLY_MS, retry, sampler);
}

static const VsfCaptureCallbacks capture_callbacks = {
    .opened = sampler_opened,
    .failed = sampler_failed,
    .packet = packet_came,
    .room = vsf_flows_room_came,
};

VsfFlows *
vsf_flows_new(const VsfConfig *config, const VsfRegistry *registry, VsfExporter *exporter,
              VsfLinkStatsReader *link_stats, VsfCaptureChoice *choice, GError **error)
{
    g_autoptr(VsfFlows) flows = g_new0(VsfFlows, 1);
    VsfCaptureConfig capture_config = {
        .header_bytes = config->header_bytes,
        .direction = config->direction,
        .samplers_max = vsf_flows_samplers_max(vsf_descriptors_limit()),
        .choice = choice,
    };

    flows->config = config;
    flows->registry = registry;
    flows->exporter = exporter;
    flows->link_stats = link_stats;
    flows->share = config->max_samples_per_second;
    flows->samplers = g_hash_table_new_full(NULL, NULL, NULL, sampler_free);
    flows->ready = g_hash_table_new(NULL, NULL);
    flows->talkers = vsf_talkers_new();
    flows->waiting = g_hash_table_new(NULL, NULL);
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
    g_clear_handle_id(&flows->cap_timer, g_source_remove);
    g_clear_handle_id(&flows->move_timer, g_source_remove);
    g_clear_pointer(&flows->capture, vsf_capture_free);
    g_clear_pointer(&flows->talkers, vsf_talkers_free);
    g_clear_pointer(&flows->ready, g_hash_table_unref);
    g_clear_pointer(&flows->waiting, g_hash_table_unref);
    g_clear_pointer(&flows->samplers, g_hash_table_unref);
    g_free(flows->trouble_told);
    g_free(flows);
}

static void
add_sampler(VsfFlows *flows, const VsfTap *tap, guint32 rate)
{
    Sampler *sampler = g_new0(Sampler, 1);

    sampler->flows = flows;
    sampler->tap = tap;
    sampler->rate = rate;
    sampler->ifindex = tap->link.ifindex;
    sampler->waiting = vsf_packet_queue_new();
    sampler->direction = vsf_flows_direction(flows, tap);
    vsf_sample_pool_init(&sampler->pool, sampler->direction);
    g_hash_table_insert(flows->samplers, GINT_TO_POINTER(sampler->ifindex), sampler);
    vsf_flows_open_sampler(flows, sampler);
}

/* Takes and sends what the ring holds; picked at the rate that it still has. */
static void
drain(VsfFlows *flows, Sampler *sampler)
{
    vsf_capture_drain(flows->capture, sampler->ifindex);
    if (vsf_tap_is_settled(sampler->tap) && vsf_packet_queue_length(sampler->waiting) > 0) {
        vsf_flows_send_waiting(flows, sampler);
        vsf_exporter_flush(flows->exporter);
    }
}

static void
remove_sampler(VsfFlows *flows, Sampler *sampler)
{
    drain(flows, sampler);
    flows->drops_gone += vsf_flows_drops(flows, sampler);
    vsf_capture_close(flows->capture, sampler->ifindex);
    g_hash_table_remove(flows->ready, sampler);
    vsf_flows_leave_waiting(flows, sampler);
    g_hash_table_remove(flows->samplers, GINT_TO_POINTER(sampler->ifindex));
}

/* Nothing of it is wanted, also not what was picked before its VM was known. It may
 * be wanted again: what collectors were told of it never goes back. */
static void
stop_sampler(VsfFlows *flows, Sampler *sampler)
{
    guint64 untold = vsf_capture_untold(flows->capture, sampler->ifindex);

    vsf_flows_drops(flows, sampler);
    vsf_capture_close(flows->capture, sampler->ifindex);
    vsf_flows_leave_waiting(flows, sampler);
    g_clear_handle_id(&sampler->retry_timer, g_source_remove);
    g_clear_pointer(&sampler->trouble, g_free);
    vsf_packet_queue_clear(sampler->waiting);
    g_hash_table_remove(flows->ready, sampler);
    forget_handle(sampler);
    if (sampler->has_gaps)
        vsf_sample_pool_hand_over(&sampler->pool, untold);
    else
        vsf_sample_pool_pause(&sampler->pool);
    sampler->rate = sampler->fresh = sampler->retries = 0;
    sampler->cap = (VsfRateCap){0};
}

static void
change_rate(VsfFlows *flows, Sampler *sampler, guint32 rate)
{
    gboolean was_on = sampler->rate != 0;

    sampler->rate = rate;
    sampler->cap = (VsfRateCap){0};
    g_debug("%s: sampling 1 in %u", sampler->tap->link.name, rate);
    if (was_on)
        vsf_capture_set_rate(flows->capture, sampler->ifindex, rate);
    vsf_flows_open_sampler(flows, sampler);
}

void
vsf_flows_suspend(VsfFlows *flows, Sampler *sampler)
{
    guint64 untold;

    drain(flows, sampler);
    untold = vsf_capture_untold(flows->capture, sampler->ifindex);
    vsf_flows_drops(flows, sampler);
    vsf_capture_close(flows->capture, sampler->ifindex);
    forget_handle(sampler);
    if (sampler->has_gaps)
        vsf_sample_pool_hand_over(&sampler->pool, untold);
}

void
vsf_flows_adjust(VsfFlows *flows, const VsfTap *tap)
{
    Sampler *sampler = vsf_flows_sampler(flows, tap->link.ifindex);
    guint32 rate = wanted_rate(flows, tap);

    if (sampler != NULL)
        vsf_flows_redirect(flows, sampler, vsf_flows_direction(flows, tap));
    if (sampler == NULL && rate != 0)
        add_sampler(flows, tap, rate);
    else if (sampler == NULL)
        return;
    else if (rate == sampler->rate)
        vsf_flows_open_sampler(flows, sampler);
    else if (rate == 0)
        stop_sampler(flows, sampler);
    else
        change_rate(flows, sampler, rate);
}

void
vsf_flows_tap_added(VsfFlows *flows, VsfTap *tap)
{
    vsf_flows_adjust(flows, tap);
}

void
vsf_flows_tap_bound(VsfFlows *flows, VsfTap *tap)
{
    Sampler *sampler;

    vsf_flows_adjust(flows, tap);
    sampler = vsf_flows_sampler(flows, tap->link.ifindex);
    if (sampler != NULL)
        vsf_flows_make_ready(flows, sampler);
    vsf_flows_look_who_moves(flows);
}

void
vsf_flows_tap_changed(VsfFlows *flows, VsfTap *tap)
{
    vsf_flows_adjust(flows, tap);
}

void
vsf_flows_tap_removed(VsfFlows *flows, VsfTap *tap)
{
    Sampler *sampler = vsf_flows_sampler(flows, tap->link.ifindex);

    if (sampler != NULL)
        remove_sampler(flows, sampler);
}

void
vsf_flows_pause(VsfFlows *flows, gboolean paused)
{
    GHashTableIter iter;
    gpointer value;

    flows->paused = paused;
    g_hash_table_iter_init(&iter, vsf_registry_taps(flows->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfTap *tap = value;
        Sampler *sampler = vsf_flows_sampler(flows, tap->link.ifindex);

        if (paused && sampler != NULL)
            drain(flows, sampler);
        vsf_flows_adjust(flows, tap);
    }
}

/* Of a tap that has no sampler for as long as sampling is paused; it may have had one. */
static gboolean
status_of_paused(VsfFlows *flows, int ifindex, Sampler *sampler, VsfFlowStatus *status)
{
    const VsfTap *tap = vsf_registry_tap(flows->registry, ifindex);

    if (!flows->paused || tap == NULL || vsf_flows_configured_rate(flows, tap) == 0)
        return FALSE;
    *status = (VsfFlowStatus){
        .state = "paused", .direction = vsf_flows_told_direction(flows, tap), .factor = 1};
    if (sampler != NULL) {
        status->samples = sampler->samples;
        status->left_out = sampler->left_out;
        status->drops = vsf_flows_drops(flows, sampler);
        status->pool = sampler->last_pool;
    }
    return TRUE;
}

static const char *
describe_state(const Sampler *sampler)
{
    static const char *const states[] = {"closed", "opening", "sampling"};

    if (sampler->trouble != NULL)
        return sampler->trouble;
    if (sampler->state == OPEN && !vsf_flows_is_sampling(sampler))
        return "the interface is down";
    return states[sampler->state];
}

gboolean
vsf_flows_status(VsfFlows *flows, int ifindex, VsfFlowStatus *status)
{
    Sampler *sampler = vsf_flows_sampler(flows, ifindex);
    VsfCaptureTap tap = {0};

    if (sampler == NULL || sampler->rate == 0)
        return status_of_paused(flows, ifindex, sampler, status);
    vsf_capture_tap(flows->capture, ifindex, &tap);
    *status = (VsfFlowStatus){
        .state = describe_state(sampler),
        .sampling = vsf_flows_rate(sampler),
        .direction = vsf_flows_told_direction(flows, sampler->tap),
        .factor = vsf_rate_cap_factor(&sampler->cap),
        .samples = sampler->samples,
        .left_out = sampler->left_out,
        .drops = vsf_flows_drops(flows, sampler),
        .pool = sampler->last_pool,
        .backend = tap.backend,
        .backend_reason = tap.reason,
    };
    return TRUE;
}
