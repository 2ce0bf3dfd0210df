/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, disk space and filesystems: what only the guest knows, and what stands for it. */
#include "explain-private.h"
#include "member.h"

#include <string.h>

/* A source is chosen once for each run of the VM. */
#define THIS_RUN "What the number means stays for this run of the VM."

/* "412 MiB of 1.0 GiB": whichever is known. */
static void
set_value(const VsfExplain *explain, VsfFinding *finding, JsonObject *truth, const char *of,
          const char *suffix)
{
    g_autofree char *bytes = vsf_bytes_text(vsf_member(truth, "bytes")),
                    *total = vsf_bytes_text(vsf_member(explain->vm, of)),
                    *source = vsf_member_text(truth, "source");
    JsonNode *age = vsf_member(truth, "age_s");

    if (vsf_explain_is(truth, "why", "ok") && strcmp(bytes, "-") != 0)
        finding->value = strcmp(total, "-") != 0
                             ? g_strdup_printf("%s%s of %s", bytes, suffix, total)
                             : g_strdup_printf("%s%s", bytes, suffix);
    if (strcmp(source, "-") != 0)
        finding->source = g_strdup(source);
    if (vsf_is_number(age))
        finding->age_s = json_node_get_double(age);
}

/* ---- what libvirt or the guest did not give ---- */

static gboolean
is_silent(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *libvirt = vsf_member_object(explain->status, "libvirt");

    if (vsf_explain_is(libvirt, "connected", "no")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "libvirt-away",
                        "libvirt cannot be asked; virt-sflow doctor says why.");
        return TRUE;
    }
    if (!vsf_is_number(vsf_member(explain->vm, "stuck_s")) &&
        !vsf_is_number(vsf_member(explain->vm, "stale_s")))
        return FALSE;
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "stuck",
                    "libvirt gives no statistics of this VM; its state says more.");
    return TRUE;
}

static void
say_no_statistics(const VsfExplain *explain, VsfFinding *finding)
{
    if (!is_silent(explain, finding))
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "no-statistics",
                        "libvirt gave no statistics of this VM in the last turn; it is asked again "
                        "in the next.");
}

/* The guest's word for it; FALSE: none of these. */
static gboolean
say_by_word(const VsfExplain *explain, VsfFinding *finding, const char *why, const char *part)
{
    if (strcmp(why, "waiting") == 0)
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "waiting",
                        "The guest may still answer: for up to 5 minutes after its start nothing "
                        "else is taken for it.");
    else if (strcmp(why, "no-statistics") == 0)
        say_no_statistics(explain, finding);
    else if (strcmp(why, "incomplete") == 0)
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "incomplete",
                        "The guest told a part only, and less than all would be a lie.");
    else if (!vsf_explain_no_agent(explain, finding, part))
        return FALSE;
    return TRUE;
}

/* ---- memory ---- */

static void
fix_period(const VsfExplain *explain, VsfFinding *finding)
{
    g_autofree char *domain = vsf_member_text(explain->vm, "domain");

    if (g_str_has_prefix(domain, "instance-"))
        vsf_finding_fix(finding,
                        "set mem_stats_period_seconds = 10 in [libvirt] of nova.conf, which counts "
                        "for instances that start (or are hard-rebooted) after",
                        NULL);
    else
        vsf_finding_fix(finding,
                        "have the balloon tell; it does after the VM's next start (virsh shutdown, "
                        "then virsh start)",
                        "virsh dommemstat %s --period 10 --config", explain->target);
    vsf_finding_fix(finding,
                    "or for all VMs of this node that set none: balloon-period = 10 in [guest] of "
                    "/etc/virt-sflow/virt-sflow.conf; it counts from each VM's next start",
                    NULL);
}

/* The size of the balloon: what the VM was given. */
static void
say_host_memory(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *balloon = vsf_member_object(explain->vm, "balloon");

    if (vsf_explain_is(explain->status, "config/virt_memory", "balloon")) {
        vsf_explain_and(finding, "This is what the VM was given, not what it uses, as "
                                 "virt-memory = balloon has it.");
        return;
    }
    if (balloon == NULL) {
        vsf_explain_not_told(finding);
    } else if (vsf_explain_is(balloon, "device", "no")) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "no-balloon",
                        "This is what the VM was given, not what it uses: it has no memory balloon "
                        "to tell.");
        vsf_finding_fix(finding, "set <memballoon model='virtio'><stats period='10'/></memballoon>",
                        "virsh edit %s", explain->target);
    } else if (vsf_explain_number(balloon, "period_s") > 0) {
        vsf_finding_say(
            finding, VSF_SEVERITY_NOTE, "silent-balloon",
            "This is what the VM was given, not what it uses: its balloon's driver told "
            "nothing for 5 minutes. " THIS_RUN);
        vsf_finding_fix(finding,
                        "in the guest (Windows: install the Balloon service of virtio-win)",
                        "modprobe virtio_balloon");
    } else {
        vsf_finding_say(
            finding, VSF_SEVERITY_NOTE, "no-period",
            "This is what the VM was given, not what it uses: no period is set at which "
            "its balloon collects statistics. " THIS_RUN);
        fix_period(explain, finding);
    }
}

