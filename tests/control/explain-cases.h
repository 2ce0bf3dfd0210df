/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded status documents, and what test-explain wants to be said of them. Each code of
 * docs/explain-json.md is made by a case here or in test-doctor. */
#pragma once

#include "../../daemon/cli/explain.h"

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
    {"state", "{'state':'paused','reason':2,'reason_text':'migrating'}", NULL, NOTE, "migrating",
     "paused", "on its way to or from", "virsh domjobinfo"},
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
    {"memory", NO_MEMORY("waiting", "") "}", "{'config':{'polling':0}}", NOTE, "polling-off", NULL,
     "polling is 0 in the configuration", "systemctl reload-or-restart virt-sflowd"},
    {"memory", NO_MEMORY("stale", "balloon") "}", "{'config':{'polling':0}}", NOTE, "polling-off",
     NULL, "no turns", "systemctl reload-or-restart virt-sflowd"},
    {"cpu", "{'counters':{'cpu_ms':null},'last_poll_s':null}",
     "{'config':{'polling':20,'rules':[{'interface':'w*','polling':5},{'vm':'db*','polling':5},"
     "{'vm':'web*','polling':0},{'vm':'*','polling':5}]}}",
     NOTE, "polling-off", NULL, "polling is 0 in the [vm PATTERN] section",
     "systemctl reload-or-restart virt-sflowd"},
    {"cpu", "{'counters':{'cpu_ms':null},'last_poll_s':null}",
     "{'config':{'polling':0,'rules':[{'vm':'web*','polling':5},{'vm':'*','polling':0}]}}", NOTE,
     "waiting", NULL, "first turn", NULL},
    {"cpu", "{'counters':{'cpu_ms':null},'last_poll_s':null}",
     "{'config':{'polling':0,'rules':[{'vm':'web*','agent':'off'},{'vm':'*','polling':5}]}}", NOTE,
     "polling-off", NULL, "polling is 0 in the configuration", "systemctl"},
    {"net", "{'counters':{'net_in_bytes':null}}",
     "{'config':{'polling':0},'dns_sd':{'in_force':{'polling':0}}}", NOTE, "polling-off", NULL,
     "polling is 0", NULL},
    {"agent", AGENT("waiting"), "{'config':{'polling':0}}", NOTE, "waiting", "waiting",
     "within seconds", NULL},
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
    {"agent", AGENT("refused"), NULL, WARNING, "permission", "refused", "cannot be asked: T.",
     "usermod -a -G libvirt virt-sflow-agent && systemctl restart virt-sflow-agent"},
    {"agent", AGENT("refused"), "{'agents':{'trouble':'read only'}}", WARNING, "permission",
     "refused", "asked: read only.", "usermod"},
    {"agent", AGENT("refused"), "{'agents':{'trouble':'no agent service at /s: No'}}", WARNING,
     "no-agent-service", "refused", "is not there: no agent service at /s: No.",
     "systemctl enable --now virt-sflow-agent.socket"},
    {"agent", AGENT("refused"), "{'agents':{'trouble':'user 7 may not ask'}}", WARNING,
     "permission", "refused", "does not answer virt-sflowd: user 7 may not ask.",
     "systemctl edit virt-sflow-agent"},
    {"agent", AGENT("rule"), NULL, NOTE, "agent-rule", "rule",
     "A [vm PATTERN] section whose pattern matches the domain says agent = off.",
     "systemctl reload-or-restart virt-sflowd"},
    {"disk", HOST_DISK("{'state':'rule'}"), NULL, NOTE, "agent-rule", "1.0 KiB free of 10 GiB",
     "agent = off. So this is what the disk images", "systemctl reload-or-restart virt-sflowd"},
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
     "52:54:00:00:00:02 is vhost-user", "systemctl reload-or-restart"},
    {"net",
     "{'interfaces':[{'kind':'vhost-user','mac':'52:54:00:00:00:02','device':'vhu1','ifindex':null,"
     "'switch':{'bridge':'b'}}],'taps':[],'counters':{'net_in_bytes':1024,'net_out_bytes':0}}",
     NULL, OK, "ok", "1.0 KiB in, 0 B out", NULL, NULL},
    {"net", NIC("hostdev", "null"), NULL, NOTE, "hostdev", NULL, "SR-IOV", NULL},
    {"net", NIC("other", "null"), NULL, NOTE, "no-tap", NULL, "neither tap nor macvtap", NULL},
    {"net", NIC("tap", "'port7'"), NULL, WARNING, "not-matched", NULL,
     "Interface port7 (NIC 52:54:00:00:00:02) is not read: no pattern of [capture] interfaces",
     "systemctl reload-or-restart virt-sflowd"},
    {"net", NIC("tap", "'vnet3'"), NULL, WARNING, "no-interface", NULL, "less than all",
     "virsh domiflist web01; ip -br link"},
    {"net", NIC("macvtap", "'x'"), "{'config':null}", WARNING, "no-interface", NULL, "not there",
     "virsh domiflist web01; ip -br link"},
    {"net",
     "{'interfaces':[{'kind':'tap','mac':'52:54:00:00:00:02','device':'vnet3','ifindex':null,"
     "'trouble':'not Ethernet'}],'taps':[],'counters':{'vcpus':1,'net_in_bytes':null}}",
     NULL, WARNING, "not-ethernet", NULL, "Interface vnet3 (NIC 52:54:00:00:00:02) is not Ethernet",
     "ip -d link show dev vnet3"},
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
    {"packets", NULL, TAP("'state':'the interface is down'"), WARNING, "link-down",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "vnet0 is down", "ip link set dev vnet0 up"},
    {"packets", NULL, TAP("'state':'That device is not up: vnet0'"), WARNING, "link-down",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "vnet0 is down", "ip link set dev vnet0 up"},
    {"packets", "{'state':'paused'}", TAP("'state':'the interface is down'"), NOTE, "link-down",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "the VM is paused", "virsh resume web01"},
    {"packets", NULL, "{'taps':[{'ifindex':7,'name':'$(x)','state':'the interface is down'}]}",
     WARNING, "link-down", "0 samples, 0 of 1 interfaces sampled, 1 in 0", "is down",
     "ip link set dev '$(x)' up"},
    {"packets", NULL, "{'taps':[{'ifindex':7,'name':'\\u001bx','state':'the interface is down'}]}",
     WARNING, "link-down", "0 samples, 0 of 1 interfaces sampled, 1 in 0", "is down",
     "ip link set dev TAP up"},
    {"packets", NULL, TAP("'state':'Operation not permitted'"), WARNING, "no-sampler",
     "0 samples, 0 of 1 interfaces sampled, 1 in 0", "Operation not permitted", "getpcaps 42"},
    {"packets", NULL, TAP("'state':'sampling','sampling':9,'flow_samples':100,'drops':2"), WARNING,
     "drops", "100 samples, 1 of 1 interfaces sampled, 1 in 9", "2 samples were lost",
     "systemctl reload-or-restart virt-sflowd"},
    {"packets", NULL, TAP("'state':'sampling','sampling':9,'flow_samples':100,'drops':1"), OK, "ok",
     "100 samples, 1 of 1 interfaces sampled, 1 in 9", NULL, NULL},
    {"packets", NULL, TAP("'state':'sampling','sampling':64,'factor':8"), NOTE, "coarser",
     "0 samples, 1 of 1 interfaces sampled, 1 in 64", "1 in 8 times as many", NULL},
    {"packets", NULL, TAP("'state':'by its switch','sampling':0"), OK, "by-switch",
     "by Open vSwitch", "vnet0 is a port of a bridge that sends", NULL},
    {"packets",
     "{'interfaces':[{'kind':'vhost-user','mac':'52:54:00:00:00:02','device':'vhu1','ifindex':null,"
     "'switch':{'bridge':'b','samples':true}}],'taps':[],'counters':{'net_in_bytes':1}}",
     NULL, OK, "by-switch", "by Open vSwitch", "bridges that send packets", NULL},
    {"packets",
     "{'interfaces':[{'kind':'vhost-user','mac':'52:54:00:00:00:02','device':'vhu1','ifindex':null,"
     "'switch':{'bridge':'b','samples':false}}],'taps':[],'counters':{'net_in_bytes':1}}",
     NULL, NOTE, "vhost-user", NULL, "Let the switch sample", "systemctl reload-or-restart"},
    {"packets", NIC("vhost-user", "null"), NULL, NOTE, "vhost-user", NULL, "vhost-user",
     "systemctl reload-or-restart"},
    {"packets", "{'interfaces':[],'taps':[]}", NULL, OK, "no-nic", "none", "no interface", NULL},
};
