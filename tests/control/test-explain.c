/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of recorded status documents. */
#include "../../daemon/cli/explain-private.h"
#include "../../daemon/model/agent-manners.h"
#include "explain-cases.h"
#include "quoted.h"

#include <string.h>

static const char *
first_command(const VsfFinding *finding)
{
    for (guint i = 0; i < finding->fixes->len; i++) {
        const VsfFix *fix = finding->fixes->pdata[i];

        if (fix->command != NULL)
            return fix->command;
    }
    return NULL;
}

static void
assert_part(const char *whole, const char *part)
{
    g_assert_true((whole == NULL) == (part == NULL));
    if (part != NULL && strstr(whole, part) == NULL)
        g_error("\"%s\" has not \"%s\"", whole, part);
}

static void
test_each_fault_is_named_with_what_mends_it(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *wanted = &cases[i];
        g_autoptr(JsonNode) vm = patched(fine_vm, wanted->vm);
        g_autoptr(JsonNode) status = patched(fine_status, wanted->status);
        g_autoptr(GPtrArray) findings = vsf_findings_new();
        const VsfFinding *finding;

        g_test_message("case %u: %s %s", i, wanted->field, wanted->code);
        g_assert_true(vsf_explain_vm(findings, json_node_get_object(status),
                                     json_node_get_object(vm), wanted->field));
        g_assert_cmpuint(findings->len, ==, 1);
        finding = findings->pdata[0];
        g_assert_cmpstr(finding->field, ==, wanted->field);
        g_assert_cmpstr(finding->code, ==, wanted->code);
        g_assert_cmpint(finding->severity, ==, wanted->severity);
        g_assert_cmpstr(finding->value, ==, wanted->value);
        assert_part(finding->why, wanted->why);
        assert_part(first_command(finding), wanted->command);
    }
}

/* A plan of the daemon's that is not known here would be passed over, and another reason told. */
static void
test_each_plan_for_an_agent_is_known(void)
{
    for (guint plan = 0; plan < VSF_AGENT_N_PLANS; plan++) {
        const char *name = vsf_agent_plan_name(plan);
        g_autofree char *patch = g_strdup_printf("{'agent':{'state':'%s'}}", name);
        g_autoptr(JsonNode) vm = patched(fine_vm, patch), status = node_of(fine_status);
        g_autoptr(GPtrArray) findings = vsf_findings_new();

        if (plan == VSF_AGENT_PLAN_ASK)
            continue; /* a state stands in its place */
        g_assert_true(vsf_explain_vm(findings, json_node_get_object(status),
                                     json_node_get_object(vm), "agent"));
        if (strcmp(((const VsfFinding *)findings->pdata[0])->code, "ok") == 0)
            g_error("nothing is said of the plan %s", name);
    }
}

static void
test_all_fields_are_explained_in_their_order(void)
{
    g_autoptr(JsonNode) vm = node_of(fine_vm), status = node_of(fine_status);
    g_autoptr(GPtrArray) findings = vsf_findings_new();
    g_autofree char *text = NULL;

    g_assert_true(
        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), NULL));
    g_assert_false(
        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), "ram"));
    text = vsf_findings_text(findings);
    g_assert_cmpstr(
        text, ==,
        "web01\n"
        "  ok    state          running, 3 s ago\n"
        "  ok    cpu            1.5 s used, 2 vCPUs\n"
        "  ok    memory         512 MiB of 1.0 GiB, by the balloon, 3 s ago\n"
        "  ok    disk           1.0 GiB free of 10 GiB, by the agent, 30 s ago\n"
        "  ok    net            4.0 KiB in, 8.0 KiB out\n"
        "  ok    packets        1000 samples, 1 of 1 interfaces sampled, 1 in 512\n"
        "  ok    agent          answers, version 7.2, 30 s ago\n"
        "  ok    filesystems    1, one by one\n"
        "                       They leave as custom metrics (format 4300:1002). A\n"
        "                       collector that is too old for these, or does not know\n"
        "                       them, as Ganglia's gmond, shows only their sum, which is\n"
        "                       the disk's free space; virt-sflow receive shows them.\n");
}

