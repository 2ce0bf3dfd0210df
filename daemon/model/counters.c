/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Views, sums and steps back of counters. */
#include "counters.h"

#include <string.h>

/* The 64-bit counters of each struct, in order: one walk serves sums and steps. */
static const gsize net_fields[] = {
    G_STRUCT_OFFSET(VsfNetCounters, bytes_in),     G_STRUCT_OFFSET(VsfNetCounters, packets_in),
    G_STRUCT_OFFSET(VsfNetCounters, errors_in),    G_STRUCT_OFFSET(VsfNetCounters, drops_in),
    G_STRUCT_OFFSET(VsfNetCounters, bytes_out),    G_STRUCT_OFFSET(VsfNetCounters, packets_out),
    G_STRUCT_OFFSET(VsfNetCounters, errors_out),   G_STRUCT_OFFSET(VsfNetCounters, drops_out),
    G_STRUCT_OFFSET(VsfNetCounters, multicast_in),
};

static const gsize domain_fields[] = {
    G_STRUCT_OFFSET(VsfDomainCounters, cpu_time_ns),
    G_STRUCT_OFFSET(VsfDomainCounters, disk.rd_req),
    G_STRUCT_OFFSET(VsfDomainCounters, disk.rd_bytes),
    G_STRUCT_OFFSET(VsfDomainCounters, disk.wr_req),
    G_STRUCT_OFFSET(VsfDomainCounters, disk.wr_bytes),
};

#define FIELD(counters, offset) G_STRUCT_MEMBER(guint64, counters, offset)

static guint64
sum(guint64 a, guint64 b)
{
    return a == VSF_UNKNOWN || b == VSF_UNKNOWN ? VSF_UNKNOWN : a + b;
}

gboolean
vsf_nic_is_mirrored(VsfNicKind kind)
{
    return kind == VSF_NIC_MACVTAP;
}

/* What the kernel received comes in, what it transmitted goes out. */
static VsfNetCounters
straight(const VsfLinkStats *stats, VsfNicKind kind)
{
    return (VsfNetCounters){
        .bytes_in = stats->rx_bytes,
        .packets_in = stats->rx_packets,
        .errors_in = stats->rx_errors,
        .drops_in = stats->rx_dropped,
        .bytes_out = stats->tx_bytes,
        .packets_out = stats->tx_packets,
        .errors_out = stats->tx_errors,
        .drops_out = stats->tx_dropped,
        /* A macvtap counts received multicast; a tap's field exists and stays 0. */
        .multicast_in = vsf_nic_is_mirrored(kind) ? stats->multicast : VSF_UNKNOWN,
    };
}

static VsfNetCounters
swapped(const VsfLinkStats *stats)
{
    return (VsfNetCounters){
        .bytes_in = stats->tx_bytes,
        .packets_in = stats->tx_packets,
        .errors_in = stats->tx_errors,
        .drops_in = stats->tx_dropped,
        .bytes_out = stats->rx_bytes,
        .packets_out = stats->rx_packets,
        .errors_out = stats->rx_errors,
        .drops_out = stats->rx_dropped,
        .multicast_in = VSF_UNKNOWN, /* no kernel counts transmitted multicast */
    };
}

VsfNetCounters
vsf_net_counters_guest(const VsfLinkStats *stats, VsfNicKind kind)
{
    return vsf_nic_is_mirrored(kind) ? straight(stats, kind) : swapped(stats);
}

VsfNetCounters
vsf_net_counters_port(const VsfLinkStats *stats, VsfNicKind kind)
{
    return vsf_nic_is_mirrored(kind) ? swapped(stats) : straight(stats, kind);
}

VsfNetCounters
vsf_net_counters_zero(void)
{
    return (VsfNetCounters){0};
}

VsfNetCounters
vsf_net_counters_unknown(void)
{
    VsfNetCounters counters;

    for (guint i = 0; i < G_N_ELEMENTS(net_fields); i++)
        FIELD(&counters, net_fields[i]) = VSF_UNKNOWN;
    return counters;
}

void
vsf_net_counters_add(VsfNetCounters *total, const VsfNetCounters *part)
{
    for (guint i = 0; i < G_N_ELEMENTS(net_fields); i++)
        FIELD(total, net_fields[i]) = sum(FIELD(total, net_fields[i]), FIELD(part, net_fields[i]));
}

VsfDiskCounters
vsf_disk_counters_unknown(void)
{
    return (VsfDiskCounters){VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN,
                             VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN};
}

static gboolean
is_writable(const VsfDisk *disk)
{
    return !disk->removable && !disk->readonly && !disk->empty && !disk->config_drive;
}

/* QEMU never sees what is written to it. */
static gboolean
is_written_elsewhere(const VsfDisk *disk)
{
    return is_writable(disk) && disk->kind == VSF_DISK_VHOST_USER;
}

gboolean
vsf_disk_is_counted(const VsfDisk *disk)
{
    return is_writable(disk) && disk->kind != VSF_DISK_VHOST_USER;
}

