/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodes one of everything and prints, for each datagram, two lines:
 *   DATAGRAM <hex>
 *   EXPECT <json of the values that were put in>
 * for a decoder that shares no code with the encoder to compare. Unknown values
 * and empty texts are null. */
#include "../../daemon/sflow/datagram.h"
#include "../../daemon/sflow/flow.h"
#include "encode-host.h"
#include "encode-metrics.h"
#include "json-text.h"

#include <stdio.h>
#include <string.h>

#define N_MANY_ADAPTERS 64

typedef struct {
    VsfSflowDatagram *datagram;
    const char *agent;
    uint32_t sub_agent_id;
    uint32_t sequence;
    uint32_t uptime;
    GString *samples;
    uint8_t bytes[9000];
    VsfXdr xdr;
    VsfSflowSample sample;
} Writer;

static void
source(GString *json, VsfSflowSource value)
{
    key(json, "source");
    g_string_append_printf(json, "\"%u:%u\"", value.source_class, value.index);
}

static void
port(GString *json, const char *name, uint32_t value)
{
    key(json, name);
    g_string_append_printf(json, "{\"format\": 0, \"value\": %u}", value);
}

/* ---- one record: encoded, and told ---- */

static void
record_begin(Writer *writer, const char *format)
{
    comma(writer->samples);
    g_string_append(writer->samples, "{");
    text(writer->samples, "format", format);
}

static void
record_end(Writer *writer)
{
    g_string_append(writer->samples, "}");
}

