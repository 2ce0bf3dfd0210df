/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status-text.h"

#include "agents-text.h"
#include "dns-text.h"
#include "doctor-beside.h"
#include "member.h"
#include "pause-text.h"
#include "ports-text.h"
#include "switch-text.h"
#include "table.h"

#include <string.h>

static const VsfColumn collector_columns[] = {
    {"COLLECTOR", "collector", 28, VSF_CELL_PLAIN, FALSE},
    {"ADDRESS", "address", 24, VSF_CELL_PLAIN, FALSE},
    {"DATAGRAMS", "datagrams", 10, VSF_CELL_PLAIN, TRUE},
    {"ERRORS", "errors", 6, VSF_CELL_PLAIN, TRUE},
    {"SENT", "last_sent_s", 7, VSF_CELL_AGE, TRUE},
};
static const VsfColumn vm_columns[] = {
    {"VM", "name", 28, VSF_CELL_PLAIN, FALSE},        {"STATE", "state", 10, VSF_CELL_PLAIN, FALSE},
    {"UUID", "uuid", 8, VSF_CELL_SHORT, FALSE},       {"INDEX", "index", 8, VSF_CELL_PLAIN, TRUE},
    {"POLLED", "last_poll_s", 7, VSF_CELL_AGE, TRUE}, {"TAPS", "taps", 4, VSF_CELL_LENGTH, TRUE},
    {"DISKS", "disks", 5, VSF_CELL_PLAIN, TRUE},
};
/* What virt_memory.memory and virt_disk_io.available are. */
static const VsfColumn guest_columns[] = {
    {"VM", "name", 28, VSF_CELL_PLAIN, FALSE},
    {"MEMORY", "memory/bytes", 8, VSF_CELL_BYTES, TRUE},
    {"SOURCE", "memory/source", 8, VSF_CELL_PLAIN, FALSE},
    {"DISK FREE", "disk/bytes", 9, VSF_CELL_BYTES, TRUE},
    {"SOURCE", "disk/source", 8, VSF_CELL_PLAIN, FALSE},
    {"AGENT", "agent/state", 12, VSF_CELL_PLAIN, FALSE},
};
static const VsfColumn tap_columns[] = {
    {"TAP", "name", 15, VSF_CELL_PLAIN, FALSE},
    {"IFINDEX", "ifindex", 7, VSF_CELL_PLAIN, TRUE},
    {"VM", "vm", 21, VSF_CELL_PLAIN, FALSE},
    {"1 IN", "sampling", 6, VSF_CELL_PLAIN, TRUE},
    {"SAMPLES", "flow_samples", 9, VSF_CELL_PLAIN, TRUE},
    {"DROPS", "drops", 6, VSF_CELL_PLAIN, TRUE},
    {"STATE", "state", 0, VSF_CELL_PLAIN, FALSE},
};

static void
add_error(GString *text, JsonObject *collector, const char *member, const char *label)
{
    g_autofree char *error = vsf_member_text(collector, member);

    if (strcmp(error, "-") == 0)
        return;
    g_string_append_printf(text, "  %s: ", label);
    vsf_table_cell(text, error, 0, FALSE);
    g_string_append_c(text, '\n');
}

static void
add_errors(GString *text, JsonObject *collector)
{
    g_autofree char *state = vsf_member_text(collector, "state"),
                    *age = vsf_age_text(vsf_member(collector, "since_s")),
                    *failing = g_strdup_printf("failing for %s", age);

    add_error(text, collector, "last_error",
              strcmp(state, "failing") == 0 ? failing : "last error");
    add_error(text, collector, "lookup_error", "its name does not resolve");
}

static void
add_stuck(GString *text, JsonObject *vm)
{
    JsonNode *node = vsf_member(vm, "stuck_s");
    g_autofree char *age = vsf_age_text(node);

    if (strcmp(age, "-") == 0 || strcmp(age, "0 s") == 0)
        return;
    g_string_append_printf(text, "  QEMU has not answered for %s\n", age);
}

