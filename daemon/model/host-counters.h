/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the physical host as values: what host_cpu, host_memory, host_disk_io, host_net_io
 * and the MIB-2 groups are made of. Nothing here reads anything.
 *
 * Unknown is VSF_UNKNOWN in every 64-bit field, and below 0 in a load. */
#pragma once

#include "counters.h"
#include "frame-kinds.h"
#include "link.h"

typedef struct {
    double load[3]; /* of the last 1, 5 and 15 minutes */
    guint64 proc_run, proc_total;
    guint64 cpus; /* online */
    guint64 uptime_s;
    /* Milliseconds, of all CPUs, since the boot. User and nice hold guest and guest_nice. */
    guint64 user_ms, nice_ms, system_ms, idle_ms, wio_ms, intr_ms, sintr_ms;
    guint64 steal_ms, guest_ms, guest_nice_ms;
    guint64 interrupts, contexts;
} VsfHostCpu;

typedef struct {
    /* bytes */
    guint64 total, free, shared, buffers, cached, swap_total, swap_free;
    /* pages, since the boot */
    guint64 page_in, page_out, swap_in, swap_out;
    guint64 available; /* bytes, without swapping; unknown before Linux 3.14 */
} VsfHostMemory;

/* Sums over the whole disks. */
typedef struct {
    guint64 reads, bytes_read, read_ms, writes, bytes_written, write_ms;
} VsfHostDisk;

/* Over the distinct real filesystems. */
typedef struct {
    guint64 total, free; /* bytes; free: for others than root */
    guint64 most_used;   /* of the fullest one, in hundredths of a percent */
} VsfHostSpace;

/* The groups' members in the order of RFC 1213, as far as sFlow has them (icmp lacks
 * icmpInTimestampReps), and what sFlow appends: InCsumErrors of tcp; RcvbufErrors, SndbufErrors
 * and InCsumErrors of udp. */
typedef struct {
    guint64 ip[19], icmp[25], tcp[15], udp[7];
} VsfHostMib;

typedef enum { VSF_DUPLEX_UNKNOWN, VSF_DUPLEX_FULL, VSF_DUPLEX_HALF } VsfDuplex;

/* A network interface of the host's own. */
typedef struct {
    int ifindex;
    char name[VSF_LINK_NAME_MAX];
    gboolean is_bridge; /* else it is physical */
    gboolean has_mac;
    guint8 mac[6]; /* the permanent one, where the driver tells it */
    guint32 flags; /* IFF_* */
    gboolean carrier;
    guint64 speed_bps; /* 0 unknown */
    VsfDuplex duplex;
    VsfNetCounters net; /* in: what the host received */
    VsfMacCounters mac_counters;
} VsfHostInterface;

typedef struct {
    VsfHostCpu cpu;
    VsfHostMemory memory;
    VsfHostDisk disk;
    VsfHostSpace space;
    VsfHostMib mib;
    VsfNetCounters net;        /* the sum over the physical interfaces; unknown if there are none */
    guint64 disk_set, net_set; /* of whom these sums are, by vsf_host_set_with(); or unknown */
    GArray *interfaces; /* VsfHostInterface, by ifindex: physical ones, and bridges above them */
} VsfHostCounters;

/* All unknown, no interfaces. */
VsfHostCounters *vsf_host_counters_new(void);
void vsf_host_counters_free(VsfHostCounters *counters);

VsfHostSpace vsf_host_space_unknown(void);

/* A set of disks or interfaces as one number, 0 without any, with one more, whose hash is @member;
 * in any order. */
guint64 vsf_host_set_with(guint64 set, guint member);

/* What is kept of one sample for the next one; begins as vsf_host_last_none(). */
typedef struct {
    guint64 idle_ms, wio_ms;
    VsfHostDisk disk;
    VsfNetCounters net;
    guint64 disk_set, net_set;
} VsfHostLast;

VsfHostLast vsf_host_last_none(void);

/* The kernel's account of idle time and of waiting for disks may go back a little (proc(5) says so
 * of iowait), which to a collector is a jump of 2^32: such a value is the one before instead. */
void vsf_host_counters_steady(VsfHostLast *last, VsfHostCounters *now);

/* TRUE if a sum of @now is not its last known value and what passed since: it is below it, or of
 * other disks or interfaces, since one that joins may bring what it counted before. Then copies
 * the known ones into @last. */
gboolean vsf_host_counters_step_back(VsfHostLast *last, const VsfHostCounters *now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfHostCounters, vsf_host_counters_free)
