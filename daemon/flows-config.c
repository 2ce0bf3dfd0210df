/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is configured for each tap, and what changes when the configuration does. */
#include "flows-private.h"

static const char *
vm_of(const VsfTap *tap)
{
    return tap->domain != NULL ? tap->domain->def->name : NULL;
}

guint32
vsf_flows_configured_rate(const VsfFlows *flows, const VsfTap *tap)
{
    const VsfDomain *domain = tap->domain;

    if (tap->switch_samples)
        return 0;
    if (tap->role == VSF_TAP_PORT)
        return vsf_config_port_sampling(flows->config, tap->link.name, tap->speed_bps);
    if (domain != NULL && domain->def->monitor.sampling != VSF_MONITOR_UNSET)
        return domain->def->monitor.sampling;
    return vsf_config_sampling(flows->config, vm_of(tap), tap->link.name);
}

gboolean
vsf_flows_are_paused(const VsfFlows *flows)
{
    return flows->paused;
}

/* Once is a matter of VMs: each data source tells all of what passes it, and a port is one of its
 * own. The backends have it as once, which is both there. */
VsfDirection
vsf_flows_direction(const VsfFlows *flows, const VsfTap *tap)
{
    return vsf_config_direction(flows->config, vm_of(tap), tap->link.name);
}

VsfDirection
vsf_flows_told_direction(const VsfFlows *flows, const VsfTap *tap)
{
    VsfDirection direction = vsf_flows_direction(flows, tap);

    return tap->role == VSF_TAP_PORT && direction == VSF_DIRECTION_ONCE ? VSF_DIRECTION_BOTH
                                                                        : direction;
}

VsfSide
vsf_flows_side(const VsfTap *tap)
{
    if (tap->role == VSF_TAP_PORT)
        return VSF_SIDE_PORT;
    return vsf_nic_is_mirrored(tap->kind) ? VSF_SIDE_MIRRORED : VSF_SIDE_TAP;
}

void
vsf_flows_redirect(VsfFlows *flows, Sampler *sampler, VsfDirection direction)
{
    if (sampler->direction == direction)
        return;
    /* What was picked before leaves only if it counts now as well. */
    sampler->direction = direction;
    vsf_flows_suspend(flows, sampler);
    vsf_sample_pool_redirect(&sampler->pool, direction);
}

void
vsf_flows_set_config(VsfFlows *flows, const VsfConfig *config)
{
    GHashTableIter iter;
    gpointer value;

    /* A frame is read by the length that it was cut to: none may be left in a ring. */
    g_hash_table_iter_init(&iter, flows->samplers);
    while (flows->config->header_bytes != config->header_bytes &&
           g_hash_table_iter_next(&iter, NULL, &value))
        vsf_flows_suspend(flows, value);
    if (flows->config->max_samples_per_second != config->max_samples_per_second)
        flows->share = config->max_samples_per_second;
    flows->config = config;
    g_hash_table_iter_init(&iter, vsf_registry_taps(flows->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value))
        vsf_flows_adjust(flows, value);
}
