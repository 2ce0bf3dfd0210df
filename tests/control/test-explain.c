/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of recorded status documents. Each code of docs/explain-json.md is made by a case
 * here or in test-doctor. */
#include "../../daemon/cli/explain.h"

#include <string.h>

/* A VM without trouble; a case replaces members. */
static const char fine_vm[] =
    "{'uuid':'1b4e28ba-2fa1-11d2-883f-0016d3cca427','name':'web01','domain':'web01','index':200001,"
    "'state':'running','reason':1,'pid':77,'last_poll_s':3,'stuck_s':null,'stale_s':null,"
    "'qemu_stopped':false,'taps':[7],"
    "'counters':{'vcpus':2,'cpu_ms':1500,'memory_max':1073741824,'disk_capacity':10737418240,"
    "'net_in_bytes':4096,'net_out_bytes':8192},"
    "'interfaces':[{'kind':'tap','mac':'52:54:00:00:00:01','device':'vnet0','ifindex':7}],"
    "'balloon':{'device':true,'period_s':10},"
    "'memory':{'bytes':536870912,'source':'balloon','age_s':3,'why':'ok'},"
    "'disk':{'bytes':1073741824,'source':'agent','age_s':30,'why':'ok'},"
    "'agent':{'plan':'ask','state':'answers','version':'7.2','answered_s':30,'trouble':null,"
    "'parts':{'filesystems':'known','memory':'known'}},"
    "'filesystems':[{'mount_point':'/'}]}";
static const char fine_status[] =
    "{'pid':42,'libvirt':{'connected':true},'agents':{'mode':'auto','trouble':null},"
    "'config':{'interfaces':['vnet*','tap*'],'virt_memory':'guest','detail':'rtmetric'},"
    "'taps':[{'ifindex':9,'name':'vnet9','state':'broken'},"
    "{'ifindex':7,'name':'vnet0','state':'sampling','sampling':512,'factor':1,"
    "'flow_samples':1000,'drops':0}]}";

static JsonNode *
node_of(const char *json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *quoted = g_strdelimit(g_strdup(json), "'", '"');
    JsonNode *root = json_from_string(quoted, &error);

    g_assert_no_error(error);
    return root;
}

/* @base with the members of @patch in place of its own. */
static JsonNode *
patched(const char *base, const char *patch)
{
    JsonNode *root = node_of(base);
    g_autoptr(JsonNode) changes = node_of(patch != NULL ? patch : "{}");
    g_autoptr(GList) names = json_object_get_members(json_node_get_object(changes));

    for (GList *name = names; name != NULL; name = name->next)
        json_object_set_member(
            json_node_get_object(root), name->data,
            json_node_copy(json_object_get_member(json_node_get_object(changes), name->data)));
    return root;
}

typedef struct {
    const char *field, *vm, *status; /* patches */
    VsfSeverity severity;
    const char *code, *value, *why, *command; /* why and command: a part; NULL: none */
} Case;

#define OK VSF_SEVERITY_OK
#define NOTE VSF_SEVERITY_NOTE
#define WARNING VSF_SEVERITY_WARNING
#define AGENT(state) "{'agent':{'state':'" state "','trouble':'T','retry_s':50,'answered_s':90}}"
#define HOST_DISK(agent) \
    "{'disk':{'bytes':1024,'source':'host','age_s':0,'why':'ok'},'agent':" agent "}"
#define NO_DISK(why, source) \
    "{'disk':{'bytes':null,'source':'" source "','age_s':400,'why':'" why "'}"
#define HOST_MEMORY "'memory':{'bytes':1073741824,'source':'host','age_s':0,'why':'ok'}"
#define NO_MEMORY(why, source) \
    "{'memory':{'bytes':null,'source':'" source "','age_s':null,'why':'" why "'}"
#define NIC(kind, device)                                                          \
    "{'interfaces':[{'kind':'" kind "','mac':'52:54:00:00:00:02','device':" device \
    ",'ifindex':null}],'taps':[],'counters':{'vcpus':1,'net_in_bytes':null}}"
#define TAP(members) "{'taps':[{'ifindex':7,'name':'vnet0'," members "}]}"
#define BLOCKED "{'state':'answers','trouble':null,'parts':{'filesystems':'disabled'}}"

