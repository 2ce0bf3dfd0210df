/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports are written by hand: the room that parses them is not linked. */
#include "../../daemon/model/guest-facts.h"

#include <string.h>

#define NOW 5000000
#define UNKNOWN VSF_QGA_UNKNOWN
#define GIB (G_GUINT64_CONSTANT(1) << 30)

typedef struct {
    const char *device, *mount_point;
    guint64 total, used;
    gboolean read_only_type;
} Mount;

/* A report that knows the filesystems; its texts are those of @mounts. */
typedef struct {
    VsfQgaReport report;
    VsfQgaFilesystems filesystems;
    GPtrArray *list;
} Told;

static void
told_init(Told *told, const Mount *mounts, guint n)
{
    *told = (Told){.list = g_ptr_array_new_with_free_func(g_free)};
    for (guint i = 0; i < n; i++) {
        VsfQgaFilesystem *filesystem = g_new0(VsfQgaFilesystem, 1);

        filesystem->name = (char *)mounts[i].device;
        filesystem->mount_point = (char *)mounts[i].mount_point;
        filesystem->total_bytes = mounts[i].total;
        filesystem->used_bytes = mounts[i].used;
        filesystem->read_only_type = mounts[i].read_only_type;
        g_ptr_array_add(told->list, filesystem);
    }
    told->filesystems.filesystems = told->list;
    told->report.filesystems = &told->filesystems;
    told->report.state[VSF_QGA_PART_FILESYSTEMS] = VSF_QGA_STATE_KNOWN;
}

static void
told_clear(Told *told)
{
    g_ptr_array_unref(told->list);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Told, told_clear)

static VsfGuestFacts *
facts_of(const Mount *mounts, guint n)
{
    g_auto(Told) told = {0};

    told_init(&told, mounts, n);
    return vsf_guest_facts_of_report(&told.report, VSF_QGA_WANT_ALL, NOW);
}

static const VsfGuestFilesystem *
nth(const VsfGuestFacts *facts, guint i)
{
    g_assert_cmpuint(i, <, facts->filesystems->len);
    return facts->filesystems->pdata[i];
}

static void
test_at_first_nothing_is_known(void)
{
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        g_assert_cmpint(facts->state[part], ==, VSF_QGA_STATE_NOT_ASKED);
        g_assert_cmpint(facts->known_us[part], ==, 0);
        g_assert_null(facts->reason[part]);
    }
    g_assert_cmpuint(facts->available, ==, UNKNOWN);
    g_assert_cmpuint(facts->filesystems->len, ==, 0);
    g_assert_cmpuint(facts->memory.total, ==, UNKNOWN);
    g_assert_cmpuint(facts->memory.swap_free, ==, UNKNOWN);
    g_assert_cmpuint(facts->os_name, ==, 0);
    g_assert_cmpstr(facts->os_release, ==, "");
    g_assert_null(facts->host_name);
    g_assert_true(facts->load.fifteen_minutes == VSF_QGA_UNKNOWN_LOAD);
    g_assert_cmpuint(facts->steal_ms, ==, UNKNOWN);
    vsf_guest_facts_free(NULL);
}

