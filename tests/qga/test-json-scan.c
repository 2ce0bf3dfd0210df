/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passes the scan is JSON that json-glib reads without surprise. */
#include "../../include/json-scan.h"

#include <json-glib/json-glib.h>
#include <string.h>

static const VsfJsonLimits wide = {
    .bytes_max = 1024 * 1024, .depth_max = 32, .values_max = 50000, .members_max = 64};

static const char *
scan(const char *text)
{
    return vsf_json_scan(text, strlen(text), &wide);
}

static void
test_json_passes_and_json_glib_takes_it(void)
{
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ \"a\" : [ ] , \"b\" : { } }\n",
        "{\"a\":[1,-1,0,-0,1.5,-1.5e+10,1E5,1e-5]}",
        "{\"a\":[true,false,null]}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}",
        "{\"a\":\"\\ud83d\\ude00\"}",
        "{\"a\":\"[[[[{{{{\"}",
        "{\"\":1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":-9223372036854775808}",
        "{\"a\":18446744073709551615}",
        "{\"a\":1000000000000000000000000000000}",
        "{\"a\":\"\xc3\xa9\x7f\"}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(JsonNode) node = json_from_string(texts[i], NULL);

        g_test_message("%s", texts[i]);
        g_assert_cmpstr(scan(texts[i]), ==, NULL);
        g_assert_nonnull(node);
    }
}

static void
test_what_is_no_json_is_refused(void)
{
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{'a':1}",
        "{\"a\":'b'}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "{\"a\":1]",
        /* Comments would let quotes and brackets hide from the scan. */
        "/* \" */ {}",
        "{} // \"",
        "# \"\n{}",
        "var a={}",
        "{\"a\":NaN}",
        "{\"a\":nan}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":True}",
        "{\"a\":tru}",
        "{\"a\":nullx}",
        "{\"a\":0x10}",
        "{\"a\":010}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":1.5.5}",
        "{\"a\":-010}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\\u0000\"}",
        /* Halves of a pair, alone, in the wrong order, or cut off. */
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ude00\\ud83d\"}",
        "{\"a\":\"\\ud83d\\u0041\"}",
        "{\"a\":\"\\ud83dxxxxxx\"}",
        "{\"a\":\"\\ud83d\\ude",
        "{\"\\ud800\":1}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_test_message("%s", texts[i]);
        g_assert_cmpstr(scan(texts[i]), ==, "is no JSON object");
    }
}

static void
test_text_that_is_not_utf8_or_holds_a_nul_is_refused(void)
{
    g_assert_cmpstr(scan("{\"a\":\"\xff\"}"), ==, "is not UTF-8 text");
    g_assert_cmpstr(scan("{\"a\":\"\xed\xa0\x80\"}"), ==, "is not UTF-8 text");
    g_assert_cmpstr(scan("{\"a\":\"\xc3"), ==, "is not UTF-8 text");
    g_assert_cmpstr(vsf_json_scan("{}\0", 3, &wide), ==, "is not UTF-8 text");
}

static void
test_an_integer_that_json_glib_makes_positive_is_refused(void)
{
    static const char wrong[] = "has a number below -2^63";

    g_assert_cmpstr(scan("{\"a\":-9223372036854775809}"), ==, wrong);
    g_assert_cmpstr(scan("{\"a\":-99999999999999999999}"), ==, wrong);
    g_assert_cmpstr(scan("{\"a\":-99999999999999999999.5}"), ==, NULL);
}

static char *
nested(guint depth)
{
    g_autofree char *open = g_strnfill(depth - 1, '[');
    g_autofree char *close = g_strnfill(depth - 1, ']');

    return g_strconcat("{\"a\":", open, depth == 1 ? "1" : "", close, "}", NULL);
}

static void
test_depth_is_bounded_exactly(void)
{
    g_autofree char *fits = nested(32);
    g_autofree char *deep = nested(33);
    g_autofree char *abyss = g_strnfill(1024 * 1024, '[');

    g_assert_cmpstr(scan(fits), ==, NULL);
    g_assert_cmpstr(scan(deep), ==, "is nested too deeply");
    g_assert_cmpstr(scan(abyss), ==, "is nested too deeply");
}

static void
test_size_values_and_members_are_bounded_exactly(void)
{
    static const VsfJsonLimits narrow = {
        .bytes_max = 20, .depth_max = 3, .values_max = 5, .members_max = 2};
    const struct {
        const char *text, *wrong;
    } cases[] = {
        {"{\"a\":[1,2,3],   \"\":", "is no JSON object"},
        {"{}                  ", NULL},
        {"{}                   ", "is too long"},
        {"{\"a\":[1,2,3]}", NULL},
        {"{\"a\":[1,2,3,4]}", "has too many values"},
        {"{\"a\":1,\"b\":2}", NULL},
        {"{\"a\":1,\"a\":2,\"\":3}", "has an object with too many members"},
        {"{\"a\":{\"b\":{\"c\":1}}}", NULL},
        {"{\"\":[{\"\":1,\"\":2}]}", NULL},
        {"{\"\":[{\"\":[]}]}", "is nested too deeply"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].text);
        g_assert_cmpstr(vsf_json_scan(cases[i].text, strlen(cases[i].text), &narrow), ==,
                        cases[i].wrong);
    }
}

/* Every prefix of a good text, in a block of just that size. */
static void
test_a_text_cut_anywhere_is_refused_and_not_read_past(void)
{
    static const char whole[] = "{\"a\":[1.5e3,true,null,\"\\ud83d\\ude00\\n\",{\"b\":-7}]}";

    for (gsize length = 0; length < sizeof(whole) - 1; length++) {
        g_autofree char *part = g_memdup2(whole, length);

        g_assert_nonnull(vsf_json_scan(part != NULL ? part : "", length, &wide));
    }
    g_assert_null(scan(whole));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-scan/json-passes-and-json-glib-takes-it",
                    test_json_passes_and_json_glib_takes_it);
    g_test_add_func("/json-scan/what-is-no-json-is-refused", test_what_is_no_json_is_refused);
    g_test_add_func("/json-scan/text-that-is-not-utf8-or-holds-a-nul-is-refused",
                    test_text_that_is_not_utf8_or_holds_a_nul_is_refused);
    g_test_add_func("/json-scan/an-integer-that-json-glib-makes-positive-is-refused",
                    test_an_integer_that_json_glib_makes_positive_is_refused);
    g_test_add_func("/json-scan/depth-is-bounded-exactly", test_depth_is_bounded_exactly);
    g_test_add_func("/json-scan/size-values-and-members-are-bounded-exactly",
                    test_size_values_and_members_are_bounded_exactly);
    g_test_add_func("/json-scan/a-text-cut-anywhere-is-refused-and-not-read-past",
                    test_a_text_cut_anywhere_is_refused_and_not_read_past);
    return g_test_run();
}
