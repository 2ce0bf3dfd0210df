/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent service takes and says, as bytes. */
#include "../../include/agent-msg.h"

#include <gio/gio.h>
#include <string.h>

#define UUID "0f6b2d1e-1c53-4f0a-9d6a-0a7b3c9d5e4f"

/* All that qemu-ga knows: qga/qapi-schema.json of QEMU 7.2 to 10.2, of every system. */
static const struct {
    const char *name;
    enum { NO, YES, WITH_HANDLE } allowed;
} commands[] = {
    {"guest-exec", NO},
    {"guest-exec-status", NO},
    {"guest-file-close", WITH_HANDLE},
    {"guest-file-flush", NO},
    {"guest-file-open", YES}, /* /proc/meminfo for reading */
    {"guest-file-read", WITH_HANDLE},
    {"guest-file-seek", NO},
    {"guest-file-write", NO},
    {"guest-fsfreeze-freeze", NO},
    {"guest-fsfreeze-freeze-list", NO},
    {"guest-fsfreeze-status", NO},
    {"guest-fsfreeze-thaw", NO},
    {"guest-fstrim", NO},
    {"guest-get-cpustats", YES},
    {"guest-get-devices", NO},
    {"guest-get-disks", NO},
    {"guest-get-diskstats", YES},
    {"guest-get-fsinfo", YES},
    {"guest-get-host-name", YES},
    {"guest-get-load", YES},
    {"guest-get-memory-block-info", NO},
    {"guest-get-memory-blocks", NO},
    {"guest-get-osinfo", YES},
    {"guest-get-time", NO},
    {"guest-get-timezone", NO},
    {"guest-get-users", NO},
    {"guest-get-vcpus", NO},
    {"guest-info", YES},
    {"guest-network-get-interfaces", YES},
    {"guest-network-get-route", NO},
    {"guest-ping", NO},
    {"guest-set-memory-blocks", NO},
    {"guest-set-time", NO},
    {"guest-set-user-password", NO},
    {"guest-set-vcpus", NO},
    {"guest-shutdown", NO},
    {"guest-ssh-add-authorized-keys", NO},
    {"guest-ssh-get-authorized-keys", NO},
    {"guest-ssh-remove-authorized-keys", NO},
    {"guest-suspend-disk", NO},
    {"guest-suspend-hybrid", NO},
    {"guest-suspend-ram", NO},
    {"guest-sync", NO},
    {"guest-sync-delimited", NO}, /* libvirt's own */
};

static gboolean
parses_bytes(const char *line, gsize length)
{
    VsfAgentRequest request = {.timeout_s = -7};
    g_autoptr(GError) error = NULL;
    gboolean good = vsf_agent_request_parse(line, length, &request, &error);

    if (!good) {
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
        g_assert_cmpint(request.timeout_s, ==, -7);
    }
    return good;
}

static gboolean
parses(const char *line)
{
    return parses_bytes(line, strlen(line));
}

static gboolean
parses_around(const char *before, const char *name, const char *behind)
{
    g_autofree char *line = g_strconcat(before, name, behind, NULL);

    return parses(line);
}

static void
test_of_all_commands_only_those_of_the_list_are_taken(void)
{
    guint n = 0;

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        const char *name = commands[i].name;
        gboolean bare = parses_around("ask " UUID " 2 ", name, "");
        gboolean with = parses_around("ask " UUID " 2 ", name, " 1000");

        g_test_message("%s: %d %d", name, bare, with);
        g_assert_cmpint(bare, ==, commands[i].allowed == YES);
        g_assert_cmpint(with, ==, commands[i].allowed == WITH_HANDLE);
        n += commands[i].allowed != NO;
        /* No dress of it either. */
        g_assert_false(parses_around("ask " UUID " 2 {\"execute\":\"", name, "\"}"));
        g_assert_false(parses_around("ask " UUID " 2 ", name, " /etc/shadow"));
        g_assert_false(parses_around("ask " UUID " 2 ", name, " {\"path\":\"/etc/shadow\"}"));
        g_assert_false(parses_around("ask " UUID " 2 guest-info ", name, ""));
        g_assert_false(parses_around("balloon " UUID " ", name, ""));
    }
    /* And the table has all of those that the list has. */
    g_assert_cmpuint(n, ==, VSF_QGA_N_COMMANDS);
}

