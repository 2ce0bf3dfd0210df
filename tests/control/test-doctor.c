/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/doctor.h"
#include "quoted.h"

#include <string.h>

#define FINE_COLLECTOR "{'collector':'c1','state':'sending','last_error':null,'lookup_error':null}"
#define BAD_COLLECTOR \
    "{'collector':'c2','state':'failing','since_s':95,'last_error':'Connection refused'}"

static const char fine[] =
    "{'version':'" VSF_VERSION "','pid':42,'uptime_s':60,"
    "'libvirt':{'uri':'qemu:///system','connected':true,'description':'libvirt 9.0.0',"
    "'since_s':50,'stuck_calls':0},"
    "'collectors':[" FINE_COLLECTOR "],'agents':{'mode':'auto','stuck':0,'trouble':null},"
    "'capture':{'samplers':3,'samplers_max':160,'without_room':0},"
    "'paused':{'sampling':null,'agents':null},"
    "'cpu':{'percent':1.5,'limit':10,'factor':1,'max_samples_per_second':null},"
    "'state':{'directory':'/var/lib/virt-sflow','trouble':null},"
    "'hook':{'received':2,'malformed':0,'refused':0},'vms':[],"
    "'a-member-of-tomorrow':{'state':['x']}}";

typedef struct {
    const char *patch, *field;
    int exit_status;
    const char *code, *why, *command;
} Case;

