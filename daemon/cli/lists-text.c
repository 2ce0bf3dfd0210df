/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lists-text.h"

#include "dns-text.h"
#include "member.h"
#include "ports-text.h"
#include "switch-text.h"
#include "table.h"

#include <string.h>

static const VsfColumn vm_columns[] = {
    {"VM", "name", 16, VSF_CELL_PLAIN, FALSE},
    {"STATE", "state", 8, VSF_CELL_PLAIN, FALSE},
    {"INDEX", "index", 8, VSF_CELL_PLAIN, TRUE},
    {"VCPU", "counters/vcpus", 4, VSF_CELL_PLAIN, TRUE},
    {"MEMORY", "memory/bytes", 8, VSF_CELL_BYTES, TRUE},
    {"OF", "counters/memory_max", 8, VSF_CELL_BYTES, TRUE},
    {"FREE DISK", "disk/bytes", 9, VSF_CELL_BYTES, TRUE},
    {"AGENT", "agent/state", 0, VSF_CELL_PLAIN, FALSE},
};
static const VsfColumn tap_columns[] = {
    {"TAP", "name", 15, VSF_CELL_PLAIN, FALSE},
    {"IFINDEX", "ifindex", 7, VSF_CELL_PLAIN, TRUE},
    {"VM", "vm", 18, VSF_CELL_PLAIN, FALSE},
    {"1 IN", "sampling", 7, VSF_CELL_PLAIN, TRUE},
    {"SAMPLES", "flow_samples", 9, VSF_CELL_PLAIN, TRUE},
    {"DROPS", "drops", 6, VSF_CELL_PLAIN, TRUE},
    {"STATE", "state", 0, VSF_CELL_PLAIN, FALSE},
};
static const VsfColumn collector_columns[] = {
    {"COLLECTOR", "collector", 26, VSF_CELL_PLAIN, FALSE},
    {"ADDRESS", "address", 22, VSF_CELL_PLAIN, FALSE},
    {"STATE", "state", 9, VSF_CELL_PLAIN, FALSE},
    {"DATAGRAMS", "datagrams", 10, VSF_CELL_PLAIN, TRUE},
    {"SENT", "last_sent_s", 7, VSF_CELL_AGE, TRUE},
};
static const VsfColumn filesystem_columns[] = {
    {"FILESYSTEM", "mount_point", 30, VSF_CELL_PLAIN, FALSE},
    {"TYPE", "type", 8, VSF_CELL_PLAIN, FALSE},
    {"USED", "used", 8, VSF_CELL_BYTES, TRUE},
    {"OF", "total", 8, VSF_CELL_BYTES, TRUE},
};
static const VsfColumn interface_columns[] = {
    {"NIC", "mac", 17, VSF_CELL_PLAIN, FALSE},
    {"KIND", "kind", 10, VSF_CELL_PLAIN, FALSE},
    {"DEVICE", "device", 15, VSF_CELL_PLAIN, FALSE},
    {"IFINDEX", "ifindex", 7, VSF_CELL_PLAIN, TRUE},
};

static const char *
none_yet(JsonObject *status, const char *member, const char *none)
{
    return vsf_member_array(status, member) != NULL ? none : "The daemon does not tell yet.";
}

static void
add_reason(GString *text, const char *label, JsonObject *object, const char *member)
{
    g_autofree char *reason = vsf_member_text(object, member);

    if (strcmp(reason, "-") == 0)
        return;
    g_string_append_printf(text, "  %s: ", label);
    vsf_table_cell(text, reason, 0, FALSE);
    g_string_append_c(text, '\n');
}

static void
after_vm(GString *text, JsonObject *vm)
{
    g_autofree char *stuck = vsf_age_text(vsf_member(vm, "stuck_s"));

    if (strcmp(stuck, "-") != 0 && strcmp(stuck, "0 s") != 0)
        g_string_append_printf(text, "  QEMU has not answered for %s\n", stuck);
}

