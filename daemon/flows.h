/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From sampled packets to flow samples: which packets count (direction), whose
 * they are, and how many could have been sampled when each was picked.
 *
 * Packets wait a moment (FLOW_TICK) for company; those of libpcap also for a reading of
 * their tap's counters, from which the sample pool is interpolated, while those of eBPF say
 * by how much it grows. Those of a tap whose VM is not
 * known yet wait, bounded, until it is bound or let go. Main thread only. */
#pragma once

#include "exporter.h"
#include "model/talkers.h"
#include "net/capture.h"
#include "net/link-stats.h"

typedef struct VsfFlows VsfFlows;

typedef struct {            /* one sampler, for the status */
    const char *state;      /* "sampling", "opening", "paused", "closed", or what is wrong */
    guint32 sampling;       /* in force: the configured rate times the factor; 0: paused */
    VsfDirection direction; /* of a port never ONCE: that is BOTH there */
    guint32 factor;         /* 1, or how much coarser because of too many samples */
    guint64 samples;        /* flow samples sent */
    guint64 left_out;       /* sampled, but counted on another tap of this host (direction once) */
    guint64 drops;
    guint32 pool;
    const char *backend;        /* "pcap" or "ebpf"; NULL: it has no sampler */
    const char *backend_reason; /* why libpcap, where eBPF is in force; valid until it changes */
} VsfFlowStatus;

typedef struct {    /* over all samplers */
    guint wanted;   /* interfaces of VMs, and ports that are up, that are to be sampled */
    guint sampled;  /* of these, those that are */
    guint32 factor; /* the highest one in force, at least 1 */
    guint64 drops;  /* since the daemon started, also on interfaces that are gone */
} VsfFlowTotals;

typedef struct {                            /* of all samplers */
    guint samplers;                         /* open, or being opened or closed */
    guint samplers_max;                     /* as many as the limit of open files leaves room for */
    guint waiting;                          /* interfaces that should be sampled and have no room */
    guint64 ring_bytes, ring_bytes_max;     /* without those being closed */
    guint ebpf_samplers, ebpf_samplers_max; /* of these, eBPF's */
} VsfFlowsRoom;

/* Everything is used until vsf_flows_free(), @config until another one is set; but for @choice,
 * which is taken; NULL: libpcap. */
VsfFlows *vsf_flows_new(const VsfConfig *config, const VsfRegistry *registry, VsfExporter *exporter,
                        VsfLinkStatsReader *link_stats, VsfCaptureChoice *choice, GError **error);
void vsf_flows_free(VsfFlows *flows);

/* Instead of the one before. Only samplers that it wants otherwise are touched: another rate
 * leaves no gap, another direction and other header bytes open them anew. What collectors were
 * told (samples, pools, drops) goes on. */
void vsf_flows_set_config(VsfFlows *flows, const VsfConfig *config);

/* The registry's news about a tap or port; changed: its link, its speed, or what its VM's name and
 * metadata want. */
void vsf_flows_tap_added(VsfFlows *flows, VsfTap *tap);
void vsf_flows_tap_bound(VsfFlows *flows, VsfTap *tap);
void vsf_flows_tap_changed(VsfFlows *flows, VsfTap *tap);
void vsf_flows_tap_removed(VsfFlows *flows, VsfTap *tap);

/* Counters of a tap that somebody read anyway, at @read_ns on the monotonic clock. */
void vsf_flows_reading(VsfFlows *flows, int ifindex, const VsfLinkStats *stats, gint64 read_ns);

/* At most @max samples a second of all taps together, beside what is configured; 0: no
 * such bound. Those with the most traffic are sampled more coarsely. */
void vsf_flows_set_bound(VsfFlows *flows, guint max);

/* Paused: no tap has a sampler, and packets cost nothing; what was picked before leaves.
 * What collectors were told goes on where it was when it is over. */
void vsf_flows_pause(VsfFlows *flows, gboolean paused);

gboolean vsf_flows_are_paused(const VsfFlows *flows);

/* Packets that were picked since the start. */
guint64 vsf_flows_picked(const VsfFlows *flows);

/* What is configured for the tap, sampled or not, in words that are true of a port: ONCE is BOTH
 * there. */
VsfDirection vsf_flows_told_direction(const VsfFlows *flows, const VsfTap *tap);

/* FALSE if the tap @ifindex is not to be sampled. */
gboolean vsf_flows_status(VsfFlows *flows, int ifindex, VsfFlowStatus *status);

/* Who sends how much to whom: as vsf_talkers_top(). */
guint vsf_flows_talks(VsfFlows *flows, VsfTalk *talks, guint n_max);

VsfFlowTotals vsf_flows_totals(VsfFlows *flows);

void vsf_flows_room(const VsfFlows *flows, VsfFlowsRoom *room);

/* What takes the packets; NULL: libpcap, by nobody's choice. */
const VsfCaptureChoice *vsf_flows_choice(const VsfFlows *flows);

/* How many samplers a process with so many descriptors may have. */
guint vsf_flows_samplers_max(guint descriptors);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfFlows, vsf_flows_free)
