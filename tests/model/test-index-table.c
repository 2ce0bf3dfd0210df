/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/index-table.h"

#include "../../daemon/model/domain.h"

#include <string.h>

#define HEADER "virt-sflow-indexes 1\n"
#define LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa 200001 1700000000\n"
/* Worked out apart from the code. */
#define KNOWN_INDEX 10251232u
#define UUID_OF_THE_LAST "9d3b1f0a-50f6-4b22-a3c1-0000004d4245" /* 16777215 */
#define OTHER "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 200002 1700000001\n"

static void
make_uuid(guint8 uuid[16], guint32 number)
{
    memset(uuid, 0x5a, 16);
    memcpy(uuid + 4, &number, sizeof(number));
}

static void
test_an_index_is_in_range_and_stays(void)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    guint8 uuid[16];
    gboolean is_new;

    for (guint32 i = 0; i < 20000; i++) {
        guint32 index;

        make_uuid(uuid, i);
        index = vsf_index_table_get(table, uuid, 1, &is_new);
        g_assert_true(is_new);
        g_assert_cmpuint(index, >=, VSF_INDEX_MIN);
        g_assert_cmpuint(index, <=, VSF_INDEX_MAX);
        g_assert_true(g_hash_table_add(seen, GUINT_TO_POINTER(index)));
        g_assert_cmpuint(vsf_index_table_get(table, uuid, 2, &is_new), ==, index);
        g_assert_false(is_new);
    }
    g_assert_cmpuint(vsf_index_table_size(table), ==, 20000);
}

/* Another host, or a lost file, gives the same index. */
static void
test_the_index_comes_from_the_uuid_alone(void)
{
    g_autoptr(VsfIndexTable) one = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(VsfIndexTable) other = vsf_index_table_new(VSF_INDEX_OWN);
    guint8 uuid[16], first[16];

    make_uuid(first, 1);
    vsf_index_table_get(other, first, 1, NULL);
    g_assert_true(vsf_uuid_parse("9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa", uuid));
    g_assert_cmpuint(vsf_index_table_get(one, uuid, 1, NULL), ==,
                     vsf_index_table_get(other, uuid, 9, NULL));
    /* A change of the function would renumber every VM at the next loss. */
    g_assert_cmpuint(vsf_index_table_get(one, uuid, 1, NULL), ==, KNOWN_INDEX);
}

static void
test_a_collision_takes_the_next_free_index(void)
{
    static const char *const uuid_text = "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa";
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(GString) text = g_string_new(HEADER);
    guint8 uuid[16];

    /* Others sit on its index and on the two after it. */
    for (guint i = 0; i < 3; i++)
        g_string_append_printf(text, "00000000-0000-0000-0000-00000000000%u %u 1\n", i,
                               KNOWN_INDEX + i);
    g_assert_true(vsf_index_table_load(table, text->str, text->len, NULL));
    g_assert_true(vsf_uuid_parse(uuid_text, uuid));
    g_assert_cmpuint(vsf_index_table_get(table, uuid, 1, NULL), ==, KNOWN_INDEX + 3);
}

static void
test_probing_wraps_at_the_end(void)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    const char *text = HEADER "00000000-0000-0000-0000-000000000001 16777215 1\n";
    guint8 uuid[16];

    g_assert_true(vsf_index_table_load(table, text, strlen(text), NULL));
    g_assert_true(vsf_uuid_parse(UUID_OF_THE_LAST, uuid));
    g_assert_cmpuint(vsf_index_table_get(table, uuid, 1, NULL), ==, VSF_INDEX_MIN);
}

static void
test_text_survives_the_round(void)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(VsfIndexTable) again = vsf_index_table_new(VSF_INDEX_OWN);
    g_autofree char *text = NULL, *second = NULL;
    gsize length, second_length;
    guint8 uuid[16];
    gboolean is_new;

    for (guint32 i = 0; i < 300; i++) {
        make_uuid(uuid, i);
        vsf_index_table_get(table, uuid, 1700000000 + i, NULL);
    }
    text = vsf_index_table_to_text(table, &length);
    g_assert_true(vsf_index_table_load(again, text, length, NULL));
    second = vsf_index_table_to_text(again, &second_length);
    g_assert_cmpmem(text, length, second, second_length);
    make_uuid(uuid, 7);
    g_assert_cmpuint(vsf_index_table_get(again, uuid, 1, &is_new), ==,
                     vsf_index_table_get(table, uuid, 1, NULL));
    g_assert_false(is_new);
}

