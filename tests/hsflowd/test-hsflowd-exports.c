/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Host sFlow exports, by its configuration, its command line and the file that it keeps. */
#include "../../daemon/hsflowd/hsflowd-exports.h"
#include "../../daemon/hsflowd/hsflowd-says.h"

#include <string.h>

static char *
recorded(const char *name, gsize *length)
{
    g_autofree char *path = g_build_filename(g_getenv("VSF_HSFLOWD_FILES"), name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, length, &error);
    g_assert_no_error(error);
    return text;
}

static VsfHsflowdExports *
exports_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfHsflowdExports *exports = vsf_hsflowd_exports_parse("f", text, strlen(text), &error);

    g_assert_no_error(error);
    return exports;
}

static void
test_recorded_files(void)
{
    gsize length;
    g_autofree char *config = recorded("hsflowd.conf", &length);
    g_autoptr(VsfHsflowdExports) exports = exports_of(config);
    g_autofree char *output = recorded("hsflowd.auto", &length);
    g_autoptr(VsfHsflowdSays) says = vsf_hsflowd_says_parse(output, length);

    g_assert_true(exports->watches_vms);
    g_assert_cmpuint(exports->sub_agent_id, ==, 100000);
    g_assert_cmpuint(exports->polling_s, ==, 20);
    g_assert_true(vsf_hsflowd_exports_device(exports, "vnet17"));
    g_assert_true(vsf_hsflowd_exports_device(exports, "eno1"));
    g_assert_false(vsf_hsflowd_exports_device(exports, "eno10"));
    g_assert_false(vsf_hsflowd_exports_device(exports, "myvnet17"));
    g_assert_cmpstr(says->agent_address, ==, "127.0.0.1");
    g_assert_cmpint(says->polling_s, ==, 20);
    g_assert_cmpuint(says->collectors->len, ==, 1);
    g_assert_cmpstr(says->collectors->pdata[0], ==, "127.0.0.1 6344");
}

static void
test_configurations(void)
{
    static const struct {
        const char *text;
        gboolean vms, vnet0;
        guint sub_agent_id, polling_s;
    } cases[] = {
        {"sflow { }", FALSE, FALSE, 100000, 30},
        {"sflow { KVM { } SubAgentId = 7 polling = 0 }", TRUE, FALSE, 7, 0},
        {"sflow { counterPollingInterval = 0x10 }", FALSE, FALSE, 100000, 16},
        {"sflow { pcap { dev = vnet0 } }", FALSE, TRUE, 100000, 30},
        {"sflow { pcap { speed = 1G- } }", FALSE, FALSE, 100000, 30},
        {"sflow { docker { dev = vnet0 } }", FALSE, FALSE, 100000, 30},
        {"sflow { pcap { dev.pattern = net } }", FALSE, TRUE, 100000, 30},
        {"sflow { pcap { dev.pattern = \"^vnet[[:digit:]]{1,3}$\" } }", FALSE, TRUE, 100000, 30},
        {"sflow { dent { sw=on switchport=^vnet.* } }", FALSE, TRUE, 100000, 30},
        {"sflow { pcap { dev.pattern = ( } pcap { dev = vnet0 } }", FALSE, TRUE, 100000, 30},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfHsflowdExports) exports = exports_of(cases[i].text);

        g_test_message("%s", cases[i].text);
        g_assert_cmpint(exports->watches_vms, ==, cases[i].vms);
        g_assert_cmpuint(exports->sub_agent_id, ==, cases[i].sub_agent_id);
        g_assert_cmpuint(exports->polling_s, ==, cases[i].polling_s);
        g_assert_cmpint(vsf_hsflowd_exports_device(exports, "vnet0"), ==, cases[i].vnet0);
    }
}

static void
test_broken_configuration(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"agent { }", "f:1: \"agent\" the file must begin with sflow {"},
        {"sflow {\n subAgentId = 200000 }", "f:2: subAgentId must be from 0 to 199999"},
        {"sflow {\n\n polling = often }", "f:3: polling must be a whole number"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        VsfHsflowdExports *exports = vsf_hsflowd_exports_parse("f", cases[i].text,
                                                               strlen(cases[i].text), &error);

        g_assert_null(exports);
        g_assert_true(g_str_has_prefix(error->message, cases[i].error));
    }
}

static void
test_half_a_file_is_none(void)
{
    gsize length;
    g_autofree char *text = recorded("hsflowd.auto", &length);
    static const char *const broken[] = {"", "rev_start=1\npolling=20\n",
                                         "rev_start=1\npolling=20\nrev_end=2\n", "rev_end=1\n"};
    g_autoptr(VsfHsflowdSays) silent = NULL;

    /* Whatever is cut off, but the end of its last line. */
    for (gsize cut = 0; cut < length - 1; cut++)
        g_assert_null(vsf_hsflowd_says_parse(text, cut));
    for (guint i = 0; i < G_N_ELEMENTS(broken); i++)
        g_assert_null(vsf_hsflowd_says_parse(broken[i], strlen(broken[i])));
    /* While it does not send. */
    silent = vsf_hsflowd_says_parse("rev_start=3\nrev_end=3\n", 22);
    g_assert_nonnull(silent);
    g_assert_null(silent->agent_address);
    g_assert_cmpint(silent->polling_s, ==, -1);
}

static void
test_command_lines(void)
{
    static const struct {
        const char *words; /* blanks for NUL */
        const char *config, *output;
    } cases[] = {
        {"", "/etc/hsflowd.conf", "/etc/hsflowd.auto"},
        {"/usr/sbin/hsflowd -u 0123 -p /run/hsflowd.pid", "/etc/hsflowd.conf", "/etc/hsflowd.auto"},
        {"hsflowd -f /a -o /b", "/a", "/b"},
        {"hsflowd -dPf /a -o/b", "/a", "/b"},
        {"hsflowd -f /a -f /c", "/c", "/etc/hsflowd.auto"},
        {"hsflowd -u -f -o /b", "/etc/hsflowd.conf", "/b"},
        {"hsflowd -d -f", "/etc/hsflowd.conf", "/etc/hsflowd.auto"},
        {"/bin/sh /x/hsflowd -f /a", "/a", "/etc/hsflowd.auto"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        gsize length = strlen(cases[i].words);
        g_autofree char *cmdline = g_memdup2(cases[i].words, length), *config = NULL,
                        *output = NULL;

        for (gsize at = 0; at < length; at++)
            if (cmdline[at] == ' ')
                cmdline[at] = '\0';
        vsf_hsflowd_options(cmdline, length, &config, &output);
        g_assert_cmpstr(config, ==, cases[i].config);
        g_assert_cmpstr(output, ==, cases[i].output);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hsflowd/exports/what-recorded-files-say", test_recorded_files);
    g_test_add_func("/hsflowd/exports/vms-and-interfaces-are-of-its-configuration",
                    test_configurations);
    g_test_add_func("/hsflowd/exports/a-broken-configuration-is-named-with-its-line",
                    test_broken_configuration);
    g_test_add_func("/hsflowd/says/half-a-file-is-none", test_half_a_file_is_none);
    g_test_add_func("/hsflowd/says/its-files-are-those-of-its-command-line", test_command_lines);
    return g_test_run();
}