static void
test_what_is_available_is_the_sum_over_storage(void)
{
    static const struct {
        Mount mounts[3];
        guint64 available;
        guint n_listed;
    } cases[] = {
        {{{"vda1", "/", 10 * GIB, 4 * GIB, FALSE}}, 6 * GIB, 1},
        {{{"vda1", "/", 10 * GIB, 4 * GIB, FALSE}, {"vdb", "/srv", GIB, GIB, FALSE}}, 6 * GIB, 2},
        /* A full one is known to have nothing left. */
        {{{"vda1", "/", GIB, GIB, FALSE}}, 0, 1},
        {{{"vda1", "/", 10, 4, FALSE}, {"sr0", "/media", 700, 700, TRUE}}, 6, 1},
        {{{"vda1", "/", 10, 4, FALSE}, {"loop0", "/snap/x", 50, 10, FALSE}}, 6, 1},
        {{{"vda1", "/", 10, 4, FALSE}, {"ram0", "/r", 50, 10, FALSE}}, 6, 1},
        {{{"vda1", "/", 10, 4, FALSE}, {"zram1", "/z", 50, 10, FALSE}}, 6, 1},
        {{{"vda1", "/", 10, 4, FALSE}, {"vdb", "/empty", 0, 0, FALSE}}, 6, 1},
        {{{"vda1", "/", 10, 4, FALSE}, {"vdb", "/empty", 0, UNKNOWN, FALSE}}, 6, 1},
        /* A guest without sizes of all tells no sum. */
        {{{"vda1", "/", 10, 4, FALSE}, {"vdb", "/b", UNKNOWN, UNKNOWN, FALSE}}, UNKNOWN, 2},
        {{{"vda1", "/", 10, 4, FALSE}, {"vdb", "/b", 10, UNKNOWN, FALSE}}, UNKNOWN, 2},
        {{{"vda1", "/", 10, 4, FALSE}, {"vdb", "/b", UNKNOWN, 4, FALSE}}, UNKNOWN, 2},
        {{{"vda1", "/", 10, 4, FALSE}, {"sr0", "/c", UNKNOWN, UNKNOWN, TRUE}}, 6, 1},
        /* Windows: mounted nowhere, so no sizes; a drive without them is another matter. */
        {{{"v1", "C:\\", 10, 4, FALSE}, {"v2", "System Reserved", UNKNOWN, UNKNOWN, FALSE}}, 6, 1},
        {{{"v1", "C:\\", 10, 4, FALSE}, {"v2", "System Reserved", 5, 1, FALSE}}, 10, 2},
        {{{"v1", "C:\\", 10, 4, FALSE}, {"v2", "D:\\", UNKNOWN, UNKNOWN, FALSE}}, UNKNOWN, 2},
        /* Lies. */
        {{{"vda1", "/", 10, 400, FALSE}}, 0, 1},
        {{{"a", "/a", G_MAXINT64, 0, FALSE}, {"b", "/b", G_MAXINT64, 0, FALSE}},
         G_MAXUINT64 - 1,
         2},
        {{{"a", "/a", G_MAXINT64, 0, FALSE},
          {"b", "/b", G_MAXINT64, 0, FALSE},
          {"c", "/c", 7, 0, FALSE}},
         UNKNOWN,
         3},
        {{{"loop0", "/snap/x", 50, 10, FALSE}}, UNKNOWN, 0},
        {{{NULL, NULL, 0, 0, FALSE}}, UNKNOWN, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint n = 0;
        g_autoptr(VsfGuestFacts) facts = NULL;

        while (n < G_N_ELEMENTS(cases[i].mounts) && cases[i].mounts[n].device != NULL)
            n++;
        facts = facts_of(cases[i].mounts, n);
        g_assert_cmpuint(facts->available, ==, cases[i].available);
        g_assert_cmpuint(facts->filesystems->len, ==, cases[i].n_listed);
        g_assert_cmpuint(facts->n_rest, ==, 0);
        g_assert_cmpint(facts->known_us[VSF_QGA_PART_FILESYSTEMS], ==, NOW);
    }
}

static void
test_a_list_that_was_cut_has_no_sum(void)
{
    const Mount mount = {"vda1", "/", 10, 4, FALSE};
    g_auto(Told) told = {0};
    g_autoptr(VsfGuestFacts) facts = NULL;

    told_init(&told, &mount, 1);
    told.filesystems.n_left_out = 1;
    facts = vsf_guest_facts_of_report(&told.report, VSF_QGA_WANT_ALL, NOW);
    g_assert_cmpuint(facts->available, ==, UNKNOWN);
    g_assert_cmpuint(facts->filesystems->len, ==, 1);
}

static void
test_a_filesystem_is_told_as_the_guest_wrote_it(void)
{
    const Mount mount = {"dm-0", "/srv/\"a b\"", 10, 400, FALSE};
    g_auto(Told) told = {0};
    g_autoptr(VsfGuestFacts) facts = NULL;

    told_init(&told, &mount, 1);
    ((VsfQgaFilesystem *)told.list->pdata[0])->type = (char *)"xfs";
    facts = vsf_guest_facts_of_report(&told.report, VSF_QGA_WANT_ALL, NOW);
    g_assert_cmpstr(nth(facts, 0)->mount_point, ==, "/srv/\"a b\"");
    g_assert_cmpstr(nth(facts, 0)->device, ==, "dm-0");
    g_assert_cmpstr(nth(facts, 0)->type, ==, "xfs");
    g_assert_cmpuint(nth(facts, 0)->total, ==, 10);
    g_assert_cmpuint(nth(facts, 0)->used, ==, 10); /* at most the total */
}

static void
test_what_is_beyond_the_bound_is_counted_and_summed(void)
{
    Mount mounts[VSF_GUEST_FILESYSTEMS_MAX + 4];
    char names[G_N_ELEMENTS(mounts)][16];
    g_autoptr(VsfGuestFacts) facts = NULL;
    g_autoptr(VsfGuestFacts) unsure = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(mounts); i++) {
        g_snprintf(names[i], sizeof(names[i]), "/m%u", i);
        mounts[i] = (Mount){names[i], names[i], 10, 3, FALSE};
    }
    mounts[1].read_only_type = TRUE; /* takes no place */
    facts = facts_of(mounts, G_N_ELEMENTS(mounts));
    g_assert_cmpuint(facts->filesystems->len, ==, VSF_GUEST_FILESYSTEMS_MAX);
    g_assert_cmpstr(nth(facts, 31)->mount_point, ==, "/m32");
    g_assert_cmpuint(facts->n_rest, ==, 3);
    g_assert_cmpuint(facts->rest_total, ==, 30);
    g_assert_cmpuint(facts->rest_used, ==, 9);
    g_assert_cmpuint(facts->available, ==, 35 * 7);

    mounts[34].used = UNKNOWN;
    unsure = facts_of(mounts, G_N_ELEMENTS(mounts));
    g_assert_cmpuint(unsure->n_rest, ==, 3);
    g_assert_cmpuint(unsure->rest_total, ==, 30);
    g_assert_cmpuint(unsure->rest_used, ==, UNKNOWN);
    g_assert_cmpuint(unsure->available, ==, UNKNOWN);
}