static const Case cases[] = {
    /* Nothing to say. */
    {"state", NULL, NULL, OK, "ok", "running", NULL, NULL},
    {"cpu", NULL, NULL, OK, "ok", "1.5 s used, 2 vCPUs", NULL, NULL},
    {"memory", NULL, NULL, OK, "ok", "512 MiB of 1.0 GiB", NULL, NULL},
    {"disk", NULL, NULL, OK, "ok", "1.0 GiB free of 10 GiB", NULL, NULL},
    {"net", NULL, NULL, OK, "ok", "4.0 KiB in, 8.0 KiB out", NULL, NULL},
    {"packets", NULL, NULL, OK, "ok", "1000 samples, 1 of 1 interfaces sampled, 1 in 512", NULL,
     NULL},
    {"agent", NULL, NULL, OK, "ok", "answers, version 7.2", NULL, NULL},
    {"filesystems", NULL, NULL, OK, "ok", "1, one by one", "4300:1002", NULL},

    {"state", "{'stuck_s':31}", NULL, WARNING, "stuck", "running", "not answered libvirt for 31 s",
     "virsh domjobinfo web01; cat /proc/77/wchan; dmesg | tail"},
    {"state", "{'stuck_s':31,'qemu_stopped':true}", NULL, WARNING, "qemu-stopped", "running",
     "SIGSTOP, or a debugger), since 31 s", "kill -CONT 77"},
    {"state", "{'stale_s':90}", NULL, WARNING, "stale", "running", "90 s ago", NULL},
    {"state", "{'state':'paused'}", NULL, NOTE, "paused", "paused", "Somebody has paused",
     "virsh resume web01"},
    {"state", "{'state':'paused','reason':5}", NULL, WARNING, "io-error", "paused", "disks failed",
     "virsh domblkerror web01; virsh resume web01"},
    {"state", "{'state':'crashed'}", NULL, WARNING, "crashed", "crashed", "crashed", NULL},

    {"cpu", "{'counters':{'vcpus':2,'cpu_ms':null}}", NULL, WARNING, "no-process", NULL,
     "not seen in /proc", "findmnt -n -o OPTIONS /proc"},
    {"cpu", "{'counters':{'cpu_ms':null},'last_poll_s':null}", NULL, NOTE, "waiting", NULL,
     "first turn", NULL},
    {"cpu", "{'counters':null}", NULL, NOTE, "not-told", NULL, "another version",
     "systemctl restart virt-sflowd"},

    {"memory", "{" HOST_MEMORY ",'balloon':{'device':true,'period_s':0}}", NULL, NOTE, "no-period",
     "1.0 GiB of 1.0 GiB", "what the VM was given, not what it uses: no period",
     "virsh dommemstat web01 --period 10 --config"},
    {"memory",
     "{" HOST_MEMORY ",'balloon':{'device':true,'period_s':0},'domain':'instance-00000001'}", NULL,
     NOTE, "no-period", "1.0 GiB of 1.0 GiB", "no period", NULL},
    {"memory", "{" HOST_MEMORY ",'balloon':{'device':false,'period_s':0}}", NULL, NOTE,
     "no-balloon", "1.0 GiB of 1.0 GiB", "no memory balloon", "virsh edit web01"},
    {"memory", "{" HOST_MEMORY "}", NULL, NOTE, "silent-balloon", "1.0 GiB of 1.0 GiB",
     "told nothing for 5 minutes", "modprobe virtio_balloon"},
    {"memory", "{" HOST_MEMORY ",'balloon':null}", NULL, NOTE, "not-told", "1.0 GiB of 1.0 GiB",
     "another version", "systemctl restart virt-sflowd"},
    {"memory", "{" HOST_MEMORY "}", "{'config':{'virt_memory':'balloon'}}", OK, "ok",
     "1.0 GiB of 1.0 GiB", "as virt-memory = balloon has it", NULL},
    {"memory", NO_MEMORY("no-driver", "balloon") "}", NULL, NOTE, "no-driver", NULL,
     "no driver for its memory balloon", "modprobe virtio_balloon"},
    {"memory", NO_MEMORY("stale", "balloon") "}", NULL, WARNING, "balloon-stale", NULL, "too old",
     "virsh dommemstat web01 --period 10 --live"},
    {"memory", NO_MEMORY("stale", "balloon") ",'stuck_s':5}", NULL, WARNING, "stuck", NULL,
     "no statistics of this VM", NULL},
    {"memory", NO_MEMORY("waiting", "") "}", NULL, NOTE, "waiting", NULL, "5 minutes", NULL},
    {"memory", NO_MEMORY("no-statistics", "host") "}", NULL, NOTE, "no-statistics", NULL,
     "last turn", NULL},
    {"memory", NO_MEMORY("no-statistics", "host") "}", "{'libvirt':{'connected':false}}", WARNING,
     "libvirt-away", NULL, "libvirt cannot be asked", NULL},
    {"memory", NO_MEMORY("no-statistics", "host") ",'stale_s':40}", NULL, WARNING, "stuck", NULL,
     "its state says more", NULL},
    {"memory", NO_MEMORY("stale", "agent") "}", NULL, WARNING, "stale", NULL, "No fresh value",
     NULL},
    {"memory",
     NO_MEMORY("disabled", "agent") ",'agent':{'state':'answers','parts':{'filesystems':'known',"
                                    "'memory':'disabled'}}}",
     NULL, NOTE, "agent-blocked", NULL,
     "forbidden guest-file-open, guest-file-read and guest-file-close",
     "sed -E -i -e '/--allow-rpcs=/!s/guest-file-(open|read|close),?//g' -e "
     "'s/--allow-rpcs=/&guest-file-open,guest-file-read,guest-file-close,/' "
     "/etc/sysconfig/qemu-ga && systemctl restart qemu-guest-agent"},
    {"memory", "{'memory':null}", NULL, NOTE, "not-told", NULL, "another version",
     "systemctl restart virt-sflowd"},

    {"disk", HOST_DISK("{'state':'no-channel'}"), NULL, NOTE, "no-channel",
     "1.0 KiB free of 10 GiB",
     "no channel for a guest agent. So this is what the disk images may still grow by",
     "echo \"<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\""
     " | virsh attach-device web01 /dev/stdin --config"},
    {"disk",
     "{'domain':'instance-00000001','disk':{'bytes':1024,'source':'host','why':'ok'},"
     "'agent':{'state':'no-channel'}}",
     NULL, NOTE, "no-channel", "1.0 KiB free of 10 GiB", "no channel",
     "openstack image set --property hw_qemu_guest_agent=yes IMAGE"},
    {"disk", HOST_DISK(BLOCKED), NULL, NOTE, "agent-blocked", "1.0 KiB free of 10 GiB",
     "forbidden guest-get-fsinfo",
     "sed -E -i -e '/--allow-rpcs=/!s/guest-get-fsinfo,?//g' -e "
     "'s/--allow-rpcs=/&guest-get-fsinfo,/' /etc/sysconfig/qemu-ga && "
     "systemctl restart qemu-guest-agent"},
    {"disk", HOST_DISK("{'state':'answers'}"), NULL, NOTE, "host-disk", "1.0 KiB free of 10 GiB",
     "came too late. So this", NULL},
    {"disk", NO_DISK("not-files", "") ",'agent':{'state':'disconnected'}}", NULL, NOTE,
     "agent-absent", NULL, "The host cannot tell either", "systemctl restart qemu-guest-agent"},
    {"disk", NO_DISK("not-files", "") ",'agent':{'state':'answers'}}", NULL, NOTE, "not-files",
     NULL, "not every writable disk is a file", NULL},
    {"disk", NO_DISK("incomplete", "agent") "}", NULL, NOTE, "incomplete", NULL, "a part only",
     NULL},
    {"disk", NO_DISK("no-reply", "agent") ",'agent':{'state':'failing','trouble':'no reply'}}",
     NULL, WARNING, "agent-failing", NULL, "does not answer: no reply. Its last answer was never;",
     "systemctl restart qemu-guest-agent"},
    {"disk",
     NO_DISK("failed", "agent") ",'agent':{'state':'answers','trouble':'EIO',"
                                "'parts':{'filesystems':'failed'}}}",
     NULL, WARNING, "agent-part-failed", NULL, "guest-get-fsinfo did not work (failed): EIO", NULL},
    {"disk",
     NO_DISK("not-found", "agent") ",'agent':{'state':'answers','parts':{'filesystems':'not "
                                   "found'}}}",
     NULL, NOTE, "agent-too-old", NULL, "older than QEMU 2.2", NULL},
    {"disk", "{'disk':7}", NULL, NOTE, "not-told", NULL, "another version",
     "systemctl restart virt-sflowd"},

    {"agent", AGENT("off"), NULL, NOTE, "agent-off", "off", "agent = off",
     "systemctl reload-or-restart virt-sflowd"},
    {"agent", AGENT("metadata"), NULL, NOTE, "agent-metadata", "metadata", "own metadata",
     "virsh metadata web01 https://virt-sflow.org/xmlns/domain/1 --remove --live --config"},
    {"agent", AGENT("excluded"), NULL, NOTE, "agent-excluded", "excluded", "exclude",
     "systemctl reload-or-restart virt-sflowd"},
    {"agent", AGENT("canary"), NULL, NOTE, "agent-canary", "canary", "canary",
     "systemctl reload-or-restart virt-sflowd"},
    {"agent", AGENT("refused"), NULL, WARNING, "permission", "refused", "guest agents: T.",
     "usermod -a -G libvirt \"$(ps -o user= -p 42)\" && systemctl restart virt-sflowd"},
    {"agent", AGENT("refused"), "{'agents':{'trouble':'read only'}}", WARNING, "permission",
     "refused", "guest agents: read only.", "usermod"},
    {"agent", AGENT("held"), NULL, NOTE, "held", "held", "operator", "virt-sflow resume agents"},
    {"agent", AGENT("paused"), NULL, NOTE, "paused", "paused", "paused", NULL},
    {"agent", AGENT("disconnected"), NULL, NOTE, "agent-absent", "disconnected",
     "not installed there, or does not run", "systemctl restart qemu-guest-agent"},
    {"agent", AGENT("failing"), NULL, WARNING, "agent-failing", "failing",
     "does not answer: T. Its last answer was 90 s ago; it is asked again in 50 s.",
     "systemctl restart qemu-guest-agent"},
    {"agent", AGENT("quarantined"), NULL, WARNING, "agent-quarantined", "quarantined",
     "left alone for 50 s", "systemctl restart qemu-guest-agent"},
    {"agent", AGENT("frozen"), NULL, NOTE, "frozen", "frozen", "frozen", "virsh domfsthaw web01"},
    {"agent", AGENT("waiting"), NULL, NOTE, "waiting", "waiting", "within seconds", NULL},
    {"agent", AGENT("asking"), NULL, NOTE, "waiting", "asking", "within seconds", NULL},
    {"agent", AGENT("no-channel"), NULL, NOTE, "no-channel", "no-channel", "no channel",
     "virsh attach-device web01 /dev/stdin --config"},
    {"agent", "{'agent':" BLOCKED "}", NULL, NOTE, "agent-blocked", "answers", "forbidden",
     "guest-get-fsinfo"},
    {"agent", "{'agent':{'state':'a-word-of-tomorrow'}}", NULL, OK, "ok", "a-word-of-tomorrow",
     NULL, NULL},
    {"agent", "{'agent':null}", NULL, NOTE, "not-told", NULL, "another version", "restart"},

    {"filesystems", "{'filesystems':[]}", NULL, NOTE, "waiting", NULL, "not told them yet", NULL},
    {"filesystems", "{'filesystems':[],'agent':{'state':'disconnected'}}", NULL, NOTE,
     "agent-absent", NULL, "not installed", "systemctl restart qemu-guest-agent"},
    {"filesystems", NULL, "{'config':{'detail':'none'}}", NOTE, "detail-off", "1, one by one",
     "detail = none", "systemctl reload-or-restart virt-sflowd"},
    {"filesystems", "{'filesystems':null}", NULL, NOTE, "not-told", NULL, "another", "restart"},

    {"net", NIC("vhost-user", "null"), NULL, NOTE, "vhost-user", NULL,
     "52:54:00:00:00:02 is vhost-user", "ovs-vsctl -- --id=@s create sflow"},
    {"net", NIC("hostdev", "null"), NULL, NOTE, "hostdev", NULL, "SR-IOV", NULL},
    {"net", NIC("other", "null"), NULL, NOTE, "no-tap", NULL, "neither tap nor macvtap", NULL},
    {"net", NIC("tap", "'port7'"), NULL, WARNING, "not-matched", NULL,
     "Interface port7 (NIC 52:54:00:00:00:02) is not read: no pattern of [capture] interfaces",
     "systemctl reload-or-restart virt-sflowd"},
    {"net", NIC("tap", "'vnet3'"), NULL, WARNING, "no-interface", NULL, "less than all",
     "virsh domiflist web01; ip -br link"},
    {"net", NIC("macvtap", "'x'"), "{'config':null}", WARNING, "no-interface", NULL, "not there",
     "virsh domiflist web01; ip -br link"},
    {"net", "{'counters':{'net_in_bytes':null}}", NULL, NOTE, "waiting", NULL, "not been read yet",
     NULL},
    {"net", "{'counters':null}", NULL, NOTE, "not-told", NULL, "another version", "restart"},

    {"packets", NULL, TAP("'state':'off','sampling':0"), NOTE, "off",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "sampling is 0", NULL},
    {"packets", NULL, TAP("'state':'paused'"), NOTE, "held",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "operator", "virt-sflow resume sampling"},
    {"packets", NULL, TAP("'state':'opening','sampling':5"), NOTE, "waiting",
     "0 samples, 0 of 1 interfaces sampled, 1 in 5", "being opened", NULL},
    {"packets", NULL, TAP("'state':'no room: 64 descriptors'"), WARNING, "no-room",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "vnet0 is not sampled: no room: 64",
     "systemctl edit virt-sflowd"},
    {"packets", NULL, TAP("'state':'Operation not permitted'"), WARNING, "no-sampler",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "Operation not permitted", "getpcaps 42"},
    {"packets", NULL, TAP("'state':'sampling','sampling':9,'flow_samples':100,'drops':2"), WARNING,
     "drops", "100 samples, 1 of 1 interfaces sampled, 1 in 9", "2 samples were lost",
     "systemctl reload-or-restart virt-sflowd"},
    {"packets", NULL, TAP("'state':'sampling','sampling':9,'flow_samples':100,'drops':1"), OK, "ok",
     "100 samples, 1 of 1 interfaces sampled, 1 in 9", NULL, NULL},
    {"packets", NULL, TAP("'state':'sampling','sampling':64,'factor':8"), NOTE, "coarser",
     "0 samples, 1 of 1 interfaces sampled, 1 in 64", "1 in 8 times as many", NULL},
    {"packets", NIC("vhost-user", "null"), NULL, NOTE, "vhost-user", NULL, "vhost-user",
     "ovs-vsctl"},
    {"packets", "{'interfaces':[],'taps':[]}", NULL, OK, "no-nic", "none", "no interface", NULL},
};

