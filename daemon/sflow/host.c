/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include "counter-record.h"

enum {
    RECORD_HOST_CPU = 2003,
    RECORD_HOST_MEMORY = 2004,
    RECORD_HOST_DISK = 2005,
    RECORD_HOST_NET = 2006,
    RECORD_MIB2_IP = 2007,
    RECORD_MIB2_ICMP = 2008,
    RECORD_MIB2_TCP = 2009,
    RECORD_MIB2_UDP = 2010,
};

void
vsf_sflow_host_cpu(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostCpu *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_CPU);

    vsf_xdr_float(xdr, record->load_one);
    vsf_xdr_float(xdr, record->load_five);
    vsf_xdr_float(xdr, record->load_fifteen);
    vsf_xdr_u32(xdr, record->proc_run);
    vsf_xdr_u32(xdr, record->proc_total);
    vsf_xdr_u32(xdr, record->cpu_num);
    vsf_xdr_u32(xdr, record->cpu_speed);
    vsf_xdr_u32(xdr, record->uptime);
    vsf_xdr_u32(xdr, record->cpu_user);
    vsf_xdr_u32(xdr, record->cpu_nice);
    vsf_xdr_u32(xdr, record->cpu_system);
    vsf_xdr_u32(xdr, record->cpu_idle);
    vsf_xdr_u32(xdr, record->cpu_wio);
    vsf_xdr_u32(xdr, record->cpu_intr);
    vsf_xdr_u32(xdr, record->cpu_sintr);
    vsf_xdr_u32(xdr, record->interrupts);
    vsf_xdr_u32(xdr, record->contexts);
    vsf_xdr_u32(xdr, record->cpu_steal);
    vsf_xdr_u32(xdr, record->cpu_guest);
    vsf_xdr_u32(xdr, record->cpu_guest_nice);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_host_memory(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostMemory *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_MEMORY);

    vsf_xdr_u64(xdr, record->mem_total);
    vsf_xdr_u64(xdr, record->mem_free);
    vsf_xdr_u64(xdr, record->mem_shared);
    vsf_xdr_u64(xdr, record->mem_buffers);
    vsf_xdr_u64(xdr, record->mem_cached);
    vsf_xdr_u64(xdr, record->swap_total);
    vsf_xdr_u64(xdr, record->swap_free);
    vsf_xdr_u32(xdr, record->page_in);
    vsf_xdr_u32(xdr, record->page_out);
    vsf_xdr_u32(xdr, record->swap_in);
    vsf_xdr_u32(xdr, record->swap_out);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_host_disk(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostDisk *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_DISK);

    vsf_xdr_u64(xdr, record->disk_total);
    vsf_xdr_u64(xdr, record->disk_free);
    vsf_xdr_u32(xdr, record->part_max_used);
    vsf_xdr_u32(xdr, record->reads);
    vsf_xdr_u64(xdr, record->bytes_read);
    vsf_xdr_u32(xdr, record->read_time);
    vsf_xdr_u32(xdr, record->writes);
    vsf_xdr_u64(xdr, record->bytes_written);
    vsf_xdr_u32(xdr, record->write_time);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_host_net(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtNet *record)
{
    size_t body_at = vsf_sflow_record_begin(xdr, RECORD_HOST_NET);

    vsf_sflow_net_body(xdr, record);
    vsf_sflow_record_end(xdr, sample, body_at);
}

static void
put_words(VsfXdr *xdr, VsfSflowSample *sample, uint32_t format, const uint32_t *words, size_t n)
{
    size_t body_at = vsf_sflow_record_begin(xdr, format);

    for (size_t i = 0; i < n; i++)
        vsf_xdr_u32(xdr, words[i]);
    vsf_sflow_record_end(xdr, sample, body_at);
}

void
vsf_sflow_mib2(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowMib2 *groups)
{
    put_words(xdr, sample, RECORD_MIB2_IP, groups->ip, VSF_SFLOW_IP_WORDS);
    put_words(xdr, sample, RECORD_MIB2_ICMP, groups->icmp, VSF_SFLOW_ICMP_WORDS);
    put_words(xdr, sample, RECORD_MIB2_TCP, groups->tcp, VSF_SFLOW_TCP_WORDS);
    put_words(xdr, sample, RECORD_MIB2_UDP, groups->udp, VSF_SFLOW_UDP_WORDS);
}
