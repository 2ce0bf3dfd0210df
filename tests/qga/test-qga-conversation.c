/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conversations with agents that work, and with those that do not. */
#include "fake-agent.h"

#include <string.h>

#define STATE(part) state[VSF_QGA_PART_##part]
#define KNOWN VSF_QGA_STATE_KNOWN

static void
assert_asked(FakeAgent *agent, const char *names)
{
    g_autofree char *asked = fake_agent_asked(agent);

    g_assert_cmpstr(asked, ==, names);
}

static void
test_guest_info_comes_first_and_each_command_once(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = fake_agent_inspect(agent);

    assert_asked(agent, "guest-info guest-get-fsinfo guest-file-open guest-file-read "
                        "guest-file-close guest-get-osinfo guest-get-host-name "
                        "guest-get-cpustats guest-get-diskstats guest-network-get-interfaces");
    g_assert_no_error(report->error);
    g_assert_false(report->frozen);
    g_assert_cmpstr(report->info->version, ==, "7.2.22");
    g_assert_cmpuint(report->n_requests, ==, 10);
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        g_assert_cmpint(report->state[part], ==,
                        part == VSF_QGA_PART_LOAD ? VSF_QGA_STATE_NOT_FOUND : KNOWN);
    g_assert_cmpuint(report->filesystems->filesystems->len, ==, 1);
    g_assert_cmpuint(report->memory->total, ==, 24684084ull * 1024);
    g_assert_cmpstr(report->os->id, ==, "debian");
    g_assert_cmpstr(report->host_name, ==, "web01");
    g_assert_null(report->load);
    g_assert_cmpuint(report->cpu_stats->len, ==, 2);
    g_assert_cmpuint(report->disk_stats->len, ==, 10);
    g_assert_cmpuint(report->interfaces->len, ==, 4);
    g_assert_cmpuint(agent->n_open, ==, 0);
    g_assert_cmpint(report->open_handle, ==, VSF_QGA_NO_HANDLE);
}

static void
test_a_known_info_is_not_asked_again_and_only_wants_are_asked(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) first = NULL;
    g_autoptr(VsfQgaReport) second = NULL;

    agent->plan.wants = 0;
    first = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info");
    agent->plan.info = first->info;
    agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_HOST_NAME);
    second = fake_agent_inspect(agent);
    assert_asked(agent, "guest-get-host-name");
    g_assert_null(second->info);
    g_assert_cmpint(second->STATE(HOST_NAME), ==, KNOWN);
    g_assert_cmpint(second->STATE(FILESYSTEMS), ==, VSF_QGA_STATE_NOT_ASKED);
}

static void
test_what_the_guest_blocks_is_not_asked(void)
{
    g_autoptr(FakeAgent) old = fake_agent_new("rhel-8");
    g_autoptr(FakeAgent) new = fake_agent_new("rhel-10");
    g_autoptr(VsfQgaReport) of_old = fake_agent_inspect(old);
    g_autoptr(VsfQgaReport) of_new = fake_agent_inspect(new);

    assert_asked(old, "guest-info guest-get-fsinfo guest-get-osinfo guest-get-host-name "
                      "guest-get-cpustats guest-get-diskstats guest-network-get-interfaces");
    assert_asked(new, "guest-info guest-get-fsinfo guest-get-osinfo guest-get-host-name "
                      "guest-network-get-interfaces");
    g_assert_cmpint(of_old->STATE(MEMORY), ==, VSF_QGA_STATE_DISABLED);
    g_assert_cmpint(of_old->STATE(LOAD), ==, VSF_QGA_STATE_NOT_FOUND);
    g_assert_cmpint(of_new->STATE(LOAD), ==, VSF_QGA_STATE_DISABLED);
    g_assert_no_error(of_new->error);
    g_assert_cmpuint(of_new->filesystems->filesystems->len, ==, 3);
}

static void
test_windows_has_no_meminfo_and_that_ends_nothing(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("windows");
    g_autoptr(VsfQgaReport) report = fake_agent_inspect(agent);

    assert_asked(agent, "guest-info guest-get-fsinfo guest-file-open guest-get-osinfo "
                        "guest-get-host-name guest-network-get-interfaces");
    g_assert_no_error(report->error);
    g_assert_cmpint(report->STATE(MEMORY), ==, VSF_QGA_STATE_FAILED);
    g_assert_nonnull(strstr(report->reason[VSF_QGA_PART_MEMORY], "cannot find the path"));
    g_assert_cmpint(report->STATE(CPU_STATS), ==, VSF_QGA_STATE_DISABLED);
    g_assert_cmpint(report->STATE(LOAD), ==, VSF_QGA_STATE_NOT_FOUND);
    g_assert_cmpint(report->STATE(INTERFACES), ==, KNOWN);
    g_assert_cmpstr(report->os->id, ==, "mswindows");
}

static void
test_a_file_that_could_be_opened_but_not_closed_is_not_opened(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = NULL;

    fake_agent_reply(agent, "guest-info",
                     "{\"return\":{\"version\":\"9\",\"supported_commands\":["
                     "{\"name\":\"guest-file-open\",\"enabled\":true},"
                     "{\"name\":\"guest-file-read\",\"enabled\":true},"
                     "{\"name\":\"guest-file-close\",\"enabled\":false}]}}");
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info");
    g_assert_cmpint(report->STATE(MEMORY), ==, VSF_QGA_STATE_DISABLED);
}

