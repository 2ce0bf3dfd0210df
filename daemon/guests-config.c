/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is configured of guest agents, and what changes when the configuration does. */
#include "guests-private.h"

gboolean
vsf_guests_is_on(const VsfGuests *guests, const Guest *guest)
{
    return vsf_config_agent(guests->config, guest->domain->def->name) == VSF_GUEST_AGENT_AUTO;
}

VsfAgentPlan
vsf_guests_plan(const VsfGuests *guests, const VsfDomain *domain)
{
    VsfAgentPlan plan = vsf_agent_plan(domain->def, domain->name,
                                       (const char *const *)guests->config->agent_exclude,
                                       guests->config->canary);

    if (plan == VSF_AGENT_PLAN_ASK &&
        vsf_config_agent_is_off_by_rule(guests->config, domain->def->name))
        return VSF_AGENT_PLAN_RULE;
    return plan;
}

VsfAgentTerms
vsf_guests_terms(const VsfGuests *guests)
{
    return (VsfAgentTerms){
        .filesystems_interval_s = guests->config->filesystems_interval_s,
        .os_interval_s = guests->config->os_interval_s,
        .timeout_s = guests->config->agent_timeout_s,
    };
}

void
vsf_guests_set_config(VsfGuests *guests, const VsfConfig *config)
{
    VsfAgentTerms terms;
    GHashTableIter iter;
    gpointer value;

    guests->config = config;
    terms = vsf_guests_terms(guests);
    g_hash_table_iter_init(&iter, guests->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Guest *guest = value;

        vsf_agent_manners_hasten(&guest->manners, &terms, g_get_monotonic_time());
        vsf_guests_domain_changed(guests, guest->domain);
    }
    vsf_guests_arm_all(guests);
}
