/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/cli/table.h"
#include "../../daemon/cli/top-text.h"
#include "quoted.h"

#include <math.h>
#include <string.h>

static void
take(VsfTop *top, const char *json, double now_s)
{
    g_autoptr(JsonNode) root = node_of(json);

    vsf_top_take(top, json_node_get_object(root), now_s);
}

static const char three[] =
    "{'vms':[{'uuid':'u1','name':'web01','state':'running','last_poll_s':1,"
    "'counters':{'memory_max':1073741824,'disk_capacity':10737418240,'disk_allocation':1},"
    "'memory':{'bytes':536870912},"
    "'filesystems':[{'total':2147483648,'used':1073741824},{'total':2147483648,'used':0}],"
    "'rates':{'cpu_percent':12.34,'disk_read_bytes':1500,'disk_written_bytes':0,"
    "'net_in_bits':1234567,'net_in_packets':999.4,'net_out_bits':9.6,'net_out_packets':1e9}},"
    "{'uuid':'u2','name':'Db-web','state':'paused','last_poll_s':1,"
    "'counters':{'memory_max':2147483648,'disk_capacity':1099511627776,"
    "'disk_allocation':549755813888},'memory':{'bytes':null},"
    "'rates':{'cpu_percent':1600.2,'net_in_bits':5}},"
    "{'uuid':'u3','name':'a-new-one-with-a-long-name','state':'running'}]}";

/* All of it, one line each. */
static char *
shown(const VsfTop *top, VsfTopView view)
{
    g_autoptr(GPtrArray) lines = vsf_top_lines(top, &view);
    GString *text = g_string_new(NULL);

    g_assert_true(view.height == 0 || lines->len == view.height);
    for (guint i = 0; i < lines->len; i++) {
        const VsfTopLine *line = lines->pdata[i];

        g_assert_cmpint(g_utf8_strlen(line->text, -1), <=, view.width);
        g_string_append_printf(text, "%s\n", line->text);
    }
    return g_string_free(text, FALSE);
}

static void
test_80_columns_hold_every_number(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    g_autofree char *text = NULL;

    take(top, three, 100);
    text = shown(top, (VsfTopView){.width = 80, .sort = VSF_TOP_CPU});
    g_assert_cmpstr(
        text, ==,
        "3 of 3 VMs, CPU 1612.5%, 1.2M bit/s in, 10 out; by CPU%\n"
        "VM              CPU%      MEMORY        DISK  READ WRITE    IN   OUT PK/IN PKOUT\n"
        "Db-web          1600      -/2.0G   512G/1.0T     -     -     5     -     -     -\n"
        "web01           12.3   512M/1.0G   1.0G/4.0G  1.5k     0  1.2M    10   999  1.0G\n"
        "a-new-one-wit~     -           -           -     -     -     -     -     -     -\n");
}

static void
test_rows_are_sorted_and_filtered(void)
{
    static const struct {
        VsfTopColumn sort;
        gboolean reverse;
        const char *filter, *names;
    } cases[] = {
        {VSF_TOP_CPU, FALSE, NULL, "u2 u1 u3 "},    {VSF_TOP_CPU, TRUE, "", "u1 u2 u3 "},
        {VSF_TOP_MEMORY, FALSE, NULL, "u1 u2 u3 "}, {VSF_TOP_DISK, FALSE, NULL, "u2 u1 u3 "},
        {VSF_TOP_NAME, FALSE, NULL, "u2 u3 u1 "},   {VSF_TOP_NAME, TRUE, NULL, "u1 u3 u2 "},
        {VSF_TOP_IN, FALSE, "WEB", "u1 u2 "},       {VSF_TOP_IN, FALSE, "db-W", "u2 "},
        {VSF_TOP_IN, FALSE, "nobody", ""},
    };
    g_autoptr(VsfTop) top = vsf_top_new();

    take(top, three, 100);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray)
            rows = vsf_top_rows(top, cases[i].sort, cases[i].reverse, cases[i].filter);
        g_autoptr(GString) names = g_string_new(NULL);

        for (guint j = 0; j < rows->len; j++)
            g_string_append_printf(names, "%s ", ((const VsfTopRow *)rows->pdata[j])->uuid);
        g_assert_cmpstr(names->str, ==, cases[i].names);
    }
}