static const char *
first_command(const VsfFinding *finding)
{
    for (guint i = 0; i < finding->fixes->len; i++) {
        const VsfFix *fix = finding->fixes->pdata[i];

        if (fix->command != NULL)
            return fix->command;
    }
    return NULL;
}

static void
assert_part(const char *whole, const char *part)
{
    g_assert_true((whole == NULL) == (part == NULL));
    if (part != NULL && strstr(whole, part) == NULL)
        g_error("\"%s\" has not \"%s\"", whole, part);
}

static void
test_each_fault_is_named_with_what_mends_it(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *wanted = &cases[i];
        g_autoptr(JsonNode) vm = patched(fine_vm, wanted->vm);
        g_autoptr(JsonNode) status = patched(fine_status, wanted->status);
        g_autoptr(GPtrArray) findings = vsf_findings_new();
        const VsfFinding *finding;

        g_test_message("case %u: %s %s", i, wanted->field, wanted->code);
        g_assert_true(vsf_explain_vm(findings, json_node_get_object(status),
                                     json_node_get_object(vm), wanted->field));
        g_assert_cmpuint(findings->len, ==, 1);
        finding = findings->pdata[0];
        g_assert_cmpstr(finding->field, ==, wanted->field);
        g_assert_cmpstr(finding->code, ==, wanted->code);
        g_assert_cmpint(finding->severity, ==, wanted->severity);
        g_assert_cmpstr(finding->value, ==, wanted->value);
        assert_part(finding->why, wanted->why);
        assert_part(first_command(finding), wanted->command);
    }
}

