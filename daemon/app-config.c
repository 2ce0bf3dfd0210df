/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration in force: what the files and the command line say, with what another source
 * wants instead, given to each room when it changes. A room compares what concerns it. */
#include "app-ovs.h"
#include "app-private.h"
#include "base/event.h"
#include "net/agent-address.h"

#include <string.h>

static VsfSflowAddress
wire_address(GInetAddress *address)
{
    VsfSflowAddress wire = {
        .family = g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4 ? 1 : 2,
    };

    memcpy(wire.bytes, g_inet_address_to_bytes(address), g_inet_address_get_native_size(address));
    return wire;
}

gboolean
vsf_app_choose_agent(VsfApp *app, const VsfConfig *config, GInetAddress *collector, GError **error)
{
    g_autofree char *reason = NULL;
    g_autoptr(GInetAddress)
        agent = vsf_agent_address_choose(config->agent_address, collector, &reason, error);

    if (agent == NULL)
        return FALSE;
    g_free(app->agent_address);
    g_free(app->agent_address_reason);
    app->agent_address = g_inet_address_to_string(agent);
    app->agent_address_reason = g_steal_pointer(&reason);
    app->wire = wire_address(agent);
    g_message("agent address %s: %s", app->agent_address, app->agent_address_reason);
    return TRUE;
}

/* What can go wrong, before anything changes. "auto" stays what it was chosen to be at the start:
 * who we are must not depend on which collectors there are at the moment. */
static gboolean
change_agent(VsfApp *app, const VsfConfig *config, GError **error)
{
    const char *place = vsf_config_place(config, "sflow", "agent-address");
    g_autoptr(GError) why = NULL;

    if (app->exporter == NULL || strcmp(config->agent_address, app->config->agent_address) == 0 ||
        vsf_app_choose_agent(app, config, vsf_sender_first_address(app->sender), &why))
        return TRUE;
    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "%s%s[sflow] agent-address: %s",
                place != NULL ? place : "", place != NULL ? ": " : "", why->message);
    return FALSE;
}

static void
rename_domains(VsfApp *app)
{
    g_autoptr(GList) domains = g_hash_table_get_values(vsf_registry_domains(app->registry));

    for (const GList *at = domains; at != NULL; at = at->next)
        vsf_registry_domain_renamed(app->registry, at->data);
}

/* The samples that wait leave as they were made. */
static void
tell_rooms(VsfApp *app, const VsfConfig *before)
{
    const VsfConfig *config = app->config;

    vsf_exporter_set_config(app->exporter, config, &app->wire);
    vsf_flows_set_config(app->flows, config);
    vsf_agents_set_timeout(app->agents, (int)config->agent_timeout_s);
    vsf_guests_set_config(app->guests, config);
    vsf_brakes_set_config(app->brakes, config);
    vsf_poller_set_config(app->poller, config);
    vsf_registry_set_patterns(app->registry, (const char *const *)config->interfaces,
                              g_get_monotonic_time());
    vsf_app_ports_set_config(app, config);
    if (config->vm_name != before->vm_name)
        rename_domains(app);
    vsf_vitals_config_changed(app->vitals);
    vsf_app_ovs_set_config(app);
    vsf_app_registry_changed(app);
}

static void
log_changes(const VsfApp *app, const VsfConfig *before, GStrv fixed)
{
    g_auto(GStrv) changes = vsf_config_changes(before, app->config);
    g_autofree char *text = g_strjoinv(", ", changes), *restart = g_strjoinv(", ", fixed);

    g_message("configuration: %s%s", changes[0] != NULL ? "in force now: " : "nothing changed",
              text);
    if (fixed[0] != NULL)
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_RESTART_NEEDED, NULL,
                      "configuration: %s: read at the start alone; the old value stays until the "
                      "daemon is restarted",
                      restart);
    if (app->config->collectors->len == 0)
        vsf_app_warn_no_collector(app->config);
}

void
vsf_app_warn_no_collector(const VsfConfig *config)
{
    if (config->dns_sd == VSF_DNS_SD_ON) {
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_NO_COLLECTOR, NULL,
                      "there is no collector: nothing is sent until DNS names one");
        return;
    }
    vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_NO_COLLECTOR, NULL,
                  "no collector is configured: nothing is sent; set [sflow] collectors "
                  "in " VSF_CONFIG_FILE " or give --collector");
}

/* @base and @overlay become the app's if this succeeds. */
static gboolean
put_in_force(VsfApp *app, const VsfConfig *base, const VsfConfigOverlay *overlay, GError **error)
{
    g_autoptr(VsfConfig) config = vsf_config_overlay(base, overlay);
    g_auto(GStrv) fixed = vsf_config_keep_fixed(config, app->config);
    g_autoptr(VsfConfig) before = NULL;

    if (!change_agent(app, config, error) ||
        !vsf_sender_change(app->sender, config->collectors, config->source_address, config->dscp,
                           error))
        return FALSE;
    before = app->config;
    app->config = g_steal_pointer(&config);
    app->config_us = g_get_monotonic_time();
    if (app->vitals != NULL) /* all rooms are there */
        tell_rooms(app, before);
    log_changes(app, before, fixed);
    g_strfreev(app->config_fixed);
    app->config_fixed = g_steal_pointer(&fixed);
    return TRUE;
}

gboolean
vsf_app_set_config(VsfApp *app, VsfConfig *config, GError **error)
{
    g_autoptr(VsfConfig) base = config;
    g_autoptr(VsfConfigOverlay) overlay = vsf_app_dns_overlay(app, base);
    gboolean is_same_to_dns = vsf_app_dns_is_same(app->base, base);

    if (!put_in_force(app, base, overlay, error))
        return FALSE;
    vsf_config_free(app->base);
    app->base = g_steal_pointer(&base);
    vsf_config_overlay_free(app->overlay);
    app->overlay = g_steal_pointer(&overlay);
    if (!is_same_to_dns)
        vsf_app_dns_restart(app);
    return TRUE;
}

gboolean
vsf_app_set_overlay(VsfApp *app, const VsfConfigOverlay *overlay, GError **error)
{
    g_autoptr(VsfConfigOverlay) copy = overlay != NULL ? vsf_config_overlay_copy(overlay) : NULL;

    if (!put_in_force(app, app->base, copy, error))
        return FALSE;
    vsf_config_overlay_free(app->overlay);
    app->overlay = g_steal_pointer(&copy);
    return TRUE;
}

void
vsf_app_show_reload(VsfApp *app, const VsfReloadState *reload)
{
    app->reload = reload;
}