/* What agents were recorded to list. */
static void
test_the_table_has_what_agents_list(void)
{
    static const char *const agents[] = {"qemu-ga-7.2", "rhel-8", "rhel-10", "windows", "frozen"};
    g_autoptr(GRegex) regex = g_regex_new("\"name\": *\"([^\"]+)\"", 0, 0, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(agents); i++) {
        g_autofree char *path = g_build_filename(g_getenv("VSF_QGA_DATA"), agents[i],
                                                 "guest-info.json", NULL);
        g_autofree char *text = NULL;
        g_autoptr(GMatchInfo) match = NULL;
        guint n = 0;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
             g_match_info_next(match, NULL)) {
            g_autofree char *name = g_match_info_fetch(match, 1);
            gboolean found = FALSE;

            for (guint at = 0; at < G_N_ELEMENTS(commands); at++)
                found |= strcmp(commands[at].name, name) == 0;
            if (!found)
                g_test_message("%s: %s is not in the table", agents[i], name);
            g_assert_true(found);
            n++;
        }
        g_assert_cmpuint(n, >, 20);
    }
}

static void
test_a_line_is_what_its_entry_makes(void)
{
    static const char *const lines[] = {
        "ask " UUID " 1 guest-info\n",
        "ask " UUID " 60 guest-file-open\n",
        "ask " UUID " 2 guest-file-read 1000\n",
        "ask " UUID " 2 guest-file-close 9223372036854775807\n",
        "ask " UUID " 2 guest-network-get-interfaces\n",
        "balloon " UUID " 1\n",
        "balloon " UUID " 3600\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        VsfAgentRequest request;
        g_autoptr(GError) error = NULL;
        g_autofree char *made = NULL;

        g_assert_true(vsf_agent_request_parse(lines[i], strlen(lines[i]) - 1, &request, &error));
        g_assert_cmpstr(request.uuid, ==, UUID);
        made = vsf_agent_request_line(&request);
        g_assert_cmpstr(made, ==, lines[i]);
        g_assert_cmpuint(strlen(made), <=, VSF_AGENT_MSG_LINE_MAX);
    }
}