static void
test_all_fields_are_explained_in_their_order(void)
{
    g_autoptr(JsonNode) vm = node_of(fine_vm), status = node_of(fine_status);
    g_autoptr(GPtrArray) findings = vsf_findings_new();
    g_autofree char *text = NULL;

    g_assert_true(
        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), NULL));
    g_assert_false(
        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), "ram"));
    text = vsf_findings_text(findings);
    g_assert_cmpstr(
        text, ==,
        "web01\n"
        "  ok    state          running, 3 s ago\n"
        "  ok    cpu            1.5 s used, 2 vCPUs\n"
        "  ok    memory         512 MiB of 1.0 GiB, by the balloon, 3 s ago\n"
        "  ok    disk           1.0 GiB free of 10 GiB, by the agent, 30 s ago\n"
        "  ok    net            4.0 KiB in, 8.0 KiB out\n"
        "  ok    packets        1000 samples, 1 of 1 interfaces sampled, 1 in 512\n"
        "  ok    agent          answers, version 7.2, 30 s ago\n"
        "  ok    filesystems    1, one by one\n"
        "                       They leave as custom metrics (format 4300:1002). A\n"
        "                       collector that is too old for these, or does not know\n"
        "                       them, as Ganglia's gmond, shows only their sum, which is\n"
        "                       the disk's free space; virt-sflow receive shows them.\n");
}

