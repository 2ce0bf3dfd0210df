/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/pause-text.h"
#include "../../include/pause.h"

static void
test_times_are_read(void)
{
    static const struct {
        const char *text;
        guint seconds; /* 0: refused */
    } cases[] = {
        {"1s", 1},        {"90s", 90},
        {"10m", 600},     {"1h", 3600},
        {"168h", 604800}, {"604800s", 604800},
        {"169h", 0},      {"604801s", 0},
        {"0s", 0},        {"", 0},
        {"h", 0},         {"90", 0},
        {"1d", 0},        {"1.5h", 0},
        {"-1h", 0},       {"+1h", 0},
        {" 1h", 0},       {"1 h", 0},
        {"1h30m", 0},     {"1H", 0},
        {"0x1h", 0},      {"99999999999999999999h", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint seconds = 0;

        g_test_message("%s", cases[i].text);
        g_assert_cmpint(vsf_pause_seconds(cases[i].text, &seconds), ==, cases[i].seconds > 0);
        g_assert_cmpuint(seconds, ==, cases[i].seconds);
    }
}

static void
test_the_longest_time_is_the_daemons(void)
{
    g_autofree char *longest = g_strdup_printf("%us", VSF_PAUSE_MAX_S),
                    *longer = g_strdup_printf("%us", VSF_PAUSE_MAX_S + 1);
    guint seconds = 0;

    g_assert_true(vsf_pause_seconds(longest, &seconds));
    g_assert_cmpuint(seconds, ==, VSF_PAUSE_MAX_S);
    g_assert_false(vsf_pause_seconds(longer, &seconds));
}

static void
test_what_is_paused_has_a_line(void)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"{\"paused\":{\"sampling\":{\"by_uid\":0,\"since_s\":61,\"left_s\":null},"
         "\"agents\":{\"by_uid\":107,\"since_s\":1,\"left_s\":3000}}}",
         "paused      sampling for 61 s, by uid 0, until resumed\n"
         "paused      agents for 1 s, by uid 107, ends in 50 min\n"},
        {"{\"paused\":{\"sampling\":null,\"agents\":null}}", ""},
        {"{\"paused\":7}", ""},
        {"{}", ""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(JsonNode) root = json_from_string(cases[i].json, NULL);

        g_assert_cmpint(vsf_pause_text(text, json_node_get_object(root)), ==,
                        cases[i].text[0] != '\0');
        g_assert_cmpstr(text->str, ==, cases[i].text);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/pause-text/times-are-read", test_times_are_read);
    g_test_add_func("/cli/pause-text/the-longest-time-is-the-daemons",
                    test_the_longest_time_is_the_daemons);
    g_test_add_func("/cli/pause-text/what-is-paused-has-a-line", test_what_is_paused_has_a_line);
    return g_test_run();
}
