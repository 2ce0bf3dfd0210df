/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State, CPU time, network counters and packets: what the host reads by itself. */
#include "explain-private.h"
#include "member.h"

#include <string.h>

#define PAUSED_IO_ERROR 5 /* virDomainPausedReason */
#define DROPS_PERCENT 1   /* of the samples, from which on they are worth a word */

/* ---- state ---- */

static void
say_stuck(const VsfExplain *explain, VsfFinding *finding)
{
    g_autofree char *pid = vsf_member_text(explain->vm, "pid"),
                    *age = vsf_age_text(vsf_member(explain->vm, "stuck_s"));

    if (vsf_explain_is(explain->vm, "qemu_stopped", "yes")) {
        vsf_finding_say(
            finding, VSF_SEVERITY_WARNING, "qemu-stopped",
            "Its QEMU process is stopped (SIGSTOP, or a debugger), since %s. libvirt is "
            "not asked meanwhile: disk and memory are unknown.",
            age);
        vsf_finding_fix(finding, "if nobody debugs it", "kill -CONT %s", pid);
        return;
    }
    vsf_finding_say(
        finding, VSF_SEVERITY_WARNING, "stuck",
        "QEMU has not answered libvirt for %s: it waits for a disk or another client has "
        "its monitor. Disk and memory are unknown; the rest goes on.",
        age);
    vsf_finding_fix(finding, "see what it does, and what it waits for",
                    "virsh domjobinfo %s; cat "
                    "/proc/%s/wchan; dmesg | tail",
                    explain->target, pid);
}

static void
say_paused(const VsfExplain *explain, VsfFinding *finding)
{
    if (vsf_explain_number(explain->vm, "reason") == PAUSED_IO_ERROR) {
        vsf_finding_say(
            finding, VSF_SEVERITY_WARNING, "io-error",
            "QEMU paused the VM, since one of its disks failed: no space left, mostly.");
        vsf_finding_fix(finding, "see which, make room, and then",
                        "virsh domblkerror %s; virsh resume %s", explain->target, explain->target);
        return;
    }
    if (vsf_explain_is(explain->vm, "reason_text", "migrating") ||
        vsf_explain_is(explain->vm, "reason_text", "post-copy")) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "migrating",
                        "The VM is on its way to or from another host: here nothing of it is sent "
                        "until it runs here.");
        vsf_finding_fix(finding, "see how far it is", "virsh domjobinfo %s", explain->target);
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, "paused",
                    "Somebody has paused the VM, or its state is being saved.");
    vsf_finding_fix(finding, "if nobody needs it so", "virsh resume %s", explain->target);
}

void
vsf_explain_state(const VsfExplain *explain, VsfFinding *finding)
{
    g_autofree char *state = vsf_member_text(explain->vm, "state"),
                    *stale = vsf_age_text(vsf_member(explain->vm, "stale_s"));
    JsonNode *polled = vsf_member(explain->vm, "last_poll_s");

    finding->value = strcmp(state, "-") != 0 ? g_strdup(state) : NULL;
    if (vsf_is_number(polled))
        finding->age_s = json_node_get_double(polled);
    if (vsf_is_number(vsf_member(explain->vm, "stuck_s")))
        say_stuck(explain, finding);
    else if (strcmp(state, "paused") == 0)
        say_paused(explain, finding);
    else if (strcmp(state, "crashed") == 0)
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "crashed", "The guest has crashed.");
    else if (strcmp(stale, "-") != 0)
        vsf_finding_say(
            finding, VSF_SEVERITY_WARNING, "stale",
            "libvirt told its part (disk, balloon, vCPUs) %s ago; virt-sflow doctor says "
            "whether libvirt answers at all.",
            stale);
}

/* ---- CPU ---- */