static void
say_no_balloon_value(const VsfExplain *explain, VsfFinding *finding, const char *why)
{
    if (strcmp(why, "no-driver") == 0) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "no-driver",
                        "The guest has no driver for its memory balloon.");
        vsf_finding_fix(finding,
                        "in the guest (Windows: install the Balloon service of virtio-win)",
                        "modprobe virtio_balloon");
        return;
    }
    if (is_silent(explain, finding))
        return;
    vsf_finding_say(finding, VSF_SEVERITY_WARNING, "balloon-stale",
                    "The balloon's last statistics are too old: the guest's driver hangs, or their "
                    "period was taken away.");
    vsf_finding_fix(finding, "set the period anew", "virsh dommemstat %s --period 10 --live",
                    explain->target);
}

void
vsf_explain_memory(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *memory = vsf_member_object(explain->vm, "memory");
    g_autofree char *why = vsf_member_text(memory, "why");

    if (memory == NULL) {
        vsf_explain_not_told(finding);
        return;
    }
    set_value(explain, finding, memory, "counters/memory_max", "");
    if (strcmp(why, "ok") == 0) {
        if (vsf_explain_is(memory, "source", "host"))
            say_host_memory(explain, finding);
    } else if (strcmp(why, "no-driver") == 0 ||
               (strcmp(why, "stale") == 0 && vsf_explain_is(memory, "source", "balloon"))) {
        say_no_balloon_value(explain, finding, why);
    } else if (!say_by_word(explain, finding, why, "memory")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "stale", "No fresh value is there (%s).",
                        why);
    }
}

/* ---- disk ---- */

void
vsf_explain_disk(const VsfExplain *explain, VsfFinding *finding)
{
    JsonObject *disk = vsf_member_object(explain->vm, "disk");
    g_autofree char *why = vsf_member_text(disk, "why");
    gboolean is_host = vsf_explain_is(disk, "source", "host");

    if (disk == NULL) {
        vsf_explain_not_told(finding);
        return;
    }
    set_value(explain, finding, disk, "counters/disk_capacity", " free");
    if (strcmp(why, "ok") == 0 && !is_host)
        return;
    if (strcmp(why, "ok") == 0) {
        if (!vsf_explain_no_agent(explain, finding, "filesystems"))
            vsf_finding_say(finding, VSF_SEVERITY_NOTE, "host-disk",
                            "The guest's agent came too late.");
        vsf_explain_and(finding, "So this is what the disk images may still grow by, not what the "
                                 "filesystems have free. " THIS_RUN);
    } else if (strcmp(why, "not-files") == 0) {
        if (!vsf_explain_no_agent(explain, finding, "filesystems"))
            vsf_finding_say(finding, VSF_SEVERITY_NOTE, "not-files",
                            "The guest's agent has not told its filesystems.");
        vsf_explain_and(finding, "The host cannot tell either: not every writable disk is a file.");
    } else if (!say_by_word(explain, finding, why, "filesystems")) {
        vsf_finding_say(finding, VSF_SEVERITY_WARNING, "stale", "No fresh value is there (%s).",
                        why);
    }
}

void
vsf_explain_filesystems(const VsfExplain *explain, VsfFinding *finding)
{
    JsonArray *all = vsf_member_array(explain->vm, "filesystems");
    guint n = all != NULL ? json_array_get_length(all) : 0;

    if (all == NULL) {
        vsf_explain_not_told(finding);
        return;
    }
    if (n > 0)
        finding->value = g_strdup_printf("%u, one by one", n);
    if (n == 0 && !vsf_explain_no_agent(explain, finding, "filesystems")) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "waiting",
                        "The guest's agent has not told them yet, or has none that can be filled.");
    } else if (vsf_explain_is(explain->status, "config/detail", "none")) {
        vsf_finding_say(finding, VSF_SEVERITY_NOTE, "detail-off",
                        "They are not sent: the configuration has detail = none.");
        vsf_finding_fix(finding,
                        "set detail = rtmetric in [guest] of /etc/virt-sflow/virt-sflow.conf, and "
                        "then",
                        VSF_EXPLAIN_RELOAD);
    } else if (n > 0) {
        vsf_explain_and(
            finding, "They leave as custom metrics (format 4300:1002). A collector that is too "
                     "old for these, or does not know them, as Ganglia's gmond, shows only their "
                     "sum, which is the disk's free space; virt-sflow receive shows them.");
    }
}