static void
test_fixes_stand_below_on_lines_of_their_own(void)
{
    g_autoptr(JsonNode) vm = patched(fine_vm, AGENT("failing")), status = node_of(fine_status);
    g_autoptr(GPtrArray) findings = vsf_findings_new();
    g_autoptr(JsonNode) json = NULL;
    g_autofree char *text = NULL, *line = NULL;

    g_assert_true(
        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), "agent"));
    text = vsf_findings_text(findings);
    g_assert_cmpstr(
        text, ==,
        "web01\n"
        "  WARN  agent          failing, 90 s ago\n"
        "                       The guest agent does not answer: T. Its last answer was\n"
        "                       90 s ago; it is asked again in 50 s.\n"
        "                    -> in the guest (an agent that connects anew is asked at\n"
        "                       once)\n"
        "                         systemctl restart qemu-guest-agent\n");
    json = vsf_findings_json(findings);
    line = json_to_string(json, FALSE);
    g_assert_cmpstr(
        line, ==,
        "[{\"vm\":\"web01\",\"uuid\":\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\",\"field\":\"agent\","
        "\"severity\":\"warning\",\"code\":\"agent-failing\",\"value\":\"failing\",\"source\":null,"
        "\"age_s\":90.0,\"why\":\"The guest agent does not answer: T. Its last answer was 90 s "
        "ago; "
        "it is asked again in 50 s.\",\"fixes\":[{\"how\":\"in the guest (an agent that connects "
        "anew is asked at once)\",\"command\":\"systemctl restart qemu-guest-agent\"}]}]");
}