static void
test_fixes_stand_below_on_lines_of_their_own(void)
{
    g_autoptr(JsonNode) vm = patched(fine_vm, AGENT("failing")), status = node_of(fine_status);
    g_autoptr(GPtrArray) findings = vsf_findings_new();
    g_autoptr(JsonNode) json = NULL;
    g_autofree char *text = NULL, *line = NULL;

    g_assert_true(
        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), "agent"));
    text = vsf_findings_text(findings);
    g_assert_cmpstr(
        text, ==,
        "web01\n"
        "  WARN  agent          failing, 90 s ago\n"
        "                       The guest agent does not answer: T. Its last answer was\n"
        "                       90 s ago; it is asked again in 50 s.\n"
        "                    -> in the guest (an agent that connects anew is asked at\n"
        "                       once)\n"
        "                         systemctl restart qemu-guest-agent\n");
    json = vsf_findings_json(findings);
    line = json_to_string(json, FALSE);
    g_assert_cmpstr(
        line, ==,
        "[{\"vm\":\"web01\",\"uuid\":\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\",\"field\":\"agent\","
        "\"severity\":\"warning\",\"code\":\"agent-failing\",\"value\":\"failing\",\"source\":null,"
        "\"age_s\":90.0,\"why\":\"The guest agent does not answer: T. Its last answer was 90 s "
        "ago; "
        "it is asked again in 50 s.\",\"record\":null,\"record_name\":null,\"record_since\":null,"
        "\"fixes\":[{\"how\":\"in the guest (an agent that connects "
        "anew is asked at once)\",\"command\":\"systemctl restart qemu-guest-agent\"}]}]");
}

/* A collector tells nothing back: which record it lacks is all that can be said. */
static void
test_each_field_names_its_record(void)
{
    static const char *const formats[] = {"0:2101", "0:2101", "0:2102", "0:2103",
                                          "0:2104", "0:1",    NULL,     "4300:1002"};
    g_autoptr(JsonNode) vm = node_of(fine_vm), status = node_of(fine_status);
    g_autoptr(GPtrArray) findings = vsf_findings_new();
    g_autofree char *standard = vsf_explain_record_text(vsf_explain_record("memory")),
                    *custom = vsf_explain_record_text(vsf_explain_record("filesystems"));

    vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), NULL);
    g_assert_cmpuint(findings->len, ==, G_N_ELEMENTS(formats));
    for (guint i = 0; i < findings->len; i++) {
        const VsfRecord *record = ((const VsfFinding *)findings->pdata[i])->record;

        g_assert_cmpstr(record != NULL ? record->format : NULL, ==, formats[i]);
    }
    g_assert_true(g_str_has_prefix(standard, "It leaves in virt_memory (0:2102), which is in sFlow "
                                             "since 2010. A collector tells nobody"));
    g_assert_nonnull(strstr(custom, "(4300:1002), which is no record of sFlow.org's"));
}

