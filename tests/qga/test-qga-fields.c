/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single members that a guest got wrong, by accident or not: the field is unknown
 * or made harmless, the rest of the reply stands. */
#include "../../qga/field.h"
#include "../../qga/reply.h"
#include "../../qga/request.h"

#include <math.h>
#include <string.h>

static VsfQgaFilesystems *
parse(const char *entries)
{
    g_autofree char *reply = g_strdup_printf("{\"return\":[%s]}", entries);
    g_autoptr(GError) error = NULL;
    VsfQgaFilesystems *all = vsf_qga_parse_filesystems(reply, strlen(reply), &error);

    g_assert_no_error(error);
    return all;
}

static void
test_a_number_that_cannot_be_is_unknown(void)
{
    static const struct {
        const char *json;
        guint64 value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"9223372036854775807", G_MAXINT64},
        {"9223372036854775808", VSF_QGA_UNKNOWN},
        {"18446744073709551615", VSF_QGA_UNKNOWN},
        {"18446744073709551617", VSF_QGA_UNKNOWN},
        {"1000000000000000000000000000000", VSF_QGA_UNKNOWN},
        {"-1", VSF_QGA_UNKNOWN},
        {"-9223372036854775808", VSF_QGA_UNKNOWN},
        {"1e30", VSF_QGA_UNKNOWN},
        {"1.0", VSF_QGA_UNKNOWN},
        {"1e400", VSF_QGA_UNKNOWN},
        {"\"5\"", VSF_QGA_UNKNOWN},
        {"true", VSF_QGA_UNKNOWN},
        {"null", VSF_QGA_UNKNOWN},
        {"[5]", VSF_QGA_UNKNOWN},
        {"{\"5\":5}", VSF_QGA_UNKNOWN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *entry = g_strdup_printf(
            "{\"name\":\"vda\",\"mountpoint\":\"/\",\"total-bytes\":%s}", cases[i].json);
        g_autoptr(VsfQgaFilesystems) all = parse(entry);
        const VsfQgaFilesystem *filesystem = all->filesystems->pdata[0];

        g_test_message("%s", cases[i].json);
        g_assert_cmpuint(filesystem->total_bytes, ==, cases[i].value);
        g_assert_cmpuint(filesystem->used_bytes, ==, VSF_QGA_UNKNOWN);
    }
}

static void
test_used_is_never_more_than_total(void)
{
    static const struct {
        const char *json;
        guint64 used;
    } cases[] = {
        {"\"used-bytes\":7,\"total-bytes\":5", 5},
        {"\"used-bytes\":7,\"total-bytes\":0", 0},
        {"\"used-bytes\":5,\"total-bytes\":7", 5},
        {"\"used-bytes\":5,\"total-bytes\":-7", 5},
        {"\"used-bytes\":-5,\"total-bytes\":7", VSF_QGA_UNKNOWN},
        {"\"used-bytes\":9,\"total-bytes\":7,\"total-bytes\":8", 8}, /* the last of two */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *entry = g_strdup_printf("{\"name\":\"vda\",\"mountpoint\":\"/\",%s}",
                                                 cases[i].json);
        g_autoptr(VsfQgaFilesystems) all = parse(entry);

        g_test_message("%s", cases[i].json);
        g_assert_cmpuint(((VsfQgaFilesystem *)all->filesystems->pdata[0])->used_bytes, ==,
                         cases[i].used);
    }
}

static void
test_an_entry_without_a_name_is_left_out_and_counted(void)
{
    g_autoptr(VsfQgaFilesystems)
        all = parse("1,null,[],{},{\"name\":\"vda\"},{\"mountpoint\":\"/\"},"
                    "{\"name\":\"\",\"mountpoint\":\"/\"},{\"name\":\"vda\",\"mountpoint\":\"\"},"
                    "{\"name\":5,\"mountpoint\":\"/\"},"
                    "{\"name\":\"vdb\",\"mountpoint\":\"/b\",\"disk\":{},\"type\":3}");
    const VsfQgaFilesystem *only = all->filesystems->pdata[0];

    g_assert_cmpuint(all->filesystems->len, ==, 1);
    g_assert_cmpuint(all->n_left_out, ==, 9);
    g_assert_cmpstr(only->name, ==, "vdb");
    g_assert_cmpstr(only->type, ==, NULL);
    g_assert_cmpuint(only->disks->len, ==, 0);
}

