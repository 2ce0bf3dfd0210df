/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor-node.h"

#include "doctor-beside.h"
#include "doctor-ovs.h"
#include "explain-private.h"
#include "member.h"

#include <string.h>

#define LIBVIRT_AWAY_S 60 /* a restart of it takes less */
#define RESOLVING_S 60

static gboolean
is_null(const char *text)
{
    return strcmp(text, "-") == 0;
}

static void
look_at_daemon(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "daemon");
    g_autofree char *version = vsf_member_text(status, "version"),
                    *pid = vsf_member_text(status, "pid"),
                    *up = vsf_age_text(vsf_member(status, "uptime_s"));

    finding->value = g_strdup_printf("%s, pid %s, up %s", version, pid, up);
    if (strcmp(version, VSF_VERSION) == 0)
        return;
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "other-version",
                    "This command is of version " VSF_VERSION ".");
    vsf_finding_fix(finding, "if virt-sflow was upgraded while it ran",
                    "systemctl restart virt-sflowd");
}

static void
look_at_libvirt(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "libvirt");
    JsonObject *libvirt = vsf_member_object(status, "libvirt");
    g_autofree char *uri = vsf_member_text(libvirt, "uri"),
                    *what = vsf_member_text(libvirt, "description"),
                    *since = vsf_age_text(vsf_member(libvirt, "since_s"));
    double stuck = vsf_explain_number(libvirt, "stuck_calls");

    if (libvirt == NULL) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "no-agent-address",
                        "The daemon waits until it knows its own address, which takes the first "
                        "collector's.");
        vsf_finding_fix(finding, "see why its name does not resolve (or set agent-address)",
                        "virt-sflow collectors");
    } else if (vsf_explain_is(libvirt, "connected", "no")) {
        gboolean is_long = vsf_explain_number(libvirt, "since_s") >= LIBVIRT_AWAY_S;

        vsf_finding_say(finding, is_long ? VSF_SEVERITY_CRITICAL : VSF_SEVERITY_WARNING,
                        "libvirt-away", "No connection to %s for %s: %s.", uri, since, what);
        vsf_finding_fix(finding, "see whether it runs (libvirtd, or virtqemud where there is one)",
                        "systemctl status libvirtd virtqemud");
    } else {
        finding->value = g_strdup_printf("%s, connected for %s", what, since);
        if (stuck > 0)
            vsf_finding_say(finding, VSF_SEVERITY_WARNING, "stuck-calls",
                            "%.0f calls to it do not return; the VMs that they are for are named "
                            "below.",
                            stuck);
    }
}

/* TRUE: it gets nothing. */
static gboolean
look_at_collector(VsfFinding *finding, JsonObject *collector)
{
    g_autofree char *name = vsf_member_text(collector, "collector"),
                    *error = vsf_member_text(collector, "last_error"),
                    *lookup = vsf_member_text(collector, "lookup_error"),
                    *since = vsf_age_text(vsf_member(collector, "since_s"));
    gboolean is_unresolved = vsf_explain_is(collector, "state", "resolving") &&
                             (!is_null(lookup) ||
                              vsf_explain_number(collector, "since_s") >= RESOLVING_S);

    finding->value = g_strdup(name);
    if (is_unresolved) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "collector-name",
                        "Its name has not resolved for %s: %s.", since,
                        is_null(lookup) ? "no answer" : lookup);
        vsf_finding_fix(finding, "ask the resolver", "getent ahosts NAME");
    } else if (vsf_explain_is(collector, "state", "failing")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "collector-failing", "Failing for %s: %s.",
                        since, error);
        vsf_finding_fix(finding,
                        "see that something listens there on the port, and that no firewall is in "
                        "between; errors go on being counted",
                        "virt-sflow collectors");
    } else if (!is_null(lookup)) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "collector-name",
                        "Its name does not resolve any more (%s); it is sent to where it was.",
                        lookup);
        return FALSE;
    }
    return finding->severity != VSF_SEVERITY_OK;
}