void
vsf_explain_cpu(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *counters = vsf_member_object(explain->vm, "counters");
    g_autofree char *vcpus = vsf_member_text(counters, "vcpus");

    if (counters == NULL) {
        vsf_explain_not_told(finding);
        return;
    }
    if (vsf_is_number(vsf_member(counters, "cpu_ms"))) {
        finding->value = g_strdup_printf("%.1f s used, %s vCPUs",
                                         vsf_explain_number(counters, "cpu_ms") / 1000, vcpus);
    } else if (!vsf_is_number(vsf_member(explain->vm, "last_poll_s"))) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "waiting",
                        "Its first turn is still to come, within [sflow] polling seconds.");
    } else {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "no-process",
                        "Its QEMU process is not seen in /proc: virt-sflowd runs in another PID "
                        "namespace (a container), or /proc is mounted with hidepid.");
        vsf_finding_fix(finding,
                        "run it in the host's PID namespace (--pid=host); to see how /proc "
                        "is mounted",
                        "findmnt -n -o OPTIONS /proc");
    }
}

/* ---- network ---- */

static gboolean
is_matched(const VsfExplain *explain, const char *device)
{
    JsonArray *patterns = vsf_member_array(explain->status, "config/interfaces");

    for (guint i = 0; patterns != NULL && i < json_array_get_length(patterns); i++) {
        g_autofree char *pattern = vsf_value_text(json_array_get_element(patterns, i));

        if (g_pattern_match_simple(pattern, device))
            return TRUE;
    }
    return patterns == NULL; /* not known to be unmatched */
}

/* Whoever copies the command is root, and a name may hold anything but blanks and slashes. */
static char *
shell_name(const char *name)
{
    if (strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(name))
        return g_strdup(name);
    for (const char *at = name; *at != '\0'; at++)
        if (!g_ascii_isgraph(*at))
            return g_strdup("TAP");
    return g_shell_quote(name);
}

static void
say_no_kernel_interface(VsfFinding *finding, const char *kind, const char *mac)
{
    if (strcmp(kind, "vhost-user") == 0) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "vhost-user",
                        "NIC %s is vhost-user: its packets go through a switch's memory, never "
                        "through the kernel. Let the switch sample.",
                        mac);
        vsf_finding_fix(finding,
                        "for Open vSwitch: set mode = configure in [ovs] of "
                        "/etc/virt-sflow/virt-sflow.conf, and then",
                        VSF_EXPLAIN_RELOAD);
        vsf_finding_fix(
            finding, "or by hand, with your bridge and collector",
            "ovs-vsctl -- --id=@s create sflow agent=eth0 target=\\\"COLLECTOR:6343\\\" "
            "sampling=512 polling=20 -- set bridge BRIDGE sflow=@s");
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_NOTE, strcmp(kind, "hostdev") == 0 ? "hostdev" : "no-tap",
                    "NIC %s (%s) has no interface on the host that could be read: its hardware "
                    "switch, or the network's, has to sample.",
                    mac, strcmp(kind, "hostdev") == 0 ? "SR-IOV" : "neither tap nor macvtap");
}

static void
say_not_ethernet(VsfFinding *finding, const char *device, const char *mac)
{
    g_autofree char *quoted = shell_name(device);

    vsf_finding_say(
        finding, VSF_SEVERITY_WARNING, "not-ethernet",
        "Interface %s (NIC %s) is not Ethernet, so that it is not the NIC's tap: neither "
        "its packets nor its counters are read.",
        device, mac);
    vsf_finding_fix(finding, "see what it is", "ip -d link show dev %s", quoted);
}

static void
say_no_tap(const VsfExplain *explain, VsfFinding *finding, const char *device, const char *mac)
{
    if (strcmp(device, "-") != 0 && !is_matched(explain, device)) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "not-matched",
                        "Interface %s (NIC %s) is not read: no pattern of [capture] interfaces "
                        "matches its name.",
                        device, mac);
        vsf_finding_fix(finding,
                        "add its name, or a pattern, to interfaces in [capture] of "
                        "/etc/virt-sflow/virt-sflow.conf, and then",
                        VSF_EXPLAIN_RELOAD);
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "no-interface",
                    "The interface of NIC %s is not there: it is in another network namespace, or "
                    "its name was changed.",
                    mac);
    vsf_finding_fix(finding, "see which it should be, and which are there",
                    "virsh domiflist %s; ip -br link", explain->target);
}