/* Written down: collectors keep series by them. */
static void
test_a_key_is_the_same_on_every_host_and_in_every_version(void)
{
    static const struct {
        const char *mount_point, *key;
    } cases[] = {
        {"/", "root_bd52"},
        {"/var/lib", "var_lib_1bb4"},
        {"/var//lib/", "var_lib_ba40"},
        {"/Home", "Home_e1f2"},
        {"C:\\", "C_014e"},
        {"\xe6\x97\xa5\xe6\x9c\xac", "root_7177"},
        {"/var/lib/kubelet/pods/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/volumes/pvc",
         "var_lib_kubelet_pods_0f1e2d3c_4b5a_6978_756b"},
        {"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bb",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_84b0"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Mount mount = {"vda", cases[i].mount_point, 10, 3, FALSE};
        g_autoptr(VsfGuestFacts) facts = facts_of(&mount, 1);

        g_assert_cmpuint(strlen(nth(facts, 0)->key), <=, VSF_GUEST_KEY_MAX);
        g_assert_cmpstr(nth(facts, 0)->key, ==, cases[i].key);
    }
}

static void
test_a_key_stays_when_others_come_and_go(void)
{
    static const Mount mounts[] = {
        {"vda1", "/", 10, 3, FALSE}, {"vdb", "/srv", 10, 3, FALSE}, {"vdc", "/var", 10, 3, FALSE}};
    g_autoptr(VsfGuestFacts) all = facts_of(mounts, 3);
    g_autoptr(VsfGuestFacts) last = facts_of(mounts + 2, 1);

    g_assert_cmpstr(nth(all, 2)->key, ==, nth(last, 0)->key);
    g_assert_cmpstr(nth(all, 0)->key, !=, nth(all, 1)->key);
}

static void
test_no_two_keys_of_a_list_are_equal(void)
{
    /* One mount point for all, and few devices: every way of making a difference
     * is used up but the last. */
    static const char *const devices[] = {"vda", "vdb"};
    Mount mounts[VSF_GUEST_FILESYSTEMS_MAX];
    g_autoptr(VsfGuestFacts) facts = NULL;
    g_autoptr(VsfGuestFacts) again = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(mounts); i++)
        mounts[i] = (Mount){devices[i % 2], "/mnt", 10, 3, FALSE};
    facts = facts_of(mounts, G_N_ELEMENTS(mounts));
    again = facts_of(mounts, G_N_ELEMENTS(mounts));
    for (guint i = 0; i < G_N_ELEMENTS(mounts); i++) {
        g_assert_true(g_str_has_prefix(nth(facts, i)->key, "mnt_"));
        g_assert_cmpuint(strlen(nth(facts, i)->key), ==, 8);
        g_assert_cmpstr(nth(facts, i)->key, ==, nth(again, i)->key);
        for (guint other = 0; other < i; other++)
            g_assert_cmpstr(nth(facts, i)->key, !=, nth(facts, other)->key);
    }
}

