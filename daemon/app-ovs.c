/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app-ovs.h"

#include "app-private.h"

#include <net/if.h>
#include <string.h>

#define LOG_US (60 * G_USEC_PER_SEC)
#define COUNTERS_MS 5000 /* Open vSwitch renews them as often */
#define COUNTERS_STALE_US (30 * G_USEC_PER_SEC)
#define LEAVE_MS 10                    /* from one look whether it may end to the next */
#define LEAVE_US (10 * G_USEC_PER_SEC) /* as long as what is said last has */

const VsfOvsSnapshot *
vsf_app_ovs_snapshot(const VsfApp *app)
{
    return app->ovs != NULL ? vsf_ovs_client_snapshot(app->ovs) : NULL;
}

/* --- ports ------------------------------------------------------------------- */

/* Frames that have no tag are of the port's VLAN, unless all that have none are dropped. */
static guint16
vlan_of(const VsfOvsPort *port)
{
    if (port == NULL || port->tag <= 0 || g_strcmp0(port->vlan_mode, "trunk") == 0)
        return 0;
    return (guint16)port->tag;
}

gboolean
vsf_app_ovs_tap(const VsfApp *app, VsfTap *tap)
{
    const VsfOvsPort *port = vsf_ovs_snapshot_of_link(vsf_app_ovs_snapshot(app), tap->link.name,
                                                      tap->link.ifindex);
    gboolean before = tap->switch_samples;

    tap->port_vlan = vlan_of(port);
    tap->switch_samples = app->ovs_writer != NULL && vsf_ovs_writer_covers(app->ovs_writer, port);
    return tap->switch_samples != before;
}

