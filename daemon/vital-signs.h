/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the daemon itself fares, in numbers: for collectors, which see every node's daemon
 * from afar, and for the status document. Pure. */
#pragma once

#include "metric-writer.h"

/* All ones is not known. Names, units and meaning: docs/metrics.md. */
typedef struct {
    const char *version, *backend; /* static */
    const char *config_hash;
    guint64 uptime_s, cpu_ms;
    guint64 vms, vms_stuck, vms_stale;
    guint64 taps_wanted, taps_sampled, cap_factor, cpu_factor;
    guint64 sampling_paused, agents_paused; /* 0 or 1 */
    guint64 flow_samples, counter_samples, metric_samples, datagrams, drops;
    guint64 turns, turns_missed, lateness_p99_us;
    guint64 agent_failures, agents_failing, agents_quarantined;
    guint64 libvirt_outage_s, libvirt_outage_total_s, libvirt_latency_p99_us, libvirt_calls_stuck;
    guint64 collectors, collectors_down, send_errors;
} VsfVitalSigns;

typedef struct {
    const char *name;
    VsfMetricKind kind;
    gsize offset; /* of its guint64 in VsfVitalSigns */
} VsfVitalSign;

/* Every number of VsfVitalSigns, in the order in which they are told. */
const VsfVitalSign *vsf_vital_signs_numbers(guint *n_numbers);

/* What stands in @sign's place. */
guint64 vsf_vital_sign_value(const VsfVitalSigns *signs, const VsfVitalSign *sign);

/* As custom metrics of @source; see vsf_metric_writer_begin(). */
void vsf_vital_signs_metrics(VsfXdr *xdr, const char *source, const VsfVitalSigns *signs,
                             VsfMetricSample sample, gpointer user_data);