static void
test_keys_hold_nothing_but_letters_digits_and_underscores(void)
{
    for (guint round = 0; round < 2000; round++) {
        char text[80];
        guint length = (guint)g_test_rand_int_range(1, sizeof(text));
        const Mount mount = {"vda", text, 10, 3, FALSE};
        g_autoptr(VsfGuestFacts) facts = NULL;
        const char *key;

        for (guint i = 0; i < length; i++)
            text[i] = (char)g_test_rand_int_range(1, 256);
        text[length] = '\0';
        facts = facts_of(&mount, 1);
        key = nth(facts, 0)->key;
        g_assert_cmpuint(strlen(key), >=, 6);
        g_assert_cmpuint(strlen(key), <=, VSF_GUEST_KEY_MAX);
        g_assert_true(g_ascii_isalnum(key[0]));
        for (const char *at = key; *at != '\0'; at++)
            g_assert_true(g_ascii_isalnum(*at) || (*at == '_' && at[1] != '_'));
    }
}

static void
test_every_part_is_taken(void)
{
    VsfQgaMemory memory = {100, 60, 1, 2, 3, 4};
    VsfQgaOs os = {.id = (char *)"rhel", .kernel_release = (char *)"5.14.0"};
    VsfQgaLoad load = {0.5, 0.25, 0.125};
    VsfQgaReport report = {.memory = &memory, .os = &os, .load = &load};
    g_autoptr(VsfGuestFacts) facts = NULL;
    char host_name[] = "db";

    report.host_name = host_name;
    report.state[VSF_QGA_PART_MEMORY] = report.state[VSF_QGA_PART_OS] =
        report.state[VSF_QGA_PART_LOAD] = report.state[VSF_QGA_PART_HOST_NAME] =
            report.state[VSF_QGA_PART_INTERFACES] = VSF_QGA_STATE_KNOWN;
    facts = vsf_guest_facts_of_report(&report, VSF_QGA_WANT_ALL, NOW);
    g_assert_cmpmem(&facts->memory, sizeof(memory), &memory, sizeof(memory));
    g_assert_cmpuint(facts->os_name, ==, 2);
    g_assert_cmpstr(facts->os_release, ==, "5.14.0");
    g_assert_cmpstr(facts->host_name, ==, "db");
    g_assert_true(facts->load.five_minutes == 0.25);
    g_assert_cmpint(facts->known_us[VSF_QGA_PART_MEMORY], ==, NOW);
    g_assert_cmpint(facts->known_us[VSF_QGA_PART_INTERFACES], ==, NOW);
    g_assert_cmpint(facts->known_us[VSF_QGA_PART_FILESYSTEMS], ==, 0);
}

static void
test_steal_is_the_sum_of_all_cpus(void)
{
    static const struct {
        guint64 steal[2];
        guint n;
        guint64 want;
    } cases[] = {
        {{30, 12}, 2, 42},
        {{30, UNKNOWN}, 2, UNKNOWN},
        {{G_MAXINT64, G_MAXINT64}, 2, G_MAXUINT64 - 1},
        {{G_MAXUINT64 - 1, 5}, 2, UNKNOWN},
        {{0, 0}, 1, 0},
        {{0, 0}, 0, UNKNOWN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GArray) cpus = g_array_new(FALSE, TRUE, sizeof(VsfQgaCpuStats));
        VsfQgaReport report = {.cpu_stats = cpus};
        g_autoptr(VsfGuestFacts) facts = NULL;

        for (guint n = 0; n < cases[i].n; n++) {
            VsfQgaCpuStats cpu = {.steal_ms = cases[i].steal[n]};

            g_array_append_val(cpus, cpu);
        }
        report.state[VSF_QGA_PART_CPU_STATS] = VSF_QGA_STATE_KNOWN;
        facts = vsf_guest_facts_of_report(&report, VSF_QGA_WANT_ALL, NOW);
        g_assert_cmpuint(facts->steal_ms, ==, cases[i].want);
    }
}