static void
put_if_counters(Writer *writer, const VsfSflowIfCounters *r)
{
    GString *json = writer->samples;

    vsf_sflow_if_counters(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:1");
    plain(json, "ifIndex", r->if_index);
    plain(json, "ifType", r->if_type);
    u64(json, "ifSpeed", r->if_speed);
    u32(json, "ifDirection", r->if_direction);
    u32(json, "ifStatus", r->if_status);
    u64(json, "ifInOctets", r->in_octets);
    u32(json, "ifInUcastPkts", r->in_ucast);
    u32(json, "ifInMulticastPkts", r->in_multicast);
    u32(json, "ifInBroadcastPkts", r->in_broadcast);
    u32(json, "ifInDiscards", r->in_discards);
    u32(json, "ifInErrors", r->in_errors);
    u32(json, "ifInUnknownProtos", r->in_unknown_protos);
    u64(json, "ifOutOctets", r->out_octets);
    u32(json, "ifOutUcastPkts", r->out_ucast);
    u32(json, "ifOutMulticastPkts", r->out_multicast);
    u32(json, "ifOutBroadcastPkts", r->out_broadcast);
    u32(json, "ifOutDiscards", r->out_discards);
    u32(json, "ifOutErrors", r->out_errors);
    u32(json, "ifPromiscuousMode", r->promiscuous);
    record_end(writer);
}

static void
put_port_name(Writer *writer, const char *name)
{
    vsf_sflow_port_name(&writer->xdr, &writer->sample, name);
    record_begin(writer, "0:1005");
    text(writer->samples, "port_name", name);
    record_end(writer);
}

static void
put_host_descr(Writer *writer, const VsfSflowHostDescr *r)
{
    static const uint8_t unknown[16];

    vsf_sflow_host_descr(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:2000");
    text(writer->samples, "hostname", r->hostname);
    if (memcmp(r->uuid, unknown, sizeof(unknown)) == 0)
        text(writer->samples, "uuid", NULL);
    else
        hex(writer->samples, "uuid", r->uuid, sizeof(r->uuid));
    plain(writer->samples, "machine_type", r->machine_type);
    plain(writer->samples, "os_name", r->os_name);
    text(writer->samples, "os_release", r->os_release);
    record_end(writer);
}

static void
put_adapters(Writer *writer, const VsfSflowAdapter *adapters, uint32_t n, size_t room)
{
    GString *json = writer->samples;
    uint32_t written = vsf_sflow_host_adapters(&writer->xdr, &writer->sample, adapters, n, room);

    record_begin(writer, "0:2001");
    key(json, "adapters");
    g_string_append(json, "[");
    for (uint32_t i = 0; i < written; i++) {
        const uint8_t *mac = adapters[i].mac;

        comma(json);
        g_string_append_printf(
            json, "{\"ifIndex\": %u, \"macs\": [\"%02x:%02x:%02x:%02x:%02x:%02x\"]}",
            adapters[i].if_index, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
    g_string_append(json, "]");
    record_end(writer);
}

static void
put_host_parent(Writer *writer, VsfSflowSource parent)
{
    vsf_sflow_host_parent(&writer->xdr, &writer->sample, parent);
    record_begin(writer, "0:2002");
    plain(writer->samples, "class", parent.source_class);
    plain(writer->samples, "index", parent.index);
    record_end(writer);
}

static void
put_virt_node(Writer *writer, const VsfSflowVirtNode *r)
{
    vsf_sflow_virt_node(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:2100");
    u32(writer->samples, "mhz", r->mhz);
    u32(writer->samples, "cpus", r->cpus);
    u64(writer->samples, "memory", r->memory);
    u64(writer->samples, "memory_free", r->memory_free);
    u32(writer->samples, "num_domains", r->num_domains);
    record_end(writer);
}

static void
put_virt_cpu(Writer *writer, const VsfSflowVirtCpu *r)
{
    vsf_sflow_virt_cpu(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:2101");
    u32(writer->samples, "state", r->state);
    u32(writer->samples, "cpuTime", r->cpu_time_ms);
    u32(writer->samples, "nrVirtCpu", r->n_virt_cpu);
    record_end(writer);
}

static void
put_virt_memory(Writer *writer, const VsfSflowVirtMemory *r)
{
    vsf_sflow_virt_memory(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:2102");
    u64(writer->samples, "memory", r->memory);
    u64(writer->samples, "maxMemory", r->max_memory);
    record_end(writer);
}

static void
put_virt_disk(Writer *writer, const VsfSflowVirtDisk *r)
{
    GString *json = writer->samples;

    vsf_sflow_virt_disk(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:2103");
    u64(json, "capacity", r->capacity);
    u64(json, "allocation", r->allocation);
    u64(json, "available", r->available);
    u32(json, "rd_req", r->rd_req);
    u64(json, "rd_bytes", r->rd_bytes);
    u32(json, "wr_req", r->wr_req);
    u64(json, "wr_bytes", r->wr_bytes);
    u32(json, "errs", r->errs);
    record_end(writer);
}

static void
put_virt_net(Writer *writer, const VsfSflowVirtNet *r)
{
    GString *json = writer->samples;

    vsf_sflow_virt_net(&writer->xdr, &writer->sample, r);
    record_begin(writer, "0:2104");
    u64(json, "bytes_in", r->bytes_in);
    u32(json, "pkts_in", r->packets_in);
    u32(json, "errs_in", r->errors_in);
    u32(json, "drops_in", r->drops_in);
    u64(json, "bytes_out", r->bytes_out);
    u32(json, "pkts_out", r->packets_out);
    u32(json, "errs_out", r->errors_out);
    u32(json, "drops_out", r->drops_out);
    record_end(writer);
}

/* ---- samples and datagrams ---- */

static void
add_sample(Writer *writer)
{
    g_string_append(writer->samples, "]}");
    g_assert_false(writer->xdr.overflow);
    g_assert_true(vsf_sflow_datagram_add(writer->datagram, writer->bytes, writer->xdr.used,
                                         VSF_SFLOW_KIND_PLAIN, writer->uptime));
}

static void
sample_begin(Writer *writer, const char *format, uint32_t sequence, VsfSflowSource from)
{
    writer->xdr = VSF_XDR_INIT(writer->bytes, sizeof(writer->bytes));
    comma(writer->samples);
    g_string_append(writer->samples, "{");
    text(writer->samples, "format", format);
    plain(writer->samples, "sequence", sequence);
    source(writer->samples, from);
}

static void
counter_begin(Writer *writer, uint32_t sequence, VsfSflowSource from)
{
    sample_begin(writer, "0:4", sequence, from);
    writer->sample = vsf_sflow_counter_begin(&writer->xdr, sequence, from);
    key(writer->samples, "records");
    g_string_append(writer->samples, "[");
}

static void
counter_end(Writer *writer)
{
    vsf_sflow_counter_end(&writer->xdr, &writer->sample);
    add_sample(writer);
}

static void
put_flow_records(GString *json, const VsfSflowFlow *flow)
{
    g_string_append(json, "{");
    text(json, "format", "0:1");
    plain(json, "protocol", 1);
    plain(json, "frame_length", flow->frame_length + 4);
    plain(json, "stripped", 4);
    hex(json, "header", flow->header, flow->header_length);
    g_string_append(json, "}");
}

/* @vlan and @priority: what the header's tag says; -1: it has none. */
static void
put_flow(Writer *writer, const VsfSflowFlow *flow, int vlan, int priority)
{
    GString *json = writer->samples;

    sample_begin(writer, "0:3", flow->sequence, flow->source);
    vsf_sflow_flow(&writer->xdr, flow);
    plain(json, "sampling_rate", flow->sampling_rate);
    plain(json, "sample_pool", flow->sample_pool);
    plain(json, "drops", flow->drops);
    port(json, "input", flow->input);
    port(json, "output", flow->output);
    key(json, "records");
    g_string_append(json, "[");
    put_flow_records(json, flow);
    if (vlan >= 0)
        g_string_append_printf(json,
                               ", {\"format\": \"0:1001\", \"src_vlan\": %d, \"src_priority\": %d, "
                               "\"dst_vlan\": %d, \"dst_priority\": %d}",
                               vlan, priority, vlan, priority);
    if (flow->time_ns != 0)
        g_string_append_printf(
            json, ", {\"format\": \"0:1043\", \"timestamp\": %" G_GINT64_FORMAT "}", flow->time_ns);
    g_string_append_printf(json,
                           ", {\"format\": \"0:2210\", \"src_class\": %u, \"src_index\": %u, "
                           "\"dst_class\": %u, \"dst_index\": %u}",
                           flow->from.source_class, flow->from.index, flow->to.source_class,
                           flow->to.index);
    add_sample(writer);
}

static void
print_datagram(const uint8_t *data, size_t size, gpointer user_data)
{
    Writer *writer = user_data;

    writer->sequence++;
    printf("DATAGRAM ");
    for (size_t i = 0; i < size; i++)
        printf("%02x", data[i]);
    printf("\nEXPECT {\"agent\": \"%s\", \"sub_agent_id\": %u, \"sequence\": %u, \"uptime\": %u, "
           "\"samples\": [%s]}\n",
           writer->agent, writer->sub_agent_id, writer->sequence, writer->uptime,
           writer->samples->str);
    g_string_truncate(writer->samples, 0);
}

static void
end_datagram(Writer *writer)
{
    vsf_sflow_datagram_flush(writer->datagram, writer->uptime);
    writer->uptime += 12345;
}

/* ---- what is encoded ---- */

static void
put_host(Writer *writer)
{
    VsfSflowHostDescr descr = {"kvmhost01.example.com", {0}, 3, 2, "6.1.0-31-amd64"};
    VsfSflowVirtNode node = {2400, 64, G_GUINT64_CONSTANT(274877906944), 1073741824, 17};

    memcpy(descr.uuid, "\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00", 16);
    counter_begin(writer, 1, (VsfSflowSource){VSF_SFLOW_CLASS_PHYSICAL, 1});
    put_host_descr(writer, &descr);
    put_virt_node(writer, &node);
    encode_host(&writer->xdr, &writer->sample, writer->samples, FALSE);
    counter_end(writer);
}

static void
put_vm(Writer *writer, uint32_t n_adapters, size_t room)
{
    VsfSflowHostDescr descr = {"web-01", {1, 2, 3}, 3, 3, "10.0.20348"};
    VsfSflowAdapter adapters[N_MANY_ADAPTERS];
    VsfSflowVirtDisk disk = {G_GUINT64_CONSTANT(10737418240),        1073741824, 0,  10,
                             G_GUINT64_CONSTANT(0x1122334455667788), 12,         13, 14};
    VsfSflowVirtNet net = {G_GUINT64_CONSTANT(0x100000001),        2, 3,          4,
                           G_GUINT64_CONSTANT(0xfffffffffffffffe), 6, 0xfffffffe, 8};

    for (uint32_t i = 0; i < n_adapters; i++)
        adapters[i] = (VsfSflowAdapter){i * 1000000, {0x52, 0x54, 0, 1, 2, (uint8_t)i}};
    counter_begin(writer, 77, (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, 16777215});
    put_host_descr(writer, &descr);
    put_adapters(writer, adapters, n_adapters, room);
    put_host_parent(writer, (VsfSflowSource){VSF_SFLOW_CLASS_PHYSICAL, 1});
    put_virt_cpu(writer, &(VsfSflowVirtCpu){1, 123456, 4});
    put_virt_memory(writer, &(VsfSflowVirtMemory){2147483648, G_GUINT64_CONSTANT(4294967296)});
    put_virt_disk(writer, &disk);
    put_virt_net(writer, &net);
    counter_end(writer);
}

static void
put_port(Writer *writer)
{
    VsfSflowIfCounters counters = {
        42, 6,  1000000000, 1,  3, G_GUINT64_CONSTANT(0x123456789ab), 1, 2, 3, 4, 5, 6, 7, 8,
        9,  10, 11,         12, 2};

    counter_begin(writer, 5, (VsfSflowSource){VSF_SFLOW_CLASS_INTERFACE, 42});
    put_if_counters(writer, &counters);
    put_port_name(writer, "vnet0");
    counter_end(writer);
}

static void
put_unknown_values(Writer *writer)
{
    static const uint32_t no = VSF_SFLOW_UNKNOWN32;
    static const uint64_t none = VSF_SFLOW_UNKNOWN64;
    VsfSflowIfCounters counters = {7,  6,  none, no, no, none, no, no, no, no,
                                   no, no, none, no, no, no,   no, no, no};

    counter_begin(writer, UINT32_MAX, (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, 200000});
    put_host_descr(writer, &(VsfSflowHostDescr){.hostname = "", .os_release = NULL});
    put_adapters(writer, NULL, 0, 12);
    put_virt_node(writer, &(VsfSflowVirtNode){no, no, none, none, no});
    put_virt_cpu(writer, &(VsfSflowVirtCpu){no, no, no});
    put_virt_memory(writer, &(VsfSflowVirtMemory){none, none});
    put_virt_disk(writer, &(VsfSflowVirtDisk){none, none, none, no, none, no, none, no});
    put_virt_net(writer, &(VsfSflowVirtNet){none, no, no, no, none, no, no, no});
    put_if_counters(writer, &counters);
    put_port_name(writer, NULL);
    encode_host(&writer->xdr, &writer->sample, writer->samples, TRUE);
    counter_end(writer);
}

static void
put_metrics(Writer *writer)
{
    writer->xdr = VSF_XDR_INIT(writer->bytes, sizeof(writer->bytes));
    encode_metrics(&writer->xdr, writer->samples, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
    add_sample(writer);
}

/* Every length of the four that padding knows, with and without a tag. */
static void
put_flows(Writer *writer)
{
    uint8_t header[128];
    VsfSflowFlow flow = {.source = {VSF_SFLOW_CLASS_INTERFACE, 42},
                         .sampling_rate = 512,
                         .sample_pool = 0xfffffff0,
                         .drops = 3,
                         .frame_length = 1514,
                         .header = header};

    for (uint32_t i = 0; i < 12; i++) {
        static const uint16_t ethertypes[] = {0x0800, 0x8100, 0x88a8};
        uint16_t ethertype = ethertypes[i / 4];
        gboolean tagged = i >= 4;

        for (gsize j = 0; j < sizeof(header); j++)
            header[j] = (uint8_t)(j * 7 + i);
        header[12] = (uint8_t)(ethertype >> 8);
        header[13] = (uint8_t)ethertype;
        header[14] = 0xbf; /* priority 5, drop eligible */
        header[15] = 0xfe;
        flow.sequence = i + 1;
        flow.input = i % 2 == 0 ? 42 : 0;
        flow.from = i % 2 == 0 ? (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, 200000 + i}
                               : (VsfSflowSource){0};
        flow.to = i % 3 == 0 ? (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, 16777215 - i}
                             : (VsfSflowSource){0};
        flow.output = i % 2 == 0 ? 0 : 42;
        flow.header_length = 64 - i % 4;
        flow.time_ns = i % 3 == 0 ? 0 : G_GINT64_CONSTANT(1700000000123456789) + i;
        put_flow(writer, &flow, tagged ? 0xffe : -1, tagged ? 5 : -1);
    }
    flow.header_length = 0;
    flow.time_ns = 0;
    put_flow(writer, &flow, -1, -1);
}

static void
encode(const VsfSflowAddress *agent, const char *agent_text, uint32_t sub_agent_id)
{
    g_autoptr(GString) samples = g_string_new(NULL);
    g_autofree Writer *writer = g_new0(Writer, 1);
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(
        agent, sub_agent_id, sizeof(writer->bytes), print_datagram, writer);

    writer->datagram = datagram;
    writer->agent = agent_text;
    writer->sub_agent_id = sub_agent_id;
    writer->samples = samples;
    put_host(writer);
    end_datagram(writer);
    put_vm(writer, 1, 1000);
    end_datagram(writer);
    put_vm(writer, N_MANY_ADAPTERS, SIZE_MAX);
    end_datagram(writer);
    put_vm(writer, N_MANY_ADAPTERS, 500);
    put_port(writer);
    end_datagram(writer);
    put_unknown_values(writer);
    end_datagram(writer);
    put_metrics(writer);
    put_port(writer);
    end_datagram(writer);
    put_flows(writer);
    put_port(writer);
    end_datagram(writer);
}

int
main(void)
{
    static const VsfSflowAddress v4 = {1, {192, 0, 2, 1}};
    static const VsfSflowAddress v6 = {2, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

    encode(&v4, "192.0.2.1", 200000);
    encode(&v6, "2001:db8::1", UINT32_MAX);
    return 0;
}
