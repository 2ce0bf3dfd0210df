/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds on samples: a tap, or all taps together, that would give more than the
 * configuration allows are sampled more coarsely, and each sample says so. */
#include "base/event.h"
#include "flows-private.h"

#define LOOK_AT 64 /* picked packets between two looks at a tap's count */
#define HOST_US (200 * G_TIME_SPAN_MILLISECOND)
#define CAP_TIMER_MS 1000 /* a coarse tap may have no packet that reminds of it */

guint32
vsf_flows_rate(const Sampler *sampler)
{
    return vsf_rate_cap_rate(&sampler->cap, sampler->rate, VSF_MONITOR_SAMPLING_MAX);
}

guint64
vsf_flows_picked(const VsfFlows *flows)
{
    return flows->picked;
}

/* Of all taps together; 0: any number. */
static guint
host_max(const VsfFlows *flows)
{
    guint configured = flows->config->max_host_samples_per_second;

    return configured == 0 || flows->bound == 0 ? MAX(configured, flows->bound)
                                                : MIN(configured, flows->bound);
}

static gboolean look_again(gpointer user_data);

static void
arm(VsfFlows *flows)
{
    if (flows->cap_timer == 0)
        flows->cap_timer = g_timeout_add(CAP_TIMER_MS, look_again, flows);
}

static void
change(VsfFlows *flows, Sampler *sampler)
{
    const char *name = sampler->tap->link.name;
    guint32 factor = vsf_rate_cap_factor(&sampler->cap);
    guint held_back;

    vsf_capture_set_rate(flows->capture, sampler->ifindex, vsf_flows_rate(sampler));
    g_debug("%s: sampling 1 in %u, %u times the configured rate", name, vsf_flows_rate(sampler),
            factor);
    if (factor > 1 && vsf_log_rate_allow(&flows->flood_rate, g_get_monotonic_time(),
                                         60 * G_USEC_PER_SEC, &held_back))
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_FLOOD, &(VsfLogAbout){.tap = name},
                      "%s: more samples than %s: sampling 1 in %u for as long as that lasts (and "
                      "%u such changes before)",
                      name,
                      flows->bound > 0 ? "[daemon] cpu-limit leaves room for"
                                       : "[capture] max-samples-per-second or "
                                         "max-host-samples-per-second",
                      vsf_flows_rate(sampler), held_back);
    if (factor > 1)
        arm(flows);
}

/* What was picked and what found the ring full were both too many. */
static void
look_at(VsfFlows *flows, Sampler *sampler, gint64 now_us)
{
    guint64 drops = sampler->state == OPEN ? vsf_capture_drops(flows->capture, sampler->ifindex)
                                           : sampler->drops_noted;
    guint64 lost = drops > sampler->drops_noted ? drops - sampler->drops_noted : 0;
    guint64 picked = sampler->fresh + lost;

    sampler->fresh = 0;
    sampler->drops_noted = drops;
    if (vsf_rate_cap_note(&sampler->cap, picked, flows->share, now_us))
        change(flows, sampler);
}

/* How much each tap may have so that all together keep the host's bound. */
static void
share_out(VsfFlows *flows)
{
    guint n = 0, max = flows->config->max_samples_per_second;
    g_autofree double *demands = g_new(double, MAX(g_hash_table_size(flows->samplers), 1));
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, flows->samplers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        demands[n++] = ((const Sampler *)value)->cap.demand;
    flows->share = vsf_rate_cap_share(demands, n, host_max(flows), max);
}

static void
look_at_all(VsfFlows *flows, gint64 now_us)
{
    GHashTableIter iter;
    gpointer value;

    flows->host_fresh = 0;
    flows->host_us = now_us;
    g_hash_table_iter_init(&iter, flows->samplers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        look_at(flows, value, now_us);
    share_out(flows);
}

static gboolean
look_again(gpointer user_data)
{
    VsfFlows *flows = user_data;
    GHashTableIter iter;
    gpointer value;

    look_at_all(flows, g_get_monotonic_time());
    if (flows->bound > 0)
        return G_SOURCE_CONTINUE;
    g_hash_table_iter_init(&iter, flows->samplers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (((const Sampler *)value)->cap.shift > 0)
            return G_SOURCE_CONTINUE;
    flows->cap_timer = 0;
    return G_SOURCE_REMOVE;
}

void
vsf_flows_set_bound(VsfFlows *flows, guint max)
{
    flows->bound = max;
    look_at_all(flows, g_get_monotonic_time());
    arm(flows);
}

void
vsf_flows_count_picked(VsfFlows *flows, Sampler *sampler)
{
    guint max_host = host_max(flows);
    gint64 now_us;

    flows->picked++;
    flows->host_fresh++;
    if (++sampler->fresh < LOOK_AT)
        return;
    now_us = g_get_monotonic_time();
    look_at(flows, sampler, now_us);
    if (now_us - flows->host_us < HOST_US)
        return;
    /* Far from the bound nothing has to be shared out. */
    if (max_host > 0 && flows->host_fresh > (guint64)max_host * (guint64)(now_us - flows->host_us) /
                                                G_USEC_PER_SEC / 2) {
        look_at_all(flows, now_us);
        return;
    }
    flows->host_fresh = 0;
    flows->host_us = now_us;
    /* While a tap is cut, the timer shares out: a cut may take more than was too much. */
    if (flows->cap_timer == 0)
        flows->share = flows->config->max_samples_per_second;
}