/* Whoever copies the command is root, and the domain's name is somebody else's. */
static void
test_commands_never_hold_what_a_shell_or_virsh_would_obey(void)
{
    static const struct {
        const char *domain, *command;
    } names[] = {
        {"web-1.example_x", "virsh domfsthaw web-1.example_x"},
        {"$(reboot)", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"a b", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"a;reboot", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"17", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"--all", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"w\\u001b[2J", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"w','uuid':'`x`", "virsh domfsthaw DOMAIN"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *patch = g_strdup_printf("{'agent':{'state':'frozen'},'uuid':"
                                                 "'1b4e28ba-2fa1-11d2-883f-0016d3cca427',"
                                                 "'domain':'%s'}",
                                                 names[i].domain);
        g_autoptr(JsonNode) vm = NULL;
        g_autoptr(JsonNode) status = node_of(fine_status);
        g_autoptr(GPtrArray) findings = vsf_findings_new();

        if (strstr(names[i].command, "DOMAIN") != NULL) {
            g_free(patch);
            patch = g_strdup("{'agent':{'state':'frozen'},'uuid':'`x`','domain':'$x'}");
        }
        vm = patched(fine_vm, patch);
        g_assert_true(vsf_explain_vm(findings, json_node_get_object(status),
                                     json_node_get_object(vm), "agent"));
        g_assert_cmpstr(first_command(findings->pdata[0]), ==, names[i].command);
    }
}

static void
test_nothing_in_the_text_is_obeyed_by_a_terminal(void)
{
    static const char *const vms[] = {
        "{}",
        "{'name':[],'agent':7,'memory':'x','interfaces':{},'taps':[null,'7',{}],'counters':[]}",
        "{'name':'\\u001b[2J','state':'\\u009bx','agent':{'state':'failing',"
        "'trouble':'\\u001b]0;x\\u0007 \\u202e','version':'\\u001b'},"
        "'memory':{'why':'\\u001b','source':'\\u001b','age_s':'x'},"
        "'disk':{'why':'ok','bytes':1,'source':'\\u001b'},'counters':{'vcpus':'\\u001b'},"
        "'interfaces':[{'kind':'\\u001b','mac':'\\u001b','device':'\\u001b'}],"
        "'filesystems':[1]}"};

    for (guint i = 0; i < G_N_ELEMENTS(vms); i++) {
        g_autoptr(JsonNode) vm = node_of(vms[i]), status = node_of(fine_status);
        g_autoptr(JsonNode) none = node_of("{}");
        g_autoptr(GPtrArray) findings = vsf_findings_new();
        g_autofree char *text = NULL;

        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), NULL);
        vsf_explain_vm(findings, json_node_get_object(none), json_node_get_object(vm), NULL);
        text = vsf_findings_text(findings);
        g_assert_null(strpbrk(text, "\033\007"));
        g_assert_null(strstr(text, "\302\233"));
        g_assert_null(strstr(text, "\342\200\256"));
    }
}

