/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-reasons.h"

#define NOT_OF_VMS                                                              \
    "it is no matter of VMs; let Host sFlow run on for it, beside virt-sflowd " \
    "(docs/host-sflow.md)"
#define OF_SWITCHES "it is for switches' operating systems, not for hosts of VMs"
#define BY_EVENTS \
    "there is nothing to set: libvirt's events and the kernel's say at once what comes and goes"

typedef struct {
    const char *name;
    gboolean is_block;
    const char *reason;
} Reason;

static const Reason reasons[] = {
    {"ovs", TRUE,
     "Open vSwitch is not configured unless you set mode = configure in [ovs], once Host sFlow has "
     "ended and taken its own rows away; until then virt-sflowd samples each VM's tap itself"},
    {"tcp", TRUE, "round-trip times of TCP connections are not measured"},
    {"json", TRUE, NOT_OF_VMS},
    {"jsonPort", FALSE, NOT_OF_VMS},
    {"jsonFIFO", FALSE, NOT_OF_VMS},
    {"nvml", TRUE, NOT_OF_VMS},
    {"docker", TRUE, NOT_OF_VMS},
    {"containerd", TRUE, NOT_OF_VMS},
    {"k8s", TRUE, NOT_OF_VMS},
    {"systemd", TRUE, NOT_OF_VMS},
    {"dropmon", TRUE, NOT_OF_VMS},
    {"xen", TRUE, "virt-sflowd watches VMs of libvirt's QEMU driver only"},
    {"xen.update.dominfo", FALSE, "virt-sflowd watches VMs of libvirt's QEMU driver only"},
    {"xen.dsk", FALSE, "virt-sflowd watches VMs of libvirt's QEMU driver only"},
    {"psample", TRUE, "packets are sampled on the VMs' taps by virt-sflowd's own filters"},
    {"dent", TRUE, "packets are sampled on the VMs' taps by virt-sflowd's own filters"},
    {"epcap", TRUE, "packets are sampled on the VMs' taps by virt-sflowd's own filters"},
    {"nflog", TRUE, "packets are sampled on the VMs' taps, not by rules of netfilter"},
    {"nflogGroup", FALSE, "packets are sampled on the VMs' taps, not by rules of netfilter"},
    {"nflogProbability", FALSE, "packets are sampled on the VMs' taps, not by rules of netfilter"},
    {"ulog", TRUE, "packets are sampled on the VMs' taps, not by rules of netfilter"},
    {"ulogGroup", FALSE, "packets are sampled on the VMs' taps, not by rules of netfilter"},
    {"ulogProbability", FALSE, "packets are sampled on the VMs' taps, not by rules of netfilter"},
    {"cumulus", TRUE, OF_SWITCHES},
    {"os10", TRUE, OF_SWITCHES},
    {"opx", TRUE, OF_SWITCHES},
    {"sonic", TRUE, OF_SWITCHES},
    {"eapi", TRUE, OF_SWITCHES},
    {"vpp", TRUE, OF_SWITCHES},
    {"dbus", TRUE, "virt-sflow status --json has what is asked for there"},
    {"nlroute", TRUE, "packet samples carry no routes"},
    {"modules", FALSE, "there are no modules to load"},
    {"loopback", FALSE, "Host sFlow ignores it too"},
    {"samplingDirection", FALSE,
     "Host sFlow ignores it too; [capture] direction says which packets may be sampled"},
    {"refreshAdaptors", FALSE, BY_EVENTS},
    {"checkAdaptors", FALSE, BY_EVENTS},
    {"refreshVMs", FALSE, BY_EVENTS},
    {"forgetVMs", FALSE, BY_EVENTS},
    {"uuid", FALSE, "the host's UUID is the machine's own (its DMI tables', else /etc/machine-id)"},
};

const char *
vsf_hsflowd_reason(const char *name, gboolean *is_block)
{
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (g_ascii_strcasecmp(reasons[i].name, name) == 0) {
            *is_block = reasons[i].is_block;
            return reasons[i].reason;
        }
    }
    return NULL;
}