static const Case cases[] = {
    {"{'version':'0.0.1'}", "daemon", 0, "other-version", "version " VSF_VERSION,
     "systemctl restart virt-sflowd"},
    {"{'libvirt':null}", "libvirt", 1, "no-agent-address", "own address", "virt-sflow collectors"},
    {"{'libvirt':{'uri':'U','connected':false,'description':'D','since_s':59}}", "libvirt", 1,
     "libvirt-away", "No connection to U for 59 s: D.", "systemctl status libvirtd virtqemud"},
    {"{'libvirt':{'uri':'U','connected':false,'description':'D','since_s':60}}", "libvirt", 2,
     "libvirt-away", "for 60 s", "systemctl status libvirtd virtqemud"},
    {"{'libvirt':{'connected':true,'stuck_calls':2}}", "libvirt", 1, "stuck-calls", "2 calls",
     NULL},
    {"{'collectors':[]}", "collectors", 2, "no-collector", "nothing is sent",
     "systemctl reload-or-restart virt-sflowd"},
    {"{'collectors':[" BAD_COLLECTOR "," FINE_COLLECTOR "]}", "collectors", 1, "collector-failing",
     "Failing for 95 s: Connection refused.", "virt-sflow collectors"},
    {"{'collectors':[" BAD_COLLECTOR "]}", "collectors", 2, "collector-failing", "Failing",
     "virt-sflow collectors"},
    {"{'collectors':[{'collector':'c','state':'resolving','since_s':3,'lookup_error':'L'}]}",
     "collectors", 2, "collector-name", "not resolved for 3 s: L.", "getent ahosts NAME"},
    {"{'collectors':[{'collector':'c','state':'sending','lookup_error':'L'}]}", "collectors", 1,
     "collector-name", "not resolve any more (L)", NULL},
    {"{'agents':{'trouble':'read only'}}", "agents", 1, "permission", "read only", "usermod"},
    {"{'agents':{'trouble':'no agent service at /s: No'}}", "agents", 1, "no-agent-service",
     "at /s: No", "systemctl enable --now virt-sflow-agent.socket"},
    {"{'agents':{'trouble':'no agent service at /s: user 7 listens there, who'}}", "agents", 1,
     "no-agent-service", "user 7 listens there", "systemctl restart virt-sflow-agent.socket"},
    {"{'agents':{'stuck':1}}", "agents", 1, "stuck-agents", "1 conversations", NULL},
    {"{'capture':{'without_room':4}}", "samplers", 1, "no-room", "4 interfaces",
     "systemctl edit virt-sflowd"},
    {"{'capture':{'ports_wanted':'eth*','ports_found':2,'ports_trouble':'none has such a name'}}",
     "ports", 1, "no-port", "No physical port is sampled: none has such a name.",
     "ls -l /sys/class/net"},
    {"{'paused':{'sampling':{'by_uid':0,'since_s':9,'left_s':null}}}", "paused", 1, "held",
     "with no end", "virt-sflow resume sampling"},
    {"{'paused':{'agents':{'by_uid':0,'since_s':9,'left_s':60}}}", "paused", 0, "held",
     "ends by itself in 60 s", "virt-sflow resume agents"},
    {"{'cpu':{'percent':11,'limit':10,'factor':4,'max_samples_per_second':625}}", "cpu", 1,
     "cpu-limit", "at most 625 samples", "systemctl reload-or-restart virt-sflowd"},
    {"{'state':{'directory':'/var/lib/x','trouble':'No space left'}}", "state", 1, "state",
     "No space left.", "ls -ld /var/lib/x; df -h /var/lib/x"},
    {"{'state':{'directory':'/var/$(x)','trouble':'T'}}", "state", 1, "state", "T", NULL},
    {"{'capture':{'backend':'pcap','backend_wanted':'ebpf','backend_reason':'bpf(2) is "
     "forbidden'}}",
     "samplers", 1, "not-ebpf", "by libpcap: bpf(2) is forbidden.", NULL},
    {"{'config':{'reload':{'state':'failed','error':'a.conf:3: no such key'}}}", "configuration", 1,
     "reload-failed", "changed nothing: a.conf:3: no such key.", "virt-sflowd --check-config"},
    {"{'config':{'restart_needed':['[a] b','[c] d'],'reload':{'state':'ok'}}}", "configuration", 0,
     "restart-needed", "values of [a] b, [c] d wait", "systemctl restart virt-sflowd"},
    {"{'dns_sd':{'domain':'d.example','state':'failing','error':'no answer'}}", "dns", 1,
     "dns-failing", "no answer. It has not said anything yet.", "dig SRV _sflow._udp.d.example;"},
    {"{'dns_sd':{'domain':'d.example','state':'nothing','error':'no such name'}}", "dns", 1,
     "dns-nothing", "no collector: no such name.", "dig SRV"},
    {"{'collectors':[],'dns_sd':{'domain':'d.example','state':'waiting'}}", "collectors", 0,
     "dns-waiting", "nothing is sent until DNS names a collector",
     "dig SRV _sflow._udp.d.example; dig TXT _sflow._udp.d.example"},
    {"{'collectors':[],'dns_sd':{'domain':'d.example','state':'nothing','error':'E'}}",
     "collectors", 2, "dns-waiting", "nothing is sent until DNS names a collector",
     "dig SRV _sflow._udp.d.example;"},
    {"{'collectors':[],'dns_sd':{'domain':'$(x)','state':'failing','error':'E'}}", "collectors", 2,
     "dns-waiting", "nothing is sent until DNS names a collector", "dig SRV _sflow._udp.DOMAIN;"},
    {"{'beside':{'pid':7,'config':'/etc/hsflowd.conf','trouble':null,'same_agent_address':true,"
     "'same_sub_agent_id':false,'sources':[{'what':'host'},{'what':'vm'},{'what':'vm'}]}}",
     "beside", 0, "both-export", "under the same address; both export the host (2:1), 2 VMs. ",
     "systemctl reload-or-restart virt-sflowd"},
    {"{'beside':{'pid':7,'config':'/etc/hsflowd.conf','same_agent_address':false,"
     "'same_sub_agent_id':true,'sources':[{'what':'vm'},{'what':'interface'}]}}",
     "beside", 0, "both-export", "of another address; both export 1 VM, 1 interface. ",
     "systemctl restart hsflowd"},
    {"{'beside':{'pid':7,'same_agent_address':null,'same_sub_agent_id':true,'sources':[]}}",
     "beside", 1, "same-sub-agent", "(pid 7) has this agent's address",
     "systemctl reload-or-restart virt-sflowd"},
    {"{'beside':{'pid':7,'trouble':'/x: Permission denied','sources':[]}}", "beside", 0,
     "beside-unread",
     "(pid 7) runs on this host as well. What it exports is not known in full: "
     "/x: Permission denied.",
     NULL},
    {"{'ovs':{'state':'watched','trouble':'bridge b has a row of another','bridges':2}}", "ovs", 1,
     "ovs-refused", "for this agent: bridge b has a row of another. ", "ovs-vsctl list sflow"},
    {"{'ovs':{'state':'away','socket':'/run/openvswitch/db.sock','error':'/x: does not answer',"
     "'bridges':2}}",
     "ovs", 1, "ovs-away",
     "cannot be watched: /x: does not answer. Bridges and VLANs of its ports "
     "are told as they were last",
     "ovs-vsctl --db=unix:/run/openvswitch/db.sock --timeout=5 show"},
    {"{'ovs':{'state':'away','socket':'/$(x)','error':'/$(x): Permission denied; the user',"
     "'bridges':0}}",
     "ovs", 0, "ovs-permission", "the user. Bridges and VLANs of its ports are not known",
     "setfacl -m u:virt-sflow:rw SOCKET"},
    {"{'hook':{'received':1,'malformed':2,'refused':3}}", "hook", 0, "hook",
     "2 messages to its socket made no sense and 3", "virt-sflow hook status"},
};