/* The first NIC that is not read; FALSE: each is. */
static gboolean
say_unread(const VsfExplain *explain, VsfFinding *finding, gboolean packets)
{
    JsonArray *all = vsf_member_array(explain->vm, "interfaces");
    gboolean sum_is_known = finding->value != NULL;

    for (guint i = 0; all != NULL && i < json_array_get_length(all); i++) {
        JsonNode *node = json_array_get_element(all, i);
        JsonObject *nic = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        g_autofree char *kind = vsf_member_text(nic, "kind"), *mac = vsf_member_text(nic, "mac"),
                        *device = vsf_member_text(nic, "device");

        if (nic == NULL || vsf_is_number(vsf_member(nic, "ifindex")))
            continue;
        /* The switch counted for it, or samples it. */
        if (strcmp(kind, "vhost-user") == 0 &&
            (packets ? vsf_explain_is(nic, "switch/samples", "yes")
                     : sum_is_known && vsf_member_object(nic, "switch") != NULL))
            continue;
        if (vsf_explain_is(nic, "trouble", "not Ethernet"))
            say_not_ethernet(finding, device, mac);
        else if (strcmp(kind, "tap") == 0 || strcmp(kind, "macvtap") == 0)
            say_no_tap(explain, finding, device, mac);
        else
            say_no_kernel_interface(finding, kind, mac);
        return TRUE;
    }
    return FALSE;
}

void
vsf_explain_net(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *counters = vsf_member_object(explain->vm, "counters");
    g_autofree char *in = vsf_bytes_text(vsf_member(counters, "net_in_bytes")),
                    *out = vsf_bytes_text(vsf_member(counters, "net_out_bytes"));

    if (counters == NULL) {
        vsf_explain_not_told(finding);
        return;
    }
    if (strcmp(in, "-") != 0)
        finding->value = g_strdup_printf("%s in, %s out", in, out);
    if (say_unread(explain, finding, FALSE))
        vsf_explain_and(finding, "So the sum over the VM's NICs is unknown: less than all would be "
                                 "a lie.");
    else if (finding->value == NULL)
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "waiting",
                        "The counters have not been read yet.");
}

/* ---- packets ---- */

typedef struct {
    guint n, n_sampling;
    double samples, drops, factor;
    guint coarsest;  /* of those that are sampled: 1 in so many */
    JsonObject *bad; /* one that is not sampled, or NULL */
} Taps;

static Taps
taps_of(const VsfExplain *explain)
{
    JsonArray *numbers = vsf_member_array(explain->vm, "taps"),
              *taps = vsf_member_array(explain->status, "taps");
    Taps found = {.factor = 1};

    for (guint i = 0; taps != NULL && i < json_array_get_length(taps); i++) {
        JsonNode *node = json_array_get_element(taps, i);
        JsonObject *tap = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        gboolean is_its = FALSE;

        for (guint j = 0; numbers != NULL && j < json_array_get_length(numbers); j++) {
            JsonNode *number = json_array_get_element(numbers, j);

            is_its = is_its ||
                     (vsf_is_number(number) && vsf_is_number(vsf_member(tap, "ifindex")) &&
                      json_node_get_int(number) == json_node_get_int(vsf_member(tap, "ifindex")));
        }
        if (!is_its)
            continue;
        found.n++;
        if (vsf_explain_is(tap, "state", "sampling"))
            found.n_sampling++;
        else
            found.bad = tap;
        found.coarsest = MAX(found.coarsest, (guint)vsf_explain_number(tap, "sampling"));
        found.samples += vsf_explain_number(tap, "flow_samples");
        found.drops += vsf_explain_number(tap, "drops");
        found.factor = MAX(found.factor, vsf_explain_number(tap, "factor"));
    }
    return found;
}

/* In the daemon's words, or in libpcap's where it was down when its sampler was opened. */
static gboolean
is_down(const char *state)
{
    return strcmp(state, "the interface is down") == 0 ||
           g_str_has_prefix(state, "That device is not up");
}

