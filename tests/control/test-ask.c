/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands that look at the daemon, as people run them. */
#include "../../daemon/control/control.h"
#include "run.h"

#include <glib/gstdio.h>
#include <string.h>

static const char *document;

/* Something of each kind of text that the status has. */
static const char full_document[] =
    "{\"version\":\"0.1.0\",\"pid\":42,\"uptime_s\":9,\"agent_address\":\"192.0.2.10\","
    "\"agent_address_reason\":\"r\",\"libvirt\":{\"uri\":\"qemu:///system\",\"connected\":true,"
    "\"description\":\"d\",\"last_error\":\"e\",\"since_s\":6},"
    "\"collectors\":[{\"collector\":\"c1\",\"address\":\"a\",\"state\":\"failing\","
    "\"last_error\":\"l\",\"lookup_error\":\"u\",\"datagrams\":1}],"
    "\"vms\":[{\"uuid\":\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\",\"name\":\"web01\","
    "\"domain\":\"web 01\",\"index\":200001,\"state\":\"running\",\"reason_text\":\"unpaused\","
    "\"pid\":7,\"stuck_s\":9,\"taps\":[7],\"counters\":{\"vcpus\":2,\"cpu_ms\":1},"
    "\"memory\":{\"bytes\":null,\"source\":\"agent\",\"age_s\":1,\"why\":\"w\"},"
    "\"disk\":{\"bytes\":1,\"source\":\"agent\",\"age_s\":1,\"why\":\"ok\"},"
    "\"agent\":{\"plan\":\"ask\",\"state\":\"failing\",\"version\":\"7\",\"trouble\":\"t\","
    "\"parts\":{\"memory\":\"known\"}},"
    "\"os\":{\"name\":\"linux\",\"release\":\"6.1\",\"host_name\":\"h\"},"
    "\"nova\":{\"name\":\"n\",\"flavor\":{\"name\":\"f\"},\"image\":\"i\","
    "\"project\":{\"id\":\"p\",\"name\":\"q\"},\"user\":{\"id\":\"u\",\"name\":\"v\"}},"
    "\"interfaces\":[{\"kind\":\"tap\",\"mac\":\"m\",\"device\":\"vnet0\",\"ifindex\":7,"
    "\"trouble\":\"t\"},{\"kind\":\"vhost-user\",\"mac\":\"m\",\"device\":\"x\",\"ifindex\":null,"
    "\"unsampled\":\"s\"}],"
    "\"filesystems\":[{\"mount_point\":\"/\",\"type\":\"ext4\",\"total\":2,\"used\":1}]}],"
    "\"agents\":{\"mode\":\"auto\",\"running\":0,\"stuck\":0,\"trouble\":\"t\",\"socket\":\"s\"},"
    "\"taps\":[{\"ifindex\":7,\"name\":\"vnet0\",\"role\":\"vm\",\"vm\":\"web01\",\"state\":\"s\","
    "\"backend\":\"pcap\",\"backend_reason\":\"r\",\"switch\":{\"bridge\":\"br\",\"port\":\"p\","
    "\"trunks\":\"1\",\"iface_id\":\"i\"}},{\"ifindex\":2,\"name\":\"eth0\",\"role\":\"port\","
    "\"state\":\"opening\",\"direction\":\"in\"}],"
    "\"talkers\":[{\"from\":\"web01\",\"to\":\"db\",\"bits\":8.0,\"packets\":1.0}],"
    "\"capture\":{\"backend\":\"pcap\",\"backend_wanted\":\"auto\",\"backend_reason\":\"r\","
    "\"ports_wanted\":\"eth*\",\"ports_trouble\":\"t\"},"
    "\"dns_sd\":{\"domain\":\"d\",\"state\":\"s\",\"error\":\"e\"},"
    "\"ovs\":{\"mode\":\"configure\",\"state\":\"away\",\"error\":\"e\",\"trouble\":\"t\"},"
    "\"beside\":{\"agent\":\"hsflowd\",\"pid\":7,\"trouble\":\"t\",\"sources\":[]},"
    "\"state\":{\"directory\":\"d\",\"trouble\":\"t\"},"
    "\"config\":{\"files\":[\"f\"],\"interfaces\":[\"vnet*\"],\"restart_needed\":[\"k\"],"
    "\"reload\":{\"state\":\"failed\",\"error\":\"e\"}}}";

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

/* ESC, CSI of one character, one that turns the direction round, and a line's end. */
#define EVIL "\033[2J\302\23331m\342\200\256\n"

/* Each text in it does what it can. */
static void
make_evil(JsonNode *node)
{
    g_autofree char *text = NULL;

    if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObject *inner = json_node_get_object(node);
        g_autoptr(GList) names = json_object_get_members(inner);

        for (GList *name = names; name != NULL; name = name->next)
            make_evil(json_object_get_member(inner, name->data));
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *inner = json_node_get_array(node);

        for (guint i = 0; i < json_array_get_length(inner); i++)
            make_evil(json_array_get_element(inner, i));
    } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
        text = g_strconcat(json_node_get_string(node), EVIL, NULL);
        json_node_set_string(node, text);
    }
}

static void
assert_harmless(const char *text)
{
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
}

static void
test_no_text_of_others_reaches_a_terminal(void)
{
    static const char *const commands[][3] = {
        {"status"},
        {"status", "--json"},
        {"vms"},
        {"vms", "--json"},
        {"vms", "--names"},
        {"vm", "200001"},
        {"taps"},
        {"vm", "200001", "--json"},
        {"taps", "--json"},
        {"collectors"},
        {"collectors", "--json"},
        {"agents"},
        {"agents", "--json"},
        {"agents", "--plan"},
        {"explain", "200001"},
        {"top", "--once"},
        {"explain", "200001", "--json"},
        {"doctor"},
        {"doctor", "--json"},
        {"vm", "nobody" EVIL},
    };
    g_autofree char *folder = g_dir_make_tmp("vsf-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL), *evil = NULL;
    g_autofree char *place = g_strconcat("--runtime-dir=", folder, NULL);
    g_autoptr(JsonNode) root = json_from_string(full_document, NULL);
    VsfControl *control = vsf_control_new(path, answer, NULL, NULL);

    make_evil(root);
    document = evil = json_to_string(root, FALSE);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        const char *const *words = commands[i];
        g_auto(Run) run = run_command(words[0], place, words[1], words[2], NULL);

        g_test_message("%s %s", words[0], words[1] != NULL ? words[1] : "");
        assert_harmless(run.out);
        assert_harmless(run.err);
        /* Completion leaves out what a shell would not take as it is. */
        if (g_strcmp0(words[1], "--names") != 0)
            g_assert_cmpuint(strlen(run.out) + strlen(run.err), >, 0);
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
    g_test_add_func("/cli/ask/no-text-of-others-reaches-a-terminal",
                    test_no_text_of_others_reaches_a_terminal);
    return g_test_run();
}
