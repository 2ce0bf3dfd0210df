/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a guest agent does not tell something. */
#include "explain-private.h"
#include "member.h"

#include <string.h>

#define XMLNS "https://virt-sflow.org/xmlns/domain/1"
#define START_AGENT "systemctl restart qemu-guest-agent"

typedef struct {
    const char *state; /* of the agent, docs/status-json.md */
    void (*say)(const VsfExplain *explain, VsfFinding *finding);
} Teller;

static gboolean
is_nova(const VsfExplain *explain)
{
    g_autofree char *domain = vsf_member_text(explain->vm, "domain");

    return g_str_has_prefix(domain, "instance-");
}

/* ---- it may not be asked ---- */

static void
say_off(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-off",
                    "Guest agents are not asked: the configuration has agent = off.");
    vsf_finding_fix(finding,
                    "set agent = auto in [guest] of /etc/virt-sflow/virt-sflow.conf, and then",
                    VSF_EXPLAIN_RELOAD);
}

static void
say_no_channel(const VsfExplain *explain, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "no-channel",
                    "The VM's XML has no channel for a guest agent.");
    if (is_nova(explain)) {
        vsf_finding_fix(finding,
                        "OpenStack gives it to instances that are made (or rebuilt) from an image "
                        "with this property, where qemu-guest-agent must be installed as well",
                        "openstack image set --property hw_qemu_guest_agent=yes IMAGE");
        return;
    }
    vsf_finding_fix(finding,
                    "add it; it is there after the VM's next start (virsh shutdown, then virsh "
                    "start), and qemu-guest-agent must be installed in the guest",
                    "echo \"<channel type='unix'><target type='virtio' "
                    "name='org.qemu.guest_agent.0'/></channel>\" | "
                    "virsh attach-device %s /dev/stdin --config",
                    explain->target);
}

static void
say_metadata(const VsfExplain *explain, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-metadata",
                    "The VM's own metadata forbid to ask its agent (<monitor agent=\"off\"/>).");
    vsf_finding_fix(finding, "if that is not wanted any more (this removes all of that element)",
                    "virsh metadata %s " XMLNS " --remove --live --config", explain->target);
}

static void
say_excluded(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-excluded",
                    "A pattern of [guest] exclude matches the VM's name, so that its agent is not "
                    "asked.");
    vsf_finding_fix(finding, "take it out of /etc/virt-sflow/virt-sflow.conf, and then",
                    VSF_EXPLAIN_RELOAD);
}

static void
say_canary(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(
        finding, VSF_SEVERITY_NOTE, "agent-canary",
        "[guest] canary lets a part of the VMs be asked, by their UUID, and this one is "
        "not among them.");
    vsf_finding_fix(finding, "set canary = 100 in /etc/virt-sflow/virt-sflow.conf, and then",
                    VSF_EXPLAIN_RELOAD);
}

static void
say_rule(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-rule",
                    "A [vm PATTERN] section whose pattern matches the domain says agent = off.");
    vsf_finding_fix(finding,
                    "take that line out of /etc/virt-sflow/virt-sflow.conf (or wherever the "
                    "section is), and then",
                    VSF_EXPLAIN_RELOAD);
}

static void
say_refused(const VsfExplain *explain, VsfFinding *finding)
{
    g_autofree char *all = vsf_member_text(explain->status, "agents/trouble"),
                    *one = vsf_member_text(explain->vm, "agent/trouble");

    vsf_explain_refused(finding, strcmp(all, "-") != 0 ? all : one);
}

static void
say_held(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "held",
                    "An operator has paused all questions to guest agents.");
    vsf_finding_fix(finding, "to go on", "virt-sflow resume agents");
}

/* ---- it does not answer ---- */

static void
say_paused(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "paused",
                    "The VM is paused: its agent cannot answer.");
}

static void
say_disconnected(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-absent",
                    "Nothing in the guest has opened the agent's channel: qemu-guest-agent is not "
                    "installed there, or does not run.");
    vsf_finding_fix(finding, "in the guest (install the package qemu-guest-agent first if need be)",
                    START_AGENT);
}

static void
say_failing(const VsfExplain *explain, VsfFinding *finding)
{
    g_autofree char *trouble = vsf_member_text(explain->vm, "agent/trouble"),
                    *answered = vsf_age_text(vsf_member(explain->vm, "agent/answered_s")),
                    *retry = vsf_age_text(vsf_member(explain->vm, "agent/retry_s"));

    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "agent-failing",
                    "The guest agent does not answer: %s. Its last answer was %s%s; it is asked "
                    "again in %s.",
                    trouble, strcmp(answered, "-") == 0 ? "never" : answered,
                    strcmp(answered, "-") == 0 ? "" : " ago", retry);
    vsf_finding_fix(finding, "in the guest (an agent that connects anew is asked at once)",
                    START_AGENT);
}

static void
say_quarantined(const VsfExplain *explain, VsfFinding *finding)
{
    g_autofree char *retry = vsf_age_text(vsf_member(explain->vm, "agent/retry_s"));

    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "agent-quarantined",
                    "The guest agent took longer and longer to answer, so it is left alone for %s: "
                    "such agents have frozen their guests.",
                    retry);
    vsf_finding_fix(finding, "look for processes that pile up in the guest, and then, there",
                    START_AGENT);
}