static void
test_a_part_that_could_not_be_told_keeps_its_last_values(void)
{
    const Mount mount = {"vda1", "/", 10, 4, FALSE};
    g_autoptr(VsfGuestFacts) known = facts_of(&mount, 1);
    char reason[] = "frozen, says the agent";
    VsfQgaReport refused = {0}, silent = {0};
    g_autoptr(VsfGuestFacts) newer = NULL;
    g_autoptr(VsfGuestFacts) newest = NULL;

    refused.state[VSF_QGA_PART_FILESYSTEMS] = VSF_QGA_STATE_FROZEN;
    refused.reason[VSF_QGA_PART_FILESYSTEMS] = reason;
    newer = vsf_guest_facts_of_report(&refused, VSF_QGA_WANT_ALL, 2 * NOW);
    vsf_guest_facts_merge(known, newer);
    newest = vsf_guest_facts_of_report(&silent, VSF_QGA_WANT_ALL, 3 * NOW); /* wanted nothing */
    vsf_guest_facts_merge(known, newest);
    g_assert_cmpint(known->state[VSF_QGA_PART_FILESYSTEMS], ==, VSF_QGA_STATE_FROZEN);
    g_assert_cmpstr(known->reason[VSF_QGA_PART_FILESYSTEMS], ==, reason);
    g_assert_cmpint(known->known_us[VSF_QGA_PART_FILESYSTEMS], ==, NOW);
    g_assert_cmpuint(known->available, ==, 6);
    g_assert_cmpuint(known->filesystems->len, ==, 1);
    g_assert_cmpint(known->state[VSF_QGA_PART_MEMORY], ==, VSF_QGA_STATE_NOT_ASKED);
}

static void
test_parts_that_a_conversation_did_not_come_to_have_its_reason(void)
{
    g_autoptr(GError) error = g_error_new_literal(g_quark_from_static_string("x"), 1, "silent");
    VsfQgaReport report = {.error = error, .ended = VSF_QGA_STATE_NO_REPLY};
    g_autoptr(VsfGuestFacts) facts = NULL;

    report.state[VSF_QGA_PART_FILESYSTEMS] = VSF_QGA_STATE_DISABLED;
    facts = vsf_guest_facts_of_report(
        &report, VSF_QGA_WANT(VSF_QGA_PART_FILESYSTEMS) | VSF_QGA_WANT(VSF_QGA_PART_OS), NOW);
    g_assert_cmpint(facts->state[VSF_QGA_PART_FILESYSTEMS], ==, VSF_QGA_STATE_DISABLED);
    g_assert_cmpint(facts->state[VSF_QGA_PART_OS], ==, VSF_QGA_STATE_NO_REPLY);
    g_assert_cmpstr(facts->reason[VSF_QGA_PART_OS], ==, "silent");
    g_assert_cmpint(facts->state[VSF_QGA_PART_LOAD], ==, VSF_QGA_STATE_NOT_ASKED);
}

static void
test_a_part_that_is_known_again_takes_the_place_of_the_old(void)
{
    static const Mount before[] = {{"vda1", "/", 10, 4, FALSE}, {"vdb", "/b", 10, 4, FALSE}};
    static const Mount after = {"vda1", "/", 10, 5, FALSE};
    g_autoptr(VsfGuestFacts) known = facts_of(before, 2);
    g_autoptr(VsfGuestFacts) newer = facts_of(&after, 1);

    known->reason[VSF_QGA_PART_FILESYSTEMS] = g_strdup("was frozen");
    known->host_name = g_strdup("db");
    known->state[VSF_QGA_PART_HOST_NAME] = VSF_QGA_STATE_KNOWN;
    newer->known_us[VSF_QGA_PART_FILESYSTEMS] = 2 * NOW;
    vsf_guest_facts_merge(known, newer);
    g_assert_cmpuint(known->available, ==, 5);
    g_assert_cmpuint(known->filesystems->len, ==, 1);
    g_assert_cmpint(known->known_us[VSF_QGA_PART_FILESYSTEMS], ==, 2 * NOW);
    g_assert_null(known->reason[VSF_QGA_PART_FILESYSTEMS]);
    g_assert_cmpstr(known->host_name, ==, "db");
    g_assert_cmpint(known->state[VSF_QGA_PART_HOST_NAME], ==, VSF_QGA_STATE_KNOWN);
}

