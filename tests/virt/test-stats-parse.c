/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/virt/stats-parse.h"

#include <string.h>

#define UUID "c7a5fdbd-edaf-9455-926a-d65c16db1809"

static virTypedParameter
of_u64(const char *field, guint64 value)
{
    virTypedParameter param = {.type = VIR_TYPED_PARAM_ULLONG, .value.ul = value};

    g_strlcpy(param.field, field, sizeof(param.field));
    return param;
}

static virTypedParameter
of_int(const char *field, int value)
{
    virTypedParameter param = {.type = VIR_TYPED_PARAM_INT, .value.i = value};

    g_strlcpy(param.field, field, sizeof(param.field));
    return param;
}

static virTypedParameter
of_uint(const char *field, guint value)
{
    virTypedParameter param = {.type = VIR_TYPED_PARAM_UINT, .value.ui = value};

    g_strlcpy(param.field, field, sizeof(param.field));
    return param;
}

static virTypedParameter
of_text(const char *field, const char *value)
{
    virTypedParameter param = {.type = VIR_TYPED_PARAM_STRING, .value.s = (char *)value};

    g_strlcpy(param.field, field, sizeof(param.field));
    return param;
}

static VsfDomainStats *
parse(const virTypedParameter *params, gsize n)
{
    return vsf_stats_parse(UUID, params, (int)n);
}

static const VsfBlockStats *
block_at(const VsfDomainStats *stats, guint i)
{
    return &g_array_index(stats->blocks, VsfBlockStats, i);
}

/* What comes only with the domain's job tells that QEMU was asked. */
static void
test_who_was_asked_shows(void)
{
    const virTypedParameter busy[] = {
        of_int("state.state", 1),
        of_u64("balloon.current", 196608),
        of_uint("block.count", 1),
        of_text("block.0.name", "vda"),
    };
    const virTypedParameter without_disk[] = {
        of_int("state.state", 1),
        of_u64("balloon.current", 196608),
        of_u64("balloon.rss", 30000),
        of_uint("block.count", 0),
    };
    const virTypedParameter without_balloon[] = {
        of_int("state.state", 1),
        of_uint("block.count", 1),
        of_text("block.0.name", "vda"),
        of_u64("block.0.rd.reqs", 10),
    };
    g_autoptr(VsfDomainStats) none = parse(busy, G_N_ELEMENTS(busy));
    g_autoptr(VsfDomainStats) diskless = parse(without_disk, G_N_ELEMENTS(without_disk));
    g_autoptr(VsfDomainStats) rigid = parse(without_balloon, G_N_ELEMENTS(without_balloon));

    g_assert_false(none->asked_qemu);
    g_assert_true(diskless->asked_qemu);
    g_assert_true(rigid->asked_qemu);
}

/* As libvirt 9.0 answers for a guest on rbd: no path, and a physical size that is the
 * capacity, since QEMU knows no other; allocation is the highest offset written. */
static void
test_recorded_answer_of_a_network_disk(void)
{
    const virTypedParameter params[] = {
        of_int("state.state", 1),
        of_u64("balloon.current", 196608),
        of_uint("block.count", 1),
        of_text("block.0.name", "vda"),
        of_uint("block.0.backingIndex", 1),
        of_u64("block.0.rd.reqs", 10),
        of_u64("block.0.rd.bytes", 40960),
        of_u64("block.0.wr.reqs", 20),
        of_u64("block.0.wr.bytes", 81920),
        of_u64("block.0.allocation", 5242880),
        of_u64("block.0.capacity", 21474836480),
        of_u64("block.0.physical", 21474836480),
    };
    g_autoptr(VsfDomainStats) stats = parse(params, G_N_ELEMENTS(params));
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    VsfDisk *disk = g_new0(VsfDisk, 1);
    VsfDiskCounters sum;

    disk->target = g_strdup("vda");
    disk->kind = VSF_DISK_NETWORK;
    g_ptr_array_add(def->disks, disk);
    sum = vsf_disk_counters_sum(def, block_at(stats, 0), stats->blocks->len);
    g_assert_cmpuint(sum.capacity, ==, 21474836480);
    g_assert_cmpuint(sum.allocation, ==, VSF_UNKNOWN);
    g_assert_cmpuint(sum.available, ==, VSF_UNKNOWN);
    g_assert_cmpuint(sum.rd_bytes, ==, 40960);
    g_assert_cmpuint(sum.wr_req, ==, 20);
}

