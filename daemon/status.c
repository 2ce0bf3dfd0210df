/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's state as one JSON document; see docs/status-json.md. */
#include "app-private.h"

#include <unistd.h>

static void
add_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

/* NULL and what is not UTF-8 are null: JSON has no place for them. */
static void
add_text(JsonBuilder *builder, const char *name, const char *text)
{
    g_autofree char *valid = text == NULL ? NULL : g_utf8_make_valid(text, -1);

    json_builder_set_member_name(builder, name);
    if (valid == NULL)
        json_builder_add_null_value(builder);
    else
        json_builder_add_string_value(builder, valid);
}

/* Seconds since @since_us; null if it never was. */
static void
add_age(JsonBuilder *builder, const char *name, gint64 since_us)
{
    json_builder_set_member_name(builder, name);
    if (since_us == 0)
        json_builder_add_null_value(builder);
    else
        json_builder_add_double_value(
            builder, (double)((g_get_monotonic_time() - since_us) / 1000) / 1000.0);
}

static const char *
state_name(int state)
{
    static const char *const names[] = {"no state", "running",  "blocked", "paused",
                                        "shutdown", "shut off", "crashed", "suspended"};

    return state >= 0 && state < (int)G_N_ELEMENTS(names) ? names[state] : "unknown";
}

