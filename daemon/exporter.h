/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translates model values into sFlow samples: the one place that knows both.
 * Owns sequence numbers and datagrams; reads nothing and decides no timing but
 * that of the flush. Main thread only. */
#pragma once

#include "config.h"
#include "exporter-detail.h"
#include "host/node.h"
#include "model/counters.h"
#include "model/domain-detail.h"
#include "model/host-counters.h"
#include "model/registry.h"
#include "sflow/datagram.h"
#include "sflow/flow.h"
#include "vital-signs.h"

typedef struct VsfExporter VsfExporter;

typedef void (*VsfExporterSend)(const guint8 *data, gsize size, gpointer user_data);

typedef struct { /* since the daemon started, for the status */
    guint64 datagrams, bytes;
    guint64 flow_samples, counter_samples, metric_samples;
    guint64 truncated; /* samples whose lists were cut to fit a datagram */
} VsfExporterTotals;

/* @config is used until vsf_exporter_free(), or until another one is set. */
VsfExporter *vsf_exporter_new(const VsfConfig *config, const VsfSflowAddress *agent,
                              VsfExporterSend send, gpointer user_data);

/* Sends what is collected. Takes NULL. */
void vsf_exporter_free(VsfExporter *exporter);

/* Instead of the ones before, once what is collected has left. Sequence numbers go on, also under
 * another agent address. */
void vsf_exporter_set_config(VsfExporter *exporter, const VsfConfig *config,
                             const VsfSflowAddress *agent);

/* Counter sample of the hypervisor, source 2:1. Its sequence restarts at 1 when a sum went
 * back. @counters: NULL for who and how large the host is alone; idle times that went back are
 * replaced in it (vsf_host_counters_steady()). */
void vsf_exporter_host(VsfExporter *exporter, const VsfNode *node, guint n_domains,
                       VsfHostCounters *counters);

/* One counter sample of a domain with all its standard records, source
 * 3:index. Its sequence restarts at 1 when a counter went back. @facts: NULL if
 * the guest told nothing. */
void vsf_exporter_domain(VsfExporter *exporter, const VsfDomain *domain,
                         const VsfDomainCounters *counters, const VsfGuestFacts *facts);

/* Custom metrics named by the domain's UUID: as many samples as it takes, none if the
 * configuration wants no detail. */
void vsf_exporter_detail(VsfExporter *exporter, const VsfDomain *domain,
                         const VsfDomainDetail *detail, const VsfGuestFacts *facts);

/* Where the counters of NICs that are host devices come from; at first from nowhere. */
void vsf_exporter_set_hostdevs(VsfExporter *exporter, VsfHostdevCounters counters,
                               gpointer user_data);

/* Custom metrics of the daemon itself, named @source; none if the configuration wants no
 * detail. */
void vsf_exporter_vital_signs(VsfExporter *exporter, const char *source,
                              const VsfVitalSigns *signs);

/* One counter sample of a tap, source 0:ifIndex, in the switch port's view. */
void vsf_exporter_tap(VsfExporter *exporter, const VsfTap *tap, const VsfLinkStats *stats);

/* One counter sample of an interface of the host's own, source 0:ifIndex. */
void vsf_exporter_interface(VsfExporter *exporter, const VsfHostInterface *interface);

/* One flow sample, source 0:ifIndex. Sequence and source are filled in here, and its time is
 * left out if the configuration wants none. */
void vsf_exporter_flow(VsfExporter *exporter, int ifindex, VsfSflowFlow *flow);

/* The source is gone: its next sample, if there ever is one, starts at 1. */
void vsf_exporter_forget_domain(VsfExporter *exporter, guint32 index);
void vsf_exporter_forget_tap(VsfExporter *exporter, int ifindex);
/* The same of one kind of its samples, where two tell of one interface: of a port uplinks.h tells
 * counters, and flows.h packets. */
void vsf_exporter_forget_counters(VsfExporter *exporter, int ifindex);
void vsf_exporter_forget_flows(VsfExporter *exporter, int ifindex);

/* Counter samples sent for a domain. */
guint32 vsf_exporter_domain_samples(const VsfExporter *exporter, guint32 index);

void vsf_exporter_flush(VsfExporter *exporter);
VsfExporterTotals vsf_exporter_totals(const VsfExporter *exporter);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfExporter, vsf_exporter_free)
