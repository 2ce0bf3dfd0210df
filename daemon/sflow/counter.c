/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counter-record.h"

enum {
    FORMAT_COUNTER_SAMPLE = 4, /* expanded */
    RECORD_IF_COUNTERS = 1,
    RECORD_PORT_NAME = 1005,
    RECORD_HOST_DESCR = 2000,
    RECORD_HOST_ADAPTERS = 2001,
    RECORD_HOST_PARENT = 2002,
    RECORD_VIRT_NODE = 2100,
    RECORD_VIRT_CPU = 2101,
    RECORD_VIRT_MEMORY = 2102,
    RECORD_VIRT_DISK = 2103,
    RECORD_VIRT_NET = 2104,
};

/* The structures allow 64 and 32 bytes; sflowtool keeps 63 and 31 of them. */
#define MAX_HOSTNAME 63
#define MAX_OS_RELEASE 31
#define MAX_PORT_NAME 255

#define ADAPTER_SIZE 16 /* ifIndex, MAC count, one MAC in 8 bytes */

VsfSflowSample
vsf_sflow_counter_begin(VsfXdr *xdr, uint32_t sequence, VsfSflowSource source)
{
    VsfSflowSample sample = {0};

    vsf_xdr_u32(xdr, FORMAT_COUNTER_SAMPLE);
    sample.length_at = vsf_xdr_reserve_u32(xdr);
    sample.body_at = xdr->used;
    vsf_xdr_u32(xdr, sequence);
    vsf_xdr_u32(xdr, source.source_class);
    vsf_xdr_u32(xdr, source.index);
    sample.records_at = vsf_xdr_reserve_u32(xdr);
    return sample;
}

void
vsf_sflow_counter_end(VsfXdr *xdr, VsfSflowSample *sample)
{
    vsf_xdr_patch_u32(xdr, sample->records_at, sample->n_records);
    vsf_xdr_patch_u32(xdr, sample->length_at, (uint32_t)(xdr->used - sample->body_at));
}

size_t
vsf_sflow_record_begin(VsfXdr *xdr, uint32_t format)
{
    vsf_xdr_u32(xdr, format);
    vsf_xdr_reserve_u32(xdr);
    return xdr->used;
}

void
vsf_sflow_record_end(VsfXdr *xdr, VsfSflowSample *sample, size_t body_at)
{
    if (!xdr->overflow)
        vsf_xdr_patch_u32(xdr, body_at - 4, (uint32_t)(xdr->used - body_at));
    sample->n_records++;
}

