/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's state as one JSON document; see docs/status-json.md. */
#include "status.h"

#include "app-ovs.h"
#include "app-private.h"
#include "model/bridge-ports.h"
#include "model/lifecycle.h"

#include <unistd.h>

#define N_TALKERS 20
#define N_UPLINKS 8 /* of one bridge */

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
        vsf_status_text_member(builder, "collector", status->text);
        vsf_status_text_member(builder, "address", status->address);
        vsf_status_text_member(builder, "state", status->state);
        vsf_status_age_member(builder, "since_s", status->since_us);
        vsf_status_int_member(builder, "datagrams", (gint64)status->datagrams);
        vsf_status_int_member(builder, "bytes", (gint64)status->bytes);
        vsf_status_int_member(builder, "errors", (gint64)status->errors);
        json_builder_set_member_name(builder, "errors_by");
        json_builder_begin_object(builder);
        for (guint kind = 0; kind < VSF_N_SEND_ERRORS; kind++)
            vsf_status_int_member(builder, vsf_send_error_name(kind),
                                  (gint64)status->errors_by[kind]);
        json_builder_end_object(builder);
        vsf_status_text_member(builder, "last_error", status->last_error);
        vsf_status_text_member(builder, "lookup_error", status->lookup_error);
        vsf_status_age_member(builder, "last_sent_s", status->last_sent_us);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_libvirt(JsonBuilder *builder, const VsfApp *app)
{
    json_builder_set_member_name(builder, "libvirt");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "uri", app->config->uri);
    json_builder_set_member_name(builder, "connected");
    json_builder_add_boolean_value(builder, vsf_conn_is_connected(app->conn));
    vsf_status_text_member(builder, "description", vsf_conn_describe(app->conn));
    vsf_status_age_member(builder, "since_s", app->connection_changed_us);
    vsf_status_int_member(builder, "stuck_calls", vsf_calls_stuck(app->stats));
    json_builder_end_object(builder);
}

static void
add_vm(JsonBuilder *builder, const VsfApp *app, const VsfDomain *domain)
{
    VsfPollStatus poll = {.sent = vsf_domain_counters_none()};

    vsf_poller_status(app->poller, domain, &poll);
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "uuid", domain->def->uuid);
    vsf_status_text_member(builder, "name", domain->name);
    vsf_status_text_member(builder, "domain", domain->def->name);
    vsf_status_int_member(builder, "id", domain->def->id);
    vsf_status_int_member(builder, "index", domain->index);
    vsf_status_text_member(builder, "state", state_name(domain->state));
    vsf_status_int_member(builder, "reason", domain->reason);
    vsf_status_text_member(builder, "reason_text",
                           vsf_lifecycle_reason(domain->state, domain->reason));
    vsf_status_age_member(builder, "since_s", domain->since_us);
    vsf_status_int_member(builder, "pid", poll.pid);
    vsf_status_age_member(builder, "last_poll_s", poll.last_poll_us);
    vsf_status_age_member(builder, "stuck_s", poll.stuck_since_us);
    vsf_status_age_member(builder, "stale_s", poll.stale_since_us);
    json_builder_set_member_name(builder, "qemu_stopped");
    json_builder_add_boolean_value(builder, poll.stopped);
    json_builder_set_member_name(builder, "taps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < domain->taps->len; i++)
        json_builder_add_int_value(builder, ((const VsfTap *)domain->taps->pdata[i])->link.ifindex);
    json_builder_end_array(builder);
    vsf_status_int_member(builder, "nics", domain->def->nics->len);
    vsf_status_int_member(builder, "disks", domain->def->disks->len);
    vsf_status_int_member(builder, "counter_samples",
                          vsf_exporter_domain_samples(app->exporter, domain->index));
    vsf_status_nova_member(builder, domain->def->nova);
    vsf_status_vm_members(builder, domain, vsf_registry_links(app->registry),
                          vsf_app_ovs_snapshot(app), app->vfs, &poll);
    vsf_status_guest_members(builder, app->guests, domain);
    json_builder_end_object(builder);
}