static void
test_lists_are_cut_at_their_bounds(void)
{
    g_autoptr(GString) filesystems = g_string_new(NULL);
    g_autoptr(GString) addresses = g_string_new("{\"return\":[");
    g_autoptr(VsfQgaFilesystems) all = NULL;
    g_autoptr(GPtrArray) interfaces = NULL;

    for (guint i = 0; i < VSF_QGA_FILESYSTEMS_MAX + 100; i++)
        g_string_append_printf(filesystems, "%s{\"name\":\"v%u\",\"mountpoint\":\"/%u\"}",
                               i > 0 ? "," : "", i, i);
    /* Known already, so not beyond the bound. */
    g_string_append(filesystems, ",{\"name\":\"v7\",\"mountpoint\":\"/again\"}");
    all = parse(filesystems->str);
    g_assert_cmpuint(all->filesystems->len, ==, VSF_QGA_FILESYSTEMS_MAX);
    g_assert_cmpuint(all->n_left_out, ==, 100);
    g_assert_cmpuint(all->n_repeated, ==, 1);

    for (guint i = 0; i < VSF_QGA_INTERFACES_MAX + 5; i++) {
        g_string_append_printf(addresses, "%s{\"name\":\"eth%u\",\"ip-addresses\":[",
                               i > 0 ? "," : "", i);
        for (guint k = 0; i == 0 && k < VSF_QGA_ADDRESSES_MAX + 5; k++)
            g_string_append_printf(addresses, "%s{\"ip-address\":\"192.0.2.%u\"}", k > 0 ? "," : "",
                                   k);
        g_string_append(addresses, "]}");
    }
    g_string_append(addresses, "]}");
    interfaces = vsf_qga_parse_interfaces(addresses->str, addresses->len, NULL);
    g_assert_cmpuint(interfaces->len, ==, VSF_QGA_INTERFACES_MAX);
    g_assert_cmpuint(((VsfQgaInterface *)interfaces->pdata[0])->addresses->len, ==,
                     VSF_QGA_ADDRESSES_MAX);
}

static void
test_texts_can_be_shown(void)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"/srv/data \"x\" 'y'", "/srv/data \"x\" 'y'"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"a\x1b[31mred", "a?[31mred"},
        {"line\r\nline\ttab", "line??line?tab"},
        {"\x7f", "?"},
        {"\xc2\x9b", "?"}, /* C1: a terminal's CSI */
        {"\xe2\x80\xae"
         "cod.exe",
         "?cod.exe"},          /* right-to-left override */
        {"\xe2\x80\xa8", "?"}, /* line separator */
        {"\xff\xfe", "??"},
        {"\xe2\x80", "??"},
        {"\xed\xa0\x80", "???"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = vsf_qga_text(cases[i].text);

        g_assert_cmpstr(shown, ==, cases[i].shown);
        g_assert_true(g_utf8_validate(shown, -1, NULL));
    }
}

static void
test_a_long_text_is_cut_between_characters(void)
{
    g_autofree char *ascii = g_strnfill(1024 * 1024, 'a');
    g_autofree char *cut = vsf_qga_text(ascii);
    g_autoptr(GString) wide = g_string_new(NULL);
    g_autofree char *wide_cut = NULL;

    for (guint i = 0; i < 1000; i++)
        g_string_append(wide, "\xe2\x82\xac");
    wide_cut = vsf_qga_text(wide->str);
    g_assert_cmpuint(strlen(cut), ==, VSF_QGA_TEXT_MAX);
    g_assert_cmpuint(strlen(wide_cut), ==, VSF_QGA_TEXT_MAX);
    g_string_append_c(wide, 'x');
    g_string_prepend_c(wide, 'x');
    g_free(wide_cut);
    wide_cut = vsf_qga_text(wide->str);
    g_assert_cmpuint(strlen(wide_cut), ==, VSF_QGA_TEXT_MAX - 2);
    g_assert_true(g_utf8_validate(wide_cut, -1, NULL));
}

