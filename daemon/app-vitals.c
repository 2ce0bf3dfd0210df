/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app-vitals.h"

#include "app-private.h"
#include "host/node.h"
#include "schedule.h"

#include <string.h>
#include <time.h>

#define P99 990

struct VsfVitals {
    VsfApp *app;
    char *source; /* the name of the samples */
    char *config_hash;
    VsfSchedule *schedule;
    VsfTurn turn;
    /* Of the last interval. */
    guint64 lateness_p99_us, libvirt_latency_p99_us;
};

static guint64
seconds(gint64 us)
{
    return (guint64)(us / G_USEC_PER_SEC);
}

/* One that has no address yet, or whose last datagrams did not get through. */
static void
look_at_collectors(VsfVitalSigns *signs, const VsfApp *app)
{
    g_autoptr(GPtrArray) statuses = vsf_sender_status(app->sender);

    signs->collectors = statuses->len;
    for (guint i = 0; i < statuses->len; i++) {
        const VsfCollectorStatus *status = statuses->pdata[i];

        signs->send_errors += status->errors;
        if (status->address == NULL || status->last_error != NULL)
            signs->collectors_down++;
    }
}

static void
look_at_domains(VsfVitalSigns *signs, const VsfApp *app)
{
    VsfGuestTotals guests = vsf_guests_totals(app->guests);
    GHashTableIter iter;
    gpointer domain;

    signs->vms = g_hash_table_size(vsf_registry_domains(app->registry));
    g_hash_table_iter_init(&iter, vsf_registry_domains(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &domain)) {
        VsfPollStatus status = {0};

        vsf_poller_status(app->poller, domain, &status);
        signs->vms_stuck += status.stuck_since_us != 0;
        signs->vms_stale += status.stale_since_us != 0;
    }
    signs->agent_failures = guests.failures;
    signs->agents_failing = guests.failing;
    signs->agents_quarantined = guests.quarantined;
}

static void
look_at_samples(VsfVitalSigns *signs, const VsfApp *app)
{
    VsfFlowTotals flows = vsf_flows_totals(app->flows);
    VsfExporterTotals totals = vsf_exporter_totals(app->exporter);
    VsfPollerTurns turns = vsf_poller_turns(app->poller);

    signs->taps_wanted = flows.wanted;
    signs->taps_sampled = flows.sampled;
    signs->cap_factor = flows.factor;
    signs->cpu_factor = vsf_brakes_factor(app->brakes);
    signs->sampling_paused = vsf_pauses_is_on(app->pauses, VSF_PAUSE_SAMPLING);
    signs->agents_paused = vsf_pauses_is_on(app->pauses, VSF_PAUSE_AGENTS);
    signs->drops = flows.drops;
    signs->flow_samples = totals.flow_samples;
    signs->counter_samples = totals.counter_samples;
    signs->metric_samples = totals.metric_samples;
    signs->datagrams = totals.datagrams;
    signs->turns = turns.taken;
    signs->turns_missed = turns.missed;
}

static void
look_at_libvirt(VsfVitalSigns *signs, const VsfApp *app, gint64 now_us)
{
    gint64 outage_us = app->away_since_us != 0 ? now_us - app->away_since_us : 0;

    signs->libvirt_outage_s = seconds(outage_us);
    signs->libvirt_outage_total_s = seconds(app->away_total_us + outage_us);
    signs->libvirt_calls_stuck = vsf_calls_stuck(app->stats);
}

VsfVitalSigns
vsf_vitals_signs(const VsfVitals *vitals)
{
    const VsfApp *app = vitals->app;
    gint64 now_us = g_get_monotonic_time();
    VsfVitalSigns signs = {
        .version = VSF_VERSION,
        .backend = vsf_capture_choice_name(vsf_flows_choice(app->flows)),
        .config_hash = vitals->config_hash,
        .uptime_s = seconds(now_us - app->start_us),
        .cpu_ms = (guint64)clock() / (CLOCKS_PER_SEC / 1000),
        .lateness_p99_us = vitals->lateness_p99_us,
        .libvirt_latency_p99_us = vitals->libvirt_latency_p99_us,
    };

    look_at_collectors(&signs, app);
    look_at_domains(&signs, app);
    look_at_samples(&signs, app);
    look_at_libvirt(&signs, app, now_us);
    return signs;
}