static const char *
role_name(VsfTapRole role)
{
    static const char *const names[] = {
        [VSF_TAP_PROVISIONAL] = "unknown",
        [VSF_TAP_OF_VM] = "vm",
        [VSF_TAP_PORT] = "port",
    };

    return names[role];
}

/* What it is joined to: its bridge and that one's other ports, or what lies below a macvtap. */
static void
add_uplinks(JsonBuilder *builder, const VsfApp *app, GHashTable *bridges, const VsfTap *tap)
{
    const VsfLink *bridge = vsf_registry_link(app->registry, tap->link.master);
    const VsfLink *lower = vsf_registry_link(app->registry, tap->link.lower);
    const GPtrArray *ports = g_hash_table_lookup(bridges, GINT_TO_POINTER(tap->link.master));

    vsf_status_text_member(builder, "bridge", bridge != NULL ? bridge->name : NULL);
    json_builder_set_member_name(builder, "uplinks");
    json_builder_begin_array(builder);
    if (tap->kind == VSF_NIC_MACVTAP && lower != NULL)
        vsf_status_text_element(builder, lower->name);
    for (guint i = 0; ports != NULL && i < MIN(ports->len, N_UPLINKS); i++)
        vsf_status_text_element(builder, ((const VsfLink *)ports->pdata[i])->name);
    json_builder_end_array(builder);
}

static void
add_tap(JsonBuilder *builder, const VsfApp *app, GHashTable *bridges, const VsfTap *tap)
{
    const VsfOvsSnapshot *ports = vsf_app_ovs_snapshot(app);
    VsfFlowStatus flow = {.state = "off", .direction = vsf_flows_told_direction(app->flows, tap)};

    vsf_flows_status(app->flows, tap->link.ifindex, &flow);
    json_builder_begin_object(builder);
    vsf_status_int_member(builder, "ifindex", tap->link.ifindex);
    vsf_status_text_member(builder, "name", tap->link.name);
    vsf_status_text_member(builder, "role", role_name(tap->role));
    vsf_status_text_member(builder, "vm", tap->domain == NULL ? NULL : tap->domain->name);
    if (tap->nic == NULL) {
        vsf_status_text_member(builder, "mac", NULL);
    } else {
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", tap->nic->mac[0],
                                               tap->nic->mac[1], tap->nic->mac[2], tap->nic->mac[3],
                                               tap->nic->mac[4], tap->nic->mac[5]);

        vsf_status_text_member(builder, "mac", mac);
    }
    if (tap->speed_bps != 0)
        vsf_status_int_member(builder, "speed", (gint64)tap->speed_bps);
    else
        vsf_status_text_member(builder, "speed", NULL);
    vsf_status_text_member(builder, "port",
                           tap->nic == NULL ? NULL : vsf_domain_port(tap->domain->def, tap->nic));
    add_uplinks(builder, app, bridges, tap);
    vsf_status_text_member(builder, "state", tap->switch_samples ? "by its switch" : flow.state);
    vsf_status_int_member(builder, "sampling", flow.sampling);
    vsf_status_text_member(builder, "direction", vsf_status_direction(flow.direction));
    vsf_status_int_member(builder, "factor", MAX(flow.factor, 1));
    vsf_status_int_member(builder, "flow_samples", (gint64)flow.samples);
    vsf_status_int_member(builder, "left_out", (gint64)flow.left_out);
    vsf_status_int_member(builder, "drops", (gint64)flow.drops);
    vsf_status_int_member(builder, "pool", flow.pool);
    vsf_status_text_member(builder, "backend", flow.backend);
    vsf_status_text_member(builder, "backend_reason", flow.backend_reason);
    vsf_status_switch_member(builder, ports,
                             vsf_ovs_snapshot_of_link(ports, tap->link.name, tap->link.ifindex));
    json_builder_end_object(builder);
}