static void
test_text_is_sorted_and_versioned(void)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    g_autofree char *text = NULL;

    g_assert_true(vsf_index_table_load(table, HEADER OTHER LINE, strlen(HEADER OTHER LINE), NULL));
    text = vsf_index_table_to_text(table, NULL);
    g_assert_cmpstr(text, ==, HEADER LINE OTHER);
}

static void
test_a_newer_version_says_so(void)
{
    static const char text[] = "virt-sflow-indexes 2\n" LINE;
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(GError) error = NULL;

    g_assert_false(vsf_index_table_load(table, text, strlen(text), &error));
    g_assert_error(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_VERSION);
    g_assert_nonnull(strstr(error->message, "newer"));
    g_assert_cmpuint(vsf_index_table_size(table), ==, 0);
}

static void
test_what_stands_before_the_fault_is_kept(void)
{
    static const struct {
        const char *text;
        guint size, line;
    } cases[] = {
        {"", 0, 1},
        {"\n", 0, 1},
        {"virt-sflow-indexes", 0, 1},
        {"virt-sflow-indexes 1", 0, 1},
        {"virt-sflow-indexes 0\n" LINE, 0, 1},
        {"virt-sflow-indexes one\n" LINE, 0, 1},
        {"something else\n" LINE, 0, 1},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 200002 17000", 1, 3},
        {HEADER LINE "\n" OTHER, 1, 3},
        {HEADER LINE "garbage\n" OTHER, 1, 3},
        {HEADER LINE LINE, 1, 3},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 200001 1\n", 1, 3},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 199999 1\n", 1, 3},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 16777216 1\n", 1, 3},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 200002 -1\n", 1, 3},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 200002 1 more\n", 1, 3},
        {HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab\t200002 1\n", 1, 3},
        {HEADER LINE "\xff\xfe 200002 1\n", 1, 3},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
        g_autoptr(GError) error = NULL;
        g_autofree char *prefix = g_strdup_printf("line %u: ", cases[i].line);

        g_assert_false(vsf_index_table_load(table, cases[i].text, strlen(cases[i].text), &error));
        g_assert_error(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_SYNTAX);
        g_assert_true(g_str_has_prefix(error->message, prefix));
        g_assert_cmpuint(vsf_index_table_size(table), ==, cases[i].size);
    }
}

static void
test_a_nul_or_an_endless_line_is_a_fault(void)
{
    static const char nul[] = HEADER LINE "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ab 200002 1\0\n";
    g_autofree char *filler = g_strnfill(100000, '1');
    g_autofree char *endless = g_strconcat(HEADER LINE, filler, "\n", NULL);
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(VsfIndexTable) other = vsf_index_table_new(VSF_INDEX_OWN);

    g_assert_false(vsf_index_table_load(table, nul, sizeof(nul) - 1, NULL));
    g_assert_cmpuint(vsf_index_table_size(table), ==, 1);
    g_assert_false(vsf_index_table_load(other, endless, strlen(endless), NULL));
    g_assert_cmpuint(vsf_index_table_size(other), ==, 1);
}

static void
test_prune_forgets_what_is_not_used(void)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_OWN);
    guint8 old[16], used[16], fresh[16];
    guint32 index;

    make_uuid(old, 1);
    make_uuid(used, 2);
    make_uuid(fresh, 3);
    vsf_index_table_get(table, old, 100, NULL);
    index = vsf_index_table_get(table, used, 100, NULL);
    vsf_index_table_get(table, fresh, 300, NULL);
    vsf_index_table_get(table, used, 200, NULL);
    vsf_index_table_get(table, used, 50, NULL); /* a clock that went back */
    g_assert_cmpuint(vsf_index_table_prune(table, 200), ==, 1);
    g_assert_cmpuint(vsf_index_table_size(table), ==, 2);
    g_assert_cmpuint(vsf_index_table_get(table, used, 400, NULL), ==, index);
    g_assert_cmpuint(vsf_index_table_prune(table, 200), ==, 0);
}

