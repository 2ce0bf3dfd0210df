/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of the physical host alone, encoded and told, for encode-all.c. */
#pragma once

#include "../../daemon/sflow/host.h"
#include "json-text.h"

static void
host_record(GString *json, const char *format)
{
    comma(json);
    g_string_append(json, "{");
    text(json, "format", format);
}

static void
tell_load(GString *json, const char *name, float value)
{
    key(json, name);
    if (value == -1.0F)
        g_string_append(json, "null");
    else
        g_string_append_printf(json, "%.9g", (double)value);
}

static void
encode_host_cpu(VsfXdr *xdr, VsfSflowSample *sample, GString *json, const VsfSflowHostCpu *r)
{
    vsf_sflow_host_cpu(xdr, sample, r);
    host_record(json, "0:2003");
    tell_load(json, "load_one", r->load_one);
    tell_load(json, "load_five", r->load_five);
    tell_load(json, "load_fifteen", r->load_fifteen);
    u32(json, "proc_run", r->proc_run);
    u32(json, "proc_total", r->proc_total);
    u32(json, "cpu_num", r->cpu_num);
    u32(json, "cpu_speed", r->cpu_speed);
    u32(json, "uptime", r->uptime);
    u32(json, "cpu_user", r->cpu_user);
    u32(json, "cpu_nice", r->cpu_nice);
    u32(json, "cpu_system", r->cpu_system);
    u32(json, "cpu_idle", r->cpu_idle);
    u32(json, "cpu_wio", r->cpu_wio);
    u32(json, "cpu_intr", r->cpu_intr);
    u32(json, "cpu_sintr", r->cpu_sintr);
    u32(json, "interrupts", r->interrupts);
    u32(json, "contexts", r->contexts);
    u32(json, "cpu_steal", r->cpu_steal);
    u32(json, "cpu_guest", r->cpu_guest);
    u32(json, "cpu_guest_nice", r->cpu_guest_nice);
    g_string_append(json, "}");
}

static void
encode_host_memory(VsfXdr *xdr, VsfSflowSample *sample, GString *json, const VsfSflowHostMemory *r)
{
    vsf_sflow_host_memory(xdr, sample, r);
    host_record(json, "0:2004");
    u64(json, "mem_total", r->mem_total);
    u64(json, "mem_free", r->mem_free);
    u64(json, "mem_shared", r->mem_shared);
    u64(json, "mem_buffers", r->mem_buffers);
    u64(json, "mem_cached", r->mem_cached);
    u64(json, "swap_total", r->swap_total);
    u64(json, "swap_free", r->swap_free);
    u32(json, "page_in", r->page_in);
    u32(json, "page_out", r->page_out);
    u32(json, "swap_in", r->swap_in);
    u32(json, "swap_out", r->swap_out);
    g_string_append(json, "}");
}

static void
encode_host_disk(VsfXdr *xdr, VsfSflowSample *sample, GString *json, const VsfSflowHostDisk *r)
{
    vsf_sflow_host_disk(xdr, sample, r);
    host_record(json, "0:2005");
    u64(json, "disk_total", r->disk_total);
    u64(json, "disk_free", r->disk_free);
    u32(json, "part_max_used", r->part_max_used);
    u32(json, "reads", r->reads);
    u64(json, "bytes_read", r->bytes_read);
    u32(json, "read_time", r->read_time);
    u32(json, "writes", r->writes);
    u64(json, "bytes_written", r->bytes_written);
    u32(json, "write_time", r->write_time);
    g_string_append(json, "}");
}

static void
encode_host_net(VsfXdr *xdr, VsfSflowSample *sample, GString *json, const VsfSflowVirtNet *r)
{
    vsf_sflow_host_net(xdr, sample, r);
    host_record(json, "0:2006");
    u64(json, "bytes_in", r->bytes_in);
    u32(json, "pkts_in", r->packets_in);
    u32(json, "errs_in", r->errors_in);
    u32(json, "drops_in", r->drops_in);
    u64(json, "bytes_out", r->bytes_out);
    u32(json, "pkts_out", r->packets_out);
    u32(json, "errs_out", r->errors_out);
    u32(json, "drops_out", r->drops_out);
    g_string_append(json, "}");
}

/* The oracle names the words of a group by their numbers: ip0, ip1, ... */
static void
tell_words(GString *json, const char *format, const char *group, const uint32_t *words, size_t n)
{
    host_record(json, format);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("%s%zu", group, i);

        u32(json, name, words[i]);
    }
    g_string_append(json, "}");
}

static void
encode_mib2(VsfXdr *xdr, VsfSflowSample *sample, GString *json, const VsfSflowMib2 *groups)
{
    vsf_sflow_mib2(xdr, sample, groups);
    tell_words(json, "0:2007", "ip", groups->ip, G_N_ELEMENTS(groups->ip));
    tell_words(json, "0:2008", "icmp", groups->icmp, G_N_ELEMENTS(groups->icmp));
    tell_words(json, "0:2009", "tcp", groups->tcp, G_N_ELEMENTS(groups->tcp));
    tell_words(json, "0:2010", "udp", groups->udp, G_N_ELEMENTS(groups->udp));
}

/* Every field has a value of its own; @unknown: all ones and -1.0. */
static void
encode_host(VsfXdr *xdr, VsfSflowSample *sample, GString *json, gboolean unknown)
{
    const uint64_t big = G_GUINT64_CONSTANT(0x100000000);
    VsfSflowHostCpu cpu = {0.25F, 1.5F, 1024.125F, 1,  2,  3,  4,  5,  6,          7,
                           8,     9,    10,        11, 12, 13, 14, 15, 0xfffffffe, 17};
    VsfSflowHostMemory memory = {big + 1, big + 2, big + 3, big + 4, big + 5, big + 6,
                                 big + 7, 8,       9,       10,      11};
    VsfSflowHostDisk disk = {big * 9 + 1, big * 8 + 2, 9876, 3, big + 4, 5, 6, big + 7, 8};
    VsfSflowVirtNet net = {big + 1, 2, 3, 4, G_GUINT64_CONSTANT(0xfffffffffffffffe), 6, 7, 8};
    VsfSflowMib2 groups;
    uint32_t *words = (uint32_t *)&groups;

    for (uint32_t i = 0; i < sizeof(groups) / sizeof(*words); i++)
        words[i] = 1000 + i;
    if (unknown) {
        memset(&cpu, 0xff, sizeof(cpu));
        cpu.load_one = cpu.load_five = cpu.load_fifteen = -1.0F;
        memset(&memory, 0xff, sizeof(memory));
        memset(&disk, 0xff, sizeof(disk));
        memset(&net, 0xff, sizeof(net));
        memset(&groups, 0xff, sizeof(groups));
    }
    encode_host_cpu(xdr, sample, json, &cpu);
    encode_host_memory(xdr, sample, json, &memory);
    encode_host_disk(xdr, sample, json, &disk);
    encode_host_net(xdr, sample, json, &net);
    encode_mib2(xdr, sample, json, &groups);
}