static void
test_a_load_is_finite_and_not_negative_or_unknown(void)
{
    static const char reply[] = "{\"return\":{\"load1m\":-0.5,\"load5m\":1e400,\"load15m\":\"1\"}}";
    g_autofree VsfQgaLoad *load = vsf_qga_parse_load(reply, strlen(reply), NULL);

    g_assert_cmpfloat(load->one_minute, ==, VSF_QGA_UNKNOWN_LOAD);
    g_assert_cmpfloat(load->five_minutes, ==, VSF_QGA_UNKNOWN_LOAD);
    g_assert_cmpfloat(load->fifteen_minutes, ==, VSF_QGA_UNKNOWN_LOAD);
}

static void
test_meminfo_that_cannot_be_is_unknown(void)
{
    static const guint64 none = VSF_QGA_UNKNOWN;
    static const struct {
        const char *text;
        gboolean known;
        VsfQgaMemory memory;
    } cases[] = {
        {"", FALSE, {0}},
        {"MemTotal: 100 kB", FALSE, {0}}, /* half a line */
        {"MemTotal: 0 kB\n", FALSE, {0}},
        {"MemTotal: -5 kB\n", FALSE, {0}},
        {"MemTotalX: 5 kB\nMemTotal 5 kB\n MemTotal: 5 kB\n", FALSE, {0}},
        {"MemTotal: 99999999999999999999 kB\n", FALSE, {0}},
        {"MemTotal: 9223372036854775807 kB\n", FALSE, {0}},
        {"MemTotal:4 kB\nMemAvailable:\t9 kB\nSwapTotal: 1 kB\nSwapFree: 2 kB\n",
         TRUE,
         {4096, 4096, none, none, 1024, 1024}},
        {"MemTotal: 4 kB\nMemAvailable: kB\nBuffers: -1 kB\n",
         TRUE,
         {4096, none, none, none, none, none}},
        {"MemTotal: 4 kB\nMemFree: 2 kB\nBuffers: 1 kB\nCached: 3 kB\nSwapCached: 7 kB\nSwapFr",
         TRUE,
         {4096, none, 1024, 3072, none, none}},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        gsize length = strlen(cases[i].text);
        g_autofree char *exact = g_memdup2(cases[i].text, length);
        g_autofree VsfQgaMemory *memory = vsf_qga_parse_meminfo(exact != NULL ? exact : "", length);

        g_test_message("%s", cases[i].text);
        g_assert_cmpint(memory != NULL, ==, cases[i].known);
        if (memory != NULL)
            g_assert_cmpmem(memory, sizeof(*memory), &cases[i].memory, sizeof(*memory));
    }
}

static void
test_a_file_that_is_no_meminfo_is_malformed(void)
{
    g_autofree char *tail = g_strnfill(VSF_QGA_MEMINFO_BYTES, '\n');
    g_autofree char *too_long = g_strconcat("MemTotal: 4 kB\n", tail, NULL);
    g_autofree char *long_base64 = g_base64_encode((const guchar *)too_long, strlen(too_long));
    g_autofree char *flood = g_strdup_printf("{\"return\":{\"count\":1,\"buf-b64\":\"%s\"}}",
                                             long_base64);
    const char *replies[] = {
        "{\"return\":{}}",
        "{\"return\":{\"buf-b64\":5}}",
        "{\"return\":{\"buf-b64\":\"\"}}",
        "{\"return\":{\"buf-b64\":\"%%%%\"}}",
        "{\"return\":{\"buf-b64\":\"AAAA\"}}",
        flood,
    };

    for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_qga_parse_memory(replies[i], strlen(replies[i]), &error));
        g_assert_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED);
    }
}

static void
test_a_handle_is_a_positive_integer(void)
{
    static const char *const wrong[] = {"0",  "-1",     "1.0",  "\"1000\"",
                                        "{}", "[1000]", "null", "9223372036854775808"};
    gint64 handle = 77;

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *reply = g_strdup_printf("{\"return\":%s}", wrong[i]);
        g_autoptr(GError) error = NULL;

        g_assert_false(vsf_qga_parse_handle(reply, strlen(reply), &handle, &error));
        g_assert_error(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED);
        g_assert_cmpint(handle, ==, 77);
    }
}