static const VsfFinding *
worst_of(const GPtrArray *findings, const char *field)
{
    const VsfFinding *worst = NULL;

    for (guint i = 0; i < findings->len; i++) {
        const VsfFinding *finding = findings->pdata[i];

        if (strcmp(finding->field, field) == 0 &&
            (worst == NULL || finding->severity > worst->severity))
            worst = finding;
    }
    return worst;
}

static void
test_each_fault_of_the_node_is_named_with_what_mends_it(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) root = patched(fine, cases[i].patch);
        g_autoptr(GPtrArray) findings = vsf_doctor_findings(json_node_get_object(root), NULL);
        const VsfFinding *finding = worst_of(findings, cases[i].field);

        g_test_message("case %u", i);
        g_assert_nonnull(finding);
        g_assert_cmpstr(finding->code, ==, cases[i].code);
        g_assert_nonnull(finding->why);
        if (strstr(finding->why, cases[i].why) == NULL)
            g_error("\"%s\" has not \"%s\"", finding->why, cases[i].why);
        g_assert_cmpint(vsf_doctor_exit_status(findings), ==, cases[i].exit_status);
        g_assert_true((finding->fixes->len == 0) == (cases[i].command == NULL));
        if (cases[i].command != NULL)
            g_assert_nonnull(
                strstr(((const VsfFix *)finding->fixes->pdata[0])->command, cases[i].command));
    }
}

static void
test_a_node_without_trouble_is_ok(void)
{
    g_autoptr(JsonNode) root = patched(fine, "{}");
    g_autoptr(GPtrArray) findings = vsf_doctor_findings(json_node_get_object(root), NULL);
    g_autofree char *text = vsf_doctor_text(findings);

    g_assert_cmpint(vsf_doctor_exit_status(findings), ==, 0);
    g_assert_cmpstr(text, ==,
                    "OK: 0 critical, 0 warnings, 0 notes, 0 VMs\n"
                    "  ok    daemon         " VSF_VERSION ", pid 42, up 60 s\n"
                    "  ok    libvirt        libvirt 9.0.0, connected for 50 s\n"
                    "  ok    collectors     c1\n"
                    "  ok    agents         auto\n"
                    "  ok    samplers       3 of at most 160\n"
                    "  ok    cpu            1.5 % of a core\n"
                    "  ok    state          /var/lib/virt-sflow\n"
                    "  ok    hook           2 messages\n");
}

static void
test_a_daemon_that_does_not_answer_is_critical(void)
{
    g_autoptr(GPtrArray) findings = vsf_doctor_findings(NULL, "cannot reach it");
    g_autoptr(JsonNode) json = vsf_doctor_json(findings);
    g_autofree char *text = vsf_doctor_text(findings), *line = json_to_string(json, FALSE);

    g_assert_cmpint(vsf_doctor_exit_status(findings), ==, 2);
    g_assert_true(g_str_has_prefix(text, "CRITICAL: 1 critical, 0 warnings, 0 notes, 0 VMs\n"));
    g_assert_nonnull(strstr(text, "cannot reach it.\n"));
    g_assert_true(g_str_has_prefix(line, "{\"severity\":\"critical\",\"exit_status\":2,\"vms\":0,"
                                         "\"findings\":[{\"vm\":null,\"uuid\":null,"
                                         "\"field\":\"daemon\",\"severity\":\"critical\","
                                         "\"code\":\"no-answer\""));
}

#define VM(name, members) "{'name':'" name "','uuid':'" name "'," members "}"
#define ABSENT                                                                           \
    "'state':'running','last_poll_s':1,'counters':{'cpu_ms':1,'net_in_bytes':1},"        \
    "'interfaces':[],'filesystems':[],'memory':{'why':'ok','bytes':1,'source':'agent'}," \
    "'disk':{'why':'ok','bytes':1,'source':'agent'},'agent':{'state':'disconnected'}"

static void
test_vms_of_which_the_same_is_said_stand_together(void)
{
    g_autoptr(JsonNode) root = patched(
        fine,
        "{'vms':[" VM("g", ABSENT) "," VM("f", ABSENT) "," VM("e", ABSENT) "," VM(
            "d", ABSENT) "," VM("c", ABSENT) "," VM("b",
                                                    ABSENT) "," VM("a",
                                                                   "'stuck_s':3," ABSENT) "]}");
    g_autoptr(GPtrArray) findings = vsf_doctor_findings(json_node_get_object(root), NULL);
    g_autofree char *text = vsf_doctor_text(findings);
    const char *vms = strstr(text, "  WARN  state");

    g_assert_cmpint(vsf_doctor_exit_status(findings), ==, 1);
    g_assert_true(g_str_has_prefix(text, "WARNING: 0 critical, 1 warnings, 2 notes, 7 VMs\n"));
    g_assert_nonnull(vms);
    g_assert_true(g_str_has_prefix(vms, "  WARN  state          1 VM: a\n"));
    g_assert_nonnull(strstr(vms, "\n  note  agent          7 VMs: a, b, c, d, e ...\n"));
    g_assert_nonnull(strstr(vms, "\n  note  filesystems    7 VMs: a, b, c, d, e ...\n"));
    g_assert_true(g_str_has_suffix(vms, "virt-sflow explain VM tells more of each VM.\n"));
}

