/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each has its turn, and what changes when the configuration does, or the domain. */
#include "poller-private.h"

#include <string.h>

void
vsf_poller_set_own(const VsfPoller *poller, Entry *entry)
{
    const VsfConfig *config = poller->context.config;
    const VsfDomain *domain = entry->kind == ENTRY_TAP ? entry->tap->domain
                                                       : vsf_domain_poll_domain(entry->poll);
    const char *vm = domain != NULL ? domain->def->name : NULL;

    if (domain != NULL)
        vsf_schedule_set_key(&entry->turn, domain->def->uuid_bytes,
                             sizeof(domain->def->uuid_bytes));
    else
        vsf_schedule_set_key(&entry->turn, entry->tap->link.name, strlen(entry->tap->link.name));
    if (entry->kind == ENTRY_TAP && entry->tap->switch_samples) {
        vsf_schedule_set_own(&entry->turn, 0);
        return;
    }
    vsf_schedule_set_own(&entry->turn,
                         entry->kind == ENTRY_TAP
                             ? vsf_config_tap_polling_s(config, vm, entry->tap->link.name)
                             : vsf_config_vm_polling_s(config, vm));
}

void
vsf_poller_set_others(VsfPoller *poller, VsfNicStatsFunc func, gpointer user_data)
{
    poller->context.others = (VsfNicStats){func, user_data};
}

void
vsf_poller_set_elsewhere(VsfPoller *poller, VsfElsewhereFunc func, gpointer user_data)
{
    vsf_uplinks_set_elsewhere(poller->uplinks, func, user_data);
}

gboolean
vsf_poller_tap_has_turns(const VsfPoller *poller, VsfTap *tap)
{
    const Entry *entry = g_hash_table_lookup(poller->taps, tap);

    return entry != NULL && vsf_schedule_has_turns(poller->schedule, &entry->turn);
}

static void
retime(VsfPoller *poller, Entry *entry)
{
    vsf_poller_set_own(poller, entry);
    vsf_schedule_retime(poller->schedule, &entry->turn);
    if (entry->kind == ENTRY_TAP && entry->tap->domain != NULL)
        entry = g_hash_table_lookup(poller->domains, entry->tap->domain);
    if (entry != NULL && entry->kind == ENTRY_DOMAIN)
        vsf_poller_join_taps(poller, entry, FALSE);
}

void
vsf_poller_tap_changed(VsfPoller *poller, VsfTap *tap)
{
    Entry *entry = g_hash_table_lookup(poller->taps, tap);

    if (entry != NULL)
        retime(poller, entry);
}

void
vsf_poller_domain_changed(VsfPoller *poller, VsfDomain *domain)
{
    Entry *entry = g_hash_table_lookup(poller->domains, domain);

    if (entry == NULL)
        return;
    retime(poller, entry);
    if (entry->here == domain->here)
        return;
    entry->here = domain->here;
    vsf_poller_domain_now(poller, domain, domain->here ? VSF_POLL_FIRST : VSF_POLL_LAST);
}

void
vsf_poller_set_config(VsfPoller *poller, const VsfConfig *config)
{
    guint before_s = poller->context.config->polling_s;
    GHashTableIter iter;
    gpointer entry;

    poller->context.config = config;
    if (config->polling_s != before_s)
        vsf_schedule_set_interval(poller->schedule, config->polling_s);
    vsf_schedule_retime(poller->schedule, &poller->host.turn);
    vsf_poller_uplinks_set_config(poller);
    g_hash_table_iter_init(&iter, poller->domains);
    while (g_hash_table_iter_next(&iter, NULL, &entry))
        retime(poller, entry);
    g_hash_table_iter_init(&iter, poller->taps);
    while (g_hash_table_iter_next(&iter, NULL, &entry))
        retime(poller, entry);
}
