/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporter.h"

#include "exporter-detail.h"
#include "exporter-host.h"

#include <net/if.h>
#include <string.h>

/* Counter samples wait for company at most this long; the exact time is random
 * so that nodes that started together do not send together. */
#define FLUSH_MIN_MS 100
#define FLUSH_MAX_MS 500  /* no sample leaves 1 s after its VM is gone */
#define FIRST_FLUSH_MS 50 /* of a source's first sample, and with it of all */

#define HYPERVISOR ((VsfSflowSource){VSF_SFLOW_CLASS_PHYSICAL, 1})

/* One data source's numbering, and what it sent last. */
typedef struct {
    guint32 counter_sequence;
    guint32 flow_sequence;
    guint32 counter_samples;
    VsfDomainCounters last;
    VsfNetCounters last_net;
    VsfInterfaceKindsLast last_kinds; /* of the host's own interfaces */
} Source;

struct VsfExporter {
    const VsfConfig *config;
    VsfSflowDatagram *datagram;
    GHashTable *sources; /* gint64 class << 32 | index -> Source */
    guint8 *scratch;     /* one sample */
    VsfExporterSend send;
    gpointer user_data;
    gint64 start_us;
    VsfHostLast last_host;
    guint flush_timer;
    gboolean flush_soon; /* the timer is set for a first sample */
    VsfExporterTotals totals;
    VsfHostdevs hostdevs;
};

static void
count_and_send(const guint8 *data, size_t size, gpointer user_data)
{
    VsfExporter *exporter = user_data;

    exporter->totals.datagrams++;
    exporter->totals.bytes += size;
    exporter->send(data, size, exporter->user_data);
}

VsfExporter *
vsf_exporter_new(const VsfConfig *config, const VsfSflowAddress *agent, VsfExporterSend send,
                 gpointer user_data)
{
    VsfExporter *exporter = g_new0(VsfExporter, 1);

    exporter->config = config;
    exporter->datagram = vsf_sflow_datagram_new(agent, config->sub_agent_id, config->datagram_bytes,
                                                count_and_send, exporter);
    exporter->sources = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    exporter->scratch = g_malloc(config->datagram_bytes);
    exporter->send = send;
    exporter->user_data = user_data;
    exporter->last_host = vsf_host_last_none();
    exporter->start_us = g_get_monotonic_time();
    return exporter;
}

void
vsf_exporter_free(VsfExporter *exporter)
{
    if (exporter == NULL)
        return;
    vsf_exporter_flush(exporter);
    vsf_sflow_datagram_free(exporter->datagram);
    g_hash_table_unref(exporter->sources);
    g_free(exporter->scratch);
    g_free(exporter);
}

static guint32
uptime_ms(const VsfExporter *exporter)
{
    return (guint32)((g_get_monotonic_time() - exporter->start_us) / 1000);
}

void
vsf_exporter_flush(VsfExporter *exporter)
{
    g_clear_handle_id(&exporter->flush_timer, g_source_remove);
    vsf_sflow_datagram_flush(exporter->datagram, uptime_ms(exporter));
}

void
vsf_exporter_set_config(VsfExporter *exporter, const VsfConfig *config,
                        const VsfSflowAddress *agent)
{
    vsf_exporter_flush(exporter);
    vsf_sflow_datagram_change(exporter->datagram, agent, config->sub_agent_id,
                              config->datagram_bytes);
    exporter->scratch = g_realloc(exporter->scratch, config->datagram_bytes);
    exporter->config = config;
}

static gboolean
flush_now(gpointer user_data)
{
    VsfExporter *exporter = user_data;

    exporter->flush_timer = 0;
    vsf_exporter_flush(exporter);
    return G_SOURCE_REMOVE;
}

static gint64
source_key(guint32 source_class, guint32 index)
{
    return (gint64)source_class << 32 | index;
}

