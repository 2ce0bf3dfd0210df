/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pure encoder costs: one whole sample written and added to a datagram, as the
 * exporter does it, with nobody to send the datagrams to. The samples take turns; CPU time. */
#include "../../daemon/sflow/datagram.h"
#include "../../daemon/sflow/flow.h"
#include "../../daemon/sflow/metrics.h"
#include "report.h"

#include <stdio.h>

#define ROUNDS 101
#define SAMPLES 20000 /* a round */
#define DATAGRAM_BYTES 1400

typedef struct {
    VsfSflowDatagram *datagram;
    guint64 datagrams, bytes; /* of datagrams */
    guint64 sample_bytes;
} Sink;

static void
count(const uint8_t *data G_GNUC_UNUSED, size_t size, gpointer user_data)
{
    Sink *sink = user_data;

    sink->datagrams++;
    sink->bytes += size;
}

static void
write_flow(VsfXdr *xdr, guint32 number, guint32 header_length, gboolean tagged)
{
    static uint8_t header[256] = {[12] = 0x08, [14] = 0x45};
    VsfSflowFlow flow = {.sequence = number,
                         .source = {VSF_SFLOW_CLASS_INTERFACE, 42},
                         .sampling_rate = 512,
                         .sample_pool = number * 512,
                         .input = 42,
                         .frame_length = 1514,
                         .header = header,
                         .header_length = header_length,
                         .time_ns = 1700000000000000000 + number};

    header[12] = tagged ? 0x81 : 0x08;
    header[15] = tagged ? 100 : 0;
    vsf_sflow_flow(xdr, &flow);
}

static void
write_flow_64(VsfXdr *xdr, guint32 number)
{
    write_flow(xdr, number, 64, FALSE);
}

static void
write_flow_128(VsfXdr *xdr, guint32 number)
{
    write_flow(xdr, number, 128, FALSE);
}

static void
write_flow_128_tagged(VsfXdr *xdr, guint32 number)
{
    write_flow(xdr, number, 128, TRUE);
}

static void
write_flow_256(VsfXdr *xdr, guint32 number)
{
    write_flow(xdr, number, 256, FALSE);
}

static void
write_vm(VsfXdr *xdr, guint32 number)
{
    static const VsfSflowAdapter adapters[2] = {{42, {0x52, 0x54}}, {43, {0x52, 0x54}}};
    VsfSflowSample sample = vsf_sflow_counter_begin(
        xdr, number, (VsfSflowSource){VSF_SFLOW_CLASS_LOGICAL, 123456});
    VsfSflowHostDescr descr = {.hostname = "instance-0000abcd",
                               .uuid = {1, 2, 3},
                               .machine_type = 3,
                               .os_name = 2,
                               .os_release = "6.1.0-18-amd64"};
    VsfSflowVirtCpu cpu = {1, number, 4};
    VsfSflowVirtMemory memory = {1u << 31, 1u << 31};
    VsfSflowVirtDisk disk = {.capacity = number, .rd_bytes = number};
    VsfSflowVirtNet net = {.bytes_in = number, .bytes_out = number};

    vsf_sflow_host_descr(xdr, &sample, &descr);
    vsf_sflow_host_parent(xdr, &sample, (VsfSflowSource){VSF_SFLOW_CLASS_PHYSICAL, 1});
    vsf_sflow_virt_cpu(xdr, &sample, &cpu);
    vsf_sflow_virt_memory(xdr, &sample, &memory);
    vsf_sflow_virt_disk(xdr, &sample, &disk);
    vsf_sflow_virt_net(xdr, &sample, &net);
    vsf_sflow_host_adapters(xdr, &sample, adapters, 2, xdr->size - xdr->used);
    vsf_sflow_counter_end(xdr, &sample);
}

static void
write_interface(VsfXdr *xdr, guint32 number)
{
    VsfSflowSample sample = vsf_sflow_counter_begin(
        xdr, number, (VsfSflowSource){VSF_SFLOW_CLASS_INTERFACE, 42});
    VsfSflowIfCounters record = {.if_index = 42, .if_type = 6, .in_octets = number};

    vsf_sflow_if_counters(xdr, &sample, &record);
    vsf_sflow_port_name(xdr, &sample, "vnet42");
    vsf_sflow_counter_end(xdr, &sample);
}