static void
test_each_part_is_merged_for_itself(void)
{
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        g_autoptr(VsfGuestFacts) known = vsf_guest_facts_new();
        g_autoptr(VsfGuestFacts) newer = vsf_guest_facts_new();

        newer->available = newer->memory.total = newer->steal_ms = 7;
        newer->n_rest = newer->os_name = 7;
        newer->rest_total = newer->rest_used = 7;
        newer->load.one_minute = 7;
        newer->host_name = g_strdup("seven");
        g_strlcpy(newer->os_release, "seven", sizeof(newer->os_release));
        newer->state[part] = VSF_QGA_STATE_KNOWN;
        vsf_guest_facts_merge(known, newer);
        g_assert_cmpint(known->available == 7, ==, part == VSF_QGA_PART_FILESYSTEMS);
        g_assert_cmpint(known->n_rest == 7, ==, part == VSF_QGA_PART_FILESYSTEMS);
        g_assert_cmpint(known->rest_total == 7, ==, part == VSF_QGA_PART_FILESYSTEMS);
        g_assert_cmpint(known->rest_used == 7, ==, part == VSF_QGA_PART_FILESYSTEMS);
        g_assert_cmpint(known->memory.total == 7, ==, part == VSF_QGA_PART_MEMORY);
        g_assert_cmpint(known->os_name == 7, ==, part == VSF_QGA_PART_OS);
        g_assert_cmpint(known->os_release[0] == 's', ==, part == VSF_QGA_PART_OS);
        g_assert_cmpint(known->host_name != NULL, ==, part == VSF_QGA_PART_HOST_NAME);
        g_assert_cmpint(known->load.one_minute == 7, ==, part == VSF_QGA_PART_LOAD);
        g_assert_cmpint(known->steal_ms == 7, ==, part == VSF_QGA_PART_CPU_STATS);
    }
}

#define ADD(name, func) g_test_add_func("/model/guest-facts/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("at-first-nothing-is-known", test_at_first_nothing_is_known);
    ADD("what-is-available-is-the-sum-over-storage",
        test_what_is_available_is_the_sum_over_storage);
    ADD("a-list-that-was-cut-has-no-sum", test_a_list_that_was_cut_has_no_sum);
    ADD("a-filesystem-is-told-as-the-guest-wrote-it",
        test_a_filesystem_is_told_as_the_guest_wrote_it);
    ADD("what-is-beyond-the-bound-is-counted-and-summed",
        test_what_is_beyond_the_bound_is_counted_and_summed);
    ADD("a-key-is-the-same-on-every-host-and-in-every-version",
        test_a_key_is_the_same_on_every_host_and_in_every_version);
    ADD("a-key-stays-when-others-come-and-go", test_a_key_stays_when_others_come_and_go);
    ADD("no-two-keys-of-a-list-are-equal", test_no_two_keys_of_a_list_are_equal);
    ADD("keys-hold-nothing-but-letters-digits-and-underscores",
        test_keys_hold_nothing_but_letters_digits_and_underscores);
    ADD("every-part-is-taken", test_every_part_is_taken);
    ADD("steal-is-the-sum-of-all-cpus", test_steal_is_the_sum_of_all_cpus);
    ADD("a-part-that-could-not-be-told-keeps-its-last-values",
        test_a_part_that_could_not_be_told_keeps_its_last_values);
    ADD("a-part-that-is-known-again-takes-the-place-of-the-old",
        test_a_part_that_is_known_again_takes_the_place_of_the_old);
    ADD("each-part-is-merged-for-itself", test_each_part_is_merged_for_itself);
    g_test_add_func("/model/guest-facts/parts-that-a-conversation-did-not-come-to-have-its-reason",
                    test_parts_that_a_conversation_did_not_come_to_have_its_reason);
    return g_test_run();
}
