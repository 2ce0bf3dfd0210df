/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/domain-detail.h"

static VsfBlockStats
block_of(const char *target, guint64 ops, guint64 times_ns)
{
    VsfBlockStats block = {
        .rd_req = ops,
        .rd_bytes = ops * 512,
        .wr_req = ops,
        .wr_bytes = ops * 512,
        .fl_req = ops,
        .rd_times_ns = times_ns,
        .wr_times_ns = times_ns,
        .fl_times_ns = times_ns,
        .capacity = 1000,
        .physical = 10,
    };

    g_strlcpy(block.target, target, sizeof(block.target));
    return block;
}

/* One turn with one disk; its read latency. */
static guint64
turn(GHashTable *last, const char *target, guint64 ops, guint64 times_ns)
{
    g_auto(VsfDomainDetail) detail = {0};
    g_autoptr(GArray) blocks = g_array_new(FALSE, FALSE, sizeof(VsfBlockStats));
    VsfBlockStats block = block_of(target, ops, times_ns);
    const VsfDiskDetail *disk;

    vsf_domain_detail_init(&detail);
    g_array_append_val(blocks, block);
    vsf_domain_detail_blocks(&detail, blocks, last);
    g_assert_cmpuint(detail.disks->len, ==, 1);
    disk = &g_array_index(detail.disks, VsfDiskDetail, 0);
    g_assert_cmpstr(disk->target, ==, target);
    g_assert_cmpuint(disk->rd_req, ==, ops);
    g_assert_cmpuint(disk->wr_latency_ns, ==, disk->rd_latency_ns);
    g_assert_cmpuint(disk->fl_latency_ns, ==, disk->rd_latency_ns);
    return disk->rd_latency_ns;
}

static void
test_latency_is_the_mean_since_the_turn_before(void)
{
    g_autoptr(GHashTable) last = vsf_block_history_new();

    g_assert_cmpuint(turn(last, "vda", 10, 1000), ==, VSF_UNKNOWN);
    g_assert_cmpuint(turn(last, "vda", 14, 1400), ==, 100);
    g_assert_cmpuint(turn(last, "vda", 14, 1400), ==, VSF_UNKNOWN); /* no operation */
    g_assert_cmpuint(turn(last, "vda", 15, 8400), ==, 7000);
    /* QEMU was started anew, or the disk is another. */
    g_assert_cmpuint(turn(last, "vda", 3, 300), ==, VSF_UNKNOWN);
    g_assert_cmpuint(turn(last, "vda", 4, 200), ==, VSF_UNKNOWN);
    g_assert_cmpuint(turn(last, "vdb", 5, 500), ==, VSF_UNKNOWN);
    g_assert_cmpuint(turn(last, "vda", 9, 900), ==, VSF_UNKNOWN); /* it was away */
    g_assert_cmpuint(turn(last, "vda", VSF_UNKNOWN - 1, VSF_UNKNOWN), ==, VSF_UNKNOWN);
}

static void
test_disks_beyond_the_bound_are_summed_and_empty_drives_left_out(void)
{
    g_autoptr(GHashTable) last = vsf_block_history_new();
    g_auto(VsfDomainDetail) detail = {0};
    g_autoptr(GArray) blocks = g_array_new(FALSE, FALSE, sizeof(VsfBlockStats));
    VsfBlockStats empty = block_of("sr0", VSF_UNKNOWN, VSF_UNKNOWN);

    vsf_domain_detail_init(&detail);
    g_array_append_val(blocks, empty);
    for (guint i = 0; i < VSF_DETAIL_DISKS_MAX + 3; i++) {
        g_autofree char *target = g_strdup_printf("vd%u", i);
        VsfBlockStats block = block_of(target, i, i);

        if (i == VSF_DETAIL_DISKS_MAX + 2)
            block.capacity = VSF_UNKNOWN;
        g_array_append_val(blocks, block);
    }
    vsf_domain_detail_blocks(&detail, blocks, last);
    g_assert_cmpuint(detail.disks->len, ==, VSF_DETAIL_DISKS_MAX);
    g_assert_cmpuint(detail.n_disks_rest, ==, 3);
    g_assert_cmpuint(detail.disks_rest.rd_req, ==, 16 + 17 + 18);
    g_assert_cmpuint(detail.disks_rest.physical, ==, 30);
    g_assert_cmpuint(detail.disks_rest.capacity, ==, VSF_UNKNOWN);
    g_assert_cmpuint(detail.disks_rest.rd_latency_ns, ==, VSF_UNKNOWN);
    g_assert_cmpuint(g_hash_table_size(last), ==, VSF_DETAIL_DISKS_MAX + 3);
}

static void
test_nics_beyond_the_bound_are_summed(void)
{
    g_auto(VsfDomainDetail) detail = {0};
    VsfNetCounters net = vsf_net_counters_zero();

    vsf_domain_detail_init(&detail);
    for (guint i = 0; i < VSF_DETAIL_NICS_MAX + 2; i++) {
        net.bytes_in = i;
        vsf_domain_detail_nic(&detail, i, 100 + i, &net);
    }
    g_assert_cmpuint(detail.nics->len, ==, VSF_DETAIL_NICS_MAX);
    g_assert_cmpuint(g_array_index(detail.nics, VsfNicDetail, 3).ifindex, ==, 103);
    g_assert_cmpuint(detail.n_nics_rest, ==, 2);
    g_assert_cmpuint(detail.nics_rest.bytes_in, ==, 16 + 17);
}

#define ADD(name, func) g_test_add_func("/model/domain-detail/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("latency-is-the-mean-since-the-turn-before",
        test_latency_is_the_mean_since_the_turn_before);
    ADD("disks-beyond-the-bound-are-summed-and-empty-drives-left-out",
        test_disks_beyond_the_bound_are_summed_and_empty_drives_left_out);
    ADD("nics-beyond-the-bound-are-summed", test_nics_beyond_the_bound_are_summed);
    return g_test_run();
}
