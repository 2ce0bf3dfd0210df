/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-choice.h"

#include <string.h>

/* Interfaces that auto gives to eBPF. Making and removing the links of one waits for the kernel
 * under a lock that all interfaces share, 20 to 40 ms each (measured on Linux 6.18), also when
 * the daemon ends: 200 took 5 s. So many have links; more would have clsact, which keeps libvirt
 * from limiting the traffic of a running VM. */
#define AUTO_TAPS_MAX 64
/* With fewer descriptors auto leaves them to libpcap, which needs one for each interface. */
#define AUTO_DESCRIPTORS 1024

/* Two descriptors for each interface: half of them at most, so that the other half is left to
 * everything else and to samplers to come. */
guint
vsf_capture_choice_taps_max(VsfCaptureWanted wanted, guint descriptors)
{
    if (wanted == VSF_CAPTURE_PCAP ||
        (wanted == VSF_CAPTURE_AUTO && descriptors < AUTO_DESCRIPTORS))
        return 0;
    return wanted == VSF_CAPTURE_AUTO ? MIN(descriptors / 4, AUTO_TAPS_MAX) : descriptors / 4;
}

static const char *
remedy(const GError *error)
{
    if (g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_PERMISSION))
        return "; CAP_BPF, CAP_NET_ADMIN and bpf(2) are what the unit's drop-in ebpf.conf "
               "grants, see virt-sflowd(8)";
    if (g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_UNSUPPORTED))
        return "; Linux 6.6 and later can do it";
    if (g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NOT_BUILT))
        return "; a build with -Dbpf=enabled has it";
    return "";
}

static void
load(VsfCaptureChoice *choice)
{
    VsfBpfConfig config = {
        .header_bytes = choice->header_bytes,
        .direction = choice->direction,
        .taps_max = choice->taps_max,
    };
    g_autoptr(GError) error = NULL;

    choice->bpf = vsf_bpf_load(&config, &error);
    if (choice->bpf == NULL) {
        choice->reason = g_strdup_printf("eBPF cannot be used: %s%s", error->message,
                                         remedy(error));
        return;
    }
    choice->taps_max = vsf_bpf_taps_max(choice->bpf);
    /* libvirt makes an ingress qdisc for the limits of a VM, at its start too, and fails where
     * clsact is: nobody should find that out who did not ask for it. */
    if (choice->wanted == VSF_CAPTURE_AUTO && strcmp(vsf_bpf_attachment(choice->bpf), "tcx") != 0) {
        g_clear_pointer(&choice->bpf, vsf_bpf_free);
        choice->reason = g_strdup("eBPF would attach by clsact on this kernel, which keeps libvirt "
                                  "from limiting the traffic of VMs; Linux 6.6 has another way, "
                                  "and [capture] backend = ebpf takes this one");
        return;
    }
    choice->reason = g_strdup(choice->wanted == VSF_CAPTURE_AUTO
                                  ? "kernel, privileges and build allow it"
                                  : "[capture] backend = ebpf");
}

/* --- what a daemon that was killed left ---------------------------------- */

static void
tell_swept(const VsfBpfSwept *swept)
{
    g_autofree char *text = vsf_capture_choice_describe_swept(swept);

    if (text != NULL)
        g_log(G_LOG_DOMAIN, swept->left > 0 ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, "%s",
              text);
}

static gpointer
sweep(gpointer payload G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    VsfBpfSwept swept = vsf_bpf_sweep();

    return g_memdup2(&swept, sizeof(swept));
}

static void
sweep_ended(GObject *object G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data G_GNUC_UNUSED)
{
    g_autofree VsfBpfSwept *swept = vsf_worker_finish(result, NULL);

    if (swept != NULL)
        tell_swept(swept);
}

/* It asks for interfaces, which waits for as long as anybody holds their lock. eBPF needs that lock
 * as well, and a place for its own filters; libpcap does not wait for it. A tcx link goes with
 * its process. */
static void
sweep_leftovers(VsfCaptureChoice *choice)
{
    if (choice->bpf != NULL) {
        VsfBpfSwept swept = vsf_bpf_sweep();

        tell_swept(&swept);
        return;
    }
    choice->sweeper = vsf_worker_new(1, g_free);
    vsf_worker_run(choice->sweeper, sweep, NULL, NULL, NULL, sweep_ended, NULL);
}

/* --- the door -------------------------------------------------------------- */

VsfCaptureChoice *
vsf_capture_choose(VsfCaptureWanted wanted, guint32 header_bytes, VsfDirection direction,
                   guint descriptors)
{
    VsfCaptureChoice *choice = g_new0(VsfCaptureChoice, 1);

    choice->wanted = wanted;
    choice->header_bytes = CLAMP(header_bytes, 64, 256);
    choice->direction = direction;
    choice->taps_max = vsf_capture_choice_taps_max(wanted, descriptors);
    if (wanted == VSF_CAPTURE_PCAP)
        choice->reason = g_strdup("[capture] backend = pcap");
    else if (choice->taps_max == 0)
        choice->reason = g_strdup_printf(
            "eBPF would take descriptors from samplers: of %u open files, 1024 are needed; raise "
            "LimitNOFILE of its service (ulimit -n)",
            descriptors);
    else
        load(choice);
    sweep_leftovers(choice);
    return choice;
}

void
vsf_capture_choice_free(VsfCaptureChoice *choice)
{
    if (choice == NULL)
        return;
    vsf_worker_free(choice->sweeper);
    g_clear_pointer(&choice->bpf, vsf_bpf_free);
    g_free(choice->reason);
    g_free(choice);
}

static gboolean
is_ebpf(const VsfCaptureChoice *choice)
{
    return choice != NULL && choice->bpf != NULL;
}

const char *
vsf_capture_choice_name(const VsfCaptureChoice *choice)
{
    return is_ebpf(choice) ? "ebpf" : "pcap";
}

const char *
vsf_capture_choice_unit(const VsfCaptureChoice *choice)
{
    return is_ebpf(choice) ? "segments" : "frames";
}

const char *
vsf_capture_choice_attachment(const VsfCaptureChoice *choice)
{
    return is_ebpf(choice) ? vsf_bpf_attachment(choice->bpf) : NULL;
}

char *
vsf_capture_choice_describe(const VsfCaptureChoice *choice)
{
    if (!is_ebpf(choice))
        return g_strdup_printf("packets are sampled by libpcap and counted in frames: %s",
                               choice->reason);
    return g_strdup_printf(
        "packets are sampled by eBPF (%s) and counted in segments of the wire: %s; interfaces "
        "beyond %u are left to libpcap",
        vsf_bpf_attachment(choice->bpf), choice->reason, choice->taps_max);
}

char *
vsf_capture_choice_describe_swept(const VsfBpfSwept *swept)
{
    if (swept->left > 0)
        return g_strdup_printf(
            "interfaces with clsact filters that a virt-sflowd left when it was killed: %u; they "
            "cost each packet time and keep libvirt from limiting the traffic of their VMs; to "
            "remove them needs CAP_NET_ADMIN, or for each `tc qdisc del dev NAME clsact`",
            swept->left);
    if (swept->removed > 0)
        return g_strdup_printf("removed the clsact filters that a virt-sflowd left when it was "
                               "killed; interfaces that had some: %u",
                               swept->removed);
    return NULL;
}

gboolean
vsf_capture_choice_is_as_wanted(const VsfCaptureChoice *choice)
{
    return choice->bpf != NULL || choice->wanted != VSF_CAPTURE_EBPF;
}

const char *
vsf_capture_choice_built(void)
{
    return vsf_bpf_is_built() ? "pcap ebpf" : "pcap";
}