static Source *
source_for(VsfExporter *exporter, guint32 source_class, guint32 index)
{
    gint64 key = source_key(source_class, index);
    Source *source = g_hash_table_lookup(exporter->sources, &key);

    if (source == NULL) {
        source = g_new0(Source, 1);
        source->last = vsf_domain_counters_none();
        source->last_net = vsf_net_counters_unknown();
        source->last_kinds = vsf_interface_kinds_last_none();
        g_hash_table_insert(exporter->sources, g_memdup2(&key, sizeof(key)), source);
    }
    return source;
}

/* The next counter sequence; @restart: a counter went back, which collectors
 * must not take for a jump of nearly 2^32. */
static guint32
next_counter_sequence(Source *source, gboolean restart)
{
    source->counter_sequence = restart ? 1 : source->counter_sequence + 1;
    source->counter_samples++;
    return source->counter_sequence;
}

static VsfXdr
scratch(VsfExporter *exporter)
{
    return VSF_XDR_INIT(exporter->scratch, vsf_sflow_datagram_room(exporter->datagram));
}

/* Sees to it that what was added leaves in time. */
static void
flush_later(VsfExporter *exporter, gboolean soon)
{
    if (soon && exporter->flush_timer != 0 && !exporter->flush_soon)
        g_clear_handle_id(&exporter->flush_timer, g_source_remove);
    if (exporter->flush_timer != 0)
        return;
    exporter->flush_soon = soon;
    exporter->flush_timer = g_timeout_add(
        soon ? FIRST_FLUSH_MS : (guint)g_random_int_range(FLUSH_MIN_MS, FLUSH_MAX_MS), flush_now,
        exporter);
}

/* Gives a finished counter sample to the datagram and sees to its flush. */
static void
add_counter_sample(VsfExporter *exporter, const VsfXdr *xdr, guint32 sequence)
{
    if (xdr->overflow ||
        !vsf_sflow_datagram_add(exporter->datagram, xdr->data, xdr->used,
                                sequence == 1 ? VSF_SFLOW_KIND_FIRST : VSF_SFLOW_KIND_PLAIN,
                                uptime_ms(exporter))) {
        exporter->totals.truncated++;
        return;
    }
    exporter->totals.counter_samples++;
    flush_later(exporter, sequence == 1);
}

static gboolean
add_metrics(const VsfXdr *xdr, gpointer user_data)
{
    VsfExporter *exporter = user_data;

    if (!vsf_sflow_datagram_add(exporter->datagram, xdr->data, xdr->used, VSF_SFLOW_KIND_METRICS,
                                uptime_ms(exporter)))
        return FALSE;
    exporter->totals.metric_samples++;
    flush_later(exporter, FALSE);
    return TRUE;
}

void
vsf_exporter_detail(VsfExporter *exporter, const VsfDomain *domain, const VsfDomainDetail *detail,
                    const VsfGuestFacts *facts)
{
    VsfXdr xdr = scratch(exporter);

    if (exporter->config->detail == VSF_DETAIL_RTMETRIC)
        vsf_detail_metrics(&xdr, domain->def, detail, facts, &exporter->hostdevs, add_metrics,
                           exporter);
}

void
vsf_exporter_set_hostdevs(VsfExporter *exporter, VsfHostdevCounters counters, gpointer user_data)
{
    exporter->hostdevs = (VsfHostdevs){counters, user_data};
}

void
vsf_exporter_vital_signs(VsfExporter *exporter, const char *source, const VsfVitalSigns *signs)
{
    VsfXdr xdr = scratch(exporter);

    if (exporter->config->detail == VSF_DETAIL_RTMETRIC)
        vsf_vital_signs_metrics(&xdr, source, signs, add_metrics, exporter);
}

