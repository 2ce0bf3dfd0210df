/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporter-host.h"

#include "sflow/host.h"

#include <net/if.h>
#include <string.h>

/* IANAifType */
#define IF_TYPE_ETHERNET 6
#define IF_TYPE_BRIDGE 209

void
vsf_host_put_node(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node, guint n_domains)
{
    VsfSflowHostDescr descr = {
        .hostname = node->hostname,
        .machine_type = vsf_sflow_machine_type(node->arch),
        .os_name = 2, /* linux */
        .os_release = node->os_release,
    };
    VsfSflowVirtNode virt_node = {
        .mhz = node->mhz,
        .cpus = node->cpus,
        .memory = node->memory,
        .memory_free = node->memory_free,
        .num_domains = n_domains,
    };

    memcpy(descr.uuid, node->uuid, sizeof(descr.uuid));
    vsf_sflow_host_descr(xdr, sample, &descr);
    vsf_sflow_virt_node(xdr, sample, &virt_node);
}

static void
put_cpu(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node, const VsfHostCounters *counters)
{
    const VsfHostCpu *cpu = &counters->cpu;
    VsfSflowHostCpu record = {
        .load_one = (float)cpu->load[0],
        .load_five = (float)cpu->load[1],
        .load_fifteen = (float)cpu->load[2],
        .proc_run = vsf_sflow_low32(cpu->proc_run),
        .proc_total = vsf_sflow_low32(cpu->proc_total),
        .cpu_num = vsf_sflow_low32(cpu->cpus),
        .cpu_speed = node->mhz,
        .uptime = vsf_sflow_low32(cpu->uptime_s),
        .cpu_user = vsf_sflow_low32(cpu->user_ms),
        .cpu_nice = vsf_sflow_low32(cpu->nice_ms),
        .cpu_system = vsf_sflow_low32(cpu->system_ms),
        .cpu_idle = vsf_sflow_low32(cpu->idle_ms),
        .cpu_wio = vsf_sflow_low32(cpu->wio_ms),
        .cpu_intr = vsf_sflow_low32(cpu->intr_ms),
        .cpu_sintr = vsf_sflow_low32(cpu->sintr_ms),
        .interrupts = vsf_sflow_low32(cpu->interrupts),
        .contexts = vsf_sflow_low32(cpu->contexts),
        .cpu_steal = vsf_sflow_low32(cpu->steal_ms),
        .cpu_guest = vsf_sflow_low32(cpu->guest_ms),
        .cpu_guest_nice = vsf_sflow_low32(cpu->guest_nice_ms),
    };

    vsf_sflow_host_cpu(xdr, sample, &record);
}

static void
put_memory(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node G_GNUC_UNUSED,
           const VsfHostCounters *counters)
{
    const VsfHostMemory *memory = &counters->memory;
    VsfSflowHostMemory record = {
        .mem_total = memory->total,
        .mem_free = memory->free,
        .mem_shared = memory->shared,
        .mem_buffers = memory->buffers,
        .mem_cached = memory->cached,
        .swap_total = memory->swap_total,
        .swap_free = memory->swap_free,
        .page_in = vsf_sflow_low32(memory->page_in),
        .page_out = vsf_sflow_low32(memory->page_out),
        .swap_in = vsf_sflow_low32(memory->swap_in),
        .swap_out = vsf_sflow_low32(memory->swap_out),
    };

    vsf_sflow_host_memory(xdr, sample, &record);
}

static void
put_disk(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node G_GNUC_UNUSED,
         const VsfHostCounters *counters)
{
    const VsfHostDisk *disk = &counters->disk;
    VsfSflowHostDisk record = {
        .disk_total = counters->space.total,
        .disk_free = counters->space.free,
        .part_max_used = vsf_sflow_low32(counters->space.most_used),
        .reads = vsf_sflow_low32(disk->reads),
        .bytes_read = disk->bytes_read,
        .read_time = vsf_sflow_low32(disk->read_ms),
        .writes = vsf_sflow_low32(disk->writes),
        .bytes_written = disk->bytes_written,
        .write_time = vsf_sflow_low32(disk->write_ms),
    };

    vsf_sflow_host_disk(xdr, sample, &record);
}

VsfSflowVirtNet
vsf_exporter_net_record(const VsfNetCounters *net)
{
    return (VsfSflowVirtNet){
        .bytes_in = net->bytes_in,
        .packets_in = vsf_sflow_low32(net->packets_in),
        .errors_in = vsf_sflow_low32(net->errors_in),
        .drops_in = vsf_sflow_low32(net->drops_in),
        .bytes_out = net->bytes_out,
        .packets_out = vsf_sflow_low32(net->packets_out),
        .errors_out = vsf_sflow_low32(net->errors_out),
        .drops_out = vsf_sflow_low32(net->drops_out),
    };
}

static void
put_net(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node G_GNUC_UNUSED,
        const VsfHostCounters *counters)
{
    VsfSflowVirtNet record = vsf_exporter_net_record(&counters->net);

    vsf_sflow_host_net(xdr, sample, &record);
}

