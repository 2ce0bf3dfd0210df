/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "brakes.h"

#include "base/event.h"
#include "model/cpu-brake.h"

#include <time.h>

#define LOOK_MS 1000

struct VsfBrakes {
    const VsfConfig *config;
    VsfFlows *flows;
    VsfCpuBrake cpu;
    guint timer;
};

/* --- CPU time ---------------------------------------------------------- */

static VsfCpuReading
take_reading(const VsfBrakes *brakes)
{
    VsfCpuReading reading = {
        .at_us = g_get_monotonic_time(),
        .picked = vsf_flows_picked(brakes->flows),
    };
    struct timespec cpu = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    reading.cpu_us = cpu.tv_sec * (gint64)G_USEC_PER_SEC + cpu.tv_nsec / 1000;
    return reading;
}

static void
log_change(const VsfBrakes *brakes, VsfCpuBrakeChange change)
{
    double percent = brakes->cpu.seen;
    guint bound = vsf_cpu_brake_bound(&brakes->cpu), limit = brakes->config->cpu_limit;

    switch (change) {
    case VSF_CPU_BRAKE_SAME:
        break;
    case VSF_CPU_BRAKE_TIGHTER:
        vsf_log_event(
            G_LOG_LEVEL_WARNING, VSF_EVENT_CPU_LIMIT, NULL,
            "CPU time: %.1f %% of a core, more than [daemon] cpu-limit = %u: at most %u "
            "samples a second in all, with higher sampling rates, until it is calm; counters "
            "go on (raise cpu-limit or [sflow] sampling)",
            percent, limit, bound);
        break;
    case VSF_CPU_BRAKE_LOOSER:
        vsf_log_event(
            G_LOG_LEVEL_MESSAGE, VSF_EVENT_CPU_CALM, NULL,
            "CPU time: %.1f %% of a core, calm for 30 s: at most %u samples a second in all",
            percent, bound);
        break;
    case VSF_CPU_BRAKE_OFF:
        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_CPU_CALM, NULL,
                      "CPU time: %.1f %% of a core, calm for 30 s: samples are not bounded by "
                      "[daemon] cpu-limit any more",
                      percent);
        break;
    case VSF_CPU_BRAKE_HELPLESS:
        vsf_log_event(
            G_LOG_LEVEL_WARNING, VSF_EVENT_CPU_LIMIT, NULL,
            "CPU time: %.1f %% of a core, more than [daemon] cpu-limit = %u, and it is not "
            "the samples: everything goes on as it is (raise cpu-limit or [sflow] polling)",
            percent, limit);
        break;
    }
}

static gboolean
look(gpointer user_data)
{
    VsfBrakes *brakes = user_data;
    VsfCpuReading reading = take_reading(brakes);
    VsfCpuBrakeChange change = vsf_cpu_brake_note(&brakes->cpu, &reading,
                                                  brakes->config->cpu_limit);

    log_change(brakes, change);
    if (change != VSF_CPU_BRAKE_SAME)
        vsf_flows_set_bound(brakes->flows, vsf_cpu_brake_bound(&brakes->cpu));
    return G_SOURCE_CONTINUE;
}

guint32
vsf_brakes_factor(const VsfBrakes *brakes)
{
    return vsf_cpu_brake_factor(&brakes->cpu);
}

double
vsf_brakes_cpu_percent(const VsfBrakes *brakes)
{
    return vsf_cpu_brake_percent(&brakes->cpu);
}

/* --- up, down and status ----------------------------------------------- */

void
vsf_brakes_set_config(VsfBrakes *brakes, const VsfConfig *config)
{
    gboolean is_bound = vsf_cpu_brake_bound(&brakes->cpu) > 0;

    brakes->config = config;
    if (config->cpu_limit > 0 && brakes->timer == 0) {
        look(brakes);
        brakes->timer = g_timeout_add(LOOK_MS, look, brakes);
    } else if (config->cpu_limit == 0) {
        g_clear_handle_id(&brakes->timer, g_source_remove);
        brakes->cpu = (VsfCpuBrake){0};
        if (is_bound)
            vsf_flows_set_bound(brakes->flows, 0);
    }
}

VsfBrakes *
vsf_brakes_new(const VsfConfig *config, VsfFlows *flows)
{
    VsfBrakes *brakes = g_new0(VsfBrakes, 1);

    brakes->flows = flows;
    vsf_brakes_set_config(brakes, config);
    return brakes;
}

void
vsf_brakes_free(VsfBrakes *brakes)
{
    if (brakes == NULL)
        return;
    g_clear_handle_id(&brakes->timer, g_source_remove);
    g_free(brakes);
}

static void
number_or_null(JsonBuilder *builder, const char *name, guint number)
{
    json_builder_set_member_name(builder, name);
    if (number == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_int_value(builder, number);
}

void
vsf_brakes_status_members(JsonBuilder *builder, const VsfBrakes *brakes)
{
    json_builder_set_member_name(builder, "cpu");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "percent");
    if (brakes->timer == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(builder,
                                      (double)(gint64)(vsf_brakes_cpu_percent(brakes) * 100) / 100);
    number_or_null(builder, "limit", brakes->config->cpu_limit);
    vsf_status_int_member(builder, "factor", vsf_brakes_factor(brakes));
    number_or_null(builder, "max_samples_per_second", vsf_cpu_brake_bound(&brakes->cpu));
    json_builder_end_object(builder);
}
