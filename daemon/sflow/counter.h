/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counter samples (format 0:4, expanded) and the records in them.
 *
 * Each vsf_sflow_* record function writes one whole record {format, length,
 * body}. Fields stand in wire order. Unknown: all ones in an integer, -1.0 in a
 * float, zero bytes in a uuid, empty text. Sources: sFlow v5 (2004), sFlow Host
 * Structures (2010), sFlow OpenFlow Structures. */
#pragma once

#include "xdr.h"

#define VSF_SFLOW_UNKNOWN32 UINT32_MAX
#define VSF_SFLOW_UNKNOWN64 UINT64_MAX

typedef enum {                                /* data-source classes */
               VSF_SFLOW_CLASS_INTERFACE = 0, /* index = ifIndex */
               VSF_SFLOW_CLASS_PHYSICAL = 2,  /* the hypervisor is 2:1 */
               VSF_SFLOW_CLASS_LOGICAL = 3,   /* a VM */
} VsfSflowClass;

typedef struct {
    uint32_t source_class;
    uint32_t index;
} VsfSflowSource;

/* Begins an expanded counter sample; *@mark is for vsf_sflow_counter_end(),
 * which fills in the lengths and the record count. */
typedef struct {
    size_t length_at, records_at, body_at;
    uint32_t n_records;
} VsfSflowSample;

VsfSflowSample vsf_sflow_counter_begin(VsfXdr *xdr, uint32_t sequence, VsfSflowSource source);
void vsf_sflow_counter_end(VsfXdr *xdr, VsfSflowSample *sample);

typedef struct { /* 0:1 */
    uint32_t if_index, if_type;
    uint64_t if_speed;
    uint32_t if_direction; /* 1 full, 2 half, 3 in, 4 out, 0 unknown */
    uint32_t if_status;    /* bit 0 admin up, bit 1 oper up */
    uint64_t in_octets;
    uint32_t in_ucast, in_multicast, in_broadcast, in_discards, in_errors, in_unknown_protos;
    uint64_t out_octets;
    uint32_t out_ucast, out_multicast, out_broadcast, out_discards, out_errors;
    uint32_t promiscuous; /* 1 yes, 2 no */
} VsfSflowIfCounters;

typedef struct { /* 0:2000 */
    const char *hostname;
    uint8_t uuid[16];
    uint32_t machine_type; /* vsf_sflow_machine_type() */
    uint32_t os_name;      /* 0 unknown, 2 linux, 3 windows, ... */
    const char *os_release;
} VsfSflowHostDescr;

typedef struct {       /* one adapter of 0:2001 */
    uint32_t if_index; /* 0: no interface on the host */
    uint8_t mac[6];
} VsfSflowAdapter;

typedef struct { /* 0:2100 */
    uint32_t mhz, cpus;
    uint64_t memory, memory_free; /* bytes */
    uint32_t num_domains;
} VsfSflowVirtNode;

typedef struct {    /* 0:2101 */
    uint32_t state; /* virDomainState 0-6 */
    uint32_t cpu_time_ms;
    uint32_t n_virt_cpu;
} VsfSflowVirtCpu;

typedef struct {                 /* 0:2102 */
    uint64_t memory, max_memory; /* bytes */
} VsfSflowVirtMemory;

typedef struct {                              /* 0:2103 */
    uint64_t capacity, allocation, available; /* bytes */
    uint32_t rd_req;
    uint64_t rd_bytes;
    uint32_t wr_req;
    uint64_t wr_bytes;
    uint32_t errs;
} VsfSflowVirtDisk;

typedef struct { /* 0:2104, and 0:2006 with the same layout */
    uint64_t bytes_in;
    uint32_t packets_in, errors_in, drops_in;
    uint64_t bytes_out;
    uint32_t packets_out, errors_out, drops_out;
} VsfSflowVirtNet;

void vsf_sflow_if_counters(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowIfCounters *record);
void vsf_sflow_port_name(VsfXdr *xdr, VsfSflowSample *sample, const char *name);
void vsf_sflow_host_descr(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowHostDescr *record);
void vsf_sflow_host_parent(VsfXdr *xdr, VsfSflowSample *sample, VsfSflowSource parent);
void vsf_sflow_virt_node(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtNode *record);
void vsf_sflow_virt_cpu(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtCpu *record);
void vsf_sflow_virt_memory(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtMemory *record);
void vsf_sflow_virt_disk(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtDisk *record);
void vsf_sflow_virt_net(VsfXdr *xdr, VsfSflowSample *sample, const VsfSflowVirtNet *record);

#define VSF_SFLOW_ADAPTERS_LEAST 12 /* bytes of the record with an empty list */

/* Writes as many of @adapters as fit into @room bytes of record (its 8-byte
 * header included; at least the empty list); returns how many. */
uint32_t vsf_sflow_host_adapters(VsfXdr *xdr, VsfSflowSample *sample,
                                 const VsfSflowAdapter *adapters, uint32_t n_adapters, size_t room);

/* libvirt's or uname's architecture name -> host_descr.machine_type. */
uint32_t vsf_sflow_machine_type(const char *arch);

/* 64-bit value -> 32-bit field: unknown stays unknown, else modulo 2^32 (a
 * value that happens to become all ones is sent one lower). */
uint32_t vsf_sflow_low32(uint64_t value);
