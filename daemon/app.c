/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app-ovs.h"
#include "app-private.h"
#include "base/descriptors.h"
#include "base/event.h"
#include "host/node.h"
#include "schedule.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define RESOLVE_PATIENCE_MS 3000 /* for the first collector's name, before an address is chosen */

/* --- the registry's decisions ------------------------------------------ */

static void
domain_added(VsfDomain *domain, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_VM_STARTED,
                  &(VsfLogAbout){.domain_uuid = domain->def->uuid, .domain = domain->def->name},
                  "%s: domain %s runs, source 3:%u, %u NICs, %u disks", domain->name,
                  domain->def->uuid, domain->index, domain->def->nics->len,
                  domain->def->disks->len);
    vsf_guests_domain_added(app->guests, domain);
    vsf_poller_domain_added(app->poller, domain);
}

static void
domain_changed(VsfDomain *domain, gpointer user_data)
{
    VsfApp *app = user_data;

    g_debug("%s: domain %s changed, state %d", domain->name, domain->def->uuid, domain->state);
    vsf_guests_domain_changed(app->guests, domain);
    vsf_poller_domain_changed(app->poller, domain);
    /* Its metadata or its name may want another sampling rate. */
    for (guint i = 0; i < domain->taps->len; i++)
        vsf_flows_tap_changed(app->flows, domain->taps->pdata[i]);
}

static void
domain_removed(VsfDomain *domain, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_poller_domain_removed(app->poller, domain); /* its last sample may choose */
    if (!app->closing) {
        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_VM_ENDED,
                      &(VsfLogAbout){.domain_uuid = domain->def->uuid, .domain = domain->def->name},
                      "%s: domain %s ended", domain->name, domain->def->uuid);
        vsf_guests_run_ended(app->guests, domain);
    }
    vsf_guests_domain_removed(app->guests, domain);
    vsf_exporter_forget_domain(app->exporter, domain->index);
}

static void
tap_added(VsfTap *tap, gpointer user_data)
{
    VsfApp *app = user_data;

    g_debug("%s: interface %d %s", tap->link.name, tap->link.ifindex,
            tap->role == VSF_TAP_PORT ? "is a physical port" : "may be a VM's");
    vsf_app_ovs_tap(app, tap);
    vsf_flows_tap_added(app->flows, tap);
    /* A port's counters are told with the host's. */
    if (tap->role != VSF_TAP_PORT)
        vsf_poller_tap_added(app->poller, tap);
}

static void
tap_bound(VsfTap *tap, gpointer user_data)
{
    VsfApp *app = user_data;

    g_debug("%s: interface %d belongs to %s", tap->link.name, tap->link.ifindex, tap->domain->name);
    vsf_flows_tap_bound(app->flows, tap);
    vsf_poller_tap_changed(app->poller, tap);
}

static void
tap_changed(VsfTap *tap, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_app_ovs_tap(app, tap);
    vsf_flows_tap_changed(app->flows, tap);
    vsf_poller_tap_changed(app->poller, tap);
}

static void
tap_removed(VsfTap *tap, gpointer user_data)
{
    VsfApp *app = user_data;

    g_debug("%s: interface %d released", tap->link.name, tap->link.ifindex);
    vsf_poller_tap_removed(app->poller, tap);
    vsf_flows_tap_removed(app->flows, tap);
    if (tap->role == VSF_TAP_PORT)
        vsf_exporter_forget_flows(app->exporter, tap->link.ifindex);
    else
        vsf_exporter_forget_tap(app->exporter, tap->link.ifindex);
}

static void
xml_wanted(VsfDomain *domain, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_conn_fetch(app->conn, domain->def->uuid);
}

static void
process_gone(const VsfDomain *domain, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_conn_fetch(app->conn, domain->def->uuid);
}

static guint32
index_for(const VsfDomainDef *def, gpointer user_data)
{
    VsfApp *app = user_data;

    return vsf_index_store_get(app->indexes, def->uuid_bytes);
}

