/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor-beside.h"

#include "explain-private.h"
#include "member.h"
#include "table.h"

#include <string.h>

typedef struct {
    gboolean host;
    guint vms, interfaces;
} Both;

static Both
both_of(JsonObject *beside)
{
    JsonArray *sources = vsf_member_array(beside, "sources");
    Both both = {0};

    for (guint i = 0; sources != NULL && i < json_array_get_length(sources); i++) {
        JsonNode *node = json_array_get_element(sources, i);
        JsonObject *source = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

        both.host |= vsf_explain_is(source, "what", "host");
        both.vms += vsf_explain_is(source, "what", "vm");
        both.interfaces += vsf_explain_is(source, "what", "interface");
    }
    return both;
}

/* "the host (2:1), 3 VMs and 1 interface"; NULL: nothing. */
static char *
both_text(const Both *both)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

    if (both->host)
        g_ptr_array_add(parts, g_strdup("the host (2:1)"));
    if (both->vms > 0)
        g_ptr_array_add(parts, g_strdup_printf("%u VM%s", both->vms, both->vms == 1 ? "" : "s"));
    if (both->interfaces > 0)
        g_ptr_array_add(parts, g_strdup_printf("%u interface%s", both->interfaces,
                                               both->interfaces == 1 ? "" : "s"));
    if (parts->len == 0)
        return NULL;
    g_ptr_array_add(parts, NULL);
    return g_strjoinv(", ", (char **)parts->pdata);
}

void
vsf_beside_text(GString *text, JsonObject *status)
{
    JsonObject *beside = vsf_member_object(status, "beside");
    Both both = both_of(beside);
    g_autofree char *pid = vsf_member_text(beside, "pid"),
                    *trouble = vsf_member_text(beside, "trouble"), *too = both_text(&both);

    if (beside == NULL)
        return;
    vsf_table_line(text, "beside", "Host sFlow, pid ", pid, NULL);
    if (too != NULL)
        vsf_table_line(text, "", "both export ", too, NULL);
    if (strcmp(trouble, "-") != 0)
        vsf_table_line(text, "", "what it exports is not known: ", trouble, NULL);
}

/* Whoever copies the command is root, and the path is a command line's word. */
static char *
config_of(JsonObject *beside)
{
    g_autofree char *path = vsf_member_text(beside, "config");

    return path[0] == '/' &&
                   strspn(path, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._-") == strlen(path)
               ? g_steal_pointer(&path)
               : g_strdup("its configuration");
}

static void
say_same_identity(JsonObject *beside, VsfFinding *finding)
{
    g_autofree char *pid = vsf_member_text(beside, "pid");

    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "same-sub-agent",
                    "Host sFlow (pid %s) has this agent's address and its sub-agent id as well: "
                    "collectors take both for one whose sequence numbers go back and forth.",
                    pid);
    vsf_finding_fix(finding,
                    "set sub-agent-id = 200000 in [sflow] of /etc/virt-sflow/virt-sflow.conf, "
                    "and then",
                    VSF_EXPLAIN_RELOAD);
}

static void
say_both(JsonObject *beside, VsfFinding *finding, const Both *both)
{
    g_autofree char *pid = vsf_member_text(beside, "pid"), *too = both_text(both),
                    *config = config_of(beside), *how = NULL;
    gboolean other = vsf_explain_is(beside, "same_agent_address", "no");

    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "both-export",
                    "Host sFlow (pid %s) runs on this host as well, %s; both export %s. Collectors "
                    "that take both see these twice (virt-sflow status --json names each).",
                    pid, other ? "as an agent of another address" : "under the same address", too);
    if (both->host)
        vsf_finding_fix(finding,
                        "to have the host once: set enabled = off in [host] of "
                        "/etc/virt-sflow/virt-sflow.conf, and then",
                        VSF_EXPLAIN_RELOAD);
    if (both->vms == 0 && both->interfaces == 0)
        return;
    how = g_strdup_printf("to have %s once: take %s out of %s, and then",
                          both->vms > 0 ? "VMs" : "interfaces",
                          both->vms == 0          ? "the rules that match them"
                          : both->interfaces == 0 ? "kvm { }"
                                                  : "kvm { } and the rules that match taps",
                          config);
    vsf_finding_fix(finding, how, "systemctl restart hsflowd");
}

void
vsf_beside_findings(GPtrArray *findings, JsonObject *status)
{
    JsonObject *beside = vsf_member_object(status, "beside");
    g_autofree char *pid = vsf_member_text(beside, "pid"),
                    *trouble = vsf_member_text(beside, "trouble"),
                    *more = g_strdup_printf("What it exports is not known in full: %s.", trouble);
    Both both = both_of(beside);
    VsfFinding *finding;

    if (beside == NULL)
        return;
    finding = vsf_finding_new(findings, "beside");
    finding->value = g_strdup_printf("Host sFlow, pid %s", pid);
    if (vsf_explain_is(beside, "same_sub_agent_id", "yes") &&
        !vsf_explain_is(beside, "same_agent_address", "no"))
        say_same_identity(beside, finding);
    else if (both.host || both.vms > 0 || both.interfaces > 0)
        say_both(beside, finding, &both);
    if (strcmp(trouble, "-") == 0)
        return;
    if (finding->why == NULL)
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "beside-unread",
                        "Host sFlow (pid %s) runs on this host as well.", pid);
    vsf_explain_and(finding, more);
}