/* Worked out apart from the code, for both kinds of processors. */
static void
test_hsflowd_indexes_are_those_of_host_sflow(void)
{
    static const struct {
        const char *uuid;
        guint32 if_signed, if_unsigned;
    } cases[] = {
        {"11223344-5566-7788-99aa-bbccddeeff00", 110773, 136245},
        {"4dea22b3-1d52-d8f3-2516-782e98ab3fa0", 106036, 126388},
    };
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_HSFLOWD);
    guint8 uuid[16];

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(vsf_uuid_parse(cases[i].uuid, uuid));
        g_assert_cmpuint(vsf_index_hsflowd(uuid, TRUE), ==, cases[i].if_signed);
        g_assert_cmpuint(vsf_index_hsflowd(uuid, FALSE), ==, cases[i].if_unsigned);
        g_assert_cmpuint(vsf_index_table_get(table, uuid, 1, NULL), ==,
                         (char)-1 < 0 ? cases[i].if_signed : cases[i].if_unsigned);
    }
}

/* Its range is small: all of a crowd find a place, and what is full forgets. */
static void
test_hsflowd_indexes_end_and_stay_apart(void)
{
    g_autoptr(VsfIndexTable) table = vsf_index_table_new(VSF_INDEX_HSFLOWD);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    guint8 uuid[16];

    for (guint32 i = 0; i < 25000; i++) {
        guint32 index;

        make_uuid(uuid, i);
        index = vsf_index_table_get(table, uuid, i, NULL);
        g_assert_cmpuint(index, >=, VSF_INDEX_HSFLOWD_MIN);
        g_assert_cmpuint(index, <=, VSF_INDEX_HSFLOWD_MAX);
        g_assert_true(g_hash_table_add(seen, GUINT_TO_POINTER(index)));
    }
    make_uuid(uuid, 25000);
    vsf_index_table_get(table, uuid, 25000, NULL);
    g_assert_cmpuint(vsf_index_table_size(table), ==, 25000);
}

static void
test_each_kind_refuses_the_others_indexes(void)
{
    static const char theirs[] = HEADER "00000000-0000-0000-0000-000000000001 149999 1\n";
    static const char beyond[] = HEADER "00000000-0000-0000-0000-000000000001 150000 1\n";
    g_autoptr(VsfIndexTable) own = vsf_index_table_new(VSF_INDEX_OWN);
    g_autoptr(VsfIndexTable) hsflowd = vsf_index_table_new(VSF_INDEX_HSFLOWD);

    g_assert_false(vsf_index_table_load(own, theirs, strlen(theirs), NULL));
    g_assert_false(vsf_index_table_load(hsflowd, beyond, strlen(beyond), NULL));
    g_assert_true(vsf_index_table_load(hsflowd, theirs, strlen(theirs), NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/index-table/an-index-is-in-range-and-stays",
                    test_an_index_is_in_range_and_stays);
    g_test_add_func("/model/index-table/the-index-comes-from-the-uuid-alone",
                    test_the_index_comes_from_the_uuid_alone);
    g_test_add_func("/model/index-table/a-collision-takes-the-next-free-index",
                    test_a_collision_takes_the_next_free_index);
    g_test_add_func("/model/index-table/probing-wraps-at-the-end", test_probing_wraps_at_the_end);
    g_test_add_func("/model/index-table/text-survives-the-round", test_text_survives_the_round);
    g_test_add_func("/model/index-table/text-is-sorted-and-versioned",
                    test_text_is_sorted_and_versioned);
    g_test_add_func("/model/index-table/a-newer-version-says-so", test_a_newer_version_says_so);
    g_test_add_func("/model/index-table/what-stands-before-the-fault-is-kept",
                    test_what_stands_before_the_fault_is_kept);
    g_test_add_func("/model/index-table/a-nul-or-an-endless-line-is-a-fault",
                    test_a_nul_or_an_endless_line_is_a_fault);
    g_test_add_func("/model/index-table/prune-forgets-what-is-not-used",
                    test_prune_forgets_what_is_not_used);
    g_test_add_func("/model/index-table/hsflowd-indexes-are-those-of-host-sflow",
                    test_hsflowd_indexes_are_those_of_host_sflow);
    g_test_add_func("/model/index-table/hsflowd-indexes-end-and-stay-apart",
                    test_hsflowd_indexes_end_and_stay_apart);
    g_test_add_func("/model/index-table/each-kind-refuses-the-others-indexes",
                    test_each_kind_refuses_the_others_indexes);
    return g_test_run();
}