static char *
name_for(const VsfDomainDef *def, gpointer user_data)
{
    VsfApp *app = user_data;

    return vsf_vm_name(def, app->config->vm_name, vsf_guests_host_name(app->guests, def->uuid));
}

static const VsfRegistryCallbacks registry_callbacks = {
    .domain_added = domain_added,
    .domain_changed = domain_changed,
    .domain_removed = domain_removed,
    .tap_added = tap_added,
    .tap_bound = tap_bound,
    .tap_changed = tap_changed,
    .tap_removed = tap_removed,
    .xml_wanted = xml_wanted,
    .index_for = index_for,
    .name_for = name_for,
};

/* --- guests ------------------------------------------------------------ */

static void
guest_named(VsfDomain *domain, gpointer user_data)
{
    VsfApp *app = user_data;

    if (app->config->vm_name == VSF_VM_NAME_GUEST)
        vsf_registry_domain_renamed(app->registry, domain);
}

static const VsfGuestsCallbacks guests_callbacks = {
    .named = guest_named,
    .balloon_set = xml_wanted,
};

/* --- links ------------------------------------------------------------- */

static gboolean expire(gpointer user_data);

static void
expire_at(VsfApp *app, gint64 due_us)
{
    gint64 wait_us = MAX(due_us - g_get_monotonic_time(), 0);

    if (app->expire_timer != 0 && app->expire_us <= due_us)
        return;
    g_clear_handle_id(&app->expire_timer, g_source_remove);
    app->expire_us = due_us;
    app->expire_timer = g_timeout_add((guint)(wait_us / 1000 + 1), expire, app);
}

static gboolean
expire(gpointer user_data)
{
    VsfApp *app = user_data;
    gint64 next_us = vsf_registry_expire(app->registry, g_get_monotonic_time());

    app->expire_timer = 0;
    if (next_us >= 0)
        expire_at(app, next_us);
    return G_SOURCE_REMOVE;
}

/* It is asked once, after the shortest time it ever waits, however many
 * messages come until then. */
void
vsf_app_registry_changed(VsfApp *app)
{
    expire_at(app, g_get_monotonic_time() + VSF_XML_WANTED_US);
}

static void
link_seen(const VsfLink *link, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_registry_link_seen(app->registry, link, g_get_monotonic_time());
    vsf_ports_link_seen(app->ports, link);
    vsf_app_registry_changed(app);
}

static void
link_gone(int ifindex, const VsfLinkStats *final, gpointer user_data)
{
    VsfApp *app = user_data;

    if (final != NULL) {
        vsf_flows_reading(app->flows, ifindex, final,
                          g_get_monotonic_time() * (1000000000 / G_USEC_PER_SEC));
        vsf_poller_tap_final(app->poller, ifindex, final);
    }
    vsf_registry_link_gone(app->registry, ifindex);
    vsf_app_registry_changed(app);
}

static void
links_dumped(const int *ifindexes, guint n_ifindexes, gpointer user_data)
{
    VsfApp *app = user_data;

    app->links_known = TRUE;
    vsf_registry_links_reconcile(app->registry, ifindexes, n_ifindexes);
}

static const VsfLinksCallbacks links_callbacks = {
    .seen = link_seen,
    .gone = link_gone,
    .dumped = links_dumped,
};

/* --- up and down ------------------------------------------------------- */

static void
send_datagram(const guint8 *data, gsize size, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_sender_send(app->sender, data, size);
}

static JsonNode *
answer(const VsfRequest *request, GError **error, gpointer user_data)
{
    VsfApp *app = user_data;

    if (strcmp(request->word, "status") == 0)
        return vsf_app_status(app);
    if (vsf_pauses_is_request(request))
        return vsf_pauses_answer(app->pauses, request, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "unknown request \"%.40s\"; known: status, pause, resume", request->word);
    return NULL;
}

/* The rooms that need to know who we are. libvirt comes last, so that its
 * first answer finds everything in place. */
