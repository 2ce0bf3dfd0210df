/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why no guest agent may be asked, and what to run. By the words of the daemon
 * (virt/agent-client.c, virt/agent-libvirt.c) and of the agent service (agent/server.c). */
#include "explain-private.h"

#include <string.h>

void
vsf_explain_refused(VsfFinding *finding, const char *trouble)
{
    if (g_str_has_prefix(trouble, "no agent service at ")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "no-agent-service",
                        "virt-sflow-agent, which asks guest agents for virt-sflowd, is not "
                        "there: %s.",
                        trouble);
        vsf_finding_fix(finding, "start it (or set agent = off in [guest])",
                        strstr(trouble, " listens there") != NULL
                            ? "systemctl restart virt-sflow-agent.socket"
                            : "systemctl enable --now virt-sflow-agent.socket");
    } else if (g_str_has_prefix(trouble, "user ")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "permission",
                        "virt-sflow-agent does not answer virt-sflowd: %s.", trouble);
        vsf_finding_fix(finding,
                        "run virt-sflowd as the user virt-sflow, or name its user with "
                        "--allow-user",
                        "systemctl edit virt-sflow-agent");
    } else {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "permission",
                        "Guest agents cannot be asked: %s.", trouble);
        vsf_finding_fix(finding,
                        "let the user of virt-sflow-agent manage libvirt, by the polkit rule of "
                        "the package or so (or set agent = off in [guest])",
                        "usermod -a -G libvirt virt-sflow-agent && systemctl restart "
                        "virt-sflow-agent");
    }
}