static void
test_a_screen_is_filled_and_shows_the_selected_vm(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    g_autofree char *text = NULL;

    take(top, three, 100);
    take(top, three, 103); /* another turn */
    text = shown(top, (VsfTopView){.width = 80,
                                   .height = 24,
                                   .sort = VSF_TOP_NAME,
                                   .selected = "u1",
                                   .filter = "web",
                                   .is_typing = TRUE});
    g_assert_true(g_str_has_prefix(text, "2 of 3 VMs, CPU 1612.5%, 1.2M bit/s in, 10 out; by VM; "
                                         "/web_\nVM  "));
    g_assert_true(g_str_has_suffix(
        text, "\n\n"
              "web01, running\n"
              "CPU %              12.3                                                       ##\n"
              "disk byte/s        1.5k                                                       ##\n"
              "net bit/s          1.2M                                                       ##\n"
              "q ends, h helps, / filters, t talkers, cmdrwnioIO sort, R reverses\n"));
}

static void
test_talkers_are_shown_in_place_of_the_rows(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    VsfTopView view = {.width = 80, .height = 7, .has_talkers = TRUE};
    g_autofree char *none = NULL, *some = NULL;

    take(top, three, 1);
    none = shown(top, view);
    g_assert_nonnull(strstr(none, "\nNo packet was sampled in the last 10 seconds.\n"));
    take(top,
         "{'vms':[{'uuid':'u','name':'vm'}],'talkers':[{'from':'web','to':null,"
         "'bits':1234567.8,'packets':99},{'from':null,'to':'\\u001b[2J'},7]}",
         2);
    some = shown(top, view);
    g_assert_nonnull(strstr(
        some, "\nFROM                         TO                             BIT/S PACKETS/S\n"
              "web                          (outside)                       1.2M        99\n"
              "(outside)                    \\x1b[2J                            -         -\n"
              "\n"));
    g_assert_null(strstr(some, "vm "));
}

static void
test_any_size_is_filled(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    g_autoptr(GString) many = g_string_new("{'vms':[");

    for (guint i = 0; i < 300; i++)
        g_string_append_printf(many, "%s{'uuid':'u%u','name':'vm%03u','state':'running'}",
                               i > 0 ? "," : "", i, i);
    g_string_append(many, "]}");
    take(top, many->str, 1);
    for (guint width = 1; width < 250; width += 7) {
        for (guint height = 1; height < 60; height++) {
            VsfTopView view = {.width = width,
                               .height = height,
                               .sort = VSF_TOP_NAME,
                               .selected = "u250",
                               .has_unicode = TRUE,
                               .has_help = height % 5 == 0};
            g_autofree char *text = shown(top, view);

            /* Also one that is far below is on the screen. */
            if (height >= 5 && width >= 80 && !view.has_help)
                g_assert_nonnull(strstr(text, "vm250 "));
        }
    }
}

static void
test_a_wide_terminal_shows_cpu_over_time(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    g_autofree char *text = NULL;

    for (guint i = 0; i < 9; i++) {
        g_autofree char *json = g_strdup_printf(
            "{'vms':[{'uuid':'u','name':'a','last_poll_s':0.5,'rates':{'cpu_percent':%u}}]}",
            i * 10);

        take(top, json, i * 2);
        take(top, json, i * 2 + 0.01); /* the same turn, asked for again */
    }
    text = shown(top, (VsfTopView){.width = 100, .sort = VSF_TOP_CPU, .has_unicode = TRUE});
    g_assert_nonnull(strstr(text, " ▁▂▃▄▅▅▆▇█\n"));
}