/* As many metrics as a sample of a VM with two disks and a NIC has. */
static void
write_metrics(VsfXdr *xdr, guint32 number)
{
    static const char *const names[] = {
        "vm.cpu.steal_ms",      "vm.disk.vda.rd_bytes", "vm.disk.vda.wr_bytes",
        "vm.disk.vda.rd_req",   "vm.disk.vda.wr_req",   "vm.disk.vda.rd_ms",
        "vm.disk.vda.wr_ms",    "vm.disk.vdb.rd_bytes", "vm.disk.vdb.wr_bytes",
        "vm.disk.vdb.rd_req",   "vm.disk.vdb.wr_req",   "vm.nic0.bytes_in",
        "vm.nic0.bytes_out",    "vm.nic0.packets_in",   "vm.nic0.packets_out",
        "vm.fs.root.used_bytes"};
    VsfSflowMetrics metrics = vsf_sflow_metrics_begin(xdr, "11223344-5566-7788-99aa-bbccddeeff00");

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (!vsf_sflow_metric_counter64(xdr, &metrics, names[i], number))
            g_error("a metric does not fit");
    if (!vsf_sflow_metrics_end(xdr, &metrics))
        g_error("a sample of metrics is empty");
}

typedef struct {
    const char *name;
    void (*write)(VsfXdr *xdr, guint32 number);
    VsfSflowKind kind;
} Variant;

static const Variant variants[] = {
    {"flow, 64 header bytes", write_flow_64, VSF_SFLOW_KIND_PLAIN},
    {"flow, 128 header bytes", write_flow_128, VSF_SFLOW_KIND_PLAIN},
    {"flow, 128 header bytes, VLAN tag", write_flow_128_tagged, VSF_SFLOW_KIND_PLAIN},
    {"flow, 256 header bytes", write_flow_256, VSF_SFLOW_KIND_PLAIN},
    {"counters of a VM, 2 NICs", write_vm, VSF_SFLOW_KIND_PLAIN},
    {"counters of an interface", write_interface, VSF_SFLOW_KIND_PLAIN},
    {"16 custom metrics", write_metrics, VSF_SFLOW_KIND_METRICS},
};
#define N_VARIANTS G_N_ELEMENTS(variants)

/* Nanoseconds a sample. */
static double
run(const Variant *variant, Sink *sink)
{
    uint8_t scratch[DATAGRAM_BYTES];
    gint64 begin = bench_thread_cpu_ns();

    for (guint32 i = 1; i <= SAMPLES; i++) {
        VsfXdr xdr = VSF_XDR_INIT(scratch, sizeof(scratch));

        variant->write(&xdr, i);
        if (xdr.overflow ||
            !vsf_sflow_datagram_add(sink->datagram, xdr.data, xdr.used, variant->kind, i))
            g_error("%s: does not fit into a datagram", variant->name);
        sink->sample_bytes += xdr.used;
    }
    vsf_sflow_datagram_flush(sink->datagram, SAMPLES);
    return (double)(bench_thread_cpu_ns() - begin) / SAMPLES;
}

static void
report_all(double *costs[N_VARIANTS], const Sink *sinks, guint rounds, const char *path)
{
    static const BenchColumn columns[] = {{"ns_median", "ns median", 0},
                                          {"ns_least", "ns least", 0},
                                          {"bytes", "bytes", 0},
                                          {"per_datagram", "per datagram", 1},
                                          {"mb_per_s", "MB/s", 0},
                                          {"samples_per_s", "samples/s", 0},
                                          {0}};
    BenchReport *report = bench_report_new(path);

    bench_report_table(report, "encoder",
                       "The pure encoder: CPU time of a sample, written and put into a datagram "
                       "of 1400 bytes",
                       columns);
    for (guint v = 0; v < N_VARIANTS; v++) {
        double least = bench_least(costs[v], rounds), median = bench_median(costs[v], rounds);
        double samples = (double)SAMPLES * rounds;

        bench_report_row(report, variants[v].name,
                         (double[]){median, least, (double)sinks[v].sample_bytes / samples,
                                    samples / (double)sinks[v].datagrams,
                                    (double)sinks[v].bytes / samples / median * 1000,
                                    1e9 / median});
    }
    bench_report_end(report);
}

int
main(int argc, char **argv)
{
    guint rounds = ROUNDS * bench_times();
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    double *costs[N_VARIANTS];
    Sink sinks[N_VARIANTS] = {0};

    for (guint v = 0; v < N_VARIANTS; v++) {
        costs[v] = g_new(double, rounds);
        sinks[v].datagram = vsf_sflow_datagram_new(&agent, 0, DATAGRAM_BYTES, count, &sinks[v]);
        run(&variants[v], &sinks[v]); /* warm up */
        sinks[v].datagrams = sinks[v].bytes = sinks[v].sample_bytes = 0;
    }
    for (guint r = 0; r < rounds; r++)
        for (guint v = 0; v < N_VARIANTS; v++)
            costs[v][r] = run(&variants[v], &sinks[v]);
    report_all(costs, sinks, rounds, argc > 1 ? argv[1] : NULL);
    for (guint v = 0; v < N_VARIANTS; v++) {
        vsf_sflow_datagram_free(sinks[v].datagram);
        g_free(costs[v]);
    }
    return 0;
}