static void
low32(const guint64 *values, guint32 *words, gsize n)
{
    for (gsize i = 0; i < n; i++)
        words[i] = vsf_sflow_low32(values[i]);
}

static void
put_mib(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node G_GNUC_UNUSED,
        const VsfHostCounters *counters)
{
    const VsfHostMib *mib = &counters->mib;
    VsfSflowMib2 groups;

    G_STATIC_ASSERT(G_N_ELEMENTS(mib->ip) == VSF_SFLOW_IP_WORDS);
    G_STATIC_ASSERT(G_N_ELEMENTS(mib->icmp) == VSF_SFLOW_ICMP_WORDS);
    G_STATIC_ASSERT(G_N_ELEMENTS(mib->tcp) == VSF_SFLOW_TCP_WORDS);
    G_STATIC_ASSERT(G_N_ELEMENTS(mib->udp) == VSF_SFLOW_UDP_WORDS);
    low32(mib->ip, groups.ip, VSF_SFLOW_IP_WORDS);
    low32(mib->icmp, groups.icmp, VSF_SFLOW_ICMP_WORDS);
    low32(mib->tcp, groups.tcp, VSF_SFLOW_TCP_WORDS);
    low32(mib->udp, groups.udp, VSF_SFLOW_UDP_WORDS);
    vsf_sflow_mib2(xdr, sample, &groups);
}

/* Physical ones. Interfaces without a MAC of six bytes (InfiniBand) are in the sums alone. */
static gboolean
put_adapters(VsfXdr *xdr, VsfSflowSample *sample, const VsfHostCounters *counters)
{
    g_autofree VsfSflowAdapter *adapters = g_new0(VsfSflowAdapter, counters->interfaces->len + 1);
    guint32 n = 0;

    for (guint i = 0; i < counters->interfaces->len; i++) {
        const VsfHostInterface *adapter = &g_array_index(counters->interfaces, VsfHostInterface, i);

        if (adapter->is_bridge || !adapter->has_mac)
            continue;
        adapters[n].if_index = (guint32)adapter->ifindex;
        memcpy(adapters[n].mac, adapter->mac, sizeof(adapters[n].mac));
        n++;
    }
    return vsf_sflow_host_adapters(xdr, sample, adapters, n, xdr->size - xdr->used) == n;
}

gboolean
vsf_host_put_counters(VsfXdr *xdr, VsfSflowSample *sample, const VsfNode *node,
                      const VsfHostCounters *counters)
{
    static void (*const parts[])(VsfXdr *, VsfSflowSample *, const VsfNode *,
                                 const VsfHostCounters *) = {put_cpu, put_memory, put_disk, put_net,
                                                             put_mib};

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        VsfXdr before = *xdr;
        VsfSflowSample sample_before = *sample;

        parts[i](xdr, sample, node, counters);
        if (!xdr->overflow)
            continue;
        *xdr = before;
        *sample = sample_before;
        return FALSE;
    }
    if (counters->interfaces->len == 0)
        return TRUE;
    if (xdr->size - xdr->used < VSF_SFLOW_ADAPTERS_LEAST)
        return FALSE;
    return put_adapters(xdr, sample, counters);
}

void
vsf_host_put_interface(VsfXdr *xdr, VsfSflowSample *sample, const VsfHostInterface *interface,
                       const VsfInterfaceKinds *kinds)
{
    const VsfNetCounters *net = &interface->net;
    /* The kernel takes any bytes, sFlow's strings are UTF-8. */
    g_autofree char *name = g_utf8_make_valid(interface->name, -1);
    VsfSflowIfCounters record = {
        .if_index = (guint32)interface->ifindex,
        .if_type = interface->is_bridge ? IF_TYPE_BRIDGE : IF_TYPE_ETHERNET,
        .if_speed = interface->speed_bps,
        .if_direction = interface->duplex == VSF_DUPLEX_FULL   ? 1
                        : interface->duplex == VSF_DUPLEX_HALF ? 2
                                                               : 0,
        .if_status = (interface->flags & IFF_UP ? 1u : 0u) | (interface->carrier ? 2u : 0u),
        .in_octets = net->bytes_in,
        .in_ucast = vsf_sflow_low32(kinds->in.unicast),
        .in_multicast = vsf_sflow_low32(kinds->in.multicast),
        .in_broadcast = vsf_sflow_low32(kinds->in.broadcast),
        .in_discards = vsf_sflow_low32(net->drops_in),
        .in_errors = vsf_sflow_low32(net->errors_in),
        .in_unknown_protos = VSF_SFLOW_UNKNOWN32,
        .out_octets = net->bytes_out,
        .out_ucast = vsf_sflow_low32(kinds->out.unicast),
        .out_multicast = vsf_sflow_low32(kinds->out.multicast),
        .out_broadcast = vsf_sflow_low32(kinds->out.broadcast),
        .out_discards = vsf_sflow_low32(net->drops_out),
        .out_errors = vsf_sflow_low32(net->errors_out),
        .promiscuous = interface->flags & IFF_PROMISC ? 1 : 2,
    };

    vsf_sflow_if_counters(xdr, sample, &record);
    vsf_sflow_port_name(xdr, sample, name);
}