static void
add_domains_and_taps(JsonBuilder *builder, const VsfApp *app)
{
    g_autoptr(GHashTable) bridges = vsf_bridge_ports(vsf_registry_links(app->registry));
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
        add_tap(builder, app, bridges, value);
    json_builder_end_array(builder);
}

/* Of the exported name; null for one that is no VM here (any more). */
static void
add_name_of(JsonBuilder *builder, const char *member, const VsfApp *app, guint32 index)
{
    GHashTableIter iter;
    gpointer value;
    const char *name = NULL;

    g_hash_table_iter_init(&iter, vsf_registry_domains(app->registry));
    while (name == NULL && g_hash_table_iter_next(&iter, NULL, &value))
        if (((const VsfDomain *)value)->index == index)
            name = ((const VsfDomain *)value)->name;
    vsf_status_text_member(builder, member, name);
}

static void
add_talkers(JsonBuilder *builder, const VsfApp *app)
{
    VsfTalk talks[N_TALKERS];
    guint n = vsf_flows_talks(app->flows, talks, N_TALKERS);

    json_builder_set_member_name(builder, "talkers");
    json_builder_begin_array(builder);
    for (guint i = 0; i < n; i++) {
        json_builder_begin_object(builder);
        add_name_of(builder, "from", app, talks[i].from);
        add_name_of(builder, "to", app, talks[i].to);
        json_builder_set_member_name(builder, "bits");
        json_builder_add_double_value(builder, talks[i].bits_per_second);
        json_builder_set_member_name(builder, "packets");
        json_builder_add_double_value(builder, talks[i].packets_per_second);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_agents(JsonBuilder *builder, const VsfApp *app)
{
    json_builder_set_member_name(builder, "agents");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "mode",
                           app->config->agent == VSF_GUEST_AGENT_AUTO ? "auto" : "off");
    vsf_status_int_member(builder, "running", vsf_agents_running(app->agents));
    vsf_status_int_member(builder, "stuck", vsf_agents_stuck(app->agents));
    vsf_status_text_member(builder, "socket", app->agent_socket);
    vsf_status_int_member(builder, "process", vsf_agent_process_pid(app->agent_process));
    vsf_status_text_member(builder, "trouble", vsf_guests_trouble(app->guests));
    json_builder_end_object(builder);
}

static void
add_exporter(JsonBuilder *builder, const VsfApp *app)
{
    VsfExporterTotals totals = vsf_exporter_totals(app->exporter);

    json_builder_set_member_name(builder, "exporter");
    json_builder_begin_object(builder);
    vsf_status_int_member(builder, "datagrams", (gint64)totals.datagrams);
    vsf_status_int_member(builder, "bytes", (gint64)totals.bytes);
    vsf_status_int_member(
        builder, "samples",
        (gint64)(totals.flow_samples + totals.counter_samples + totals.metric_samples));
    vsf_status_int_member(builder, "flow_samples", (gint64)totals.flow_samples);
    vsf_status_int_member(builder, "counter_samples", (gint64)totals.counter_samples);
    vsf_status_int_member(builder, "metric_samples", (gint64)totals.metric_samples);
    vsf_status_int_member(builder, "truncated", (gint64)totals.truncated);
    json_builder_end_object(builder);
}

static void
add_capture(JsonBuilder *builder, const VsfApp *app)
{
    static const char *const wanted[] = {
        [VSF_CAPTURE_AUTO] = "auto",
        [VSF_CAPTURE_PCAP] = "pcap",
        [VSF_CAPTURE_EBPF] = "ebpf",
    };
    const VsfCaptureChoice *choice = vsf_flows_choice(app->flows);
    VsfFlowsRoom room;

    vsf_flows_room(app->flows, &room);
    json_builder_set_member_name(builder, "capture");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "backend", vsf_capture_choice_name(choice));
    vsf_status_text_member(builder, "backend_wanted", wanted[choice->wanted]);
    vsf_status_text_member(builder, "backend_reason", choice->reason);
    vsf_status_text_member(builder, "attachment", vsf_capture_choice_attachment(choice));
    vsf_status_text_member(builder, "unit", vsf_capture_choice_unit(choice));
    vsf_status_int_member(builder, "ebpf_samplers", room.ebpf_samplers);
    vsf_status_int_member(builder, "ebpf_samplers_max", room.ebpf_samplers_max);
    vsf_status_int_member(builder, "samplers", room.samplers);
    vsf_status_int_member(builder, "samplers_max", room.samplers_max);
    vsf_status_int_member(builder, "without_room", room.waiting);
    vsf_status_int_member(builder, "ring_bytes", (gint64)room.ring_bytes);
    vsf_status_int_member(builder, "ring_bytes_max", (gint64)room.ring_bytes_max);
    vsf_app_status_ports_members(builder, app);
    json_builder_end_object(builder);
}

