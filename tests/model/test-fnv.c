/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/fnv.h"

#include <string.h>

/* The vectors of the hash's authors. */
static void
test_it_is_the_published_hash(void)
{
    static const struct {
        const char *text;
        guint32 hash;
    } cases[] = {
        {"", 0x811c9dc5},
        {"a", 0xe40c292c},
        {"foobar", 0xbf9cf968},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmphex(vsf_fnv(VSF_FNV_START, cases[i].text, strlen(cases[i].text)), ==,
                        cases[i].hash);
}

static void
test_parts_hash_as_the_whole(void)
{
    g_assert_cmphex(vsf_fnv(vsf_fnv(VSF_FNV_START, "foo", 3), "bar", 3), ==, 0xbf9cf968);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/fnv/it-is-the-published-hash", test_it_is_the_published_hash);
    g_test_add_func("/model/fnv/parts-hash-as-the-whole", test_parts_hash_as_the_whole);
    return g_test_run();
}
