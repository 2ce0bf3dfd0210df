/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/counters.h"

#include <string.h>

static const VsfLinkStats stats = {
    .rx_packets = 1,
    .tx_packets = 2,
    .rx_bytes = 3,
    .tx_bytes = 4,
    .rx_errors = 5,
    .tx_errors = 6,
    .rx_dropped = 7,
    .tx_dropped = 8,
    .multicast = 9,
};

static void
assert_received_comes_in(VsfNetCounters counters)
{
    g_assert_cmpuint(counters.packets_in, ==, 1);
    g_assert_cmpuint(counters.packets_out, ==, 2);
    g_assert_cmpuint(counters.bytes_in, ==, 3);
    g_assert_cmpuint(counters.bytes_out, ==, 4);
    g_assert_cmpuint(counters.errors_in, ==, 5);
    g_assert_cmpuint(counters.errors_out, ==, 6);
    g_assert_cmpuint(counters.drops_in, ==, 7);
    g_assert_cmpuint(counters.drops_out, ==, 8);
}

static void
assert_transmitted_comes_in(VsfNetCounters counters)
{
    g_assert_cmpuint(counters.packets_in, ==, 2);
    g_assert_cmpuint(counters.packets_out, ==, 1);
    g_assert_cmpuint(counters.bytes_in, ==, 4);
    g_assert_cmpuint(counters.bytes_out, ==, 3);
    g_assert_cmpuint(counters.errors_in, ==, 6);
    g_assert_cmpuint(counters.errors_out, ==, 5);
    g_assert_cmpuint(counters.drops_in, ==, 8);
    g_assert_cmpuint(counters.drops_out, ==, 7);
}

static void
test_a_tap_transmits_to_the_guest(void)
{
    g_assert_false(vsf_nic_is_mirrored(VSF_NIC_TAP));
    assert_transmitted_comes_in(vsf_net_counters_guest(&stats, VSF_NIC_TAP));
    assert_received_comes_in(vsf_net_counters_port(&stats, VSF_NIC_TAP));
}

static void
test_a_macvtap_is_mirrored(void)
{
    g_assert_true(vsf_nic_is_mirrored(VSF_NIC_MACVTAP));
    assert_received_comes_in(vsf_net_counters_guest(&stats, VSF_NIC_MACVTAP));
    assert_transmitted_comes_in(vsf_net_counters_port(&stats, VSF_NIC_MACVTAP));
}

static void
test_multicast_is_known_where_the_kernel_counts_it(void)
{
    g_assert_cmpuint(vsf_net_counters_guest(&stats, VSF_NIC_MACVTAP).multicast_in, ==, 9);
    g_assert_cmpuint(vsf_net_counters_port(&stats, VSF_NIC_MACVTAP).multicast_in, ==, VSF_UNKNOWN);
    g_assert_cmpuint(vsf_net_counters_guest(&stats, VSF_NIC_TAP).multicast_in, ==, VSF_UNKNOWN);
    g_assert_cmpuint(vsf_net_counters_port(&stats, VSF_NIC_TAP).multicast_in, ==, VSF_UNKNOWN);
}

static void
test_an_unknown_part_makes_its_sum_unknown(void)
{
    VsfNetCounters total = vsf_net_counters_zero();
    VsfNetCounters part = {.bytes_in = 10, .packets_out = 3, .drops_in = VSF_UNKNOWN};
    VsfNetCounters unknown = vsf_net_counters_unknown();

    vsf_net_counters_add(&total, &part);
    vsf_net_counters_add(&total, &(VsfNetCounters){.bytes_in = 5, .drops_in = 1});
    g_assert_cmpuint(total.bytes_in, ==, 15);
    g_assert_cmpuint(total.packets_out, ==, 3);
    g_assert_cmpuint(total.errors_in, ==, 0);
    g_assert_cmpuint(total.drops_in, ==, VSF_UNKNOWN);
    vsf_net_counters_add(&total, &unknown);
    g_assert_cmpmem(&total, sizeof(total), &unknown, sizeof(unknown));
}

static void
add_disk(VsfDomainDef *def, const char *target, VsfDiskKind kind, gboolean removable,
         gboolean readonly, gboolean empty)
{
    VsfDisk *disk = g_new0(VsfDisk, 1);

    disk->target = g_strdup(target);
    disk->kind = kind;
    disk->removable = removable;
    disk->readonly = readonly;
    disk->empty = empty;
    g_ptr_array_add(def->disks, disk);
}