void
vsf_sflow_if_counters(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowIfCounters *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_IF_COUNTERS);

    vsf_xdr_u32(xdr, record->if_index);
    vsf_xdr_u32(xdr, record->if_type);
    vsf_xdr_u64(xdr, record->if_speed);
    vsf_xdr_u32(xdr, record->if_direction);
    vsf_xdr_u32(xdr, record->if_status);
    vsf_xdr_u64(xdr, record->in_octets);
    vsf_xdr_u32(xdr, record->in_ucast);
    vsf_xdr_u32(xdr, record->in_multicast);
    vsf_xdr_u32(xdr, record->in_broadcast);
    vsf_xdr_u32(xdr, record->in_discards);
    vsf_xdr_u32(xdr, record->in_errors);
    vsf_xdr_u32(xdr, record->in_unknown_protos);
    vsf_xdr_u64(xdr, record->out_octets);
    vsf_xdr_u32(xdr, record->out_ucast);
    vsf_xdr_u32(xdr, record->out_multicast);
    vsf_xdr_u32(xdr, record->out_broadcast);
    vsf_xdr_u32(xdr, record->out_discards);
    vsf_xdr_u32(xdr, record->out_errors);
    vsf_xdr_u32(xdr, record->promiscuous);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_port_name(VsfXdr *xdr, VsfSflowSample *sample, const char *name)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_PORT_NAME);

    vsf_xdr_string(xdr, name, MAX_PORT_NAME);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_host_descr(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostDescr *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_DESCR);

    vsf_xdr_string(xdr, record->hostname, MAX_HOSTNAME);
    vsf_xdr_fixed(xdr, record->uuid, sizeof(record->uuid));
    vsf_xdr_u32(xdr, record->machine_type);
    vsf_xdr_u32(xdr, record->os_name);
    vsf_xdr_string(xdr, record->os_release, MAX_OS_RELEASE);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_host_parent(VsfXdr *xdr, VsfSflowSample *sample, VsfSflowSource parent)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_PARENT);

    vsf_xdr_u32(xdr, parent.source_class);
    vsf_xdr_u32(xdr, parent.index);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_virt_node(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtNode *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_VIRT_NODE);

    vsf_xdr_u32(xdr, record->mhz);
    vsf_xdr_u32(xdr, record->cpus);
    vsf_xdr_u64(xdr, record->memory);
    vsf_xdr_u64(xdr, record->memory_free);
    vsf_xdr_u32(xdr, record->num_domains);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_virt_cpu(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtCpu *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_VIRT_CPU);

    vsf_xdr_u32(xdr, record->state);
    vsf_xdr_u32(xdr, record->cpu_time_ms);
    vsf_xdr_u32(xdr, record->n_virt_cpu);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_virt_memory(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtMemory *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_VIRT_MEMORY);

    vsf_xdr_u64(xdr, record->memory);
    vsf_xdr_u64(xdr, record->max_memory);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_virt_disk(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtDisk *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_VIRT_DISK);

    vsf_xdr_u64(xdr, record->capacity);
    vsf_xdr_u64(xdr, record->allocation);
    vsf_xdr_u64(xdr, record->available);
    vsf_xdr_u32(xdr, record->rd_req);
    vsf_xdr_u64(xdr, record->rd_bytes);
    vsf_xdr_u32(xdr, record->wr_req);
    vsf_xdr_u64(xdr, record->wr_bytes);
    vsf_xdr_u32(xdr, record->errs);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_net_body(VsfXdr *xdr, const VsfSflowVirtNet *record)
{
    vsf_xdr_u64(xdr, record->bytes_in);
    vsf_xdr_u32(xdr, record->packets_in);
    vsf_xdr_u32(xdr, record->errors_in);
    vsf_xdr_u32(xdr, record->drops_in);
    vsf_xdr_u64(xdr, record->bytes_out);
    vsf_xdr_u32(xdr, record->packets_out);
    vsf_xdr_u32(xdr, record->errors_out);
    vsf_xdr_u32(xdr, record->drops_out);
}

void
vsf_sflow_virt_net(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtNet *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_VIRT_NET);

    vsf_sflow_net_body(xdr, record);
    vsf_sflow_record_end(xdr, sample, body_at);
}

uint32_t
vsf_sflow_host_adapters(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowAdapter *adapters,
                        uint32_t n_adapters, size_t room)
{
    size_t fitting = room > VSF_SFLOW_ADAPTERS_LEAST
                         ? (room - VSF_SFLOW_ADAPTERS_LEAST) / ADAPTER_SIZE
                         : 0;
    uint32_t n = (uint32_t)MIN(fitting, n_adapters);
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_ADAPTERS);

    vsf_xdr_u32(xdr, n);
    for (uint32_t i = 0; i < n; i++) {
        vsf_xdr_u32(xdr, adapters[i].if_index);
        vsf_xdr_u32(xdr, 1);
        vsf_xdr_fixed(xdr, adapters[i].mac, sizeof(adapters[i].mac));
    }
    vsf_sflow_record_end(xdr, sample, body_at);
    return n;
}

uint32_t
vsf_sflow_machine_type(const char *arch)
{
    /* A name stands for all that begin with it, so the longer ones come first. */
    static const struct {
        const char *prefix;
        uint32_t type;
    } machines[] = {
        {"x86_64", 3},   {"amd64", 3},   {"x86", 2},     {"i386", 2},  {"i486", 2},
        {"i586", 2},     {"i686", 2},    {"ia64", 4},    {"sparc", 5}, {"alpha", 6},
        {"ppc", 7},      {"powerpc", 7}, {"m68k", 8},    {"mips", 9},  {"arm", 10},
        {"aarch64", 10}, {"hppa", 11},   {"parisc", 11}, {"s390", 12},
    };

    if (arch == NULL || *arch == '\0')
        return 0;
    for (gsize i = 0; i < G_N_ELEMENTS(machines); i++) {
        if (g_str_has_prefix(arch, machines[i].prefix))
            return machines[i].type;
    }
    return 1; /* other */
}

uint32_t
vsf_sflow_low32(uint64_t value)
{
    uint32_t low = (uint32_t)value;

    if (value == VSF_SFLOW_UNKNOWN64)
        return VSF_SFLOW_UNKNOWN32;
    return low == VSF_SFLOW_UNKNOWN32 ? low - 1 : low;
}
