/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When counters are read and sent: every source (host, domain, tap) once per
 * interval at a phase of its own (schedule.h), the first time too, so that a fleet that is
 * restarted at once does not send at once. A VM's phase is chosen by the host's seed and its UUID,
 * and so is the same after a restart; its taps' is the same. One reading of interface
 * counters serves all that are due together. Main thread only. */
#pragma once

#include "domain-poll.h"
#include "flows.h"
#include "model/quantiles.h"
#include "net/link-stats.h"
#include "uplinks.h"

typedef struct VsfPoller VsfPoller;

/* The domain's QEMU process is gone, and no sample of it leaves any more. If
 * libvirt does not say so soon it has to be asked: it sends no event for a VM
 * that it gives up while it starts. Called every turn. */
typedef void (*VsfPollerGone)(const VsfDomain *domain, gpointer user_data);

/* Everything is used until vsf_poller_free(), @config until another one is set. @seed: of the
 * phases, the host's own (vsf_schedule_seed()). The host's sample leaves before any domain's: some
 * collectors drop those of a host that they do not know. */
VsfPoller *vsf_poller_new(const VsfConfig *config, VsfRegistry *registry, VsfExporter *exporter,
                          VsfFlows *flows, VsfLinkStatsReader *link_stats, VsfCalls *stats,
                          VsfGuests *guests, guint32 seed, VsfPollerGone gone, gpointer gone_data);
void vsf_poller_free(VsfPoller *poller);

/* Who knows counters of NICs that have no tap; until then nobody does. */
void vsf_poller_set_others(VsfPoller *poller, VsfNicStatsFunc func, gpointer user_data);

/* The same of the host's own interfaces that another agent under our address tells of. */
void vsf_poller_set_elsewhere(VsfPoller *poller, VsfElsewhereFunc func, gpointer user_data);

/* The host's sample now, if none has left yet: before anything else is told of the host. */
void vsf_poller_host_first(VsfPoller *poller);

/* The registry's news. */
void vsf_poller_domain_added(VsfPoller *poller, VsfDomain *domain);
void vsf_poller_domain_removed(VsfPoller *poller, VsfDomain *domain);
void vsf_poller_tap_added(VsfPoller *poller, VsfTap *tap);
void vsf_poller_tap_removed(VsfPoller *poller, VsfTap *tap);
/* Whose it is, or its name. */
void vsf_poller_tap_changed(VsfPoller *poller, VsfTap *tap);
/* One that came here by migration has its first turn at once, one that left its last; in between,
 * and before, it has none (VsfDomain.here). */
void vsf_poller_domain_changed(VsfPoller *poller, VsfDomain *domain);

/* Its guest agent came or went, as the channel says. A guest that switches itself off ends it
 * first: while it is away, what the last sample should have is read once a second, for half a
 * minute. */
void vsf_poller_agent(VsfPoller *poller, const VsfDomain *domain, gboolean connected);

/* Instead of the one before. Who has the same interval as before keeps its phase. */
void vsf_poller_set_config(VsfPoller *poller, const VsfConfig *config);

/* A tap's counters at its end, before tap_removed: they leave at once, and are
 * part of its domain's last sample. */
void vsf_poller_tap_final(VsfPoller *poller, int ifindex, const VsfLinkStats *stats);

/* The connection to libvirt came or went; it starts as gone. When it comes back,
 * VMs whose last sample lacks what libvirt knows have extra turns soon, as they
 * have when a call returns that had hung. */
void vsf_poller_connected(VsfPoller *poller, gboolean connected);

typedef struct {
    guint64 taken, missed; /* since the daemon started; missed: a whole interval late */
    gboolean due;          /* another one is, by now */
} VsfPollerTurns;

/* How late turns were since the last time, in microseconds: from the time that one was due
 * until what it is for (a VM's sample, an interface's, the host's) was handed over. */
VsfQuantiles vsf_poller_take_lateness(VsfPoller *poller);

VsfPollerTurns vsf_poller_turns(const VsfPoller *poller);

/* A turn of the domain at once: it just started, or it shuts itself down. None but the last for
 * one that is not here. */
void vsf_poller_domain_now(VsfPoller *poller, VsfDomain *domain, VsfPollUrgency urgency);

/* The host's own interfaces, as vsf_uplinks_known(). */
const GArray *vsf_poller_uplinks(const VsfPoller *poller);

gboolean vsf_poller_status(const VsfPoller *poller, const VsfDomain *domain, VsfPollStatus *status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfPoller, vsf_poller_free)