static void
add_daemon(GString *text, JsonObject *status)
{
    JsonObject *libvirt = vsf_member_object(status, "libvirt");
    g_autofree char *version = vsf_member_text(status, "version"),
                    *pid = vsf_member_text(status, "pid"),
                    *up = vsf_age_text(vsf_member(status, "uptime_s")),
                    *agent = vsf_member_text(status, "agent_address"),
                    *why = vsf_member_text(status, "agent_address_reason"),
                    *sub = vsf_member_text(status, "sub_agent_id"),
                    *uri = vsf_member_text(libvirt, "uri"),
                    *connected = vsf_member_text(libvirt, "connected"),
                    *what = vsf_member_text(libvirt, "description"),
                    *since = vsf_age_text(vsf_member(libvirt, "since_s")),
                    *stuck = vsf_member_text(libvirt, "stuck_calls");
    gboolean is_connected = strcmp(connected, "yes") == 0;

    vsf_table_line(text, "virt-sflowd", version, ", pid ", pid, ", up ", up, NULL);
    vsf_table_line(text, "agent", agent, ", sub-agent ", sub, NULL);
    if (strcmp(why, "-") != 0)
        vsf_table_line(text, "", "chosen as ", why, NULL);
    if (libvirt == NULL) {
        vsf_table_line(text, "libvirt", "waits until the agent address is known", NULL);
        return;
    }
    vsf_table_line(text, "libvirt", uri, is_connected ? ", connected for " : ", not connected for ",
                   since, NULL);
    if (strcmp(what, "-") != 0)
        vsf_table_line(text, "", what, NULL);
    if (strcmp(stuck, "-") != 0 && strcmp(stuck, "0") != 0)
        vsf_table_line(text, "", stuck, " calls to it do not return", NULL);
}

/* An interface that libpcap has though eBPF is in force: its packets are counted otherwise. */
static void
add_backend_reason(GString *text, JsonObject *tap)
{
    g_autofree char *reason = vsf_member_text(tap, "backend_reason");

    if (strcmp(reason, "-") == 0)
        return;
    g_string_append(text, "  by libpcap, counted in frames: ");
    vsf_table_cell(text, reason, 0, FALSE);
    g_string_append_c(text, '\n');
}

static void
add_capture(GString *text, JsonObject *status)
{
    JsonObject *capture = vsf_member_object(status, "capture");
    g_autofree char *backend = vsf_member_text(capture, "backend"),
                    *how = vsf_member_text(capture, "attachment"),
                    *unit = vsf_member_text(capture, "unit"),
                    *why = vsf_member_text(capture, "backend_reason"),
                    *n = vsf_member_text(capture, "ebpf_samplers"),
                    *n_max = vsf_member_text(capture, "ebpf_samplers_max");

    if (strcmp(backend, "-") == 0)
        return;
    if (strcmp(how, "-") == 0)
        vsf_table_line(text, "capture", backend, ", packets are counted in ", unit, NULL);
    else
        vsf_table_line(text, "capture", backend, " (", how, ") on ", n, " interfaces of at most ",
                       n_max, ", packets are counted in ", unit, NULL);
    if (strcmp(why, "-") != 0)
        vsf_table_line(text, "", why, NULL);
}

/* "@prefix NUMBER @suffix", or "off" for 0. The caller frees. */
static char *
or_off(JsonObject *config, const char *name, const char *prefix, const char *suffix)
{
    g_autofree char *number = vsf_member_text(config, name);

    return strcmp(number, "0") == 0 ? g_strdup("off") : g_strconcat(prefix, number, suffix, NULL);
}

static void
add_cpu(GString *text, JsonObject *status)
{
    JsonObject *cpu = vsf_member_object(status, "cpu");
    g_autofree char *percent = vsf_member_text(cpu, "percent"),
                    *limit = vsf_member_text(cpu, "limit"),
                    *most = vsf_member_text(cpu, "max_samples_per_second");

    if (strcmp(limit, "-") == 0)
        return;
    vsf_table_line(text, "cpu", percent, " % of a core, the limit is ", limit, " %", NULL);
    if (strcmp(most, "-") != 0)
        vsf_table_line(text, "", "so at most ", most, " samples a second", NULL);
}