/* Whoever copies the command is root, and the domain may be another's word. */
static void
fix_dns(VsfFinding *finding, JsonObject *dns)
{
    g_autofree char *told = vsf_member_text(dns, "domain");
    const char *domain = g_ascii_isalnum(told[0]) &&
                                 strspn(told, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") ==
                                     strlen(told)
                             ? told
                             : "DOMAIN";

    vsf_finding_fix(finding, "ask it yourself", "dig SRV _sflow._udp.%s; dig TXT _sflow._udp.%s",
                    domain, domain);
}

static void
say_no_collector(VsfFinding *finding, JsonObject *dns)
{
    if (dns != NULL) {
        vsf_finding_say(finding,
                        vsf_explain_is(dns, "state", "waiting") ? VSF_SEVERITY_NOTE
                                                                : VSF_SEVERITY_CRITICAL,
                        "dns-waiting",
                        "No collector is configured: nothing is sent until DNS names a collector.");
        fix_dns(finding, dns);
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_CRITICAL, "no-collector",
                    "No collector is configured: nothing is sent.");
    vsf_finding_fix(finding,
                    "set collectors in [sflow] of /etc/virt-sflow/virt-sflow.conf, and then",
                    VSF_EXPLAIN_RELOAD);
}

static void
look_at_collectors(GPtrArray *findings, JsonObject *status)
{
    JsonArray *all = vsf_member_array(status, "collectors");
    guint n = 0, n_bad = 0, first = findings->len;

    for (guint i = 0; all != NULL && i < json_array_get_length(all); i++) {
        JsonNode *node = json_array_get_element(all, i);

        if (!JSON_NODE_HOLDS_OBJECT(node))
            continue;
        n++;
        n_bad += look_at_collector(vsf_finding_new(findings, "collectors"),
                                   json_node_get_object(node));
    }
    for (guint i = first; n_bad == n && i < findings->len; i++)
        ((VsfFinding *)findings->pdata[i])->severity = VSF_SEVERITY_CRITICAL;
    if (n == 0)
        say_no_collector(vsf_finding_new(findings, "collectors"),
                         vsf_member_object(status, "dns_sd"));
}

static void
look_at_agents(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "agents");
    JsonObject *agents = vsf_member_object(status, "agents");
    g_autofree char *mode = vsf_member_text(agents, "mode"),
                    *trouble = vsf_member_text(agents, "trouble");
    double stuck = vsf_explain_number(agents, "stuck");

    finding->value = g_strdup(mode);
    if (!is_null(trouble)) {
        vsf_explain_refused(finding, trouble);
    } else if (stuck > 0) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "stuck-agents",
                        "%.0f conversations with guest agents are past their deadline.", stuck);
    }
}

static void
look_at_samplers(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "samplers");
    JsonObject *capture = vsf_member_object(status, "capture");
    g_autofree char *n = vsf_member_text(capture, "samplers"),
                    *most = vsf_member_text(capture, "samplers_max");
    g_autofree char *backend = vsf_member_text(capture, "backend"),
                    *reason = vsf_member_text(capture, "backend_reason");
    double without = vsf_explain_number(capture, "without_room");

    finding->value = is_null(backend) ? g_strdup_printf("%s of at most %s", n, most)
                                      : g_strdup_printf("%s of at most %s, %s", n, most, backend);
    if (without <= 0) {
        if (vsf_explain_is(capture, "backend_wanted", "ebpf") && strcmp(backend, "ebpf") != 0)
            vsf_finding_say(finding, VSF_SEVERITY_WARNING, "not-ebpf",
                            "Packets are taken by libpcap: %s.", reason);
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "no-room",
                    "%.0f interfaces are not sampled, since there is no room for more samplers.",
                    without);
    vsf_finding_fix(finding,
                    "give the service more descriptors (LimitNOFILE=) or memory, as the STATE of "
                    "virt-sflow taps says",
                    "systemctl edit virt-sflowd && systemctl restart virt-sflowd");
}