static void
test_numbers_are_short(void)
{
    static const struct {
        double value, base;
        const char *text;
    } cases[] = {
        {0, 1000, "0"},         {999.4, 1000, "999"}, {999.6, 1000, "1.0k"},
        {9949, 1000, "9.9k"},   {9951, 1000, "10k"},  {999499, 1000, "999k"},
        {999500, 1000, "1.0M"}, {1023, 1024, "1.0k"}, {1e30, 1000, "999E"},
        {-1, 1000, "-"},        {NAN, 1000, "-"},     {INFINITY, 1000, "999E"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = vsf_top_number(cases[i].value, cases[i].base);

        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_vms_that_end_are_forgotten(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();

    take(top, three, 1);
    take(top, "{'vms':[{'uuid':'u3','name':'c'}]}", 2);
    g_assert_cmpuint(vsf_top_n_rows(top), ==, 1);
    take(top, "{}", 3);
    g_assert_cmpuint(vsf_top_n_rows(top), ==, 0);
}

static void
test_nothing_on_the_screen_is_obeyed_by_a_terminal(void)
{
    g_autoptr(VsfTop) top = vsf_top_new();
    g_autofree char *text = NULL;

    take(top,
         "{'vms':[{'uuid':'u','name':'\\u001b[2J\\u009b\\u202e','state':'\\u001b',"
         "'rates':7,'counters':[],'filesystems':{},'memory':'x','last_poll_s':'x'},7,null]}",
         1);
    text = shown(top, (VsfTopView){.width = 80,
                                   .height = 24,
                                   .selected = "u",
                                   .filter = "\033",
                                   .message = "\033]0;x\007"});
    g_assert_null(strpbrk(text, "\033\007"));
    g_assert_null(strstr(text, "\302\233"));
    g_assert_null(strstr(text, "\342\200\256"));
}

static void
test_a_character_is_erased_at_a_time(void)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"", ""},
        {"a", ""},
        {"web", "we"},
        {"w\303\251", "w"},
        {"\346\227\245\346\234\254", "\346\227\245"},
        {"w\303", "w"}, /* half a character, as of another encoding */
        {"\303\251\377", "\303\251"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) filter = g_string_new(cases[i].before);

        vsf_top_filter_erase(filter);
        g_assert_cmpstr(filter->str, ==, cases[i].after);
        g_assert_cmpuint(filter->len, ==, strlen(cases[i].after));
    }
}

static void
test_text_that_is_cut_is_not_left_behind(void)
{
    static const char text[] = "ab\342\0past its end";
    g_autoptr(GString) line = g_string_new(NULL);

    vsf_table_cell(line, text, 0, FALSE);
    g_assert_cmpstr(line->str, ==, "ab\357\277\275");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/top/80-columns-hold-every-number", test_80_columns_hold_every_number);
    g_test_add_func("/cli/top/rows-are-sorted-and-filtered", test_rows_are_sorted_and_filtered);
    g_test_add_func("/cli/top/a-screen-is-filled-and-shows-the-selected-vm",
                    test_a_screen_is_filled_and_shows_the_selected_vm);
    g_test_add_func("/cli/top/talkers-are-shown-in-place-of-the-rows",
                    test_talkers_are_shown_in_place_of_the_rows);
    g_test_add_func("/cli/top/any-size-is-filled", test_any_size_is_filled);
    g_test_add_func("/cli/top/a-wide-terminal-shows-cpu-over-time",
                    test_a_wide_terminal_shows_cpu_over_time);
    g_test_add_func("/cli/top/numbers-are-short", test_numbers_are_short);
    g_test_add_func("/cli/top/vms-that-end-are-forgotten", test_vms_that_end_are_forgotten);
    g_test_add_func("/cli/top/nothing-on-the-screen-is-obeyed-by-a-terminal",
                    test_nothing_on_the_screen_is_obeyed_by_a_terminal);
    g_test_add_func("/cli/top/a-character-is-erased-at-a-time",
                    test_a_character_is_erased_at_a_time);
    g_test_add_func("/cli/top/text-that-is-cut-is-not-left-behind",
                    test_text_that_is_cut_is_not_left_behind);
    return g_test_run();
}
