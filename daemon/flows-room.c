/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When there are more interfaces than samplers may be: who waits, what is said
 * about it, and who is next. */
#include "base/descriptors.h"
#include "base/event.h"
#include "flows-private.h"

#include <net/if.h>

/* Descriptors for everything but samplers: libvirt, netlink, collectors, 32 control
 * clients, files that are read. */
#define RESERVE 96
#define LOG_US (60 * G_USEC_PER_SEC)

guint
vsf_flows_samplers_max(guint descriptors)
{
    guint reserve = RESERVE + vsf_descriptors_kept_max(descriptors);

    return MAX(MAX(descriptors, reserve) - reserve, MAX(descriptors / 4, 1));
}

static char *
describe(const VsfFlows *flows)
{
    VsfCaptureRoom room = vsf_capture_room(flows->capture);

    if (room.n_descriptors >= room.samplers_max)
        return g_strdup_printf("no room: %u open files allow %u samplers", vsf_descriptors_limit(),
                               vsf_capture_room_samplers_max(&room));
    return g_strdup_printf("no room: the packet rings of %u samplers hold %" G_GSIZE_FORMAT " MiB",
                           room.n_samplers, room.used / 1024 / 1024);
}

static const char *
remedy(const VsfFlows *flows)
{
    VsfCaptureRoom room = vsf_capture_room(flows->capture);

    if (room.n_descriptors >= room.samplers_max)
        return "raise LimitNOFILE of its service (ulimit -n)";
    return "sampling = 0 in the metadata of VMs that matter less makes room";
}

/* Once, until there is room for all: unless it comes back at once, from samplers that end, as when
 * many are opened anew. */
static void
tell_no_room(VsfFlows *flows, const Sampler *sampler)
{
    guint held_back;

    if (flows->room_told ||
        g_hash_table_size(flows->waiting) <= vsf_capture_ending(flows->capture) ||
        !vsf_log_rate_allow(&flows->room_rate, g_get_monotonic_time(), LOG_US, &held_back))
        return;
    flows->room_told = TRUE;
    vsf_log_event(
        G_LOG_LEVEL_WARNING, VSF_EVENT_NO_ROOM, &(VsfLogAbout){.tap = sampler->tap->link.name},
        "%s: cannot sample: %s; it and others that come wait until one ends, their counters "
        "go on; %s",
        sampler->tap->link.name, sampler->trouble, remedy(flows));
}

void
vsf_flows_wait_for_room(VsfFlows *flows, Sampler *sampler)
{
    g_free(sampler->trouble);
    sampler->trouble = describe(flows);
    g_hash_table_add(flows->waiting, sampler);
    tell_no_room(flows, sampler);
}

void
vsf_flows_leave_waiting(VsfFlows *flows, Sampler *sampler)
{
    if (!g_hash_table_remove(flows->waiting, sampler))
        return;
    g_clear_pointer(&sampler->trouble, g_free);
    if (g_hash_table_size(flows->waiting) > 0 || !flows->room_told)
        return;
    flows->room_told = FALSE;
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_ROOM_AGAIN, NULL,
                  "there is room for a sampler on every interface again");
}

/* Those of VMs, and ports, before those that may be nobody's. */
static Sampler *
next_waiting(const VsfFlows *flows)
{
    GHashTableIter iter;
    gpointer key;
    Sampler *next = NULL;

    g_hash_table_iter_init(&iter, flows->waiting);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        next = key;
        if (vsf_tap_is_settled(next->tap))
            break;
    }
    return next;
}

void
vsf_flows_room_came(gpointer user_data)
{
    VsfFlows *flows = user_data;
    Sampler *sampler;

    while (vsf_capture_has_room(flows->capture) && (sampler = next_waiting(flows)) != NULL) {
        if (!(sampler->tap->link.flags & IFF_UP))
            vsf_flows_leave_waiting(flows, sampler);
        vsf_flows_open_sampler(flows, sampler);
        /* What there is room for is not for this one. */
        if (g_hash_table_contains(flows->waiting, sampler))
            break;
    }
    if ((sampler = next_waiting(flows)) != NULL)
        tell_no_room(flows, sampler);
    vsf_flows_look_who_moves(flows);
}

void
vsf_flows_room(const VsfFlows *flows, VsfFlowsRoom *status)
{
    VsfCaptureRoom room = vsf_capture_room(flows->capture);

    *status = (VsfFlowsRoom){
        .samplers = room.n_samplers,
        .samplers_max = vsf_capture_room_samplers_max(&room),
        .waiting = g_hash_table_size(flows->waiting),
        .ring_bytes = room.used,
        .ring_bytes_max = room.ring_total,
        .ebpf_samplers = room.n_hooked,
        .ebpf_samplers_max = room.hooked_max,
    };
}

const VsfCaptureChoice *
vsf_flows_choice(const VsfFlows *flows)
{
    return vsf_capture_choice(flows->capture);
}

/* A port that an administrator has left down is no lack; a VM's interface is. */
static gboolean
is_wanted(const Sampler *sampler)
{
    const VsfTap *tap = sampler->tap;

    if (!vsf_tap_is_settled(tap) || sampler->rate == 0)
        return FALSE;
    return tap->role != VSF_TAP_PORT || (tap->link.flags & IFF_UP) != 0;
}

VsfFlowTotals
vsf_flows_totals(VsfFlows *flows)
{
    VsfFlowTotals totals = {.factor = 1, .drops = flows->drops_gone};
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, flows->samplers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Sampler *sampler = value;

        totals.drops += vsf_flows_drops(flows, sampler);
        if (!is_wanted(sampler))
            continue;
        totals.wanted++;
        if (vsf_flows_is_sampling(sampler))
            totals.sampled++;
        totals.factor = MAX(totals.factor, vsf_rate_cap_factor(&sampler->cap));
    }
    return totals;
}