/* What is not in force although the files say it. */
static void
add_reload(GString *text, JsonObject *config)
{
    JsonObject *reload = vsf_member_object(config, "reload");
    JsonArray *keys = vsf_member_array(config, "restart_needed");
    guint n_keys = keys != NULL ? json_array_get_length(keys) : 0;
    g_autofree char *error = vsf_member_text(reload, "error"),
                    *ended = vsf_age_text(vsf_member(reload, "ended_s")),
                    *reading = vsf_age_text(vsf_member(reload, "reading_s"));

    if (strcmp(reading, "-") != 0)
        vsf_table_line(text, "reload", "reading the files for ", reading, NULL);
    if (strcmp(error, "-") != 0)
        vsf_table_line(text, "reload", "failed ", ended,
                       " ago, what was before is in force: ", error, NULL);
    for (guint i = 0; i < n_keys; i++) {
        g_autofree char *key = vsf_value_text(json_array_get_element(keys, i));

        vsf_table_line(text, "", key, " changed: restart the daemon for it", NULL);
    }
}

static void
add_numbers(GString *text, JsonObject *status)
{
    JsonObject *config = vsf_member_object(status, "config"),
               *state = vsf_member_object(status, "state"),
               *hook = vsf_member_object(status, "hook"),
               *exporter = vsf_member_object(status, "exporter");
    JsonArray *files = vsf_member_array(config, "files");
    JsonNode *without_room = vsf_member(status, "capture/without_room");
    guint n_files = files != NULL ? json_array_get_length(files) : 0;
    g_autofree char *polling = or_off(config, "polling", "", " s"),
                    *sampling = or_off(config, "sampling", "1 in ", ""),
                    *direction = vsf_member_text(config, "direction"),
                    *trouble = vsf_member_text(state, "trouble"),
                    *datagrams = vsf_member_text(exporter, "datagrams"),
                    *flows = vsf_member_text(exporter, "flow_samples"),
                    *counters = vsf_member_text(exporter, "counter_samples"),
                    *cut = vsf_member_text(exporter, "truncated"),
                    *received = vsf_member_text(hook, "received"),
                    *malformed = vsf_member_text(hook, "malformed"),
                    *refused = vsf_member_text(hook, "refused");

    vsf_table_line(text, "settings", "polling ", polling, ", sampling ", sampling, ", direction ",
                   direction, NULL);
    for (guint i = 0; i < n_files; i++) {
        g_autofree char *file = vsf_value_text(json_array_get_element(files, i));

        vsf_table_line(text, "", "from ", file, NULL);
    }
    add_reload(text, config);
    add_capture(text, status);
    if (strcmp(trouble, "-") != 0)
        vsf_table_line(text, "state", "cannot be kept: ", trouble, NULL);
    vsf_table_line(text, "sent", datagrams, " datagrams, ", flows, " flow samples, ", counters,
                   " counter samples, ", cut, " cut", NULL);
    if (vsf_is_number(without_room) && json_node_get_int(without_room) > 0) {
        g_autofree char *n = vsf_value_text(without_room);

        vsf_table_line(text, "no room", n, " interfaces are not sampled, STATE says why", NULL);
    }
    vsf_table_line(text, "hook", received, " received, ", malformed, " malformed, ", refused,
                   " refused", NULL);
}

char *
vsf_status_text(JsonObject *status)
{
    GString *text = g_string_new(NULL);

    add_daemon(text, status);
    add_numbers(text, status);
    vsf_dns_text(text, status);
    vsf_beside_text(text, status);
    vsf_ovs_text(text, status);
    add_cpu(text, status);
    vsf_pause_text(text, status);
    vsf_agents_summary(text, status);
    vsf_table_add(text, collector_columns, G_N_ELEMENTS(collector_columns),
                  vsf_table_rows(vsf_member_array(status, "collectors"), NULL),
                  vsf_dns_no_collector_text(status), add_errors);
    vsf_table_add(text, vm_columns, G_N_ELEMENTS(vm_columns),
                  vsf_table_rows(vsf_member_array(status, "vms"), "name"), "No VM is running.",
                  add_stuck);
    vsf_table_add(text, guest_columns, G_N_ELEMENTS(guest_columns),
                  vsf_table_rows(vsf_member_array(status, "vms"), "name"), NULL, NULL);
    vsf_table_add(text, tap_columns, G_N_ELEMENTS(tap_columns), vsf_tap_rows(status),
                  "No interface is sampled.", add_backend_reason);
    vsf_ports_add(text, status, add_backend_reason);
    return g_string_free(text, FALSE);
}
