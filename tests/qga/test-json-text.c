/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a terminal may be shown is the same document. */
#include "../../include/json-scan.h"
#include "../../include/json-text.h"

#include <json-glib/json-glib.h>
#include <string.h>

static const VsfJsonLimits wide = {
    .bytes_max = 1024 * 1024, .depth_max = 32, .values_max = 50000, .members_max = 64};

/* {"a": that text}, as it is shown. */
static char *
shown(const char *text)
{
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    g_autofree char *made = NULL;

    json_node_take_object(root, json_object_new());
    json_object_set_string_member(json_node_get_object(root), "a", text);
    made = json_to_string(root, FALSE);
    return vsf_json_printable(made);
}

static void
test_what_is_seen_stays(void)
{
    static const char *const texts[] = {"",       "web01",  "caf\u00e9 \u65e5\u672c",
                                        "\"\\/",  "\n\t\r", "\U0001f600",
                                        "\u00a0", "e\u0301"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = shown(texts[i]);
        g_autoptr(JsonNode) root = json_from_string(text, NULL);

        g_assert_cmpstr(json_object_get_string_member(json_node_get_object(root), "a"), ==,
                        texts[i]);
        g_assert_null(strstr(text, "\\u"));
    }
}

static void
test_whatever_else_is_escaped(void)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"\x01\x1b[2J", "\\u0001\\u001b[2J"},
        {"\x1f", "\\u001f"},
        {"\x7f", "\\u007f"},
        {"\302\200a\302\23331m\302\237", "\\u0080a\\u009b31m\\u009f"},
        {"\u202e\u200b\u2028\u2029", "\\u202e\\u200b\\u2028\\u2029"},
        {"\U000e0041", "\\udb40\\udc41"},
        {"\U0010ffff", "\\udbff\\udfff"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = shown(cases[i].text),
                        *wanted = g_strdup_printf("{\"a\":\"%s\"}", cases[i].shown);
        g_autoptr(JsonNode) root = json_from_string(text, NULL);

        g_assert_cmpstr(text, ==, wanted);
        g_assert_null(vsf_json_scan(text, strlen(text), &wide));
        g_assert_cmpstr(json_object_get_string_member(json_node_get_object(root), "a"), ==,
                        cases[i].text);
    }
}

/* In a terminal of eight bits a character, 9b is as good as ESC [. */
static void
test_what_is_no_utf8_is_told_as_such(void)
{
    g_autofree char *text = vsf_json_printable("{\"a\":\"x\x9b\xc3\"}"),
                    *cut = vsf_json_printable("\"\xe2\x80");

    g_assert_cmpstr(text, ==, "{\"a\":\"x\\ufffd\\ufffd\"}");
    g_assert_cmpstr(cut, ==, "\"\\ufffd\\ufffd");
}

static void
test_layout_stays(void)
{
    static const char text[] = "{\n\t\"a\" : [\r\n  1\n ]\n}\n";
    g_autofree char *same = vsf_json_printable(text);

    g_assert_cmpstr(same, ==, text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-text/what-is-seen-stays", test_what_is_seen_stays);
    g_test_add_func("/json-text/whatever-else-is-escaped", test_whatever_else_is_escaped);
    g_test_add_func("/json-text/what-is-no-utf8-is-told-as-such",
                    test_what_is_no_utf8_is_told_as_such);
    g_test_add_func("/json-text/layout-stays", test_layout_stays);
    return g_test_run();
}