void
vsf_exporter_host(VsfExporter *exporter, const VsfNode *node, guint n_domains,
                  VsfHostCounters *counters)
{
    gboolean back = counters != NULL && vsf_host_counters_step_back(&exporter->last_host, counters);
    guint32 sequence = next_counter_sequence(source_for(exporter, VSF_SFLOW_CLASS_PHYSICAL, 1),
                                             back);
    VsfXdr xdr = scratch(exporter);
    VsfSflowSample sample = vsf_sflow_counter_begin(&xdr, sequence, HYPERVISOR);

    vsf_host_put_node(&xdr, &sample, node, n_domains);
    if (counters != NULL)
        vsf_host_counters_steady(&exporter->last_host, counters);
    if (counters != NULL && !vsf_host_put_counters(&xdr, &sample, node, counters))
        exporter->totals.truncated++;
    vsf_sflow_counter_end(&xdr, &sample);
    add_counter_sample(exporter, &xdr, sequence);
    /* Some collectors drop every VM sample until they have seen a host sample
     * of the same agent: the first one leaves at once, alone. And those that do not know
     * its counters, and do not go by a record's length, misread what stands behind them. */
    if (sequence == 1 || counters != NULL)
        vsf_exporter_flush(exporter);
}

/* sFlow's enum ends at 6; libvirt's 7, suspended by power management, is a
 * paused guest to everyone else. */
static guint32
wire_state(int state)
{
    if (state < 0)
        return VSF_SFLOW_UNKNOWN32;
    return state == VSF_STATE_PMSUSPENDED ? VSF_STATE_PAUSED : (guint32)state;
}

static guint32
wire_cpu_ms(guint64 cpu_time_ns)
{
    return cpu_time_ns == VSF_UNKNOWN ? VSF_SFLOW_UNKNOWN32
                                      : vsf_sflow_low32(cpu_time_ns / 1000000);
}

static VsfSflowVirtDisk
wire_disk(const VsfDiskCounters *disk)
{
    return (VsfSflowVirtDisk){
        .capacity = disk->capacity,
        .allocation = disk->allocation,
        .available = disk->available,
        .rd_req = vsf_sflow_low32(disk->rd_req),
        .rd_bytes = disk->rd_bytes,
        .wr_req = vsf_sflow_low32(disk->wr_req),
        .wr_bytes = disk->wr_bytes,
        .errs = VSF_SFLOW_UNKNOWN32, /* libvirt has no such number for QEMU */
    };
}

/* Every NIC with its guest MAC and its tap's ifIndex, so that a collector can
 * join flows to VMs; as many as the datagram has room for. */
static void
write_adapters(VsfExporter *exporter, VsfXdr *xdr, VsfSflowSample *sample, const VsfDomain *domain)
{
    const GPtrArray *nics = domain->def->nics;
    g_autofree VsfSflowAdapter *adapters = g_new0(VsfSflowAdapter, MAX(nics->len, 1));

    for (guint i = 0; i < nics->len; i++) {
        const VsfNic *nic = g_ptr_array_index(nics, i);

        memcpy(adapters[i].mac, nic->mac, sizeof(adapters[i].mac));
        for (guint t = 0; t < domain->taps->len; t++) {
            const VsfTap *tap = g_ptr_array_index(domain->taps, t);

            if (tap->nic == nic)
                adapters[i].if_index = (guint32)tap->link.ifindex;
        }
    }
    if (vsf_sflow_host_adapters(xdr, sample, adapters, nics->len, xdr->size - xdr->used) <
        nics->len)
        exporter->totals.truncated++;
}