static void
say_down(const VsfExplain *explain, VsfFinding *finding, const char *name)
{
    g_autofree char *quoted = shell_name(name);

    if (vsf_explain_is(explain->vm, "state", "paused")) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "link-down",
                        "%s is down, and the VM is paused: no packets pass.", name);
        vsf_finding_fix(finding, "if nobody needs it so", "virsh resume %s", explain->target);
        return;
    }
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "link-down",
                    "%s is down on the host, so that the VM is cut off there: no packets pass.",
                    name);
    vsf_finding_fix(finding, "if nobody wants it so", "ip link set dev %s up", quoted);
}

static void
say_not_sampled(const VsfExplain *explain, VsfFinding *finding, JsonObject *tap)
{
    g_autofree char *name = vsf_member_text(tap, "name"), *state = vsf_member_text(tap, "state");

    if (strcmp(state, "off") == 0) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "off",
                        "%s is not sampled: sampling is 0, in the configuration or in the VM's own "
                        "metadata.",
                        name);
    } else if (strcmp(state, "by its switch") == 0) {
        g_free(finding->value);
        finding->value = g_strdup("by Open vSwitch");
        vsf_finding_say(finding, VSF_SEVERITY_OK, "by-switch",
                        "%s is a port of a bridge that sends its packets and counters itself.",
                        name);
    } else if (strcmp(state, "paused") == 0) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "held",
                        "An operator has paused packet samples.");
        vsf_finding_fix(finding, "to go on", "virt-sflow resume sampling");
    } else if (strcmp(state, "opening") == 0 || strcmp(state, "closed") == 0) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "waiting", "The sampler on %s is %s.", name,
                        strcmp(state, "opening") == 0 ? "being opened" : "about to be opened");
    } else if (is_down(state)) {
        say_down(explain, finding, name);
    } else {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING,
                        g_str_has_prefix(state, "no room") ? "no-room" : "no-sampler",
                        "%s is not sampled: %s.", name, state);
        if (g_str_has_prefix(state, "no room"))
            vsf_finding_fix(finding, "give the service more: LimitNOFILE= (see virt-sflow doctor)",
                            "systemctl edit virt-sflowd");
        else
            vsf_finding_fix(finding, "see which capabilities it has: packets need CAP_NET_RAW",
                            "getpcaps %.0f", vsf_explain_number(explain->status, "pid"));
    }
}

/* None that could have a sampler. */
static void
say_no_interface(const VsfExplain *explain, VsfFinding *finding)
{
    JsonArray *nics = vsf_member_array(explain->vm, "interfaces");

    if (nics != NULL && json_array_get_length(nics) > 0) {
        finding->value = g_strdup("by Open vSwitch");
        vsf_finding_say(finding, VSF_SEVERITY_OK, "by-switch",
                        "Its NICs are ports of bridges that send packets and counters themselves.");
        return;
    }
    finding->value = g_strdup("none");
    vsf_finding_say(finding, VSF_SEVERITY_OK, "no-nic", "The VM has no interface.");
}

void
vsf_explain_packets(const VsfExplain *explain, VsfFinding *finding)
{
    Taps taps = taps_of(explain);

    if (taps.n > 0)
        finding->value = g_strdup_printf("%.0f samples, %u of %u interfaces sampled, 1 in %u",
                                         taps.samples, taps.n_sampling, taps.n, taps.coarsest);
    if (taps.bad != NULL) {
        say_not_sampled(explain, finding, taps.bad);
    } else if (!say_unread(explain, finding, TRUE) && taps.n == 0) {
        say_no_interface(explain, finding);
    } else if (strcmp(finding->code, "ok") == 0 && taps.drops > 0 &&
               taps.drops * 100 > taps.samples * DROPS_PERCENT) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "drops",
                        "%.0f samples were lost between the kernel and the datagram.", taps.drops);
        vsf_finding_fix(finding,
                        "sample less (in [sflow] of /etc/virt-sflow/virt-sflow.conf), and "
                        "then",
                        VSF_EXPLAIN_RELOAD);
    } else if (strcmp(finding->code, "ok") == 0 && taps.factor > 1) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "coarser",
                        "It sends so much that 1 in %.0f times as many packets is taken, as each "
                        "sample says: sums stay right.",
                        taps.factor);
    }
}
