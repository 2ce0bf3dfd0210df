/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of a domain and of its taps as values: what was read, whose view it
 * is, and what a sum of it means. Nothing here reads anything.
 *
 * Unknown is VSF_UNKNOWN in every 64-bit field; a sum with an unknown part is
 * unknown (guest-truth rule 3: absent is not zero). */
#pragma once

#include "domain.h"

#include <glib.h>

#define VSF_UNKNOWN G_MAXUINT64

/* Counters of one network interface as the kernel of the host shows them
 * (struct rtnl_link_stats64, RTM_GETSTATS). */
typedef struct {
    guint64 rx_packets, tx_packets;
    guint64 rx_bytes, tx_bytes;
    guint64 rx_errors, tx_errors;
    guint64 rx_dropped, tx_dropped;
    guint64 multicast; /* received multicast packets */
} VsfLinkStats;

/* The same for one direction pair of an observer: the guest, or the switch
 * port that the guest is plugged into. */
typedef struct {
    guint64 bytes_in, packets_in, errors_in, drops_in;
    guint64 bytes_out, packets_out, errors_out, drops_out;
    guint64 multicast_in; /* VSF_UNKNOWN where the kernel does not count this direction */
} VsfNetCounters;

/* One block device's counters, from libvirt's BLOCK group. */
typedef struct {
    char target[32]; /* "vda" */
    guint64 rd_req, rd_bytes, wr_req, wr_bytes;
    guint64 rd_times_ns, wr_times_ns, fl_req, fl_times_ns;
    guint64 capacity, physical; /* bytes */
    enum {
        VSF_BLOCK_REMOTE, /* libvirt tells no path: rbd, nbd, iscsi ... */
        VSF_BLOCK_FILE,
        VSF_BLOCK_DEVICE, /* a path below /dev/ */
    } where;
} VsfBlockStats;

/* The sum over a domain's writable disks, as virt_disk_io wants it. */
typedef struct {
    guint64 capacity, allocation, available; /* bytes */
    guint64 rd_req, rd_bytes, wr_req, wr_bytes;
} VsfDiskCounters;

/* Everything of one domain at one moment. */
typedef struct {
    int state;           /* virDomainState, 0-7; -1 unknown */
    guint64 cpu_time_ns; /* of the QEMU process */
    guint64 n_vcpus;
    guint64 memory;     /* bytes; balloon current or in-guest use */
    guint64 max_memory; /* bytes; balloon current */
    VsfDiskCounters disk;
    VsfNetCounters net; /* guest's view unless configured otherwise */
} VsfDomainCounters;

/* TRUE where the kernel's "transmit" on this interface is traffic *from* the
 * VM: macvtap. On a tap the kernel transmits *to* the VM. The one function
 * that decides it, for packets and for counters. */
gboolean vsf_nic_is_mirrored(VsfNicKind kind);

/* How an interface that is sampled lies. What comes in by it counts as from the VM, and what goes
 * out as to it. */
typedef enum {
    VSF_SIDE_TAP,      /* what the kernel receives on it comes in */
    VSF_SIDE_MIRRORED, /* what the kernel transmits on it does: vsf_nic_is_mirrored() */
    VSF_SIDE_PORT,     /* as a tap, but of the host: it is no VM's, and once is both for it */
} VsfSide;

/* The guest's view: in = what the guest received. */
VsfNetCounters vsf_net_counters_guest(const VsfLinkStats *stats, VsfNicKind kind);

/* The switch port's view: in = what the VM sent into the port. */
VsfNetCounters vsf_net_counters_port(const VsfLinkStats *stats, VsfNicKind kind);

/* All zero: the start of a sum. */
VsfNetCounters vsf_net_counters_zero(void);
VsfNetCounters vsf_net_counters_unknown(void);
void vsf_net_counters_add(VsfNetCounters *sum, const VsfNetCounters *part);

VsfDiskCounters vsf_disk_counters_unknown(void);

/* Sums @blocks over the writable disks of @def (device disk or lun, not
 * read-only, not empty, not vhost-user). A writable disk without an entry in
 * @blocks makes the sums unknown; no writable disk at all gives zeros.
 * allocation: physical of files and host block devices, unknown with a remote
 * disk; available: capacity - allocation, at least 0, only if every writable
 * disk is a file; a vhost-user disk is none, and the only one makes all unknown. What a VOLUME is,
 * the block's path tells. @n_blocks may be 0 with
 * @blocks NULL. */
VsfDiskCounters vsf_disk_counters_sum(const VsfDomainDef *def, const VsfBlockStats *blocks,
                                      guint n_blocks);

/* Whether vsf_disk_counters_sum() adds it: it is there, can be written through QEMU, and is no
 * config drive. */
gboolean vsf_disk_is_counted(const VsfDisk *disk);

/* A writable disk that vsf_disk_counters_sum() needs statistics of. */
gboolean vsf_domain_has_counted_disk(const VsfDomainDef *def);

/* TRUE if any counter (not gauge) of @now stands below the last known value in
 * @last. Unknown in @now never counts as a step back. Then copies the known
 * counters of @now into @last. @last starts as vsf_domain_counters_none(). */
gboolean vsf_domain_counters_step_back(VsfDomainCounters *last, const VsfDomainCounters *now);
gboolean vsf_net_counters_step_back(VsfNetCounters *last, const VsfNetCounters *now);
VsfDomainCounters vsf_domain_counters_none(void);
