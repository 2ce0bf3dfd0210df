/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical host's values as records of its sample. */
#pragma once

#include "host/node.h"
#include "model/host-counters.h"
#include "sflow/counter.h"

/* host_descr and virt_node. */
void vsf_host_put_node(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node, guint n_domains);

/* host_cpu, host_memory, host_disk_io, host_net_io, the MIB-2 groups, host_adapters. FALSE: not all
 * of it has room; what stands later in this list is left out, and of the adapters the last ones. */
gboolean vsf_host_put_counters(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node,
                               const VsfHostCounters *counters);

/* if_counters and port_name. */
void vsf_host_put_interface(VsfXdr *xdr, VsfSflowSample *sample, const VsfHostInterface *interface,
                            const VsfInterfaceKinds *kinds);

/* Of host_net_io and virt_net_io, whose members are the same. */
VsfSflowVirtNet vsf_exporter_net_record(const VsfNetCounters *net);