static VsfBlockStats
block(const char *target, guint64 capacity, guint64 physical)
{
    VsfBlockStats result = {.rd_req = 1,
                            .rd_bytes = 10,
                            .wr_req = 2,
                            .wr_bytes = 20,
                            .capacity = capacity,
                            .physical = physical};

    g_strlcpy(result.target, target, sizeof(result.target));
    return result;
}

static void
test_only_writable_disks_are_summed(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    const VsfBlockStats blocks[] = {block("hda", 9000, 9000), block("vdb", 200, 150),
                                    block("vda", 100, 60), block("vdr", 9000, 9000)};
    VsfDiskCounters total;

    add_disk(def, "vda", VSF_DISK_FILE, FALSE, FALSE, FALSE);
    add_disk(def, "vdb", VSF_DISK_FILE, FALSE, FALSE, FALSE);
    add_disk(def, "hda", VSF_DISK_FILE, TRUE, FALSE, FALSE);
    add_disk(def, "vdr", VSF_DISK_FILE, FALSE, TRUE, FALSE);
    add_disk(def, "vde", VSF_DISK_FILE, FALSE, FALSE, TRUE);
    total = vsf_disk_counters_sum(def, blocks, G_N_ELEMENTS(blocks));
    g_assert_cmpuint(total.capacity, ==, 300);
    g_assert_cmpuint(total.allocation, ==, 210);
    g_assert_cmpuint(total.available, ==, 90);
    /* What QEMU does not see is not counted, but it may fill up. */
    add_disk(def, "vdu", VSF_DISK_VHOST_USER, FALSE, FALSE, FALSE);
    total = vsf_disk_counters_sum(def, blocks, G_N_ELEMENTS(blocks));
    g_assert_cmpuint(total.capacity, ==, 300);
    g_assert_cmpuint(total.available, ==, VSF_UNKNOWN);
    g_assert_cmpuint(total.rd_req, ==, 2);
    g_assert_cmpuint(total.rd_bytes, ==, 20);
    g_assert_cmpuint(total.wr_req, ==, 4);
    g_assert_cmpuint(total.wr_bytes, ==, 40);
}

static void
test_a_writable_disk_without_numbers_makes_all_unknown(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    const VsfBlockStats blocks[] = {block("vda", 100, 60)};
    const VsfDiskCounters unknown = vsf_disk_counters_unknown();
    VsfDiskCounters total;

    add_disk(def, "vda", VSF_DISK_FILE, FALSE, FALSE, FALSE);
    add_disk(def, "vdb", VSF_DISK_FILE, FALSE, FALSE, FALSE);
    total = vsf_disk_counters_sum(def, blocks, 1);
    g_assert_cmpmem(&total, sizeof(total), &unknown, sizeof(unknown));
    total = vsf_disk_counters_sum(def, NULL, 0);
    g_assert_cmpmem(&total, sizeof(total), &unknown, sizeof(unknown));
}

static void
test_no_writable_disk_is_zero(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    const VsfDiskCounters zero = {0}, unknown = vsf_disk_counters_unknown();
    VsfDiskCounters total;

    add_disk(def, "hda", VSF_DISK_FILE, TRUE, TRUE, FALSE);
    total = vsf_disk_counters_sum(def, NULL, 0);
    g_assert_cmpmem(&total, sizeof(total), &zero, sizeof(zero));
    add_disk(def, "vdu", VSF_DISK_VHOST_USER, FALSE, FALSE, FALSE);
    total = vsf_disk_counters_sum(def, NULL, 0);
    g_assert_cmpmem(&total, sizeof(total), &unknown, sizeof(unknown));
}