/* Whoever copies the command is root, and the domain's name is somebody else's. */
static void
test_commands_never_hold_what_a_shell_or_virsh_would_obey(void)
{
    static const struct {
        const char *domain, *command;
    } names[] = {
        {"web-1.example_x", "virsh domfsthaw web-1.example_x"},
        {"$(reboot)", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"a b", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"a;reboot", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"17", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"--all", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"w\\u001b[2J", "virsh domfsthaw 1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
        {"w','uuid':'`x`", "virsh domfsthaw DOMAIN"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *patch = g_strdup_printf("{'agent':{'state':'frozen'},'uuid':"
                                                 "'1b4e28ba-2fa1-11d2-883f-0016d3cca427',"
                                                 "'domain':'%s'}",
                                                 names[i].domain);
        g_autoptr(JsonNode) vm = NULL;
        g_autoptr(JsonNode) status = node_of(fine_status);
        g_autoptr(GPtrArray) findings = vsf_findings_new();

        if (strstr(names[i].command, "DOMAIN") != NULL) {
            g_free(patch);
            patch = g_strdup("{'agent':{'state':'frozen'},'uuid':'`x`','domain':'$x'}");
        }
        vm = patched(fine_vm, patch);
        g_assert_true(vsf_explain_vm(findings, json_node_get_object(status),
                                     json_node_get_object(vm), "agent"));
        g_assert_cmpstr(first_command(findings->pdata[0]), ==, names[i].command);
    }
}

static void
test_nothing_in_the_text_is_obeyed_by_a_terminal(void)
{
    static const char *const vms[] = {
        "{}",
        "{'name':[],'agent':7,'memory':'x','interfaces':{},'taps':[null,'7',{}],'counters':[]}",
        "{'name':'\\u001b[2J','state':'\\u009bx','agent':{'state':'failing',"
        "'trouble':'\\u001b]0;x\\u0007 \\u202e','version':'\\u001b'},"
        "'memory':{'why':'\\u001b','source':'\\u001b','age_s':'x'},"
        "'disk':{'why':'ok','bytes':1,'source':'\\u001b'},'counters':{'vcpus':'\\u001b'},"
        "'interfaces':[{'kind':'\\u001b','mac':'\\u001b','device':'\\u001b'}],"
        "'filesystems':[1]}"};

    for (guint i = 0; i < G_N_ELEMENTS(vms); i++) {
        g_autoptr(JsonNode) vm = node_of(vms[i]), status = node_of(fine_status);
        g_autoptr(JsonNode) none = node_of("{}");
        g_autoptr(GPtrArray) findings = vsf_findings_new();
        g_autofree char *text = NULL;

        vsf_explain_vm(findings, json_node_get_object(status), json_node_get_object(vm), NULL);
        vsf_explain_vm(findings, json_node_get_object(none), json_node_get_object(vm), NULL);
        text = vsf_findings_text(findings);
        g_assert_null(strpbrk(text, "\033\007"));
        g_assert_null(strstr(text, "\302\233"));
        g_assert_null(strstr(text, "\342\200\256"));
    }
}

/* Those of the table of the document's part @heading. */
static GHashTable *
documented_codes(const char *heading)
{
    g_autofree char *all = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GRegex) word = g_regex_new("`([a-z-]+)`", 0, 0, NULL);
    GHashTable *codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = NULL;
    gboolean is_part = FALSE;

    g_assert_true(g_file_get_contents(g_getenv("VSF_EXPLAIN_DOC"), &all, NULL, &error));
    lines = g_strsplit(all, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) cells = g_strsplit(lines[i], "|", 3);
        g_autoptr(GMatchInfo) match = NULL;

        if (g_str_has_prefix(lines[i], "## "))
            is_part = strcmp(lines[i], heading) == 0;
        if (!is_part || g_strv_length(cells) < 3)
            continue;
        for (g_regex_match(word, cells[1], 0, &match); g_match_info_matches(match);
             g_match_info_next(match, NULL))
            g_hash_table_add(codes, g_match_info_fetch(match, 1));
    }
    return codes;
}

static void
test_the_document_lists_the_codes_that_there_are(void)
{
    g_autoptr(GHashTable) codes = documented_codes("## Of a VM");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        if (!g_hash_table_contains(codes, cases[i].code))
            g_error("docs/explain-json.md lacks %s", cases[i].code);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_hash_table_remove(codes, cases[i].code);
    g_assert_cmpuint(g_hash_table_size(codes), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/explain/each-fault-is-named-with-what-mends-it",
                    test_each_fault_is_named_with_what_mends_it);
    g_test_add_func("/cli/explain/each-plan-for-an-agent-is-known",
                    test_each_plan_for_an_agent_is_known);
    g_test_add_func("/cli/explain/all-fields-are-explained-in-their-order",
                    test_all_fields_are_explained_in_their_order);
    g_test_add_func("/cli/explain/each-field-names-its-record", test_each_field_names_its_record);
    g_test_add_func("/cli/explain/fixes-stand-below-on-lines-of-their-own",
                    test_fixes_stand_below_on_lines_of_their_own);
    g_test_add_func("/cli/explain/commands-never-hold-what-a-shell-or-virsh-would-obey",
                    test_commands_never_hold_what_a_shell_or_virsh_would_obey);
    g_test_add_func("/cli/explain/nothing-in-the-text-is-obeyed-by-a-terminal",
                    test_nothing_in_the_text_is_obeyed_by_a_terminal);
    g_test_add_func("/cli/explain/the-document-lists-the-codes-that-there-are",
                    test_the_document_lists_the_codes_that_there_are);
    return g_test_run();
}
