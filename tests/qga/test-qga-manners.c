/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeps a guest from harm: files are closed, frozen guests are left alone,
 * time is bounded, and nothing but the known requests is ever sent (fake-agent.c
 * looks at each). */
#include "fake-agent.h"

#include <string.h>

#define STATE(part) state[VSF_QGA_PART_##part]

static const char frozen_text[] = "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":"
                                  "\"Command x has been disabled: the agent is in frozen state\"}}";

static void
assert_asked(FakeAgent *agent, const char *names)
{
    g_autofree char *asked = fake_agent_asked(agent);

    g_assert_cmpstr(asked, ==, names);
}

static FakeAgent *
agent_for_memory(void)
{
    FakeAgent *agent = fake_agent_new("qemu-ga-7.2");

    agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_MEMORY) | VSF_QGA_WANT(VSF_QGA_PART_OS);
    return agent;
}

static void
test_the_file_is_closed_whatever_the_read_gave(void)
{
    static const struct {
        const char *reply;
        VsfQgaState memory, os;
    } cases[] = {
        {"{\"return\":{}}", VSF_QGA_STATE_MALFORMED, VSF_QGA_STATE_KNOWN},
        {"x", VSF_QGA_STATE_MALFORMED, VSF_QGA_STATE_KNOWN},
        {"{\"error\":{\"class\":\"GenericError\",\"desc\":\"failed to read\"}}",
         VSF_QGA_STATE_FAILED, VSF_QGA_STATE_KNOWN},
        {frozen_text, VSF_QGA_STATE_FROZEN, VSF_QGA_STATE_FROZEN},
        {"", VSF_QGA_STATE_NO_REPLY, VSF_QGA_STATE_NOT_ASKED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeAgent) agent = agent_for_memory();
        g_autoptr(VsfQgaReport) report = NULL;

        fake_agent_reply(agent, "guest-file-read", cases[i].reply);
        report = fake_agent_inspect(agent);
        g_test_message("%s", cases[i].reply);
        g_assert_cmpint(report->STATE(MEMORY), ==, cases[i].memory);
        g_assert_cmpint(report->STATE(OS), ==, cases[i].os);
        g_assert_null(report->memory);
        g_assert_cmpuint(agent->n_open, ==, 0);
        g_assert_cmpint(report->open_handle, ==, VSF_QGA_NO_HANDLE);
    }
}

static void
test_the_file_is_closed_past_the_budget(void)
{
    g_autoptr(FakeAgent) agent = agent_for_memory();
    g_autoptr(VsfQgaReport) report = NULL;

    fake_agent_cost(agent, "guest-file-open", 9500);
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info guest-file-open guest-file-close");
    g_assert_cmpint(report->STATE(MEMORY), ==, VSF_QGA_STATE_NO_TIME);
    g_assert_cmpint(report->STATE(OS), ==, VSF_QGA_STATE_NOT_ASKED);
    g_assert_error(report->error, VSF_QGA_ERROR, VSF_QGA_ERROR_NO_TIME);
    g_assert_cmpuint(agent->n_open, ==, 0);
}

static void
test_a_file_that_could_not_be_closed_is_closed_next_time(void)
{
    static const char *const replies[] = {"", "x", frozen_text};

    for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(FakeAgent) agent = agent_for_memory();
        g_autoptr(VsfQgaReport) first = NULL;
        g_autoptr(VsfQgaReport) second = NULL;

        fake_agent_reply(agent, "guest-file-close", replies[i]);
        first = fake_agent_inspect(agent);
        g_assert_cmpint(first->STATE(MEMORY), ==, VSF_QGA_STATE_KNOWN);
        g_assert_cmpint(first->open_handle, ==, 1000);
        g_assert_cmpuint(agent->n_open, ==, 1);
        assert_asked(agent, replies[i][0] == 'x'
                                ? "guest-info guest-file-open guest-file-read guest-file-close "
                                  "guest-get-osinfo"
                                : "guest-info guest-file-open guest-file-read guest-file-close");

        fake_agent_reply(agent, "guest-file-close", "{\"return\":{}}");
        agent->plan.info = first->info;
        agent->plan.open_handle = first->open_handle;
        agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_OS);
        second = fake_agent_inspect(agent);
        assert_asked(agent, "guest-file-close guest-get-osinfo");
        g_assert_cmpint(second->open_handle, ==, VSF_QGA_NO_HANDLE);
        g_assert_cmpuint(agent->n_open, ==, 0);
    }
}