static void
test_an_agent_that_stops_answering_ends_the_conversation(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = NULL;

    fake_agent_reply(agent, "guest-get-osinfo", "");
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info guest-get-fsinfo guest-file-open guest-file-read "
                        "guest-file-close guest-get-osinfo");
    g_assert_error(report->error, G_FILE_ERROR, G_FILE_ERROR_IO);
    g_assert_cmpint(report->STATE(FILESYSTEMS), ==, KNOWN);
    g_assert_cmpint(report->STATE(MEMORY), ==, KNOWN);
    g_assert_cmpint(report->STATE(OS), ==, VSF_QGA_STATE_NO_REPLY);
    g_assert_cmpint(report->STATE(HOST_NAME), ==, VSF_QGA_STATE_NOT_ASKED);
}

static void
test_an_agent_that_never_answers_is_asked_once(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = NULL;

    fake_agent_reply(agent, "guest-info", "");
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info");
    g_assert_error(report->error, G_FILE_ERROR, G_FILE_ERROR_IO);
    g_assert_null(report->info);
    g_assert_cmpint(report->STATE(FILESYSTEMS), ==, VSF_QGA_STATE_NOT_ASKED);
}

static void
test_one_bad_reply_costs_one_part(void)
{
    static const struct {
        const char *reply;
        VsfQgaState state;
    } cases[] = {
        {"{\"return\":5}", VSF_QGA_STATE_MALFORMED},
        {"nonsense", VSF_QGA_STATE_MALFORMED},
        {"{\"error\":{\"class\":\"GenericError\",\"desc\":\"failed to statvfs\"}}",
         VSF_QGA_STATE_FAILED},
        {"{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"gone\"}}", VSF_QGA_STATE_NOT_FOUND},
        {"{\"error\":{}}", VSF_QGA_STATE_FAILED},
        {"{\"error\":0}", VSF_QGA_STATE_MALFORMED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
        g_autoptr(VsfQgaReport) report = NULL;

        fake_agent_reply(agent, "guest-get-fsinfo", cases[i].reply);
        report = fake_agent_inspect(agent);
        g_test_message("%s", cases[i].reply);
        g_assert_no_error(report->error);
        g_assert_cmpint(report->STATE(FILESYSTEMS), ==, cases[i].state);
        g_assert_nonnull(report->reason[VSF_QGA_PART_FILESYSTEMS]);
        g_assert_null(report->filesystems);
        g_assert_cmpint(report->STATE(INTERFACES), ==, KNOWN);
    }
}

static void
test_a_malformed_info_ends_the_conversation(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = NULL;

    fake_agent_reply(agent, "guest-info", "{\"return\":[]}");
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info");
    g_assert_error(report->error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED);
}

/* As one over libvirt does, which gets the agent's words as an error. */
static char *
refusing(const char *request G_GNUC_UNUSED, int timeout_s G_GNUC_UNUSED, GError **error,
         gpointer user_data G_GNUC_UNUSED)
{
    g_propagate_error(error, vsf_qga_error_new(NULL, "unable to execute QEMU agent command 'x': "
                                                     "Command x has been disabled: the agent is "
                                                     "in frozen state"));
    return NULL;
}

static void
test_a_transport_may_know_the_refusal_itself(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) first = fake_agent_inspect(agent);
    g_autoptr(VsfQgaReport) second = NULL;

    agent->plan.info = first->info;
    agent->plan.send = refusing;
    second = fake_agent_inspect(agent);
    g_assert_no_error(second->error);
    g_assert_true(second->frozen);
    g_assert_cmpint(second->STATE(FILESYSTEMS), ==, VSF_QGA_STATE_FROZEN);
}

#define ADD(name, function) g_test_add_func("/qga/conversation/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("guest-info-comes-first-and-each-command-once",
        test_guest_info_comes_first_and_each_command_once);
    ADD("a-known-info-is-not-asked-again-and-only-wants-are-asked",
        test_a_known_info_is_not_asked_again_and_only_wants_are_asked);
    ADD("what-the-guest-blocks-is-not-asked", test_what_the_guest_blocks_is_not_asked);
    ADD("windows-has-no-meminfo-and-that-ends-nothing",
        test_windows_has_no_meminfo_and_that_ends_nothing);
    ADD("a-file-that-could-be-opened-but-not-closed-is-not-opened",
        test_a_file_that_could_be_opened_but_not_closed_is_not_opened);
    ADD("an-agent-that-stops-answering-ends-the-conversation",
        test_an_agent_that_stops_answering_ends_the_conversation);
    ADD("an-agent-that-never-answers-is-asked-once",
        test_an_agent_that_never_answers_is_asked_once);
    ADD("one-bad-reply-costs-one-part", test_one_bad_reply_costs_one_part);
    ADD("a-malformed-info-ends-the-conversation", test_a_malformed_info_ends_the_conversation);
    ADD("a-transport-may-know-the-refusal-itself", test_a_transport_may_know_the_refusal_itself);
    return g_test_run();
}