/* guest-info decides what is asked: only the word true is a yes. */
static void
test_only_true_enables_a_command(void)
{
    static const char reply[] = "{\"return\":{\"version\":7,\"supported_commands\":["
                                "{\"name\":\"guest-get-fsinfo\",\"enabled\":1},"
                                "{\"name\":\"guest-get-osinfo\",\"enabled\":\"true\"},"
                                "{\"name\":\"guest-get-load\"},"
                                "{\"name\":\"guest-get-host-name\",\"enabled\":true},"
                                "{\"name\":\"guest-get-cpustats\",\"enabled\":true},"
                                "{\"name\":\"guest-get-cpustats\",\"enabled\":false},"
                                "{\"enabled\":true},5,{\"name\":[],\"enabled\":true}]}}";
    g_autoptr(VsfQgaInfo) info = vsf_qga_parse_info(reply, strlen(reply), NULL);

    g_assert_cmpstr(info->version, ==, "unknown");
    g_assert_cmphex(info->enabled, ==, 1u << VSF_QGA_COMMAND_HOST_NAME);
    g_assert_true(vsf_qga_info_may(info, VSF_QGA_COMMAND_HOST_NAME));
    g_assert_false(vsf_qga_info_may(info, VSF_QGA_COMMAND_FSINFO));
    g_assert_cmphex(info->listed & 1u << VSF_QGA_COMMAND_FSINFO, !=, 0);
    g_assert_false(info->frozen);
}

static void
test_words_of_the_agent_mean_the_same_with_and_without_its_class(void)
{
    static const struct {
        const char *class_name, *text;
        VsfQgaError code;
    } cases[] = {
        {"CommandNotFound", "The command guest-get-load has not been found",
         VSF_QGA_ERROR_NOT_FOUND},
        {NULL,
         "internal error: unable to execute QEMU agent command 'guest-get-load': The command "
         "guest-get-load has not been found",
         VSF_QGA_ERROR_NOT_FOUND},
        {NULL,
         "internal error: unable to execute QEMU agent command 'guest-get-fsinfo': Command "
         "guest-get-fsinfo has been disabled: the agent is in frozen state",
         VSF_QGA_ERROR_FROZEN},
        {NULL, "Command guest-file-open has been disabled: the command is not allowed",
         VSF_QGA_ERROR_DISABLED},
        {"GenericError", "The command guest-get-fsinfo has been disabled for this instance",
         VSF_QGA_ERROR_DISABLED},
        {"CommandNotFound", "Command guest-exec has been disabled", VSF_QGA_ERROR_DISABLED},
        {"GenericError", "handle '1000' has not been found", VSF_QGA_ERROR_FAILED},
        {NULL, "handle '1000' has not been found", VSF_QGA_ERROR_FAILED},
        {"GenericError", "this feature or command is not currently supported",
         VSF_QGA_ERROR_FAILED},
        {"SomethingNew", "", VSF_QGA_ERROR_FAILED},
        {NULL, NULL, VSF_QGA_ERROR_FAILED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = vsf_qga_error_new(cases[i].class_name, cases[i].text);

        g_test_message("%s", error->message);
        g_assert_error(error, VSF_QGA_ERROR, (int)cases[i].code);
    }
}

#define ADD(name, function) g_test_add_func("/qga/fields/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-number-that-cannot-be-is-unknown", test_a_number_that_cannot_be_is_unknown);
    ADD("used-is-never-more-than-total", test_used_is_never_more_than_total);
    ADD("an-entry-without-a-name-is-left-out-and-counted",
        test_an_entry_without_a_name_is_left_out_and_counted);
    ADD("lists-are-cut-at-their-bounds", test_lists_are_cut_at_their_bounds);
    ADD("texts-can-be-shown", test_texts_can_be_shown);
    ADD("a-long-text-is-cut-between-characters", test_a_long_text_is_cut_between_characters);
    ADD("a-load-is-finite-and-not-negative-or-unknown",
        test_a_load_is_finite_and_not_negative_or_unknown);
    ADD("meminfo-that-cannot-be-is-unknown", test_meminfo_that_cannot_be_is_unknown);
    ADD("a-file-that-is-no-meminfo-is-malformed", test_a_file_that_is_no_meminfo_is_malformed);
    ADD("a-handle-is-a-positive-integer", test_a_handle_is_a_positive_integer);
    ADD("only-true-enables-a-command", test_only_true_enables_a_command);
    ADD("words-of-the-agent-mean-the-same-with-and-without-its-class",
        test_words_of_the_agent_mean_the_same_with_and_without_its_class);
    return g_test_run();
}