void
vsf_exporter_domain(VsfExporter *exporter, const VsfDomain *domain,
                    const VsfDomainCounters *counters, const VsfGuestFacts *facts)
{
    Source *source = source_for(exporter, VSF_SFLOW_CLASS_LOGICAL, domain->index);
    guint32 sequence = next_counter_sequence(
        source, vsf_domain_counters_step_back(&source->last, counters));
    VsfXdr xdr = scratch(exporter);
    VsfSflowSample sample = vsf_sflow_counter_begin(
        &xdr, sequence, (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, domain->index});
    VsfSflowHostDescr descr = {
        .hostname = domain->name,
        .machine_type = vsf_sflow_machine_type(domain->def->arch),
        /* Only the guest knows. */
        .os_name = facts != NULL ? facts->os_name : 0,
        .os_release = facts != NULL ? facts->os_release : "",
    };
    VsfSflowVirtCpu cpu = {
        .state = wire_state(counters->state),
        .cpu_time_ms = wire_cpu_ms(counters->cpu_time_ns),
        .n_virt_cpu = vsf_sflow_low32(counters->n_vcpus),
    };
    VsfSflowVirtMemory memory = {counters->memory, counters->max_memory};
    VsfSflowVirtDisk disk = wire_disk(&counters->disk);
    VsfSflowVirtNet net = vsf_exporter_net_record(&counters->net);

    memcpy(descr.uuid, domain->def->uuid_bytes, sizeof(descr.uuid));
    vsf_sflow_host_descr(&xdr, &sample, &descr);
    vsf_sflow_host_parent(&xdr, &sample, HYPERVISOR);
    vsf_sflow_virt_cpu(&xdr, &sample, &cpu);
    vsf_sflow_virt_memory(&xdr, &sample, &memory);
    vsf_sflow_virt_disk(&xdr, &sample, &disk);
    vsf_sflow_virt_net(&xdr, &sample, &net);
    write_adapters(exporter, &xdr, &sample, domain);
    vsf_sflow_counter_end(&xdr, &sample);
    add_counter_sample(exporter, &xdr, sequence);
}

/* Unicast is what is left where the kernel counts multicast; where it does
 * not, every packet counts as unicast and the rest is unknown. */
static guint32
unicast(guint64 packets, guint64 multicast)
{
    if (packets == VSF_UNKNOWN || multicast == VSF_UNKNOWN)
        return vsf_sflow_low32(packets);
    return vsf_sflow_low32(packets - MIN(packets, multicast));
}

void
vsf_exporter_tap(VsfExporter *exporter, const VsfTap *tap, const VsfLinkStats *stats)
{
    guint32 index = (guint32)tap->link.ifindex;
    Source *source = source_for(exporter, VSF_SFLOW_CLASS_INTERFACE, index);
    VsfNetCounters port = vsf_net_counters_port(stats, tap->kind);
    /* The kernel takes any bytes, sFlow's strings are UTF-8. */
    g_autofree char *name = g_utf8_make_valid(tap->link.name, -1);
    guint32 sequence = next_counter_sequence(source,
                                             vsf_net_counters_step_back(&source->last_net, &port));
    VsfXdr xdr = scratch(exporter);
    VsfSflowSample sample = vsf_sflow_counter_begin(
        &xdr, sequence, (VsfSflowSource){VSF_SFLOW_CLASS_INTERFACE, index});
    VsfSflowIfCounters record = {
        .if_index = index,
        .if_type = 6, /* ethernetCsmacd */
        /* What the kernel calls a tap's speed is fiction; only a limit that
         * libvirt enforces is true. */
        .if_speed = tap->nic != NULL ? tap->nic->bandwidth_bps : 0,
        .if_direction = 1,
        .if_status = (tap->link.flags & IFF_UP ? 1u : 0u) | (tap->link.carrier ? 2u : 0u),
        .in_octets = port.bytes_in,
        .in_ucast = unicast(port.packets_in, port.multicast_in),
        .in_multicast = vsf_sflow_low32(port.multicast_in),
        .in_broadcast = VSF_SFLOW_UNKNOWN32,
        .in_discards = vsf_sflow_low32(port.drops_in),
        .in_errors = vsf_sflow_low32(port.errors_in),
        .in_unknown_protos = VSF_SFLOW_UNKNOWN32,
        .out_octets = port.bytes_out,
        .out_ucast = vsf_sflow_low32(port.packets_out),
        .out_multicast = VSF_SFLOW_UNKNOWN32,
        .out_broadcast = VSF_SFLOW_UNKNOWN32,
        .out_discards = vsf_sflow_low32(port.drops_out),
        .out_errors = vsf_sflow_low32(port.errors_out),
        .promiscuous = tap->link.flags & IFF_PROMISC ? 1 : 2,
    };

    vsf_sflow_if_counters(&xdr, &sample, &record);
    vsf_sflow_port_name(&xdr, &sample, name);
    vsf_sflow_counter_end(&xdr, &sample);
    add_counter_sample(exporter, &xdr, sequence);
}