static void
after_collector(GString *text, JsonObject *collector)
{
    add_reason(text, "last error", collector, "last_error");
    add_reason(text, "its name does not resolve", collector, "lookup_error");
}

char *
vsf_vms_text(JsonObject *status)
{
    GString *text = g_string_new(NULL);

    vsf_table_add(text, vm_columns, G_N_ELEMENTS(vm_columns),
                  vsf_table_rows(vsf_member_array(status, "vms"), "name"),
                  none_yet(status, "vms", "No VM is running."), after_vm);
    return g_string_free(text, FALSE);
}

char *
vsf_taps_text(JsonObject *status)
{
    GString *text = g_string_new(NULL);

    vsf_table_add(text, tap_columns, G_N_ELEMENTS(tap_columns), vsf_tap_rows(status),
                  none_yet(status, "taps", "No interface is sampled."), vsf_switch_text);
    vsf_ports_add(text, status, vsf_switch_text);
    return g_string_free(text, FALSE);
}

char *
vsf_collectors_text(JsonObject *status)
{
    GString *text = g_string_new(NULL);

    vsf_table_add(text, collector_columns, G_N_ELEMENTS(collector_columns),
                  vsf_table_rows(vsf_member_array(status, "collectors"), NULL),
                  none_yet(status, "collectors", vsf_dns_no_collector_text(status)),
                  after_collector);
    return g_string_free(text, FALSE);
}

/* ---- one VM ---- */

/* "412 MiB of 1.0 GiB, by the balloon, 3 s ago": the last two where they are known. */
static void
add_truth(GString *text, const char *label, const char *suffix, JsonObject *truth, JsonNode *of)
{
    g_autofree char *bytes = vsf_bytes_text(vsf_member(truth, "bytes")),
                    *total = vsf_bytes_text(of), *source = vsf_member_text(truth, "source"),
                    *why = vsf_member_text(truth, "why"),
                    *age = vsf_age_text(vsf_member(truth, "age_s"));

    if (strcmp(why, "ok") != 0)
        vsf_table_line(text, label, "unknown: ", why, NULL);
    else
        vsf_table_line(text, label, bytes, suffix, " of ", total, ", by ", source, ", ", age,
                       " ago", NULL);
}

static void
add_host_numbers(GString *text, JsonObject *vm)
{
    JsonObject *counters = vsf_member_object(vm, "counters");
    g_autofree char *vcpus = vsf_member_text(counters, "vcpus"),
                    *ms = vsf_member_text(counters, "cpu_ms"),
                    *in = vsf_bytes_text(vsf_member(counters, "net_in_bytes")),
                    *out = vsf_bytes_text(vsf_member(counters, "net_out_bytes")),
                    *in_packets = vsf_member_text(counters, "net_in_packets"),
                    *out_packets = vsf_member_text(counters, "net_out_packets"),
                    *rd = vsf_bytes_text(vsf_member(counters, "disk_read_bytes")),
                    *wr = vsf_bytes_text(vsf_member(counters, "disk_written_bytes"));

    vsf_table_line(text, "cpu", vcpus, " vCPUs, ", ms, " ms used", NULL);
    add_truth(text, "memory", "", vsf_member_object(vm, "memory"),
              vsf_member(counters, "memory_max"));
    add_truth(text, "disk", " free", vsf_member_object(vm, "disk"),
              vsf_member(counters, "disk_capacity"));
    vsf_table_line(text, "", rd, " read, ", wr, " written", NULL);
    vsf_table_line(text, "net", in, " in ", in_packets, " packets, ", out, " out ", out_packets,
                   " packets", NULL);
}

/* "web 1", flavor, whose it is. */
static void
add_nova(GString *text, JsonObject *nova)
{
    JsonObject *project = vsf_member_object(nova, "project");
    g_autofree char *name = vsf_member_text(nova, "name"),
                    *flavor = vsf_member_text(vsf_member_object(nova, "flavor"), "name"),
                    *project_name = vsf_member_text(project, "name"),
                    *project_id = vsf_member_text(project, "id"),
                    *user = vsf_member_text(vsf_member_object(nova, "user"), "name"),
                    *image = vsf_member_text(nova, "image");

    if (nova == NULL)
        return;
    vsf_table_line(text, "nova", name, ", flavor ", flavor, ", image ", image, NULL);
    vsf_table_line(text, "", "project ", project_name, " (", project_id, "), user ", user, NULL);
}