static void
test_what_is_allocated_depends_on_the_backend(void)
{
    static const struct {
        VsfDiskKind kind;
        int where;
        guint64 physical, allocation, available;
    } cases[] = {
        {VSF_DISK_FILE, VSF_BLOCK_FILE, 60, 60, 40},
        {VSF_DISK_FILE, VSF_BLOCK_REMOTE, 60, 60, 40}, /* no path: a file descriptor */
        {VSF_DISK_FILE, VSF_BLOCK_DEVICE, 60, 60, 40}, /* the XML says what it is */
        {VSF_DISK_FILE, VSF_BLOCK_FILE, 130, 130, 0},  /* a full qcow2 with its metadata */
        {VSF_DISK_FILE, VSF_BLOCK_FILE, VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN},
        {VSF_DISK_BLOCK, VSF_BLOCK_DEVICE, 100, 100, VSF_UNKNOWN},
        {VSF_DISK_BLOCK, VSF_BLOCK_REMOTE, 100, 100, VSF_UNKNOWN},
        {VSF_DISK_BLOCK, VSF_BLOCK_FILE, 100, 100, VSF_UNKNOWN},
        {VSF_DISK_NETWORK, VSF_BLOCK_REMOTE, 100, VSF_UNKNOWN, VSF_UNKNOWN},
        {VSF_DISK_VOLUME, VSF_BLOCK_FILE, 60, 60, 40},
        {VSF_DISK_VOLUME, VSF_BLOCK_DEVICE, 100, 100, VSF_UNKNOWN}, /* LVM, iscsi by the host */
        {VSF_DISK_VOLUME, VSF_BLOCK_REMOTE, 100, VSF_UNKNOWN, VSF_UNKNOWN}, /* rbd, iscsi by QEMU */
        {VSF_DISK_VOLUME, VSF_BLOCK_FILE, VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN},
        {VSF_DISK_OTHER, VSF_BLOCK_REMOTE, 100, VSF_UNKNOWN, VSF_UNKNOWN},
        {VSF_DISK_OTHER, VSF_BLOCK_FILE, 100, VSF_UNKNOWN, VSF_UNKNOWN}, /* a dir */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
        VsfBlockStats stats_of = block("vda", 100, cases[i].physical);
        VsfDiskCounters total;

        stats_of.where = cases[i].where;
        add_disk(def, "vda", cases[i].kind, FALSE, FALSE, FALSE);
        total = vsf_disk_counters_sum(def, &stats_of, 1);
        g_assert_cmpuint(total.capacity, ==, 100);
        g_assert_cmpuint(total.allocation, ==, cases[i].allocation);
        g_assert_cmpuint(total.available, ==, cases[i].available);
        g_assert_cmpuint(total.wr_bytes, ==, 20);
    }
}

static void
test_available_needs_every_writable_disk_to_be_a_file(void)
{
    static const struct {
        int where;
        guint64 allocation, available;
    } cases[] = {
        {VSF_BLOCK_FILE, 120, 80},
        {VSF_BLOCK_DEVICE, 120, VSF_UNKNOWN},
        {VSF_BLOCK_REMOTE, VSF_UNKNOWN, VSF_UNKNOWN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
        VsfBlockStats blocks[] = {block("vda", 100, 60), block("vdb", 100, 60),
                                  block("hda", VSF_UNKNOWN, VSF_UNKNOWN)};
        VsfDiskCounters total;

        blocks[1].where = cases[i].where;
        add_disk(def, "vda", VSF_DISK_FILE, FALSE, FALSE, FALSE);
        add_disk(def, "vdb", VSF_DISK_VOLUME, FALSE, FALSE, FALSE);
        add_disk(def, "hda", VSF_DISK_NETWORK, TRUE, TRUE, FALSE);
        total = vsf_disk_counters_sum(def, blocks, G_N_ELEMENTS(blocks));
        g_assert_cmpuint(total.capacity, ==, 200);
        g_assert_cmpuint(total.allocation, ==, cases[i].allocation);
        g_assert_cmpuint(total.available, ==, cases[i].available);
    }
}

/* A target that fills its field has no NUL there. */
static void
test_a_full_target_field_is_not_overrun(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    VsfBlockStats full = block("", 100, 100);
    g_autofree char *name = g_strnfill(sizeof(full.target), 'x');

    memset(full.target, 'x', sizeof(full.target));
    add_disk(def, name, VSF_DISK_FILE, FALSE, FALSE, FALSE);
    g_assert_cmpuint(vsf_disk_counters_sum(def, &full, 1).capacity, ==, 100);
    add_disk(def, NULL, VSF_DISK_FILE, FALSE, FALSE, FALSE);
    g_assert_cmpuint(vsf_disk_counters_sum(def, &full, 1).capacity, ==, VSF_UNKNOWN);
}

static void
test_unknown_is_never_a_step_back(void)
{
    VsfNetCounters last = vsf_net_counters_unknown();
    VsfNetCounters now = {.bytes_in = 100, .packets_in = 10};

    g_assert_false(vsf_net_counters_step_back(&last, &now));
    now.bytes_in = VSF_UNKNOWN;
    g_assert_false(vsf_net_counters_step_back(&last, &now));
    g_assert_cmpuint(last.bytes_in, ==, 100);
    now.bytes_in = 100; /* back from unknown, at its last */
    g_assert_false(vsf_net_counters_step_back(&last, &now));
    now.bytes_in = 99;
    g_assert_true(vsf_net_counters_step_back(&last, &now));
    g_assert_false(vsf_net_counters_step_back(&last, &now)); /* told once */
}

static void
test_every_counter_of_a_domain_is_watched(void)
{
    static const gsize fields[] = {
        G_STRUCT_OFFSET(VsfDomainCounters, cpu_time_ns),
        G_STRUCT_OFFSET(VsfDomainCounters, disk.rd_req),
        G_STRUCT_OFFSET(VsfDomainCounters, disk.rd_bytes),
        G_STRUCT_OFFSET(VsfDomainCounters, disk.wr_req),
        G_STRUCT_OFFSET(VsfDomainCounters, disk.wr_bytes),
        G_STRUCT_OFFSET(VsfDomainCounters, net.bytes_in),
        G_STRUCT_OFFSET(VsfDomainCounters, net.packets_in),
        G_STRUCT_OFFSET(VsfDomainCounters, net.errors_in),
        G_STRUCT_OFFSET(VsfDomainCounters, net.drops_in),
        G_STRUCT_OFFSET(VsfDomainCounters, net.bytes_out),
        G_STRUCT_OFFSET(VsfDomainCounters, net.packets_out),
        G_STRUCT_OFFSET(VsfDomainCounters, net.errors_out),
        G_STRUCT_OFFSET(VsfDomainCounters, net.drops_out),
    };

    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        VsfDomainCounters last = vsf_domain_counters_none();
        VsfDomainCounters now = vsf_domain_counters_none();
        guint64 *field = &G_STRUCT_MEMBER(guint64, &now, fields[i]);

        g_assert_false(vsf_domain_counters_step_back(&last, &now));
        *field = 5;
        g_assert_false(vsf_domain_counters_step_back(&last, &now));
        *field = 4;
        g_assert_true(vsf_domain_counters_step_back(&last, &now));
    }
}