static void
test_the_path_tells_where_a_disk_is(void)
{
    const virTypedParameter params[] = {
        of_uint("block.count", 5),
        of_text("block.0.name", "vda"),
        of_text("block.0.path", "/var/lib/x/disk"),
        of_u64("block.0.rd.reqs", 1),
        of_text("block.1.name", "vdb"),
        of_text("block.1.path", "/dev/vg/disk"),
        of_text("block.2.name", "vdc"), /* rbd, nbd: no path */
        of_text("block.3.name", "vdd"),
        of_text("block.3.path", ""),
        of_text("block.4.name", "vde"),
        of_u64("block.4.path", 1),
    };
    static const int where[] = {VSF_BLOCK_FILE, VSF_BLOCK_DEVICE, VSF_BLOCK_REMOTE,
                                VSF_BLOCK_REMOTE, VSF_BLOCK_REMOTE};
    g_autoptr(VsfDomainStats) stats = parse(params, G_N_ELEMENTS(params));

    for (guint i = 0; i < G_N_ELEMENTS(where); i++)
        g_assert_cmpint(block_at(stats, i)->where, ==, where[i]);
}

/* As libvirt 9.0 and QEMU 7.2 answered for a guest with a disk and an empty drive. */
static void
test_recorded_answer(void)
{
    const virTypedParameter params[] = {
        of_int("state.state", 1),
        of_int("state.reason", 1),
        of_u64("balloon.current", 196608),
        of_u64("balloon.maximum", 262144),
        of_u64("balloon.swap_in", 0),
        of_u64("balloon.unused", 120000),
        of_u64("balloon.available", 180000),
        of_u64("balloon.usable", 130000),
        of_u64("balloon.last-update", 1700000000),
        of_u64("balloon.disk_caches", 5000),
        of_u64("balloon.rss", 210000),
        of_uint("block.count", 2),
        of_text("block.0.name", "vda"),
        of_text("block.0.path", "/var/lib/x/disk"),
        of_uint("block.0.backingIndex", 1),
        of_u64("block.0.rd.reqs", 101),
        of_u64("block.0.rd.bytes", 202),
        of_u64("block.0.rd.times", 303),
        of_u64("block.0.wr.reqs", 404),
        of_u64("block.0.wr.bytes", 505),
        of_u64("block.0.wr.times", 606),
        of_u64("block.0.fl.reqs", 707),
        of_u64("block.0.fl.times", 808),
        of_u64("block.0.allocation", 0),
        of_u64("block.0.capacity", 1073741824),
        of_u64("block.0.physical", 200704),
        of_text("block.1.name", "hda"),
    };
    g_autoptr(VsfDomainStats) stats = parse(params, G_N_ELEMENTS(params));
    const VsfBlockStats *disk = block_at(stats, 0);

    g_assert_cmpstr(stats->uuid, ==, UUID);
    g_assert_cmpint(stats->state, ==, 1);
    g_assert_cmpint(stats->reason, ==, 1);
    g_assert_cmpuint(stats->balloon_current, ==, 201326592);
    g_assert_cmpuint(stats->balloon_maximum, ==, 268435456);
    g_assert_cmpuint(stats->balloon_available, ==, 184320000);
    g_assert_cmpuint(stats->balloon_usable, ==, 133120000);
    g_assert_cmpuint(stats->balloon_unused, ==, 122880000);
    g_assert_cmpuint(stats->balloon_disk_caches, ==, 5120000);
    g_assert_cmpuint(stats->balloon_last_update_s, ==, 1700000000);
    g_assert_cmpuint(stats->n_vcpus, ==, VSF_UNKNOWN);
    g_assert_true(stats->has_blocks);
    g_assert_cmpuint(stats->blocks->len, ==, 2);
    g_assert_cmpstr(disk->target, ==, "vda");
    g_assert_cmpuint(disk->rd_req, ==, 101);
    g_assert_cmpuint(disk->rd_bytes, ==, 202);
    g_assert_cmpuint(disk->rd_times_ns, ==, 303);
    g_assert_cmpuint(disk->wr_req, ==, 404);
    g_assert_cmpuint(disk->wr_bytes, ==, 505);
    g_assert_cmpuint(disk->wr_times_ns, ==, 606);
    g_assert_cmpuint(disk->fl_req, ==, 707);
    g_assert_cmpuint(disk->fl_times_ns, ==, 808);
    g_assert_cmpuint(disk->capacity, ==, 1073741824);
    g_assert_cmpuint(disk->physical, ==, 200704);
    g_assert_cmpstr(block_at(stats, 1)->target, ==, "hda");
    g_assert_cmpuint(block_at(stats, 1)->rd_req, ==, VSF_UNKNOWN);
    g_assert_cmpuint(block_at(stats, 1)->capacity, ==, VSF_UNKNOWN);
}

