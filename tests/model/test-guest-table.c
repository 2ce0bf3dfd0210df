/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/guest-table.h"

#include <string.h>

#define UUID_1 "11111111-1111-1111-1111-111111111111"
#define UUID_2 "22222222-2222-2222-2222-222222222222"
#define NOW_S G_GINT64_CONSTANT(1700000000)
#define HEAD "[virt-sflow guests]\nversion=1\n"

static VsfGuestRecord
record_of(const char *run)
{
    VsfGuestRecord record = {.choice = {VSF_SOURCE_BALLOON, VSF_SOURCE_AGENT},
                             .quarantined_until_s = NOW_S + 100,
                             .quarantines = 2};

    g_strlcpy(record.run, run, sizeof(record.run));
    return record;
}

static VsfGuestTable *
loaded(const char *text, gboolean good)
{
    VsfGuestTable *table = vsf_guest_table_new();
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(vsf_guest_table_load(table, text, strlen(text), &error), ==, good);
    g_assert_true((error == NULL) == good);
    return table;
}

static void
test_what_is_written_is_read_again(void)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new(), again = NULL;
    VsfGuestRecord one = record_of("boot/1"), other = {.run = "boot/2"};
    g_autofree char *text = NULL;
    const VsfGuestRecord *record;

    vsf_guest_table_set(table, UUID_1, &one, NOW_S);
    vsf_guest_table_set(table, UUID_2, &other, NOW_S);
    text = vsf_guest_table_to_text(table, NOW_S, NULL);
    again = loaded(text, TRUE);
    g_assert_cmpuint(vsf_guest_table_size(again), ==, 2);
    record = vsf_guest_table_get(again, UUID_1, "boot/1", NOW_S);
    g_assert_nonnull(record);
    g_assert_cmpint(record->choice.memory, ==, VSF_SOURCE_BALLOON);
    g_assert_cmpint(record->choice.disk, ==, VSF_SOURCE_AGENT);
    g_assert_cmpint(record->quarantined_until_s, ==, NOW_S + 100);
    g_assert_cmpuint(record->quarantines, ==, 2);
    record = vsf_guest_table_get(again, UUID_2, "boot/2", NOW_S);
    g_assert_cmpint(record->choice.memory, ==, VSF_SOURCE_UNDECIDED);
    g_assert_cmpint(record->choice.disk, ==, VSF_SOURCE_UNDECIDED);
}

static void
test_another_run_is_not_known(void)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new();
    VsfGuestRecord record = record_of("boot/1");

    vsf_guest_table_set(table, UUID_1, &record, NOW_S);
    g_assert_null(vsf_guest_table_get(table, UUID_1, "boot/2", NOW_S));
    g_assert_null(vsf_guest_table_get(table, UUID_2, "boot/1", NOW_S));
}

static void
test_what_was_not_used_for_long_is_not_written(void)
{
    g_autofree char *text = g_strdup_printf(
        HEAD "[" UUID_1 "]\nrun=boot/1\nused=%" G_GINT64_FORMAT "\n"
             "[" UUID_2 "]\nrun=boot/1\nused=%" G_GINT64_FORMAT "\n",
        NOW_S - VSF_GUEST_TABLE_KEPT_S - 1, NOW_S - VSF_GUEST_TABLE_KEPT_S);
    g_autoptr(VsfGuestTable) table = loaded(text, TRUE);

    g_free(text);
    text = vsf_guest_table_to_text(table, NOW_S, NULL);
    g_assert_null(strstr(text, UUID_1));
    g_assert_nonnull(strstr(text, UUID_2));
    vsf_guest_table_get(table, UUID_1, "boot/1", NOW_S);
    g_free(text);
    text = vsf_guest_table_to_text(table, NOW_S, NULL);
    g_assert_nonnull(strstr(text, UUID_1));
}

static void
test_a_run_that_is_on_is_written_however_old(void)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new(), again = NULL, later = NULL;
    VsfGuestRecord record = record_of("boot/1");
    g_autofree char *text = NULL;
    gint64 later_s = NOW_S + VSF_GUEST_TABLE_KEPT_S + 86400;

    vsf_guest_table_set(table, UUID_1, &record, NOW_S); /* chosen once, the VM runs on */
    vsf_guest_table_set(table, UUID_2, &record, later_s);
    text = vsf_guest_table_to_text(table, later_s, NULL);
    again = loaded(text, TRUE); /* the daemon was restarted; this one knows the run */
    g_assert_nonnull(vsf_guest_table_get(again, UUID_1, "boot/1", later_s));
    g_free(text);
    text = vsf_guest_table_to_text(again, later_s + VSF_GUEST_TABLE_KEPT_S + 1, NULL);
    later = loaded(text, TRUE);
    g_assert_nonnull(vsf_guest_table_get(later, UUID_1, "boot/1", later_s));
    g_assert_null(vsf_guest_table_get(later, UUID_2, "boot/1", later_s));
}

static void
test_a_run_that_ended_is_not_written(void)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new();
    VsfGuestRecord record = record_of("boot/1");
    g_autofree char *text = NULL;

    g_assert_false(vsf_guest_table_remove(table, UUID_1));
    vsf_guest_table_set(table, UUID_1, &record, NOW_S);
    g_assert_true(vsf_guest_table_remove(table, UUID_1));
    text = vsf_guest_table_to_text(table, NOW_S, NULL);
    g_assert_null(strstr(text, UUID_1));
}

