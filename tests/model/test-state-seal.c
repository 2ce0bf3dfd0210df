/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/state-seal.h"

#include <string.h>

#define CONTENT "virt-sflow-indexes 1\none 1\ntwo 2\n"

static char *
sealed(const char *content, gsize *length)
{
    *length = strlen(content);
    return vsf_state_seal_add(g_strdup(content), length);
}

static void
test_a_seal_comes_off_again(void)
{
    static const char *const contents[] = {"", "\n", CONTENT, "# end 0 811c9dc5\n", "no line feed"};

    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        gsize length;
        g_autofree char *text = sealed(contents[i], &length);

        g_assert_cmpuint(length, ==, strlen(text));
        g_assert_true(vsf_state_seal_take(text, &length));
        g_assert_cmpuint(length, ==, strlen(contents[i]));
        g_assert_cmpstr(text, ==, contents[i]);
    }
}

static void
test_no_prefix_is_whole(void)
{
    gsize whole;
    g_autofree char *text = sealed(CONTENT, &whole);

    for (gsize length = 0; length < whole; length++) {
        g_autofree char *cut = g_strndup(text, length);
        gsize left = length;

        g_assert_false(vsf_state_seal_take(cut, &left));
        g_assert_cmpuint(left, ==, length);
    }
}

static void
test_no_flipped_bit_is_whole(void)
{
    gsize whole;
    g_autofree char *text = sealed(CONTENT, &whole);

    for (gsize bit = 0; bit < whole * 8; bit++) {
        gsize length = whole;

        text[bit / 8] ^= (char)(1 << bit % 8);
        g_assert_false(vsf_state_seal_take(text, &length));
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void
test_bytes_after_it_or_none_before_are_not_whole(void)
{
    static const char *const texts[] = {"",
                                        "# end",
                                        "# end ",
                                        "# end 0",
                                        "# end 0 811c9dc5",
                                        "# end 0 811c9dc5\n\n",
                                        "# end 1 811c9dc5\n",
                                        "# end 00 811c9dc5\n",
                                        "# end -1 811c9dc5\n",
                                        "# end 0 811C9DC5\n",
                                        "x# end 0 811c9dc5\n"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = g_strdup(texts[i]);
        gsize length = strlen(text);

        g_assert_false(vsf_state_seal_take(text, &length));
    }
}

#define CASE(name, func) g_test_add_func("/model/state-seal/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASE("a-seal-comes-off-again", test_a_seal_comes_off_again);
    CASE("no-prefix-is-whole", test_no_prefix_is_whole);
    CASE("no-flipped-bit-is-whole", test_no_flipped_bit_is_whole);
    CASE("bytes-after-it-or-none-before-are-not-whole",
         test_bytes_after_it_or_none_before_are_not_whole);
    return g_test_run();
}