static void
add_vital_signs(JsonBuilder *builder, const VsfApp *app)
{
    VsfVitalSigns signs = vsf_vitals_signs(app->vitals);
    guint n_numbers;
    const VsfVitalSign *numbers = vsf_vital_signs_numbers(&n_numbers);

    json_builder_set_member_name(builder, "daemon");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "version", signs.version);
    vsf_status_text_member(builder, "config_hash", signs.config_hash);
    vsf_status_text_member(builder, "backend", signs.backend);
    for (guint i = 0; i < n_numbers; i++)
        vsf_status_number_member(builder, numbers[i].name,
                                 vsf_vital_sign_value(&signs, &numbers[i]));
    json_builder_end_object(builder);
}

static void
add_hook(JsonBuilder *builder, const VsfApp *app)
{
    VsfHookSocketCounts counts = vsf_hook_socket_counts(app->hook);

    json_builder_set_member_name(builder, "hook");
    json_builder_begin_object(builder);
    vsf_status_int_member(builder, "received", (gint64)counts.received);
    vsf_status_int_member(builder, "malformed", (gint64)counts.malformed);
    vsf_status_int_member(builder, "refused", (gint64)counts.refused);
    json_builder_end_object(builder);
}

static void
add_state(JsonBuilder *builder, const VsfApp *app)
{
    json_builder_set_member_name(builder, "state");
    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "directory", vsf_state_dir_path(app->state_dir));
    vsf_status_text_member(builder, "trouble", vsf_state_dir_trouble(app->state_dir));
    json_builder_end_object(builder);
}

JsonNode *
vsf_app_status(VsfApp *app)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    vsf_status_text_member(builder, "version", VSF_VERSION);
    vsf_status_int_member(builder, "pid", getpid());
    vsf_status_age_member(builder, "uptime_s", app->start_us);
    vsf_status_text_member(builder, "agent_address", app->agent_address);
    vsf_status_text_member(builder, "agent_address_reason", app->agent_address_reason);
    vsf_status_int_member(builder, "sub_agent_id", app->config->sub_agent_id);
    add_collectors(builder, app);
    add_hook(builder, app);
    vsf_app_status_config_member(builder, app);
    vsf_app_status_dns_member(builder, app);
    add_state(builder, app);
    vsf_app_status_beside_member(builder, app);
    vsf_app_status_ovs_member(builder, app);
    /* The rest starts when the agent address is known. */
    if (app->conn != NULL) {
        add_libvirt(builder, app);
        add_domains_and_taps(builder, app);
        vsf_app_status_uplinks_member(builder, app);
        add_talkers(builder, app);
        add_capture(builder, app);
        add_agents(builder, app);
        add_exporter(builder, app);
        vsf_brakes_status_members(builder, app->brakes);
        add_vital_signs(builder, app);
        vsf_pauses_status_members(builder, app->pauses);
    }
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