static gboolean
start_monitoring(VsfApp *app, GInetAddress *collector, GError **error)
{
    g_autoptr(VsfNode) node = vsf_node_read();

    if (!vsf_app_choose_agent(app, app->config, collector, error))
        return FALSE;
    app->link_stats = vsf_link_stats_new(error);
    if (app->link_stats == NULL)
        return FALSE;
    app->exporter = vsf_exporter_new(app->config, &app->wire, send_datagram, app);
    app->registry = vsf_registry_new((const char *const *)app->config->interfaces,
                                     &registry_callbacks, app);
    app->flows = vsf_flows_new(app->config, app->registry, app->exporter, app->link_stats,
                               g_steal_pointer(&app->choice), error);
    if (app->flows == NULL)
        return FALSE;
    app->stats = vsf_stats_new(app->config->uri);
    app->agents = vsf_agents_new(app->config->uri, app->agent_socket,
                                 (int)app->config->agent_timeout_s);
    app->guests = vsf_guests_new(app->config, app->agents, app->records, &guests_callbacks, app);
    app->brakes = vsf_brakes_new(app->config, app->flows);
    app->pauses = vsf_pauses_new(app->flows, app->guests);
    app->seed = vsf_schedule_seed(node->uuid, node->hostname);
    app->poller = vsf_poller_new(app->config, app->registry, app->exporter, app->flows,
                                 app->link_stats, app->stats, app->guests, app->seed, process_gone,
                                 app);
    vsf_app_ports_start(app);
    app->links = vsf_links_new(&links_callbacks, app, error);
    if (app->links == NULL)
        return FALSE;
    app->away_since_us = g_get_monotonic_time();
    app->conn = vsf_conn_new(app->config->uri, &vsf_app_conn_callbacks, app);
    app->vitals = vsf_vitals_new(app);
    app->vfs = vsf_vfs_new(app->registry);
    vsf_exporter_set_hostdevs(app->exporter, vsf_vfs_counters, app->vfs);
    vsf_app_ovs_set_config(app);
    return TRUE;
}

static void
first_collector_resolved(GInetAddress *collector, gpointer user_data)
{
    VsfApp *app = user_data;
    g_autoptr(GError) error = NULL;

    if (!start_monitoring(app, collector, &error))
        app->failed(error, app->user_data);
}

/* What to do about it. */
static gboolean
runtime_failed(const GError *cause, const char *otherwise, GError **error)
{
    gboolean is_rights = g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);

    g_set_error(error, cause->domain, cause->code, "%s%s", cause->message,
                is_rights ? "; start it as root, or with --runtime-dir=DIR where you may write"
                          : otherwise);
    return FALSE;
}

static gboolean
open_sockets(VsfApp *app, const char *runtime_dir, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *hook = g_build_filename(runtime_dir, "hook", NULL);
    g_autofree char *control = g_build_filename(runtime_dir, "control", NULL);

    if (g_mkdir_with_parents(runtime_dir, 0755) != 0) {
        int reason = errno;

        g_set_error(&cause, G_IO_ERROR, (int)g_io_error_from_errno(reason),
                    "%s: cannot make it: %s", runtime_dir, g_strerror(reason));
        return runtime_failed(cause, "; choose another with --runtime-dir=DIR", error);
    }
    /* The control socket first: it tells whether another daemon lives here. */
    app->control = vsf_control_new(control, answer, app, &cause);
    if (app->control == NULL)
        return runtime_failed(cause, "", error);
    app->hook = vsf_hook_socket_new(hook, vsf_app_hook_message, app, &cause);
    return app->hook != NULL || runtime_failed(cause, "", error);
}

/* Here, since it may take 100 ms: the loop does not run yet. */
static void
choose_capture(VsfApp *app)
{
    g_autofree char *text = NULL;

    app->choice = vsf_capture_choose(app->config->backend, app->config->header_bytes,
                                     app->config->direction, vsf_descriptors_limit());
    text = vsf_capture_choice_describe(app->choice);
    if (vsf_capture_choice_is_as_wanted(app->choice))
        g_message("%s", text);
    else
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_OTHER_BACKEND, NULL, "%s", text);
}