static void
test_what_is_not_in_use_makes_room_first(void)
{
    static const char text[] = HEAD "[" UUID_1 "]\nrun=boot/1\nused=1800000000\n";
    g_autoptr(VsfGuestTable) table = loaded(text, TRUE);
    VsfGuestRecord record = record_of("boot/1");

    for (guint i = 0; i < VSF_GUEST_TABLE_MAX; i++) {
        guint8 bytes[16] = {(guint8)(i >> 16), (guint8)(i >> 8), (guint8)i};
        char uuid[VSF_UUID_TEXT];

        vsf_uuid_format(bytes, uuid);
        vsf_guest_table_set(table, uuid, &record, NOW_S);
    }
    g_assert_cmpuint(vsf_guest_table_size(table), ==, VSF_GUEST_TABLE_MAX);
    g_assert_null(vsf_guest_table_get(table, UUID_1, "boot/1", NOW_S));
}

static void
test_the_oldest_makes_room(void)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new();
    VsfGuestRecord record = record_of("boot/1");
    char uuid[VSF_UUID_TEXT];

    for (guint i = 0; i <= VSF_GUEST_TABLE_MAX; i++) {
        guint8 bytes[16] = {(guint8)(i >> 16), (guint8)(i >> 8), (guint8)i};

        vsf_uuid_format(bytes, uuid);
        vsf_guest_table_set(table, uuid, &record, NOW_S + i);
    }
    g_assert_cmpuint(vsf_guest_table_size(table), ==, VSF_GUEST_TABLE_MAX);
    g_assert_null(vsf_guest_table_get(table, "00000000-0000-0000-0000-000000000000", "boot/1", 0));
    g_assert_nonnull(vsf_guest_table_get(table, uuid, "boot/1", 0));
}

static void
test_a_broken_file_gives_what_can_be_trusted(void)
{
    static const struct {
        const char *text;
        guint size;
    } cases[] = {
        {"", 0},
        {"garbage", 0},
        {"\xff\xfe", 0},
        {"[virt-sflow guests]\n", 0},
        {"[virt-sflow guests]\nversion=x\n[" UUID_1 "]\nrun=a\n", 0},
        {HEAD "[no uuid]\nrun=a\n[" UUID_1 "]\nrun=a\nmemory=agent\n", 1},
        {HEAD "[" UUID_1 "]\nmemory=agent\n", 0},
        {HEAD "[" UUID_1 "]\nrun=a\nmemory=agen", 0},
        {HEAD "[" UUID_1 "]\nrun=a\ndisk=balloon\n", 0},
        {HEAD "[" UUID_1 "]\nrun=a\nquaran", 0}, /* a cut line is none of a key file's */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfGuestTable) table = loaded(cases[i].text, FALSE);

        g_assert_cmpuint(vsf_guest_table_size(table), ==, cases[i].size);
    }
}

static void
test_every_prefix_of_a_file_is_survived(void)
{
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new();
    VsfGuestRecord record = record_of("boot/1");
    g_autofree char *text = NULL;
    gsize length;

    vsf_guest_table_set(table, UUID_1, &record, NOW_S);
    vsf_guest_table_set(table, UUID_2, &record, NOW_S);
    text = vsf_guest_table_to_text(table, NOW_S, &length);
    for (gsize i = 0; i <= length; i++) {
        g_autoptr(VsfGuestTable) part = vsf_guest_table_new();
        g_autoptr(GError) error = NULL;
        const VsfGuestRecord *found;

        vsf_guest_table_load(part, text, i, &error);
        found = vsf_guest_table_get(part, UUID_1, "boot/1", NOW_S);
        if (found != NULL && found->choice.disk != VSF_SOURCE_UNDECIDED)
            g_assert_cmpint(found->choice.disk, ==, VSF_SOURCE_AGENT);
    }
}

static void
test_a_newer_file_is_not_touched(void)
{
    static const char text[] = "[virt-sflow guests]\nversion=2\n[" UUID_1 "]\nrun=a\n";
    g_autoptr(VsfGuestTable) table = vsf_guest_table_new();
    g_autoptr(GError) error = NULL;

    g_assert_false(vsf_guest_table_load(table, text, strlen(text), &error));
    g_assert_error(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_VERSION);
    g_assert_cmpuint(vsf_guest_table_size(table), ==, 0);
}

static void
test_odd_numbers_are_bounded(void)
{
    g_autoptr(VsfGuestTable)
        table = loaded(HEAD "[" UUID_1 "]\nrun=a\nquarantines=99999999999\n"
                            "quarantined-until=-5\nused=99999999999999999999\n",
                       TRUE);
    const VsfGuestRecord *record = vsf_guest_table_get(table, UUID_1, "a", NOW_S);

    g_assert_cmpuint(record->quarantines, ==, 1000);
    g_assert_cmpint(record->quarantined_until_s, ==, 0);
    g_assert_cmpint(record->used_s, ==, NOW_S);
}

#define ADD(name, func) g_test_add_func("/model/guest-table/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-written-is-read-again", test_what_is_written_is_read_again);
    ADD("another-run-is-not-known", test_another_run_is_not_known);
    ADD("what-was-not-used-for-long-is-not-written",
        test_what_was_not_used_for_long_is_not_written);
    ADD("a-run-that-is-on-is-written-however-old", test_a_run_that_is_on_is_written_however_old);
    ADD("a-run-that-ended-is-not-written", test_a_run_that_ended_is_not_written);
    ADD("what-is-not-in-use-makes-room-first", test_what_is_not_in_use_makes_room_first);
    ADD("the-oldest-makes-room", test_the_oldest_makes_room);
    ADD("a-broken-file-gives-what-can-be-trusted", test_a_broken_file_gives_what_can_be_trusted);
    ADD("every-prefix-of-a-file-is-survived", test_every_prefix_of_a_file_is_survived);
    ADD("a-newer-file-is-not-touched", test_a_newer_file_is_not_touched);
    ADD("odd-numbers-are-bounded", test_odd_numbers_are_bounded);
    return g_test_run();
}