/* Nothing is said where none is wanted. */
static void
look_at_ports(GPtrArray *findings, JsonObject *status)
{
    JsonObject *capture = vsf_member_object(status, "capture");
    g_autofree char *wanted = vsf_member_text(capture, "ports_wanted"),
                    *found = vsf_member_text(capture, "ports_found"),
                    *trouble = vsf_member_text(capture, "ports_trouble");
    VsfFinding *finding;

    if (is_null(wanted) || strcmp(wanted, "off") == 0)
        return;
    finding = vsf_finding_new(findings, "ports");
    finding->value = g_strdup_printf("%s, of %s physical", wanted, found);
    if (is_null(trouble))
        return;
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "no-port", "No physical port is sampled: %s.",
                    trouble);
    vsf_finding_fix(finding,
                    "see which there are (none of those in devices/virtual), and name them in "
                    "[capture] ports of /etc/virt-sflow/virt-sflow.conf",
                    "ls -l /sys/class/net");
}

static void
look_at_pause(GPtrArray *findings, JsonObject *status, const char *what)
{
    g_autofree char *path = g_strconcat("paused/", what, NULL);
    JsonObject *pause = vsf_member_object(status, path);
    g_autofree char *since = vsf_age_text(vsf_member(pause, "since_s")),
                    *left = vsf_age_text(vsf_member(pause, "left_s")),
                    *uid = vsf_member_text(pause, "by_uid");
    VsfFinding *finding;

    if (pause == NULL)
        return;
    finding = vsf_finding_new(findings, "paused");
    finding->value = g_strdup(what);
    if (is_null(left))
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "held",
                        "Paused by uid %s for %s, with no end.", uid, since);
    else
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "held",
                        "Paused by uid %s for %s; it ends by itself in %s.", uid, since, left);
    vsf_finding_fix(finding, "to go on", "virt-sflow resume %s", what);
}

static void
look_at_cpu(GPtrArray *findings, JsonObject *status)
{
    JsonObject *cpu = vsf_member_object(status, "cpu");
    VsfFinding *finding = vsf_finding_new(findings, "cpu");
    g_autofree char *percent = vsf_member_text(cpu, "percent"),
                    *limit = vsf_member_text(cpu, "limit"),
                    *most = vsf_member_text(cpu, "max_samples_per_second");

    finding->value = is_null(percent) ? g_strdup("no limit")
                                      : g_strdup_printf("%s %% of a core", percent);
    if (vsf_explain_number(cpu, "factor") <= 1)
        return;
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "cpu-limit",
                    "It took more than cpu-limit = %s, so that at most %s samples a second are "
                    "taken of all interfaces.",
                    limit, most);
    vsf_finding_fix(finding,
                    "sample less ([sflow] sampling) or allow more ([daemon] cpu-limit) in "
                    "/etc/virt-sflow/virt-sflow.conf, and then",
                    VSF_EXPLAIN_RELOAD);
}

/* Keys whose values wait, "[libvirt] uri, [capture] backend"; NULL: there are none. */
static char *
waiting_keys(JsonObject *config)
{
    JsonArray *keys = vsf_member_array(config, "restart_needed");
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; keys != NULL && i < json_array_get_length(keys); i++) {
        JsonNode *node = json_array_get_element(keys, i);

        if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "",
                                   json_node_get_string(node));
    }
    return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static void
look_at_config(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "configuration");
    JsonObject *config = vsf_member_object(status, "config"),
               *reload = vsf_member_object(config, "reload");
    g_autofree char *since = vsf_age_text(vsf_member(config, "since_s")),
                    *error = vsf_member_text(reload, "error"), *keys = waiting_keys(config);

    finding->value = g_strdup_printf("in force for %s", since);
    if (vsf_explain_is(reload, "state", "failed")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "reload-failed",
                        "The last reload changed nothing: %s. What was in force before still is, "
                        "but virt-sflowd would not start again.",
                        error);
        vsf_finding_fix(finding, "mend that, and try", "virt-sflowd --check-config");
    } else if (keys != NULL) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "restart-needed",
                        "New values of %s wait for a restart.", keys);
        vsf_finding_fix(finding, "when a gap of a few seconds does no harm",
                        "systemctl restart virt-sflowd");
    }
}