static void
add_who(GString *text, JsonObject *vm)
{
    JsonObject *os = vsf_member_object(vm, "os"), *agent = vsf_member_object(vm, "agent");
    g_autofree char *name = vsf_member_text(vm, "name"), *domain = vsf_member_text(vm, "domain"),
                    *uuid = vsf_member_text(vm, "uuid"), *index = vsf_member_text(vm, "index"),
                    *state = vsf_member_text(vm, "state"), *pid = vsf_member_text(vm, "pid"),
                    *reason = vsf_member_text(vm, "reason_text"),
                    *since = vsf_age_text(vsf_member(vm, "since_s")),
                    *os_name = vsf_member_text(os, "name"),
                    *release = vsf_member_text(os, "release"),
                    *host = vsf_member_text(os, "host_name"),
                    *agent_state = vsf_member_text(agent, "state"),
                    *trouble = vsf_member_text(agent, "trouble");
    gboolean has_reason = strcmp(reason, "-") != 0;

    vsf_table_line(text, "VM", name, ", domain ", domain, NULL);
    vsf_table_line(text, "uuid", uuid, NULL);
    add_nova(text, vsf_member_object(vm, "nova"));
    vsf_table_line(text, "source", "3:", index, NULL);
    vsf_table_line(text, "state", state, has_reason ? " (" : "", has_reason ? reason : "",
                   has_reason ? ")" : "", ", seen for ", since, ", QEMU's pid ", pid, NULL);
    if (os != NULL)
        vsf_table_line(text, "guest", host, ", ", os_name, " ", release, NULL);
    vsf_table_line(text, "agent", agent_state, NULL);
    if (strcmp(trouble, "-") != 0)
        vsf_table_line(text, "", trouble, NULL);
}

/* The interfaces of @status that @vm has. */
static GPtrArray *
taps_of(JsonObject *status, JsonObject *vm)
{
    g_autoptr(GPtrArray) taps = vsf_table_rows(vsf_member_array(status, "taps"), "ifindex");
    JsonArray *numbers = vsf_member_array(vm, "taps");
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; numbers != NULL && i < json_array_get_length(numbers); i++) {
        g_autofree char *wanted = vsf_value_text(json_array_get_element(numbers, i));

        for (guint j = 0; j < taps->len; j++) {
            g_autofree char *number = vsf_member_text(taps->pdata[j], "ifindex");

            if (strcmp(number, wanted) == 0)
                g_ptr_array_add(found, taps->pdata[j]);
        }
    }
    return found;
}

char *
vsf_vm_text(JsonObject *status, JsonObject *vm)
{
    GString *text = g_string_new(NULL);

    add_who(text, vm);
    add_host_numbers(text, vm);
    vsf_table_add(text, interface_columns, G_N_ELEMENTS(interface_columns),
                  vsf_table_rows(vsf_member_array(vm, "interfaces"), NULL), NULL, vsf_switch_text);
    vsf_table_add(text, tap_columns, G_N_ELEMENTS(tap_columns), taps_of(status, vm), NULL, NULL);
    vsf_table_add(text, filesystem_columns, G_N_ELEMENTS(filesystem_columns),
                  vsf_table_rows(vsf_member_array(vm, "filesystems"), NULL), NULL, NULL);
    return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

JsonNode *
vsf_list_json(JsonObject *status, const char *name, const char *sort_member)
{
    g_autoptr(GPtrArray) rows = vsf_table_rows(vsf_member_array(status, name), sort_member);
    JsonNode *root = json_node_new(JSON_NODE_ARRAY);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < rows->len; i++)
        json_array_add_object_element(array, json_object_ref(rows->pdata[i]));
    json_node_take_array(root, array);
    return root;
}