static void
test_a_handle_that_the_agent_does_not_know_is_forgotten(void)
{
    g_autoptr(FakeAgent) agent = agent_for_memory();
    g_autoptr(VsfQgaReport) report = NULL;

    agent->plan.open_handle = 1000;
    agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_OS);
    fake_agent_reply(agent, "guest-file-close",
                     "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                     "\"handle '1000' has not been found\"}}");
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info guest-file-close guest-get-osinfo");
    g_assert_cmpint(report->open_handle, ==, VSF_QGA_NO_HANDLE);
    g_assert_cmpint(report->STATE(OS), ==, VSF_QGA_STATE_KNOWN);
}

static VsfQgaTransport send_otherwise;

/* As libvirt does, which makes an error of its own of the agent's. */
static char *
refuse_to_close(const char *request, int timeout_s, GError **error, gpointer user_data)
{
    if (strstr(request, "guest-file-close") == NULL)
        return send_otherwise(request, timeout_s, error, user_data);
    g_propagate_error(error, vsf_qga_error_new(NULL, "handle '1000' has not been found"));
    return NULL;
}

static void
test_the_same_in_libvirts_words(void)
{
    g_autoptr(FakeAgent) agent = agent_for_memory();
    g_autoptr(VsfQgaReport) report = NULL;

    send_otherwise = agent->plan.send;
    agent->plan.send = refuse_to_close;
    agent->plan.open_handle = 1000;
    agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_OS);
    report = fake_agent_inspect(agent);
    g_assert_cmpint(report->open_handle, ==, VSF_QGA_NO_HANDLE);
    g_assert_cmpint(report->STATE(OS), ==, VSF_QGA_STATE_KNOWN);
}

static void
test_a_frozen_guest_is_asked_for_its_info_alone(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("frozen");
    g_autoptr(VsfQgaReport) first = fake_agent_inspect(agent);
    g_autoptr(VsfQgaReport) second = NULL;

    assert_asked(agent, "guest-info");
    g_assert_no_error(first->error);
    g_assert_true(first->frozen);
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        g_assert_cmpint(first->state[part], ==, VSF_QGA_STATE_FROZEN);

    /* Its info says nothing of what a thawed agent may do. */
    agent->folder = "qemu-ga-7.2";
    agent->plan.info = first->info;
    agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_HOST_NAME);
    second = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info guest-get-host-name");
    g_assert_false(second->frozen);
    g_assert_cmpstr(second->host_name, ==, "web01");
}

static void
test_a_guest_that_freezes_in_between_is_left_alone(void)
{
    static const char *const words[] = {
        "Command x has been disabled: the agent is in frozen state",
        "Command x has been disabled",
        "The command x has been disabled for this instance",
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
        g_autofree char *reply = g_strdup_printf(
            "{\"error\":{\"class\":\"GenericError\",\"desc\":\"%s\"}}", words[i]);
        g_autoptr(VsfQgaReport) report = NULL;

        fake_agent_reply(agent, "guest-get-osinfo", reply);
        report = fake_agent_inspect(agent);
        assert_asked(agent, "guest-info guest-get-fsinfo guest-file-open guest-file-read "
                            "guest-file-close guest-get-osinfo");
        g_assert_no_error(report->error);
        g_assert_true(report->frozen);
        g_assert_cmpint(report->STATE(FILESYSTEMS), ==, VSF_QGA_STATE_KNOWN);
        g_assert_cmpint(report->STATE(OS), ==, VSF_QGA_STATE_FROZEN);
        g_assert_cmpint(report->STATE(HOST_NAME), ==, VSF_QGA_STATE_FROZEN);
    }
}