/* --- once an interval -------------------------------------------------- */

static void
interval_over(gpointer user_data)
{
    VsfVitals *vitals = user_data;
    VsfQuantiles lateness, latency;
    VsfVitalSigns signs;

    if (vsf_schedule_take(vitals->schedule, g_get_monotonic_time()) != NULL) {
        lateness = vsf_poller_take_lateness(vitals->app->poller);
        latency = vsf_calls_take_latency(vitals->app->stats);
        vitals->lateness_p99_us = vsf_quantiles_at(&lateness, P99);
        vitals->libvirt_latency_p99_us = vsf_quantiles_at(&latency, P99);
        vsf_poller_host_first(vitals->app->poller);
        signs = vsf_vitals_signs(vitals);
        vsf_exporter_vital_signs(vitals->app->exporter, vitals->source, &signs);
        vsf_schedule_next(vitals->schedule, &vitals->turn);
    }
    vsf_schedule_arm(vitals->schedule);
}

VsfVitals *
vsf_vitals_new(VsfApp *app)
{
    VsfVitals *vitals = g_new0(VsfVitals, 1);
    g_autoptr(VsfNode) node = vsf_node_read();

    vitals->app = app;
    vitals->source = g_strconcat("virt-sflowd-", node->hostname, NULL);
    vitals->config_hash = vsf_config_hash(app->config);
    vitals->lateness_p99_us = vitals->libvirt_latency_p99_us = VSF_UNKNOWN;
    vitals->schedule = vsf_schedule_new(app->config->polling_s, app->seed, interval_over, vitals);
    vsf_schedule_set_key(&vitals->turn, vitals->source, strlen(vitals->source));
    vsf_schedule_place(vitals->schedule, &vitals->turn);
    return vitals;
}

void
vsf_vitals_config_changed(VsfVitals *vitals)
{
    guint polling_s = vitals->app->config->polling_s;

    g_free(vitals->config_hash);
    vitals->config_hash = vsf_config_hash(vitals->app->config);
    if (vsf_schedule_interval_us(vitals->schedule) != (gint64)polling_s * G_USEC_PER_SEC)
        vsf_schedule_set_interval(vitals->schedule, polling_s);
    vsf_schedule_retime(vitals->schedule, &vitals->turn);
}

void
vsf_vitals_free(VsfVitals *vitals)
{
    if (vitals == NULL)
        return;
    vsf_schedule_cancel(&vitals->turn);
    vsf_schedule_free(vitals->schedule);
    g_free(vitals->source);
    g_free(vitals->config_hash);
    g_free(vitals);
}

/* --- the service manager ----------------------------------------------- */

void
vsf_vitals_look(VsfServiceLook *look, gpointer user_data)
{
    const VsfApp *app = user_data;
    VsfVitalSigns signs = {0};

    /* The rest starts when the agent address is known. */
    if (app->vitals == NULL)
        look_at_collectors(&signs, app);
    else
        signs = vsf_vitals_signs(app->vitals);
    look->up = app->links_known;
    look->turns = signs.turns + signs.turns_missed;
    look->due = app->poller != NULL && vsf_poller_turns(app->poller).due;
    g_snprintf(look->status, sizeof(look->status),
               "%" G_GUINT64_FORMAT " VMs, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
               " interfaces sampled, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
               " collectors reached, libvirt %s%s",
               signs.vms, signs.taps_sampled, signs.taps_wanted,
               signs.collectors - signs.collectors_down, signs.collectors,
               app->vitals != NULL && app->away_since_us == 0 ? "connected" : "away",
               app->reload != NULL && app->reload->error != NULL ? "; the last reload failed" : "");
}