VsfApp *
vsf_app_new(VsfConfig *config, const char *runtime_dir, const char *state_dir, VsfAppFailed failed,
            gpointer user_data, GError **error)
{
    g_autoptr(VsfApp) app = g_new0(VsfApp, 1);

    app->base = config;
    app->config_us = g_get_monotonic_time();
    app->failed = failed;
    app->user_data = user_data;
    app->start_us = g_get_monotonic_time();
    app->starting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!open_sockets(app, runtime_dir, error))
        return NULL;
    app->beside = vsf_beside_new();
    app->state_dir = vsf_state_dir_new(state_dir);
    vsf_app_dns_start(app);
    app->overlay = vsf_app_dns_overlay(app, app->base);
    app->config = vsf_config_overlay(app->base, app->overlay);
    vsf_app_agents_start(app, runtime_dir);
    choose_capture(app);
    app->indexes = vsf_index_store_new(app->state_dir, app->config->vm_index);
    app->records = vsf_guest_store_new(app->state_dir);
    app->sender = vsf_sender_new(app->config->collectors, app->config->source_address,
                                 app->config->dscp, error);
    if (app->sender == NULL)
        return NULL;
    if (app->config->collectors->len == 0)
        vsf_app_warn_no_collector(app->config);
    vsf_sender_when_first_resolved(app->sender, RESOLVE_PATIENCE_MS, first_collector_resolved, app);
    return g_steal_pointer(&app);
}

void
vsf_app_free(VsfApp *app)
{
    if (app == NULL)
        return;
    app->closing = TRUE;
    g_clear_handle_id(&app->expire_timer, g_source_remove);
    g_clear_handle_id(&app->confirm_timer, g_source_remove);
    g_clear_pointer(&app->control, vsf_control_free);
    g_clear_pointer(&app->hook, vsf_hook_socket_free);
    g_clear_pointer(&app->beside, vsf_beside_free);
    g_clear_pointer(&app->vitals, vsf_vitals_free);
    vsf_app_ovs_stop(app);
    if (app->exporter != NULL)
        vsf_exporter_set_hostdevs(app->exporter, NULL, NULL);
    g_clear_pointer(&app->vfs, vsf_vfs_free);
    g_clear_pointer(&app->conn, vsf_conn_free);
    g_clear_pointer(&app->links, vsf_links_free);
    g_clear_pointer(&app->ports, vsf_ports_free);
    /* Emptied while the rooms behind its callbacks are still there. */
    g_clear_pointer(&app->registry, vsf_registry_free);
    g_clear_pointer(&app->brakes, vsf_brakes_free);
    g_clear_pointer(&app->pauses, vsf_pauses_free);
    g_clear_pointer(&app->poller, vsf_poller_free);
    g_clear_pointer(&app->guests, vsf_guests_free);
    /* State is written before anything waits for the kernel. */
    vsf_app_dns_stop(app);
    g_clear_pointer(&app->records, vsf_guest_store_free);
    g_clear_pointer(&app->indexes, vsf_index_store_free);
    g_clear_pointer(&app->agents, vsf_agents_free);
    vsf_app_agents_stop(app);
    g_clear_pointer(&app->stats, vsf_calls_free);
    g_clear_pointer(&app->flows, vsf_flows_free);
    g_clear_pointer(&app->choice, vsf_capture_choice_free);
    g_clear_pointer(&app->exporter, vsf_exporter_free);
    g_clear_pointer(&app->link_stats, vsf_link_stats_free);
    g_clear_pointer(&app->sender, vsf_sender_free);
    g_clear_pointer(&app->state_dir, vsf_state_dir_free);
    g_clear_pointer(&app->starting, g_hash_table_unref);
    g_clear_pointer(&app->config, vsf_config_free);
    g_clear_pointer(&app->base, vsf_config_free);
    g_clear_pointer(&app->overlay, vsf_config_overlay_free);
    g_strfreev(app->config_fixed);
    g_free(app->agent_address);
    g_free(app->agent_address_reason);
    g_free(app);
}