static void
test_what_is_no_entry_is_refused(void)
{
    static const char *const lines[] = {
        "",
        " ",
        "ask",
        "ask " UUID,
        "ask " UUID " 2",
        "ask " UUID " 2 ",
        "ask  " UUID " 2 guest-info",
        "ask " UUID "  2 guest-info",
        " ask " UUID " 2 guest-info",
        "ask " UUID " 2 guest-info ",
        "ask " UUID " 2 guest-info\r",
        "ask\t" UUID " 2 guest-info",
        "ASK " UUID " 2 guest-info",
        "ask " UUID " 0 guest-info",
        "ask " UUID " 61 guest-info",
        "ask " UUID " 02 guest-info",
        "ask " UUID " +2 guest-info",
        "ask " UUID " -2 guest-info",
        "ask " UUID " 2.0 guest-info",
        "ask " UUID " 0x2 guest-info",
        "ask " UUID " 99999999999999999999 guest-info",
        "ask " UUID " 2 guest-infos",
        "ask " UUID " 2 guest-inf",
        "ask " UUID " 2 Guest-Info",
        "ask " UUID " 2 guest-info 1000",
        "ask " UUID " 2 guest-file-open /proc/meminfo",
        "ask " UUID " 2 guest-file-open /proc/meminfo r",
        "ask " UUID " 2 guest-file-read",
        "ask " UUID " 2 guest-file-read 0",
        "ask " UUID " 2 guest-file-read -1",
        "ask " UUID " 2 guest-file-read 01",
        "ask " UUID " 2 guest-file-read 9223372036854775808",
        "ask " UUID " 2 guest-file-read 1000 4096",
        "ask " UUID " 2 guest-file-read 1000,\"count\":9",
        "ask 0F6B2D1E-1c53-4f0a-9d6a-0a7b3c9d5e4f 2 guest-info",
        "ask 0f6b2d1e1c534f0a9d6a0a7b3c9d5e4f 2 guest-info",
        "ask web01 2 guest-info",
        "ask " UUID "a 2 guest-info",
        "ask 0f6b2d1e-1c53-4f0a-9d6a-0a7b3c9d5e4 2 guest-info",
        "ask 0f6b2d1e-1c53-4f0a-9d6a-0a7b3c9d5e4g 2 guest-info",
        "balloon " UUID,
        "balloon " UUID " 0",
        "balloon " UUID " 3601",
        "balloon " UUID " 5 5",
        "balloon " UUID " guest-info",
        "shutdown " UUID " 5",
        "destroy " UUID,
        "{\"execute\":\"guest-info\"}",
        "ask " UUID " 2 guest-info\nask " UUID " 2 guest-info",
    };

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_test_message("\"%s\"", lines[i]);
        g_assert_false(parses(lines[i]));
    }
    g_assert_true(parses("ask " UUID " 2 guest-info"));
    g_assert_false(
        parses_bytes("ask " UUID " 2 guest-info\0", sizeof("ask " UUID " 2 guest-info")));
    g_assert_false(parses_bytes("ask " UUID " 2 guest\0info", strlen("ask " UUID " 2 guest-info")));
}

static void
test_the_requests_of_a_conversation_have_entries(void)
{
    for (VsfQgaCommand command = 0; command < VSF_QGA_N_COMMANDS; command++) {
        g_autofree char *json = vsf_qga_request(command, 1000);
        g_autofree char *longer = g_strconcat(json, " ", NULL);
        VsfAgentRequest request = {.uuid = UUID, .timeout_s = 2};
        g_autofree char *line = NULL, *again = NULL;

        g_assert_true(vsf_agent_request_of_json(json, &request));
        g_assert_cmpint(request.command, ==, command);
        line = vsf_agent_request_line(&request);
        g_assert_true(parses_bytes(line, strlen(line) - 1));
        again = vsf_qga_request(request.command, request.handle);
        g_assert_cmpstr(again, ==, json);
        g_assert_false(vsf_agent_request_of_json(longer, &request));
    }
}

static void
test_no_other_json_has_an_entry(void)
{
    static const char *const texts[] = {
        "",
        "{\"execute\":\"guest-exec\"}",
        "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/etc/shadow\",\"mode\":\"r\"}}",
        ("{\"execute\":\"guest-file-open\","
         "\"arguments\":{\"path\":\"/proc/meminfo\",\"mode\":\"w\"}}"),
        "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":0,\"count\":4096}}",
        "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":1000,\"count\":4097}}",
        "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":0}}",
        "{\"execute\": \"guest-info\"}",
        "{\"execute\":\"guest-shutdown\",\"execute\":\"guest-info\"}",
    };
    VsfAgentRequest request;

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_false(vsf_agent_request_of_json(texts[i], &request));
}

