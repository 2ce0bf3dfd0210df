/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-detail.h"

#include <string.h>

static VsfDiskDetail
no_disks(void)
{
    return (VsfDiskDetail){
        .rd_latency_ns = VSF_UNKNOWN,
        .wr_latency_ns = VSF_UNKNOWN,
        .fl_latency_ns = VSF_UNKNOWN,
    };
}

void
vsf_domain_detail_init(VsfDomainDetail *detail)
{
    *detail = (VsfDomainDetail){
        .vcpu_wait_ns = VSF_UNKNOWN,
        .disks = g_array_new(FALSE, FALSE, sizeof(VsfDiskDetail)),
        .disks_rest = no_disks(),
        .nics = g_array_new(FALSE, FALSE, sizeof(VsfNicDetail)),
        .nics_rest = vsf_net_counters_zero(),
        .memory = {.value = VSF_UNKNOWN, .age_s = -1, .why = VSF_WHY_WAITING},
        .available = {.value = VSF_UNKNOWN, .age_s = -1, .why = VSF_WHY_WAITING},
        .page_cache = VSF_UNKNOWN,
        .agent_latency_ms = VSF_UNKNOWN,
        .agent_age_s = VSF_UNKNOWN,
    };
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        detail->part_age_s[part] = -1;
}

void
vsf_domain_detail_clear(VsfDomainDetail *detail)
{
    g_clear_pointer(&detail->disks, g_array_unref);
    g_clear_pointer(&detail->nics, g_array_unref);
}

GHashTable *
vsf_block_history_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
}

/* The mean time of the operations between two readings. */
static guint64
latency(guint64 ops, guint64 times_ns, guint64 last_ops, guint64 last_times_ns)
{
    if (ops == VSF_UNKNOWN || times_ns == VSF_UNKNOWN || last_ops == VSF_UNKNOWN ||
        last_times_ns == VSF_UNKNOWN || ops <= last_ops || times_ns < last_times_ns)
        return VSF_UNKNOWN;
    return (times_ns - last_times_ns) / (ops - last_ops);
}

static VsfDiskDetail
disk_detail(const VsfBlockStats *now, const VsfBlockStats *last)
{
    VsfDiskDetail disk = {
        .rd_req = now->rd_req,
        .rd_bytes = now->rd_bytes,
        .wr_req = now->wr_req,
        .wr_bytes = now->wr_bytes,
        .fl_req = now->fl_req,
        .rd_latency_ns = VSF_UNKNOWN,
        .wr_latency_ns = VSF_UNKNOWN,
        .fl_latency_ns = VSF_UNKNOWN,
        .capacity = now->capacity,
        .physical = now->physical,
    };

    g_strlcpy(disk.target, now->target, sizeof(disk.target));
    if (last == NULL)
        return disk;
    disk.rd_latency_ns = latency(now->rd_req, now->rd_times_ns, last->rd_req, last->rd_times_ns);
    disk.wr_latency_ns = latency(now->wr_req, now->wr_times_ns, last->wr_req, last->wr_times_ns);
    disk.fl_latency_ns = latency(now->fl_req, now->fl_times_ns, last->fl_req, last->fl_times_ns);
    return disk;
}

static guint64
sum(guint64 a, guint64 b)
{
    return a == VSF_UNKNOWN || b == VSF_UNKNOWN ? VSF_UNKNOWN : a + b;
}

static void
add_to_rest(VsfDiskDetail *rest, const VsfDiskDetail *disk)
{
    rest->rd_req = sum(rest->rd_req, disk->rd_req);
    rest->rd_bytes = sum(rest->rd_bytes, disk->rd_bytes);
    rest->wr_req = sum(rest->wr_req, disk->wr_req);
    rest->wr_bytes = sum(rest->wr_bytes, disk->wr_bytes);
    rest->fl_req = sum(rest->fl_req, disk->fl_req);
    rest->capacity = sum(rest->capacity, disk->capacity);
    rest->physical = sum(rest->physical, disk->physical);
}

void
vsf_domain_detail_blocks(VsfDomainDetail *detail, const GArray *blocks, GHashTable *last)
{
    GHashTableIter iter;
    gpointer value;
    g_autoptr(GHashTable) now = vsf_block_history_new();

    for (guint i = 0; i < blocks->len; i++) {
        const VsfBlockStats *block = &g_array_index(blocks, VsfBlockStats, i);
        VsfBlockStats *kept;
        VsfDiskDetail disk;

        /* An empty drive has no counters. */
        if (block->rd_req == VSF_UNKNOWN)
            continue;
        disk = disk_detail(block, g_hash_table_lookup(last, block->target));
        if (detail->disks->len < VSF_DETAIL_DISKS_MAX) {
            g_array_append_val(detail->disks, disk);
        } else {
            detail->n_disks_rest++;
            add_to_rest(&detail->disks_rest, &disk);
        }
        kept = g_memdup2(block, sizeof(*block));
        g_hash_table_replace(now, kept->target, kept);
    }
    g_hash_table_remove_all(last);
    g_hash_table_iter_init(&iter, now);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        g_hash_table_iter_steal(&iter);
        g_hash_table_insert(last, ((VsfBlockStats *)value)->target, value);
    }
}

void
vsf_domain_detail_nic(VsfDomainDetail *detail, guint number, guint32 ifindex,
                      const VsfNetCounters *net)
{
    VsfNicDetail nic = {.number = number, .ifindex = ifindex, .net = *net};

    if (detail->nics->len < VSF_DETAIL_NICS_MAX) {
        g_array_append_val(detail->nics, nic);
        return;
    }
    detail->n_nics_rest++;
    vsf_net_counters_add(&detail->nics_rest, net);
}