gboolean
vsf_domain_has_counted_disk(const VsfDomainDef *def)
{
    for (guint i = 0; i < def->disks->len; i++)
        if (vsf_disk_is_counted(def->disks->pdata[i]))
            return TRUE;
    return FALSE;
}

static const VsfBlockStats *
find_block(const VsfBlockStats *blocks, guint n_blocks, const char *target)
{
    for (guint i = 0; target != NULL && i < n_blocks; i++)
        if (strncmp(blocks[i].target, target, sizeof(blocks[i].target)) == 0)
            return &blocks[i];
    return NULL;
}

/* What a disk is on this host: VSF_BLOCK_FILE and so on. The XML does not say it
 * of a volume. */
static int
place_of(const VsfDisk *disk, const VsfBlockStats *block)
{
    switch (disk->kind) {
    case VSF_DISK_FILE:
        return VSF_BLOCK_FILE;
    case VSF_DISK_BLOCK:
        return VSF_BLOCK_DEVICE;
    case VSF_DISK_NETWORK:
    case VSF_DISK_VOLUME:
        return block->where;
    case VSF_DISK_VHOST_USER:
    case VSF_DISK_OTHER: /* the path of a dir is no file, an nvme has none */
        break;
    }
    return VSF_BLOCK_REMOTE;
}

static void
add_block(VsfDiskCounters *total, const VsfBlockStats *block, int place)
{
    /* Behind a remote disk QEMU knows no allocation and says capacity. */
    gboolean local = place != VSF_BLOCK_REMOTE;

    total->capacity = sum(total->capacity, block->capacity);
    total->allocation = sum(total->allocation, local ? block->physical : VSF_UNKNOWN);
    total->rd_req = sum(total->rd_req, block->rd_req);
    total->rd_bytes = sum(total->rd_bytes, block->rd_bytes);
    total->wr_req = sum(total->wr_req, block->wr_req);
    total->wr_bytes = sum(total->wr_bytes, block->wr_bytes);
}

VsfDiskCounters
vsf_disk_counters_sum(const VsfDomainDef *def, const VsfBlockStats *blocks, guint n_blocks)
{
    VsfDiskCounters total = {0};
    gboolean only_files = TRUE;
    guint n_counted = 0, n_elsewhere = 0;

    for (guint i = 0; i < def->disks->len; i++) {
        const VsfDisk *disk = g_ptr_array_index(def->disks, i);
        const VsfBlockStats *block;
        int place;

        if (is_written_elsewhere(disk))
            n_elsewhere++;
        if (!vsf_disk_is_counted(disk))
            continue;
        n_counted++;
        block = find_block(blocks, n_blocks, disk->target);
        if (block == NULL)
            return vsf_disk_counters_unknown();
        place = place_of(disk, block);
        only_files = only_files && place == VSF_BLOCK_FILE;
        add_block(&total, block, place);
    }
    if (n_counted == 0 && n_elsewhere > 0)
        return vsf_disk_counters_unknown();
    /* A full qcow2 with its metadata is larger than its capacity. */
    if (!only_files || n_elsewhere > 0 || total.capacity == VSF_UNKNOWN ||
        total.allocation == VSF_UNKNOWN)
        total.available = VSF_UNKNOWN;
    else if (total.capacity > total.allocation)
        total.available = total.capacity - total.allocation;
    return total;
}

static gboolean
step_back(gpointer last, gconstpointer now, const gsize *fields, gsize n_fields)
{
    gboolean back = FALSE;

    for (gsize i = 0; i < n_fields; i++) {
        guint64 value = FIELD(now, fields[i]);

        if (value == VSF_UNKNOWN)
            continue;
        if (FIELD(last, fields[i]) != VSF_UNKNOWN && value < FIELD(last, fields[i]))
            back = TRUE;
        FIELD(last, fields[i]) = value;
    }
    return back;
}

gboolean
vsf_net_counters_step_back(VsfNetCounters *last, const VsfNetCounters *now)
{
    return step_back(last, now, net_fields, G_N_ELEMENTS(net_fields));
}

gboolean
vsf_domain_counters_step_back(VsfDomainCounters *last, const VsfDomainCounters *now)
{
    /* Both are walked: each copies its part. */
    gboolean net = vsf_net_counters_step_back(&last->net, &now->net);
    gboolean rest = step_back(last, now, domain_fields, G_N_ELEMENTS(domain_fields));

    return net || rest;
}

VsfDomainCounters
vsf_domain_counters_none(void)
{
    return (VsfDomainCounters){
        .state = -1,
        .cpu_time_ns = VSF_UNKNOWN,
        .n_vcpus = VSF_UNKNOWN,
        .memory = VSF_UNKNOWN,
        .max_memory = VSF_UNKNOWN,
        .disk = vsf_disk_counters_unknown(),
        .net = vsf_net_counters_unknown(),
    };
}