static void
test_heads_are_within_their_bounds(void)
{
    static const char *const bad[] = {
        "",
        "reply",
        "reply ",
        "reply  1",
        "reply 01",
        "reply -1",
        "reply 1 ",
        "reply 1 2",
        "REPLY 1",
        "replies 1",
        "done 1x",
        "silent 1025",
        "reply 1048577",
        "hello 99999999999999999999999999",
    };
    VsfAgentHead head;

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(vsf_agent_head_parse(bad[i], strlen(bad[i]), &head));
    g_assert_false(vsf_agent_head_parse("reply 1\0", 8, &head));
    g_assert_true(vsf_agent_head_parse("reply 1048576", 13, &head));
    g_assert_cmpuint(head.length, ==, VSF_QGA_REPLY_BYTES_MAX);
    g_assert_true(vsf_agent_head_parse("done 0", 6, &head));
    g_assert_cmpint(head.kind, ==, VSF_AGENT_ANSWER_DONE);
}

/* What is sent is what the other end reads, for every kind. */
static void
test_answers_are_read_as_they_were_made(void)
{
    for (VsfAgentAnswerKind kind = 0; kind < VSF_AGENT_N_ANSWERS; kind++) {
        gsize size;
        g_autofree char *bytes = vsf_agent_answer_bytes(kind, "some words", &size);
        const char *end = memchr(bytes, '\n', size);
        VsfAgentHead head;

        g_assert_true(vsf_agent_head_parse(bytes, (gsize)(end - bytes), &head));
        g_assert_cmpuint((gsize)(end - bytes), <, VSF_AGENT_MSG_HEAD_MAX);
        g_assert_cmpint(head.kind, ==, kind);
        g_assert_cmpmem(end + 1, size - (gsize)(end + 1 - bytes), "some words", head.length);
    }
}

static void
test_what_is_too_long_is_cut_or_refused(void)
{
    g_autofree char *text = g_strnfill(VSF_QGA_REPLY_BYTES_MAX + 1, 'x');
    g_autofree char *refused = NULL, *cut = NULL, *whole = NULL;
    gsize size;

    refused = vsf_agent_answer_bytes(VSF_AGENT_ANSWER_REPLY, text, &size);
    g_assert_true(g_str_has_prefix(refused, "malformed "));
    g_assert_cmpuint(size, <, 100);
    cut = vsf_agent_answer_bytes(VSF_AGENT_ANSWER_SILENT, text, &size);
    g_assert_true(g_str_has_prefix(cut, "silent 1024\n"));
    g_assert_cmpuint(size, ==, strlen("silent 1024\n") + 1024);
    text[VSF_QGA_REPLY_BYTES_MAX] = '\0';
    whole = vsf_agent_answer_bytes(VSF_AGENT_ANSWER_REPLY, text, &size);
    g_assert_cmpuint(size, ==, strlen("reply 1048576\n") + VSF_QGA_REPLY_BYTES_MAX);
    g_assert_true(g_str_has_prefix(whole, "reply 1048576\n"));
}

/* Whose fault it is, and which, comes through. */
static void
test_errors_come_through(void)
{
    const struct {
        GQuark domain;
        int code;
    } errors[] = {
        {G_IO_ERROR, G_IO_ERROR_READ_ONLY},
        {G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED},
        {G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED},
        {G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED},
        {G_IO_ERROR, G_IO_ERROR_BUSY},
        {G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT},
        {VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED},
        {VSF_QGA_ERROR, VSF_QGA_ERROR_NOT_FOUND},
        {VSF_QGA_ERROR, VSF_QGA_ERROR_DISABLED},
        {VSF_QGA_ERROR, VSF_QGA_ERROR_FROZEN},
        {VSF_QGA_ERROR, VSF_QGA_ERROR_FAILED},
        {G_FILE_ERROR, 7},
    };

    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_autoptr(GError) error = g_error_new(errors[i].domain, errors[i].code, "why %u", i);
        VsfAgentAnswerKind kind = vsf_agent_answer_of_error(error);
        g_autoptr(GError) again = vsf_agent_answer_error(kind, error->message, G_FILE_ERROR, 7);

        g_assert_error(again, errors[i].domain, errors[i].code);
        g_assert_cmpstr(again->message, ==, error->message);
    }
}