static void
test_requests_get_what_is_left_of_the_time(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = NULL;
    const int *timeouts_s;

    agent->plan.wants = VSF_QGA_WANT(VSF_QGA_PART_FILESYSTEMS) | VSF_QGA_WANT(VSF_QGA_PART_OS) |
                        VSF_QGA_WANT(VSF_QGA_PART_HOST_NAME);
    agent->plan.budget_s = 4;
    agent->plan.timeout_s = 3;
    fake_agent_cost(agent, "guest-info", 500);
    fake_agent_cost(agent, "guest-get-fsinfo", 1700);
    fake_agent_cost(agent, "guest-get-osinfo", 900);
    report = fake_agent_inspect(agent);
    assert_asked(agent, "guest-info guest-get-fsinfo guest-get-osinfo");
    timeouts_s = (const int *)(gpointer)agent->timeouts_s->data;
    g_assert_cmpint(timeouts_s[0], ==, 3);
    g_assert_cmpint(timeouts_s[1], ==, 3);
    g_assert_cmpint(timeouts_s[2], ==, 1);
    g_assert_cmpint(report->STATE(HOST_NAME), ==, VSF_QGA_STATE_NO_TIME);
    g_assert_error(report->error, VSF_QGA_ERROR, VSF_QGA_ERROR_NO_TIME);
    g_assert_cmpint(report->slowest_us, ==, 1700 * 1000);
    g_assert_cmpuint(report->n_requests, ==, 3);
}

static void
test_a_long_budget_does_not_overflow(void)
{
    g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
    g_autoptr(VsfQgaReport) report = NULL;

    agent->plan.budget_s = G_MAXINT;
    agent->plan.timeout_s = G_MAXINT;
    report = fake_agent_inspect(agent);
    g_assert_no_error(report->error);
    g_assert_cmpint(report->STATE(INTERFACES), ==, VSF_QGA_STATE_KNOWN);
}

/* Any reply to any request, and never a request that is not known. */
static void
test_mixed_up_replies_change_no_request(void)
{
    static const char *const commands[] = {
        "guest-info",
        "guest-get-fsinfo",
        "guest-file-open",
        "guest-file-read",
        "guest-file-close",
        "guest-get-osinfo",
        "guest-get-host-name",
        "guest-get-cpustats",
        "guest-get-diskstats",
        "guest-get-load",
        "guest-network-get-interfaces",
    };
    static const char *const replies[] = {
        "",
        "{\"return\":1000}",
        "{\"return\":{\"version\":\"1\",\"supported_commands\":[{\"name\":\"guest-exec\","
        "\"enabled\":true},{\"name\":\"guest-get-load\",\"enabled\":true}]}}",
        "{\"return\":[]}",
        "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"guest-exec\"}}",
        frozen_text,
        NULL, /* the right one */
    };

    for (guint round = 0; round < 2000; round++) {
        g_autoptr(FakeAgent) agent = fake_agent_new("qemu-ga-7.2");
        g_autoptr(VsfQgaReport) report = NULL;

        for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
            const char *reply = replies[g_test_rand_int_range(0, G_N_ELEMENTS(replies))];

            if (reply != NULL)
                fake_agent_reply(agent, commands[i], reply);
            fake_agent_cost(agent, commands[i], (guint)g_test_rand_int_range(0, 4000));
        }
        report = fake_agent_inspect(agent);
        g_assert_cmpuint(report->n_requests, <=, 11);
        g_assert_true(agent->n_open == 0 || report->open_handle != VSF_QGA_NO_HANDLE);
    }
}

#define ADD(name, function) g_test_add_func("/qga/manners/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("the-file-is-closed-whatever-the-read-gave",
        test_the_file_is_closed_whatever_the_read_gave);
    ADD("the-file-is-closed-past-the-budget", test_the_file_is_closed_past_the_budget);
    ADD("a-file-that-could-not-be-closed-is-closed-next-time",
        test_a_file_that_could_not_be_closed_is_closed_next_time);
    ADD("a-handle-that-the-agent-does-not-know-is-forgotten",
        test_a_handle_that_the_agent_does_not_know_is_forgotten);
    ADD("the-same-in-libvirts-words", test_the_same_in_libvirts_words);
    ADD("a-frozen-guest-is-asked-for-its-info-alone",
        test_a_frozen_guest_is_asked_for_its_info_alone);
    ADD("a-guest-that-freezes-in-between-is-left-alone",
        test_a_guest_that_freezes_in_between_is_left_alone);
    ADD("requests-get-what-is-left-of-the-time", test_requests_get_what_is_left_of_the_time);
    ADD("a-long-budget-does-not-overflow", test_a_long_budget_does_not_overflow);
    ADD("mixed-up-replies-change-no-request", test_mixed_up_replies_change_no_request);
    return g_test_run();
}