static void
add_collectors(JsonBuilder *builder, VsfApp *app)
{
    g_autoptr(GPtrArray) statuses = vsf_sender_status(app->sender);

    json_builder_set_member_name(builder, "collectors");
    json_builder_begin_array(builder);
    for (guint i = 0; i < statuses->len; i++) {
        const VsfCollectorStatus *status = statuses->pdata[i];

        json_builder_begin_object(builder);
        add_text(builder, "collector", status->text);
        add_text(builder, "address", status->address);
        add_int(builder, "datagrams", (gint64)status->datagrams);
        add_int(builder, "bytes", (gint64)status->bytes);
        add_int(builder, "errors", (gint64)status->errors);
        add_text(builder, "last_error", status->last_error);
        add_age(builder, "last_sent_s", status->last_sent_us);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_libvirt(JsonBuilder *builder, const VsfApp *app)
{
    json_builder_set_member_name(builder, "libvirt");
    json_builder_begin_object(builder);
    add_text(builder, "uri", app->config->uri);
    json_builder_set_member_name(builder, "connected");
    json_builder_add_boolean_value(builder, vsf_conn_is_connected(app->conn));
    add_text(builder, "description", vsf_conn_describe(app->conn));
    add_age(builder, "since_s", app->connection_changed_us);
    add_int(builder, "stuck_calls", vsf_stats_stuck(app->stats));
    json_builder_end_object(builder);
}

static void
add_vm(JsonBuilder *builder, const VsfApp *app, const VsfDomain *domain)
{
    VsfPollStatus poll = {0};

    vsf_poller_status(app->poller, domain, &poll);
    json_builder_begin_object(builder);
    add_text(builder, "uuid", domain->def->uuid);
    add_text(builder, "name", domain->name);
    add_text(builder, "domain", domain->def->name);
    add_int(builder, "id", domain->def->id);
    add_int(builder, "index", domain->index);
    add_text(builder, "state", state_name(domain->state));
    add_int(builder, "reason", domain->reason);
    add_age(builder, "since_s", domain->since_us);
    add_int(builder, "pid", poll.pid);
    add_age(builder, "last_poll_s", poll.last_poll_us);
    add_age(builder, "stuck_s", poll.stuck_since_us);
    add_text(builder, "memory_source", vsf_source_name(poll.memory_source));
    json_builder_set_member_name(builder, "qemu_stopped");
    json_builder_add_boolean_value(builder, poll.stopped);
    json_builder_set_member_name(builder, "taps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < domain->taps->len; i++)
        json_builder_add_int_value(builder, ((const VsfTap *)domain->taps->pdata[i])->link.ifindex);
    json_builder_end_array(builder);
    add_int(builder, "nics", domain->def->nics->len);
    add_int(builder, "disks", domain->def->disks->len);
    add_int(builder, "counter_samples", vsf_exporter_domain_samples(app->exporter, domain->index));
    json_builder_end_object(builder);
}

static void
add_tap(JsonBuilder *builder, const VsfApp *app, const VsfTap *tap)
{
    VsfFlowStatus flow = {.state = "off"};

    vsf_flows_status(app->flows, tap->link.ifindex, &flow);
    json_builder_begin_object(builder);
    add_int(builder, "ifindex", tap->link.ifindex);
    add_text(builder, "name", tap->link.name);
    add_text(builder, "vm", tap->domain == NULL ? NULL : tap->domain->name);
    if (tap->nic == NULL) {
        add_text(builder, "mac", NULL);
    } else {
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", tap->nic->mac[0],
                                               tap->nic->mac[1], tap->nic->mac[2], tap->nic->mac[3],
                                               tap->nic->mac[4], tap->nic->mac[5]);

        add_text(builder, "mac", mac);
    }
    add_text(builder, "state", flow.state);
    add_int(builder, "sampling", flow.sampling);
    add_int(builder, "flow_samples", (gint64)flow.samples);
    add_int(builder, "left_out", (gint64)flow.left_out);
    add_int(builder, "drops", (gint64)flow.drops);
    add_int(builder, "pool", flow.pool);
    json_builder_end_object(builder);
}

static void
add_domains_and_taps(JsonBuilder *builder, const VsfApp *app)
{
    GHashTableIter iter;
    gpointer value;

    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    g_hash_table_iter_init(&iter, vsf_registry_domains(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value))
        add_vm(builder, app, value);
    json_builder_end_array(builder);

    json_builder_set_member_name(builder, "taps");
    json_builder_begin_array(builder);
    g_hash_table_iter_init(&iter, vsf_registry_taps(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value))
        add_tap(builder, app, value);
    json_builder_end_array(builder);
}

static void
add_exporter(JsonBuilder *builder, const VsfApp *app)
{
    VsfExporterTotals totals = vsf_exporter_totals(app->exporter);

    json_builder_set_member_name(builder, "exporter");
    json_builder_begin_object(builder);
    add_int(builder, "datagrams", (gint64)totals.datagrams);
    add_int(builder, "bytes", (gint64)totals.bytes);
    add_int(builder, "samples", (gint64)(totals.flow_samples + totals.counter_samples));
    add_int(builder, "flow_samples", (gint64)totals.flow_samples);
    add_int(builder, "counter_samples", (gint64)totals.counter_samples);
    add_int(builder, "truncated", (gint64)totals.truncated);
    json_builder_end_object(builder);
}

static void
add_config(JsonBuilder *builder, const VsfApp *app)
{
    static const char *const directions[] = {
        [VSF_DIRECTION_ONCE] = "once",
        [VSF_DIRECTION_BOTH] = "both",
        [VSF_DIRECTION_IN] = "in",
        [VSF_DIRECTION_OUT] = "out",
    };

    json_builder_set_member_name(builder, "config");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "files");
    json_builder_begin_array(builder);
    for (guint i = 0; i < app->config->files->len; i++) {
        g_autofree char *file = g_filename_display_name(app->config->files->pdata[i]);

        json_builder_add_string_value(builder, file);
    }
    json_builder_end_array(builder);
    add_int(builder, "polling", app->config->polling_s);
    add_int(builder, "sampling", app->config->sampling);
    add_text(builder, "direction", directions[app->config->direction]);
    json_builder_end_object(builder);
}

static void
add_hook(JsonBuilder *builder, const VsfApp *app)
{
    VsfHookSocketCounts counts = vsf_hook_socket_counts(app->hook);

    json_builder_set_member_name(builder, "hook");
    json_builder_begin_object(builder);
    add_int(builder, "received", (gint64)counts.received);
    add_int(builder, "malformed", (gint64)counts.malformed);
    add_int(builder, "refused", (gint64)counts.refused);
    json_builder_end_object(builder);
}

JsonNode *
vsf_app_status(VsfApp *app)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    add_text(builder, "version", VSF_VERSION);
    add_int(builder, "pid", getpid());
    add_age(builder, "uptime_s", app->start_us);
    add_text(builder, "agent_address", app->agent_address);
    add_text(builder, "agent_address_reason", app->agent_address_reason);
    add_int(builder, "sub_agent_id", app->config->sub_agent_id);
    add_collectors(builder, app);
    add_hook(builder, app);
    add_config(builder, app);
    /* The rest starts when the agent address is known. */
    if (app->conn != NULL) {
        add_libvirt(builder, app);
        add_domains_and_taps(builder, app);
        add_exporter(builder, app);
    }
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