/* Those of the table of the document's part @heading. */
static GHashTable *
documented_codes(const char *heading)
{
    g_autofree char *all = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GRegex) word = g_regex_new("`([a-z-]+)`", 0, 0, NULL);
    GHashTable *codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = NULL;
    gboolean is_part = FALSE;

    g_assert_true(g_file_get_contents(g_getenv("VSF_EXPLAIN_DOC"), &all, NULL, &error));
    lines = g_strsplit(all, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) cells = g_strsplit(lines[i], "|", 3);
        g_autoptr(GMatchInfo) match = NULL;

        if (g_str_has_prefix(lines[i], "## "))
            is_part = strcmp(lines[i], heading) == 0;
        if (!is_part || g_strv_length(cells) < 3)
            continue;
        for (g_regex_match(word, cells[1], 0, &match); g_match_info_matches(match);
             g_match_info_next(match, NULL))
            g_hash_table_add(codes, g_match_info_fetch(match, 1));
    }
    return codes;
}

static void
test_the_document_lists_the_codes_that_there_are(void)
{
    g_autoptr(GHashTable) codes = documented_codes("## Of a VM");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        if (!g_hash_table_contains(codes, cases[i].code))
            g_error("docs/explain-json.md lacks %s", cases[i].code);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_hash_table_remove(codes, cases[i].code);
    g_assert_cmpuint(g_hash_table_size(codes), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/explain/each-fault-is-named-with-what-mends-it",
                    test_each_fault_is_named_with_what_mends_it);
    g_test_add_func("/cli/explain/all-fields-are-explained-in-their-order",
                    test_all_fields_are_explained_in_their_order);
    g_test_add_func("/cli/explain/fixes-stand-below-on-lines-of-their-own",
                    test_fixes_stand_below_on_lines_of_their_own);
    g_test_add_func("/cli/explain/commands-never-hold-what-a-shell-or-virsh-would-obey",
                    test_commands_never_hold_what_a_shell_or_virsh_would_obey);
    g_test_add_func("/cli/explain/nothing-in-the-text-is-obeyed-by-a-terminal",
                    test_nothing_in_the_text_is_obeyed_by_a_terminal);
    g_test_add_func("/cli/explain/the-document-lists-the-codes-that-there-are",
                    test_the_document_lists_the_codes_that_there_are);
    return g_test_run();
}