static void
test_a_gauge_may_fall(void)
{
    VsfDomainCounters last = vsf_domain_counters_none();
    VsfDomainCounters now = {.state = 1,
                             .n_vcpus = 4,
                             .memory = 100,
                             .max_memory = 100,
                             .disk = {.capacity = 100, .allocation = 50, .available = 50}};

    g_assert_false(vsf_domain_counters_step_back(&last, &now));
    now = (VsfDomainCounters){0};
    g_assert_false(vsf_domain_counters_step_back(&last, &now));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/counters/a-tap-transmits-to-the-guest",
                    test_a_tap_transmits_to_the_guest);
    g_test_add_func("/model/counters/a-macvtap-is-mirrored", test_a_macvtap_is_mirrored);
    g_test_add_func("/model/counters/multicast-is-known-where-the-kernel-counts-it",
                    test_multicast_is_known_where_the_kernel_counts_it);
    g_test_add_func("/model/counters/an-unknown-part-makes-its-sum-unknown",
                    test_an_unknown_part_makes_its_sum_unknown);
    g_test_add_func("/model/counters/only-writable-disks-are-summed",
                    test_only_writable_disks_are_summed);
    g_test_add_func("/model/counters/a-writable-disk-without-numbers-makes-all-unknown",
                    test_a_writable_disk_without_numbers_makes_all_unknown);
    g_test_add_func("/model/counters/no-writable-disk-is-zero", test_no_writable_disk_is_zero);
    g_test_add_func("/model/counters/what-is-allocated-depends-on-the-backend",
                    test_what_is_allocated_depends_on_the_backend);
    g_test_add_func("/model/counters/available-needs-every-writable-disk-to-be-a-file",
                    test_available_needs_every_writable_disk_to_be_a_file);
    g_test_add_func("/model/counters/a-full-target-field-is-not-overrun",
                    test_a_full_target_field_is_not_overrun);
    g_test_add_func("/model/counters/unknown-is-never-a-step-back",
                    test_unknown_is_never_a_step_back);
    g_test_add_func("/model/counters/every-counter-of-a-domain-is-watched",
                    test_every_counter_of_a_domain_is_watched);
    g_test_add_func("/model/counters/a-gauge-may-fall", test_a_gauge_may_fall);
    return g_test_run();
}
