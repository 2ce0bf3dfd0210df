/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor-ovs.h"

#include "explain-private.h"
#include "member.h"

#include <string.h>

static const char *
what_it_costs(JsonObject *ovs)
{
    g_autofree char *bridges = vsf_member_text(ovs, "bridges");

    return strcmp(bridges, "0") == 0
               ? "Bridges and VLANs of its ports are not known, and vhost-user "
                 "NICs have no counters."
               : "Bridges and VLANs of its ports are told as they were last, "
                 "and vhost-user NICs have no counters.";
}

/* Whoever copies the command is root, and the path is a command line's word. */
static const char *
shell_path(const char *path)
{
    return path[0] == '/' &&
                   strspn(path, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._-") == strlen(path)
               ? path
               : "SOCKET";
}

void
vsf_ovs_findings(GPtrArray *findings, JsonObject *status)
{
    JsonObject *ovs = vsf_member_object(status, "ovs");
    g_autofree char *error = vsf_member_text(ovs, "error"), *state = vsf_member_text(ovs, "state"),
                    *trouble = vsf_member_text(ovs, "trouble"),
                    *socket = vsf_member_text(ovs, "socket");
    VsfFinding *finding;

    if (ovs == NULL || strcmp(state, "absent") == 0)
        return;
    finding = vsf_finding_new(findings, "ovs");
    finding->value = g_strdup_printf("Open vSwitch, %s", state);
    if (strcmp(error, "-") == 0 && strcmp(trouble, "-") != 0) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "ovs-refused",
                        "Not every bridge sends samples for this agent: %s. Interfaces there are "
                        "sampled by the daemon.",
                        trouble);
        vsf_finding_fix(finding, "see whose rows there are", "ovs-vsctl list sflow");
    }
    if (strcmp(error, "-") == 0)
        return;
    if (strstr(error, "Permission denied") != NULL) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "ovs-permission",
                        "Open vSwitch's database does not let the daemon's user in: %s. %s", error,
                        what_it_costs(ovs));
        vsf_finding_fix(
            finding, "let it in, until ovsdb-server is restarted (docs/rights.md has it for good)",
            "setfacl -m u:virt-sflow:rw %s", shell_path(socket));
        vsf_finding_fix(
            finding,
            "or leave it alone: mode = off in [ovs] of /etc/virt-sflow/virt-sflow.conf, "
            "and then",
            VSF_EXPLAIN_RELOAD);
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "ovs-away",
                    "Open vSwitch's database cannot be watched: %s. %s", error, what_it_costs(ovs));
    vsf_finding_fix(finding, "see whether it answers", "ovs-vsctl --db=unix:%s --timeout=5 show",
                    shell_path(socket));
}