static void
look_at_dns(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "dns");
    JsonObject *dns = vsf_member_object(status, "dns_sd");
    g_autofree char *domain = vsf_member_text(dns, "domain"),
                    *answered = vsf_age_text(vsf_member(dns, "answered_s")),
                    *error = vsf_member_text(dns, "error");
    gboolean has_answered = !is_null(answered);

    finding->value = g_strdup_printf("%s, %s%s%s", is_null(domain) ? "search domains" : domain,
                                     has_answered ? "answered " : "no answer yet",
                                     has_answered ? answered : "", has_answered ? " ago" : "");
    if (vsf_explain_is(dns, "state", "nothing"))
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "dns-nothing", "DNS names no collector: %s.",
                        error);
    else if (vsf_explain_is(dns, "state", "failing"))
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "dns-failing", "DNS cannot be asked: %s. %s",
                        error,
                        has_answered || vsf_member_object(dns, "in_force") != NULL /* kept */
                            ? "What it said last stays in force."
                            : "It has not said anything yet.");
    else
        return;
    fix_dns(finding, dns);
}

static void
look_at_state(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "state");
    JsonObject *state = vsf_member_object(status, "state");
    g_autofree char *directory = vsf_member_text(state, "directory"),
                    *trouble = vsf_member_text(state, "trouble");

    finding->value = g_strdup(directory);
    if (is_null(trouble))
        return;
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "state",
                    "State cannot be kept: %s. VM indexes, and what memory and disk numbers mean, "
                    "may change when virt-sflowd restarts.",
                    trouble);
    if (directory[0] == '/' &&
        strspn(directory, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._-") == strlen(directory))
        vsf_finding_fix(finding, "see whether it is there, may be written to, and has room",
                        "ls -ld %s; df -h %s", directory, directory);
}

static void
look_at_hook(GPtrArray *findings, JsonObject *status)
{
    VsfFinding *finding = vsf_finding_new(findings, "hook");
    JsonObject *hook = vsf_member_object(status, "hook");
    double refused = vsf_explain_number(hook, "refused"),
           malformed = vsf_explain_number(hook, "malformed");

    finding->value = g_strdup_printf("%.0f messages", vsf_explain_number(hook, "received"));
    if (refused + malformed <= 0)
        return;
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "hook",
                    "%.0f messages to its socket made no sense and %.0f were not root's: something "
                    "else than libvirt's hook wrote them, or a hook of another version.",
                    malformed, refused);
    vsf_finding_fix(finding, "see whether it is this version's", "virt-sflow hook status");
}

void
vsf_doctor_node(GPtrArray *findings, JsonObject *status)
{
    look_at_daemon(findings, status);
    look_at_libvirt(findings, status);
    if (vsf_member_object(status, "config/reload") != NULL)
        look_at_config(findings, status);
    if (vsf_member_object(status, "dns_sd") != NULL)
        look_at_dns(findings, status);
    look_at_collectors(findings, status);
    if (vsf_member_object(status, "agents") != NULL)
        look_at_agents(findings, status);
    if (vsf_member_object(status, "capture") != NULL)
        look_at_samplers(findings, status);
    look_at_ports(findings, status);
    look_at_pause(findings, status, "sampling");
    look_at_pause(findings, status, "agents");
    if (vsf_member_object(status, "cpu") != NULL)
        look_at_cpu(findings, status);
    if (vsf_member_object(status, "state") != NULL)
        look_at_state(findings, status);
    if (vsf_member_object(status, "hook") != NULL)
        look_at_hook(findings, status);
    vsf_beside_findings(findings, status);
    vsf_ovs_findings(findings, status);
}
