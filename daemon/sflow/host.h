/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of the physical host's counter sample, beside host_descr and virt_node: a VM's sample
 * must have none of them, or collectors take the VM for its host. Rules as in counter.h. Sources:
 * sFlow Host Structures (2010), sFlow Host TCP/IP Structures, and for the last three fields of
 * host_cpu the catalogue of sFlow.org. */
#pragma once

#include "counter.h"

typedef struct { /* 0:2003 */
    float load_one, load_five, load_fifteen;
    uint32_t proc_run, proc_total, cpu_num;
    uint32_t cpu_speed;                                                              /* MHz */
    uint32_t uptime;                                                                 /* s */
    uint32_t cpu_user, cpu_nice, cpu_system, cpu_idle, cpu_wio, cpu_intr, cpu_sintr; /* ms */
    uint32_t interrupts, contexts;
    uint32_t cpu_steal, cpu_guest, cpu_guest_nice; /* ms */
} VsfSflowHostCpu;

typedef struct {                                                       /* 0:2004 */
    uint64_t mem_total, mem_free, mem_shared, mem_buffers, mem_cached; /* bytes */
    uint64_t swap_total, swap_free;
    uint32_t page_in, page_out, swap_in, swap_out;
} VsfSflowHostMemory;

typedef struct {                    /* 0:2005 */
    uint64_t disk_total, disk_free; /* bytes */
    uint32_t part_max_used;         /* hundredths of a percent */
    uint32_t reads;
    uint64_t bytes_read;
    uint32_t read_time, writes; /* ms */
    uint64_t bytes_written;
    uint32_t write_time;
} VsfSflowHostDisk;

void vsf_sflow_host_cpu(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostCpu *record);
void vsf_sflow_host_memory(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostMemory *record);
void vsf_sflow_host_disk(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostDisk *record);
/* 0:2006 */
void vsf_sflow_host_net(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtNet *record);

/* The MIB-2 groups, 0:2007 to 0:2010: plain words in the order of RFC 1213. */
#define VSF_SFLOW_IP_WORDS 19
#define VSF_SFLOW_ICMP_WORDS 25 /* without icmpInTimestampReps */
#define VSF_SFLOW_TCP_WORDS 15  /* InCsumErrors is the last */
#define VSF_SFLOW_UDP_WORDS 7   /* RcvbufErrors, SndbufErrors and InCsumErrors are the last */

typedef struct {
    uint32_t ip[VSF_SFLOW_IP_WORDS];
    uint32_t icmp[VSF_SFLOW_ICMP_WORDS];
    uint32_t tcp[VSF_SFLOW_TCP_WORDS];
    uint32_t udp[VSF_SFLOW_UDP_WORDS];
} VsfSflowMib2;

/* Four records. */
void vsf_sflow_mib2(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowMib2 *groups);