void
vsf_exporter_interface(VsfExporter *exporter, const VsfHostInterface *interface)
{
    guint32 index = (guint32)interface->ifindex;
    Source *source = source_for(exporter, VSF_SFLOW_CLASS_INTERFACE, index);
    VsfInterfaceKinds kinds;
    gboolean back = vsf_net_counters_step_back(&source->last_net, &interface->net);
    guint32 sequence = next_counter_sequence(
        source, vsf_interface_kinds_next(&source->last_kinds, &interface->net,
                                         &interface->mac_counters, back, &kinds));
    VsfXdr xdr = scratch(exporter);
    VsfSflowSample sample = vsf_sflow_counter_begin(
        &xdr, sequence, (VsfSflowSource){VSF_SFLOW_CLASS_INTERFACE, index});

    vsf_host_put_interface(&xdr, &sample, interface, &kinds);
    vsf_sflow_counter_end(&xdr, &sample);
    add_counter_sample(exporter, &xdr, sequence);
}

void
vsf_exporter_flow(VsfExporter *exporter, int ifindex, VsfSflowFlow *flow)
{
    Source *source = source_for(exporter, VSF_SFLOW_CLASS_INTERFACE, (guint32)ifindex);
    VsfXdr xdr = scratch(exporter);

    flow->sequence = ++source->flow_sequence;
    flow->source = (VsfSflowSource){VSF_SFLOW_CLASS_INTERFACE, (guint32)ifindex};
    if (exporter->config->timestamps == VSF_TIMESTAMPS_OFF)
        flow->time_ns = 0;
    vsf_sflow_flow(&xdr, flow);
    if (xdr.overflow || !vsf_sflow_datagram_add(exporter->datagram, xdr.data, xdr.used,
                                                VSF_SFLOW_KIND_PLAIN, uptime_ms(exporter)))
        exporter->totals.truncated++;
    else
        exporter->totals.flow_samples++;
}

void
vsf_exporter_forget_domain(VsfExporter *exporter, guint32 index)
{
    gint64 key = source_key(VSF_SFLOW_CLASS_LOGICAL, index);

    g_hash_table_remove(exporter->sources, &key);
}

static void
forget(VsfExporter *exporter, int ifindex, gboolean counters, gboolean flows)
{
    gint64 key = source_key(VSF_SFLOW_CLASS_INTERFACE, (guint32)ifindex);
    Source *source = g_hash_table_lookup(exporter->sources, &key);

    if (source == NULL)
        return;
    if (flows)
        source->flow_sequence = 0;
    if (counters) {
        source->counter_sequence = source->counter_samples = 0;
        source->last_net = vsf_net_counters_unknown();
        source->last_kinds = vsf_interface_kinds_last_none();
    }
    if (source->flow_sequence == 0 && source->counter_sequence == 0)
        g_hash_table_remove(exporter->sources, &key);
}

void
vsf_exporter_forget_tap(VsfExporter *exporter, int ifindex)
{
    forget(exporter, ifindex, TRUE, TRUE);
}

void
vsf_exporter_forget_counters(VsfExporter *exporter, int ifindex)
{
    forget(exporter, ifindex, TRUE, FALSE);
}

void
vsf_exporter_forget_flows(VsfExporter *exporter, int ifindex)
{
    forget(exporter, ifindex, FALSE, TRUE);
}

guint32
vsf_exporter_domain_samples(const VsfExporter *exporter, guint32 index)
{
    gint64 key = source_key(VSF_SFLOW_CLASS_LOGICAL, index);
    const Source *source = g_hash_table_lookup(exporter->sources, &key);

    return source == NULL ? 0 : source->counter_samples;
}

VsfExporterTotals
vsf_exporter_totals(const VsfExporter *exporter)
{
    return exporter->totals;
}