static void
look_at_taps(const VsfApp *app)
{
    GHashTableIter iter;
    gpointer value;

    if (app->registry == NULL)
        return;
    g_hash_table_iter_init(&iter, vsf_registry_taps(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (!vsf_app_ovs_tap(app, value))
            continue;
        vsf_flows_tap_changed(app->flows, value);
        vsf_poller_tap_changed(app->poller, value);
    }
}

/* --- vhost-user ---------------------------------------------------------------- */

static const VsfOvsPort *
vhost_user_port(const VsfApp *app, const VsfNic *nic)
{
    const VsfOvsPort *port = vsf_ovs_snapshot_by_name(vsf_app_ovs_snapshot(app), nic->device);

    return port != NULL && vsf_ovs_port_is_vhost_user(port) ? port : NULL;
}

/* A VsfNicStatsFunc. The switch receives what the guest sends, as the kernel does on a tap. */
static gboolean
nic_stats(const VsfNic *nic, VsfLinkStats *stats, gpointer user_data)
{
    const VsfApp *app = user_data;
    const VsfOvsCounters *counters = NULL;

    if (vhost_user_port(app, nic) != NULL)
        counters = vsf_ovs_snapshot_counters(vsf_app_ovs_snapshot(app), nic->device,
                                             g_get_monotonic_time() - COUNTERS_STALE_US);
    if (counters == NULL)
        return FALSE;
    *stats = (VsfLinkStats){
        .rx_packets = counters->rx_packets,
        .tx_packets = counters->tx_packets,
        .rx_bytes = counters->rx_bytes,
        .tx_bytes = counters->tx_bytes,
        .rx_errors = counters->rx_errors,
        .tx_errors = counters->tx_errors,
        .rx_dropped = counters->rx_dropped,
        .tx_dropped = counters->tx_dropped,
        .multicast = VSF_UNKNOWN,
    };
    return TRUE;
}

/* The number is the switch's own: one that the kernel uses for another interface is no source. */
static void
send_port(const VsfApp *app, VsfDomain *domain, const VsfNic *nic)
{
    const VsfOvsPort *port = vhost_user_port(app, nic);
    VsfTap like = {.domain = domain, .nic = nic, .kind = VSF_NIC_TAP};
    VsfLinkStats stats;

    if (port == NULL || port->ifindex == 0 || vsf_ovs_writer_covers(app->ovs_writer, port) ||
        vsf_registry_link(app->registry, (int)port->ifindex) != NULL ||
        !nic_stats(nic, &stats, (gpointer)app))
        return;
    like.link.ifindex = (int)port->ifindex;
    like.link.flags = IFF_UP;
    like.link.carrier = port->up;
    g_strlcpy(like.link.name, port->name, sizeof(like.link.name));
    vsf_exporter_tap(app->exporter, &like, &stats);
}

/* They have turns of their own, all together: one message tells of all. */
static gboolean
send_ports(gpointer user_data)
{
    const VsfApp *app = user_data;
    GHashTableIter iter;
    gpointer value;

    if (!vsf_ovs_snapshot_has_vhost_user(vsf_app_ovs_snapshot(app)))
        return G_SOURCE_CONTINUE;
    g_hash_table_iter_init(&iter, vsf_registry_domains(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        VsfDomain *domain = value;

        for (guint i = 0; i < domain->def->nics->len; i++)
            if (((const VsfNic *)domain->def->nics->pdata[i])->kind == VSF_NIC_VHOST_USER)
                send_port(app, domain, domain->def->nics->pdata[i]);
    }
    vsf_exporter_flush(app->exporter);
    return G_SOURCE_CONTINUE;
}

/* A VsfElsewhereFunc: an uplink is a port as any other. */
static gboolean
is_told_by_its_bridge(const char *name, int ifindex, gpointer user_data)
{
    const VsfApp *app = user_data;

    return app->ovs_writer != NULL &&
           vsf_ovs_writer_covers(
               app->ovs_writer, vsf_ovs_snapshot_of_link(vsf_app_ovs_snapshot(app), name, ifindex));
}

/* --- the connection ----------------------------------------------------------- */

/* A host without Open vSwitch has nothing to say. */
static gboolean
is_absent(const VsfApp *app)
{
    return vsf_ovs_client_state(app->ovs) != VSF_OVS_WATCHED &&
           vsf_ovs_client_snapshot(app->ovs) == NULL && vsf_ovs_client_is_absent(app->ovs);
}

static void
log_state(VsfApp *app)
{
    const VsfOvsSnapshot *snapshot = vsf_app_ovs_snapshot(app);
    gboolean watched = vsf_ovs_client_state(app->ovs) == VSF_OVS_WATCHED;
    const char *error = vsf_ovs_client_error(app->ovs), *version;
    guint held_back;

    if (watched == app->ovs_told_watched && (watched || g_strcmp0(error, app->ovs_told) == 0))
        return;
    if (is_absent(app) || (!watched && error == NULL) ||
        !vsf_log_rate_allow(&app->ovs_rate, g_get_monotonic_time(), watched ? 0 : LOG_US,
                            &held_back))
        return;
    app->ovs_told_watched = watched;
    g_free(app->ovs_told);
    app->ovs_told = g_strdup(error);
    version = vsf_ovs_snapshot_version(snapshot);
    if (watched)
        g_message("Open vSwitch%s%s is watched: %u bridges, %u ports", version != NULL ? " " : "",
                  version != NULL ? version : "", vsf_ovs_snapshot_n_bridges(snapshot),
                  vsf_ovs_snapshot_n_ports(snapshot));
    else
        g_warning("Open vSwitch: %s; %s, and it is tried again", error,
                  snapshot != NULL ? "ports stay as they were seen last"
                                   : "bridges and VLANs of its ports are not known");
}

static void
log_trouble(VsfApp *app)
{
    const char *trouble = vsf_app_ovs_trouble(app);

    if (g_strcmp0(trouble, app->ovs_trouble_told) == 0)
        return;
    g_free(app->ovs_trouble_told);
    app->ovs_trouble_told = g_strdup(trouble);
    if (trouble != NULL)
        g_warning("Open vSwitch: %s; interfaces there are sampled by this daemon", trouble);
}

void
vsf_app_ovs_looked(VsfApp *app)
{
    log_trouble(app);
    look_at_taps(app);
}

static void
changed(gpointer user_data)
{
    VsfApp *app = user_data;

    log_state(app);
    vsf_ovs_writer_look(app->ovs_writer, g_get_monotonic_time());
    vsf_app_ovs_looked(app);
}

static const VsfOvsClientCallbacks callbacks = {.changed = changed};

void
vsf_app_ovs_stop(VsfApp *app)
{
    vsf_app_ovs_write_stop(app);
    g_clear_handle_id(&app->ovs_timer, g_source_remove);
    g_clear_handle_id(&app->ovs_leave_timer, g_source_remove);
    app->ovs_leaving = FALSE;
    g_clear_pointer(&app->ovs, vsf_ovs_client_free);
    g_clear_pointer(&app->ovs_writer, vsf_ovs_writer_free);
    g_clear_pointer(&app->ovs_socket, g_free);
    g_clear_pointer(&app->ovs_told, g_free);
    g_clear_pointer(&app->ovs_trouble_told, g_free);
    app->ovs_told_watched = FALSE;
}

static gboolean
leave(gpointer user_data)
{
    VsfApp *app = user_data;

    app->ovs_leave_timer = 0;
    vsf_app_ovs_set_config(app);
    return G_SOURCE_REMOVE;
}

/* FALSE: it ends later. */
static gboolean
end_unwanted(VsfApp *app)
{
    if (app->ovs == NULL || (!app->ovs_leaving && app->config->ovs_mode != VSF_OVS_OFF &&
                             strcmp(app->config->ovs_socket, app->ovs_socket) == 0))
        return TRUE;
    app->ovs_leaving = TRUE;
    if (!vsf_app_ovs_may_stop(app, LEAVE_US)) {
        if (app->ovs_leave_timer == 0)
            app->ovs_leave_timer = g_timeout_add(LEAVE_MS, leave, app);
        return FALSE;
    }
    vsf_app_ovs_stop(app);
    look_at_taps(app);
    return TRUE;
}

void
vsf_app_ovs_set_config(VsfApp *app)
{
    const VsfConfig *config = app->config;

    if (!end_unwanted(app))
        return;
    if (config->ovs_mode == VSF_OVS_OFF)
        return;
    if (app->ovs == NULL) {
        app->ovs_socket = g_strdup(config->ovs_socket);
        app->ovs = vsf_ovs_client_new(config->ovs_socket, &vsf_ovs_pace, &callbacks, app);
        vsf_app_ovs_write_start(app);
    }
    vsf_app_ovs_write(app);
    vsf_ovs_client_set_counters_ms(app->ovs, config->polling_s != 0 ? COUNTERS_MS : 0);
    vsf_poller_set_others(app->poller, nic_stats, app);
    vsf_poller_set_elsewhere(app->poller, is_told_by_its_bridge, app);
    if (app->ovs_timer != 0 && app->ovs_polling_s == config->polling_s)
        return;
    g_clear_handle_id(&app->ovs_timer, g_source_remove);
    app->ovs_polling_s = config->polling_s;
    if (config->polling_s != 0)
        app->ovs_timer = g_timeout_add_seconds(config->polling_s, send_ports, app);
}

/* --- the status --------------------------------------------------------------- */

void
vsf_app_status_ovs_member(JsonBuilder *builder, const VsfApp *app)
{
    const VsfOvsSnapshot *snapshot = vsf_app_ovs_snapshot(app);
    gboolean absent;

    json_builder_set_member_name(builder, "ovs");
    if (app->ovs == NULL || app->config->ovs_mode == VSF_OVS_OFF) {
        json_builder_add_null_value(builder);
        return;
    }
    absent = is_absent(app);
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "mode",
                           app->config->ovs_mode == VSF_OVS_CONFIGURE ? "configure" : "observe");
    vsf_status_text_member(builder, "socket", app->ovs_socket);
    vsf_status_text_member(builder, "state",
                           absent ? "absent" : vsf_ovs_state_name(vsf_ovs_client_state(app->ovs)));
    vsf_status_age_member(builder, "since_s", vsf_ovs_client_since_us(app->ovs));
    vsf_status_text_member(builder, "error", absent ? NULL : vsf_ovs_client_error(app->ovs));
    vsf_status_text_member(builder, "version", vsf_ovs_snapshot_version(snapshot));
    vsf_status_int_member(builder, "bridges", vsf_ovs_snapshot_n_bridges(snapshot));
    vsf_status_int_member(builder, "ports", vsf_ovs_snapshot_n_ports(snapshot));
    vsf_status_int_member(builder, "configured", vsf_ovs_writer_n_bridges(app->ovs_writer));
    vsf_status_text_member(builder, "trouble", vsf_app_ovs_trouble(app));
    json_builder_end_object(builder);
}