/* NOWAIT while another call holds the domain's job: names, no counters. */
static void
test_a_busy_domain_has_no_blocks(void)
{
    const virTypedParameter params[] = {
        of_int("state.state", 1),
        of_uint("block.count", 1),
        of_text("block.0.name", "vda"),
        of_u64("block.0.capacity", 5),
    };
    g_autoptr(VsfDomainStats) stats = parse(params, G_N_ELEMENTS(params));

    g_assert_false(stats->has_blocks);
    g_assert_cmpuint(stats->blocks->len, ==, 0);
    g_assert_cmpuint(stats->balloon_current, ==, VSF_UNKNOWN);
    g_assert_cmpuint(stats->balloon_last_update_s, ==, VSF_UNKNOWN);
}

static void
test_a_diskless_domain_is_not_busy(void)
{
    const virTypedParameter params[] = {of_uint("block.count", 0)};
    g_autoptr(VsfDomainStats) stats = parse(params, 1);
    g_autoptr(VsfDomainStats) empty = parse(NULL, 0);

    g_assert_true(stats->has_blocks);
    g_assert_cmpuint(stats->blocks->len, ==, 0);
    g_assert_false(empty->has_blocks);
    g_assert_cmpint(empty->state, ==, -1);
    g_assert_cmpint(empty->reason, ==, -1);
}

static void
test_wrong_types_and_numbers_are_left_out(void)
{
    virTypedParameter params[] = {
        of_text("balloon.current", "12"),
        of_u64("balloon.maximum", G_MAXUINT64 / 1000),
        of_int("balloon.usable", -1),
        of_u64("state.state", 3),
        of_int("block.0.name", 1),
        of_text("block.0.rd.reqs", "7"),
        of_u64("block.1.name", 1),
        of_text("block.2.name", NULL),
        of_u64("nothing.known", 1),
        of_u64("", 1),
        {.type = VIR_TYPED_PARAM_DOUBLE, .field = "balloon.unused", .value.d = 1.0},
        {.type = 99, .field = "balloon.available"},
        of_u64("balloon.disk_caches", 1),
    };
    g_autoptr(VsfDomainStats) stats = NULL;

    memset(params[8].field, 'b', sizeof(params[8].field)); /* no NUL */
    stats = parse(params, G_N_ELEMENTS(params));
    g_assert_cmpuint(stats->balloon_current, ==, VSF_UNKNOWN);
    g_assert_cmpuint(stats->balloon_maximum, ==, VSF_UNKNOWN);
    g_assert_cmpuint(stats->balloon_usable, ==, VSF_UNKNOWN);
    g_assert_cmpuint(stats->balloon_unused, ==, VSF_UNKNOWN);
    g_assert_cmpuint(stats->balloon_available, ==, VSF_UNKNOWN);
    g_assert_cmpuint(stats->balloon_disk_caches, ==, 1024);
    g_assert_cmpint(stats->state, ==, -1);
    g_assert_false(stats->has_blocks);
}

static void
test_wild_block_names_are_left_out(void)
{
    const virTypedParameter params[] = {
        of_text("block.0.name", "a-target-of-thirty-two-characters"),
        of_u64("block.0.rd.reqs", 1),
        of_text("block.512.name", "vdb"),
        of_text("block.99999999999999999999.name", "vdc"),
        of_text("block.-1.name", "vdd"),
        of_text("block..name", "vde"),
        of_text("block.3", "vdf"),
        of_text("block.4x.name", "vdg"),
        of_text("block.511.name", "vdh"),
        of_u64("block.511.rd.reqs", 9),
        of_u64("block.511.rd.reqs.more", 10),
    };
    g_autoptr(VsfDomainStats) stats = parse(params, G_N_ELEMENTS(params));

    g_assert_true(stats->has_blocks);
    g_assert_cmpuint(stats->blocks->len, ==, 1);
    g_assert_cmpstr(block_at(stats, 0)->target, ==, "vdh");
    g_assert_cmpuint(block_at(stats, 0)->rd_req, ==, 9);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virt/stats-parse/recorded-answer", test_recorded_answer);
    g_test_add_func("/virt/stats-parse/a-busy-domain-has-no-blocks",
                    test_a_busy_domain_has_no_blocks);
    g_test_add_func("/virt/stats-parse/a-diskless-domain-is-not-busy",
                    test_a_diskless_domain_is_not_busy);
    g_test_add_func("/virt/stats-parse/wrong-types-and-numbers-are-left-out",
                    test_wrong_types_and_numbers_are_left_out);
    g_test_add_func("/virt/stats-parse/wild-block-names-are-left-out",
                    test_wild_block_names_are_left_out);
    g_test_add_func("/virt/stats-parse/the-path-tells-where-a-disk-is",
                    test_the_path_tells_where_a_disk_is);
    g_test_add_func("/virt/stats-parse/recorded-answer-of-a-network-disk",
                    test_recorded_answer_of_a_network_disk);
    g_test_add_func("/virt/stats-parse/who-was-asked-shows", test_who_was_asked_shows);
    return g_test_run();
}