static void
test_an_error_without_a_word_keeps_its_domain(void)
{
    g_autoptr(GError) io = g_error_new(G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "late");
    g_autoptr(GError) qga = g_error_new(VSF_QGA_ERROR, VSF_QGA_ERROR_NO_TIME, "late");

    g_assert_cmpint(vsf_agent_answer_of_error(io), ==, VSF_AGENT_ANSWER_NOT_CONNECTED);
    g_assert_cmpint(vsf_agent_answer_of_error(qga), ==, VSF_AGENT_ANSWER_FAILED);
}

static void
test_texts_of_errors_can_be_shown(void)
{
    g_autoptr(GError) odd = vsf_agent_answer_error(VSF_AGENT_ANSWER_FAILED, "a\x1b[2J\n\xff", 0, 0);
    g_autoptr(GError) none = vsf_agent_answer_error(VSF_AGENT_ANSWER_BUSY, "", 0, 0);

    g_assert_true(g_utf8_validate(odd->message, -1, NULL));
    g_assert_null(strchr(odd->message, '\x1b'));
    g_assert_null(strchr(odd->message, '\n'));
    g_assert_cmpstr(none->message, ==, "busy, without a reason");
}

static void
test_hello_names_protocol_and_uri(void)
{
    g_autofree char *text = vsf_agent_hello_text("qemu:///system");
    g_autofree char *uri = NULL, *untouched = NULL;

    g_assert_true(vsf_agent_hello_parse(text, &uri));
    g_assert_cmpstr(uri, ==, "qemu:///system");
    g_assert_false(vsf_agent_hello_parse("virt-sflow-agent 2 0.1.0 qemu:///system", &untouched));
    g_assert_false(vsf_agent_hello_parse("virt-sflow-agent 1 0.1.0", &untouched));
    g_assert_false(vsf_agent_hello_parse("sshd 1 0.1.0 qemu:///system", &untouched));
    g_assert_false(vsf_agent_hello_parse("", &untouched));
    g_assert_null(untouched);
}

static void
test_a_handle_is_read_from_nothing_but_its_reply(void)
{
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":1000}"), ==, 1000);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\": 1000 }"), ==, 1000);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":9223372036854775807}"), ==, G_MAXINT64);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":9223372036854775808}"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":0}"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":-5}"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":}"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":1000"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":1000}}"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply("{\"return\":{}}"), ==, 0);
    g_assert_cmpint(vsf_agent_handle_of_reply(""), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func("/agent/msg/" name, test)
    ADD("of-all-commands-only-those-of-the-list-are-taken",
        test_of_all_commands_only_those_of_the_list_are_taken);
    ADD("the-table-has-what-agents-list", test_the_table_has_what_agents_list);
    ADD("a-line-is-what-its-entry-makes", test_a_line_is_what_its_entry_makes);
    ADD("what-is-no-entry-is-refused", test_what_is_no_entry_is_refused);
    ADD("the-requests-of-a-conversation-have-entries",
        test_the_requests_of_a_conversation_have_entries);
    ADD("no-other-json-has-an-entry", test_no_other_json_has_an_entry);
    ADD("heads-are-within-their-bounds", test_heads_are_within_their_bounds);
    ADD("answers-are-read-as-they-were-made", test_answers_are_read_as_they_were_made);
    ADD("what-is-too-long-is-cut-or-refused", test_what_is_too_long_is_cut_or_refused);
    ADD("errors-come-through", test_errors_come_through);
    ADD("an-error-without-a-word-keeps-its-domain", test_an_error_without_a_word_keeps_its_domain);
    ADD("texts-of-errors-can-be-shown", test_texts_of_errors_can_be_shown);
    ADD("hello-names-protocol-and-uri", test_hello_names_protocol_and_uri);
    ADD("a-handle-is-read-from-nothing-but-its-reply",
        test_a_handle_is_read_from_nothing_but_its_reply);
    return g_test_run();
}