static void
say_frozen(const VsfExplain *explain, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "frozen",
                    "Somebody, a backup perhaps, has frozen the guest's filesystems; its agent "
                    "answers when they are thawed.");
    vsf_finding_fix(finding, "if no backup or snapshot of it is under way", "virsh domfsthaw %s",
                    explain->target);
}

static void
say_waiting(const VsfExplain *explain G_GNUC_UNUSED, VsfFinding *finding)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "waiting",
                    "The guest agent is there and has not answered yet; it is asked within "
                    "seconds.");
}

static const Teller tellers[] = {
    {"off", say_off},           {"no-channel", say_no_channel},
    {"metadata", say_metadata}, {"excluded", say_excluded},
    {"canary", say_canary},     {"rule", say_rule},
    {"refused", say_refused},   {"held", say_held},
    {"paused", say_paused},     {"disconnected", say_disconnected},
    {"failing", say_failing},   {"quarantined", say_quarantined},
    {"frozen", say_frozen},     {"waiting", say_waiting},
    {"asking", say_waiting},
};

/* ---- it answers, but not this ---- */

typedef struct {
    const char *part;
    const char *commands; /* that it needs, as a person reads them */
    const char *pattern;  /* the same for sed -E */
    const char *each;     /* the same with commas */
    const char *since;    /* QEMU's version that has them */
} Part;

static const Part parts[] = {
    {"filesystems", "guest-get-fsinfo", "guest-get-fsinfo", "guest-get-fsinfo", "2.2"},
    {"memory", "guest-file-open, guest-file-read and guest-file-close",
     "guest-file-(open|read|close)", "guest-file-open,guest-file-read,guest-file-close", "0.15"},
};

/* BLACKLIST_RPC (RHEL 7 and 8), BLOCK_RPCS (9.0 to 9.3) name what is forbidden; --allow-rpcs in
 * FILTER_RPC_ARGS (9.4 and later) what is allowed. */
static void
say_blocked(VsfFinding *finding, const Part *part)
{
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-blocked",
                    "The guest's agent is forbidden %s, as RHEL and its kin do by default for "
                    "commands that read files.",
                    part->commands);
    vsf_finding_fix(finding, "in the guest, where that is in /etc/sysconfig/qemu-ga",
                    "sed -E -i -e '/--allow-rpcs=/!s/%s,?//g' -e 's/--allow-rpcs=/&%s,/' "
                    "/etc/sysconfig/qemu-ga && " START_AGENT,
                    part->pattern, part->each);
}

static void
say_not_told(VsfFinding *finding, const Part *part, const char *state, const char *trouble)
{
    if (strcmp(state, "disabled") == 0)
        say_blocked(finding, part);
    else if (strcmp(state, "not found") == 0)
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "agent-too-old",
                        "The guest's agent has no %s: it is older than QEMU %s, or of another "
                        "kind.",
                        part->commands, part->since);
    else
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "agent-part-failed",
                        "The guest agent answers, but its %s did not work (%s)%s%s.",
                        part->commands, state, strcmp(trouble, "-") != 0 ? ": " : "",
                        strcmp(trouble, "-") != 0 ? trouble : "");
}

static gboolean
lacks_part(const VsfExplain *explain, VsfFinding *finding, const char *wanted)
{
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_strconcat("agent/parts/", parts[i].part, NULL),
                        *state = vsf_member_text(explain->vm, path),
                        *trouble = vsf_member_text(explain->vm, "agent/trouble");

        if ((wanted != NULL && strcmp(wanted, parts[i].part) != 0) || strcmp(state, "-") == 0 ||
            strcmp(state, "known") == 0 || strcmp(state, "not asked") == 0)
            continue;
        say_not_told(finding, &parts[i], state, trouble);
        return TRUE;
    }
    return FALSE;
}

gboolean
vsf_explain_no_agent(const VsfExplain *explain, VsfFinding *finding, const char *part)
{
    g_autofree char *state = vsf_member_text(explain->vm, "agent/state");

    for (guint i = 0; i < G_N_ELEMENTS(tellers); i++) {
        if (strcmp(state, tellers[i].state) == 0) {
            tellers[i].say(explain, finding);
            return TRUE;
        }
    }
    return lacks_part(explain, finding, part);
}

void
vsf_explain_agent(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *agent = vsf_member_object(explain->vm, "agent");
    g_autofree char *state = vsf_member_text(agent, "state"),
                    *version = vsf_member_text(agent, "version");
    JsonNode *answered = vsf_member(agent, "answered_s");

    if (agent == NULL) {
        vsf_explain_not_told(finding);
        return;
    }
    finding->value = strcmp(version, "-") != 0 ? g_strdup_printf("%s, version %s", state, version)
                                               : g_strdup(state);
    if (vsf_is_number(answered))
        finding->age_s = json_node_get_double(answered);
    vsf_explain_no_agent(explain, finding, NULL);
}