#define TAP_VM(name, tap) VM(name, "'taps':[" tap "],'agent':{'state':'a-word-of-tomorrow'}")

/* What mends the first's trouble would not mend the other's. */
static void
test_vms_of_which_other_reasons_are_told_stand_apart(void)
{
    g_autoptr(JsonNode) root = patched(
        fine,
        "{'vms':[" TAP_VM("a", "1") "," TAP_VM("b", "2") "," TAP_VM(
            "c", "3") "],"
                      "'taps':[{'ifindex':1,'name':'vnet1','state':'Operation not permitted'},"
                      "{'ifindex':2,'name':'vnet2','state':'No such device'},"
                      "{'ifindex':3,'name':'vnet3','state':'Operation not permitted'}]}");
    g_autoptr(GPtrArray) findings = vsf_doctor_findings(json_node_get_object(root), NULL);
    g_autofree char *text = vsf_doctor_text(findings);

    g_assert_nonnull(strstr(text, "  WARN  packets        2 VMs: a, c\n"));
    g_assert_nonnull(strstr(text, "  WARN  packets        1 VM: b\n"));
    g_assert_nonnull(strstr(text, "vnet1 is not sampled: Operation not permitted."));
    g_assert_nonnull(strstr(text, "vnet2 is not sampled: No such device."));
}

static void
test_an_answer_of_dns_that_never_came_has_no_age(void)
{
    g_autoptr(JsonNode)
        never = patched(fine, "{'dns_sd':{'domain':null,'state':'failing','error':'E',"
                              "'answered_s':null}}");
    g_autoptr(JsonNode) once = patched(fine, "{'dns_sd':{'domain':'d.example','state':'failing',"
                                             "'error':'E','answered_s':5}}");
    g_autoptr(GPtrArray) silent = vsf_doctor_findings(json_node_get_object(never), NULL);
    g_autoptr(GPtrArray) answered = vsf_doctor_findings(json_node_get_object(once), NULL);

    g_assert_cmpstr(worst_of(silent, "dns")->value, ==, "search domains, no answer yet");
    g_assert_cmpstr(worst_of(silent, "dns")->why, ==,
                    "DNS cannot be asked: E. It has not said anything yet.");
    g_assert_cmpstr(worst_of(answered, "dns")->value, ==, "d.example, answered 5 s ago");
    g_assert_cmpstr(worst_of(answered, "dns")->why, ==,
                    "DNS cannot be asked: E. What it said last stays in force.");
}

static void
test_the_document_lists_the_codes_that_there_are(void)
{
    g_autofree char *all = NULL;
    g_autoptr(GError) error = NULL;
    const char *part;

    g_assert_true(g_file_get_contents(g_getenv("VSF_EXPLAIN_DOC"), &all, NULL, &error));
    part = strstr(all, "## Of the node");
    g_assert_nonnull(part);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *word = g_strdup_printf("`%s`", cases[i].code);

        if (strstr(part, word) == NULL)
            g_error("docs/explain-json.md lacks %s", cases[i].code);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/doctor/each-fault-of-the-node-is-named-with-what-mends-it",
                    test_each_fault_of_the_node_is_named_with_what_mends_it);
    g_test_add_func("/cli/doctor/a-node-without-trouble-is-ok", test_a_node_without_trouble_is_ok);
    g_test_add_func("/cli/doctor/a-daemon-that-does-not-answer-is-critical",
                    test_a_daemon_that_does_not_answer_is_critical);
    g_test_add_func("/cli/doctor/vms-of-which-the-same-is-said-stand-together",
                    test_vms_of_which_the_same_is_said_stand_together);
    g_test_add_func("/cli/doctor/vms-of-which-other-reasons-are-told-stand-apart",
                    test_vms_of_which_other_reasons_are_told_stand_apart);
    g_test_add_func("/cli/doctor/an-answer-of-dns-that-never-came-has-no-age",
                    test_an_answer_of_dns_that_never_came_has_no_age);
    g_test_add_func("/cli/doctor/the-document-lists-the-codes-that-there-are",
                    test_the_document_lists_the_codes_that_there_are);
    return g_test_run();
}
