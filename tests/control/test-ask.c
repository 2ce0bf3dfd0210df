/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands that look at the daemon, as people run them. */
#include "../../daemon/control/control.h"
#include "run.h"

#include <glib/gstdio.h>
#include <string.h>

static const char *document;

static JsonNode *
answer(const VsfRequest *request, GError **error G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    g_assert_cmpstr(request->word, ==, "status");
    return json_from_string(document, NULL);
}

static void
test_doctor_of_an_absent_daemon_is_critical(void)
{
    g_auto(Run) text = run_command("doctor", "--runtime-dir", "/nonexistent", NULL);
    g_auto(Run) json = run_command("doctor", "--json", "--runtime-dir", "/nonexistent", NULL);

    g_assert_cmpint(text.status, ==, 2);
    g_assert_cmpstr(text.err, ==, "");
    g_assert_true(g_str_has_prefix(text.out, "CRITICAL: "));
    g_assert_cmpint(json.status, ==, 2);
    g_assert_nonnull(strstr(json.out, "\"code\" : \"no-answer\""));
}

static void
test_parts_are_printed_as_json_and_as_text(void)
{
    static const struct {
        const char *words[4], *out, *err;
        int status;
    } cases[] = {
        {{"vms", "--json"}, "[{\"name\":\"a\"},{\"name\":\"b\"}]\n", "", 0},
        {{"vms", "--names"}, "a\nb\n", "", 0},
        {{"vm", "b", "--json"}, "{\"name\":\"b\"}\n", "", 0},
        {{"vm", "c"},
         "",
         "virt-sflow vm: no VM is meant by c: none that runs here has that name, "
         "UUID or index; see virt-sflow vms\n",
         1},
        {{"vm"}, "", "virt-sflow vm: what? VM\nTry 'virt-sflow vm --help'.\n", 2},
        {{"vm", "a", "b"},
         "",
         "virt-sflow vm: unexpected argument b\nTry 'virt-sflow vm --help'.\n",
         2},
        {{"vm", "--names"},
         "",
         "virt-sflow vm: Unknown option --names\nTry 'virt-sflow vm --help'.\n",
         2},
        {{"taps", "--json"}, "[{\"ifindex\":2},{\"ifindex\":10}]\n", "", 0},
        {{"taps", "all"},
         "",
         "virt-sflow taps: unexpected argument all\nTry 'virt-sflow taps --help'.\n",
         2},
        {{"explain", "b", "ram"},
         "",
         "virt-sflow explain: there is no such field; known: state, cpu, memory, disk, net, "
         "packets, agent, filesystems\n",
         2},
        {{"explain", "b", "agent"},
         "b\n  note  agent          unknown\n"
         "                       This daemon does not tell: it is of another version than\n"
         "                       this command.\n"
         "                    -> if virt-sflow was upgraded while it ran\n"
         "                         systemctl restart virt-sflowd\n",
         "",
         0},
        {{"explain"},
         "",
         "virt-sflow explain: what? VM [FIELD]\nTry 'virt-sflow explain --help'.\n",
         2},
        {{"doctor", "web01"},
         "",
         "virt-sflow doctor: unexpected argument web01\n"
         "Try 'virt-sflow doctor --help'.\n",
         3},
        {{"collectors", "--json"}, "[{\"collector\":\"c\"}]\n", "", 0},
    };
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    g_autofree char *place = g_strconcat("--runtime-dir=", folder, NULL);
    VsfControl *control = vsf_control_new(path, answer, NULL, NULL);

    document = "{\"vms\":[{\"name\":\"b\"},{\"name\":\"a\"}],\"taps\":[{\"ifindex\":10},"
               "{\"ifindex\":2}],\"collectors\":[{\"collector\":\"c\"}]}";
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const *words = cases[i].words;
        g_auto(Run) run = run_command(words[0], place, words[1], words[2], words[3], NULL);

        g_assert_cmpstr(run.out, ==, cases[i].out);
        g_assert_cmpstr(run.err, ==, cases[i].err);
        g_assert_cmpint(run.status, ==, cases[i].status);
    }
    vsf_control_free(control);
    g_rmdir(folder);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (g_getenv("VIRT_SFLOW") == NULL) {
        g_print("1..0 # SKIP VIRT_SFLOW names no command\n");
        return 0;
    }
    g_test_add_func("/cli/ask/doctor-of-an-absent-daemon-is-critical",
                    test_doctor_of_an_absent_daemon_is_critical);
    g_test_add_func("/cli/ask/parts-are-printed-as-json-and-as-text",
                    test_parts_are_printed_as_json_and_as_text);
    return g_test_run();
}
