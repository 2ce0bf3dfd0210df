/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vital-signs.h"

#define SIGN(member, kind)                                                 \
    {                                                                      \
#member, VSF_METRIC_##kind, G_STRUCT_OFFSET(VsfVitalSigns, member) \
    }

static const VsfVitalSign numbers[] = {
    SIGN(uptime_s, GAUGE),
    SIGN(cpu_ms, COUNTER),
    SIGN(vms, GAUGE),
    SIGN(vms_stuck, GAUGE),
    SIGN(vms_stale, GAUGE),
    SIGN(taps_wanted, GAUGE),
    SIGN(taps_sampled, GAUGE),
    SIGN(cap_factor, GAUGE),
    SIGN(cpu_factor, GAUGE),
    SIGN(sampling_paused, GAUGE),
    SIGN(agents_paused, GAUGE),
    SIGN(flow_samples, COUNTER),
    SIGN(counter_samples, COUNTER),
    SIGN(metric_samples, COUNTER),
    SIGN(datagrams, COUNTER),
    SIGN(drops, COUNTER),
    SIGN(turns, COUNTER),
    SIGN(turns_missed, COUNTER),
    SIGN(lateness_p99_us, GAUGE),
    SIGN(agent_failures, COUNTER),
    SIGN(agents_failing, GAUGE),
    SIGN(agents_quarantined, GAUGE),
    SIGN(libvirt_outage_s, GAUGE),
    SIGN(libvirt_outage_total_s, COUNTER),
    SIGN(libvirt_latency_p99_us, GAUGE),
    SIGN(libvirt_calls_stuck, GAUGE),
    SIGN(collectors, GAUGE),
    SIGN(collectors_down, GAUGE),
    SIGN(send_errors, COUNTER),
};

const VsfVitalSign *
vsf_vital_signs_numbers(guint *n_numbers)
{
    *n_numbers = G_N_ELEMENTS(numbers);
    return numbers;
}

guint64
vsf_vital_sign_value(const VsfVitalSigns *signs, const VsfVitalSign *sign)
{
    return G_STRUCT_MEMBER(guint64, signs, sign->offset);
}

void
vsf_vital_signs_metrics(VsfXdr *xdr, const char *source, const VsfVitalSigns *signs,
                        VsfMetricSample sample, gpointer user_data)
{
    VsfMetricWriter writer;

    vsf_metric_writer_begin(&writer, xdr, source, sample, user_data);
    vsf_metric_text(&writer, "version", "", "", signs->version);
    vsf_metric_text(&writer, "config_hash", "", "", signs->config_hash);
    vsf_metric_text(&writer, "backend", "", "", signs->backend);
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        vsf_metric_number(&writer, numbers[i].name, "", "", numbers[i].kind,
                          vsf_vital_sign_value(signs, &numbers[i]));
    vsf_metric_writer_end(&writer);
}
