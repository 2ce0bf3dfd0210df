/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When agents are asked, and what of their answers is told and remembered. */
#include "../../daemon/guests.h"
#include "fake-guests.h"
#include "fake-poll.h"

#include <string.h>

#define UUID "01010101-0101-0101-0101-010101010101"
#define RUN "boot/7"
#define FIRST_MS 3500 /* an agent that came is asked within that */

typedef struct {
    VsfConfig *config;
    VsfGuests *guests;
    VsfDomain domain;
    guint n_named, n_balloon_set;
} Fixture;

static void
named(VsfDomain *domain G_GNUC_UNUSED, gpointer user_data)
{
    ((Fixture *)user_data)->n_named++;
}

static void
balloon_set(VsfDomain *domain G_GNUC_UNUSED, gpointer user_data)
{
    ((Fixture *)user_data)->n_balloon_set++;
}

static const VsfGuestsCallbacks callbacks = {.named = named, .balloon_set = balloon_set};

static VsfDomainDef *
def_new(void)
{
    VsfDomainDef *def = vsf_domain_def_new();

    memset(def->uuid_bytes, 1, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = 5;
    def->name = g_strdup("web01");
    def->has_agent = TRUE;
    def->agent = VSF_AGENT_DISCONNECTED;
    def->has_balloon = TRUE;
    return def;
}

/* A daemon starts and finds the VM running. */
static void
start_daemon(Fixture *fixture)
{
    fixture->guests = vsf_guests_new(fixture->config, NULL, NULL, &callbacks, fixture);
    vsf_guests_connected(fixture->guests, TRUE);
    fixture->domain.since_us = g_get_monotonic_time();
    vsf_guests_domain_added(fixture->guests, &fixture->domain);
}

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_poll_reset();
    fake_guests_reset();
    fixture->config = vsf_config_new();
    fixture->domain = (VsfDomain){
        .def = def_new(), .name = g_strdup("web01"), .state = VSF_STATE_RUNNING};
    fixture->n_named = fixture->n_balloon_set = 0;
    start_daemon(fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_guests_free(fixture->guests);
    vsf_domain_def_free(fixture->domain.def);
    g_free(fixture->domain.name);
    vsf_config_free(fixture->config);
    fake_guests_reset();
}

static void
stop_daemon(Fixture *fixture)
{
    g_clear_pointer(&fixture->guests, vsf_guests_free);
}

static void
agent_comes(Fixture *fixture)
{
    fixture->domain.def->agent = VSF_AGENT_CONNECTED;
    vsf_guests_agent_event(fixture->guests, UUID, TRUE);
    fake_time_advance(FIRST_MS);
}

static VsfGuestStatus
status_of(Fixture *fixture)
{
    VsfGuestStatus status;

    g_assert_true(vsf_guests_status(fixture->guests, &fixture->domain, &status));
    return status;
}

/* A turn of counters: what would be sent. */
static void
tell(Fixture *fixture, VsfDomainDetail *detail)
{
    VsfBalloon balloon = {.current = 1000,
                          .available = VSF_UNKNOWN,
                          .usable = VSF_UNKNOWN,
                          .unused = VSF_UNKNOWN,
                          .disk_caches = VSF_UNKNOWN};

    vsf_domain_detail_init(detail);
    vsf_guests_tell(fixture->guests, &fixture->domain, &balloon, 777, TRUE, detail);
}

static void
assert_told(Fixture *fixture, guint64 memory, guint64 available)
{
    g_auto(VsfDomainDetail) detail = {0};

    tell(fixture, &detail);
    g_assert_cmpuint(detail.memory.value, ==, memory);
    g_assert_cmpuint(detail.available.value, ==, available);
}

static void
test_an_agent_is_asked_when_it_comes_and_then_every_interval(Fixture *fixture,
                                                             gconstpointer data G_GNUC_UNUSED)
{
    guint32 os = VSF_QGA_WANT(VSF_QGA_PART_OS);

    fake_time_advance(100000);
    g_assert_cmpuint(fake_agents_asked, ==, 0);
    g_assert_cmpstr(status_of(fixture).state, ==, "disconnected");
    agent_comes(fixture);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    g_assert_false(fake_agents_had_info);
    g_assert_cmpuint(fake_agents_wants & os, ==, os);
    g_assert_cmpstr(status_of(fixture).state, ==, "asking");
    /* One at a time: the answer is awaited. */
    fake_time_advance(200000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpstr(status_of(fixture).state, ==, "answers");
    g_assert_cmpstr(status_of(fixture).version, ==, "7.2.22");
    fake_time_advance(60250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    g_assert_true(fake_agents_had_info);
    g_assert_cmpuint(fake_agents_wants & os, ==, 0);
}

static void
test_an_agent_that_is_there_already_is_asked(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->domain.def->agent = VSF_AGENT_CONNECTED;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(FIRST_MS);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    /* The same XML again is no news. */
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(FIRST_MS);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

static void
test_nobody_is_asked_who_must_not_be(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpuint(fake_agents_asked, ==, 1);

    fixture->domain.state = VSF_STATE_PAUSED;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpstr(status_of(fixture).state, ==, "paused");
    fixture->domain.state = VSF_STATE_RUNNING;

    fixture->domain.def->monitor.agent_off = TRUE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpstr(status_of(fixture).state, ==, "metadata");
    fixture->domain.def->monitor.agent_off = FALSE;

    fixture->config->canary = 0;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpstr(status_of(fixture).state, ==, "canary");
    fixture->config->canary = 100;

    vsf_guests_connected(fixture->guests, FALSE);
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    vsf_guests_connected(fixture->guests, TRUE);
    fake_time_advance(250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);

    fixture->config->agent = VSF_GUEST_AGENT_OFF;
    g_assert_cmpstr(status_of(fixture).state, ==, "off");
    g_assert_cmpint(status_of(fixture).plan, ==, VSF_AGENT_PLAN_ASK);
}

static void
test_failures_back_off_until_the_agent_comes_again(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_silent());
    g_assert_cmpstr(status_of(fixture).state, ==, "failing");
    g_assert_cmpstr(status_of(fixture).trouble, ==, "agent is not responding");
    fake_time_advance(59000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    fake_agents_answer(UUID, fake_answer_silent());
    fake_time_advance(119000);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    g_assert_cmpuint(status_of(fixture).failures, ==, 2);
    agent_comes(fixture);
    g_assert_cmpuint(fake_agents_asked, ==, 3);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpstr(status_of(fixture).state, ==, "answers");
    g_assert_null(status_of(fixture).trouble);
}

static void
test_a_refusal_of_libvirts_is_nobodys_failure(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    agent_comes(fixture);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "guest agents: as the test said*");
    fake_agents_fail(UUID, G_IO_ERROR_PERMISSION_DENIED);
    g_test_assert_expected_messages();
    g_assert_cmpstr(status_of(fixture).state, ==, "refused");
    g_assert_cmpstr(vsf_guests_trouble(fixture->guests), ==, "as the test said");
    g_assert_cmpuint(status_of(fixture).failures, ==, 0);
    fake_time_advance(299000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    /* Said once. */
    fake_agents_fail(UUID, G_IO_ERROR_PERMISSION_DENIED);
    fake_time_advance(300500);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    g_assert_null(vsf_guests_trouble(fixture->guests));
}

static void
test_a_frozen_guest_has_not_failed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfAgentAnswer *frozen = fake_answer_known(10, 20, NULL);

    agent_comes(fixture);
    frozen->frozen = TRUE;
    fake_agents_answer(UUID, frozen);
    g_assert_cmpstr(status_of(fixture).state, ==, "frozen");
    g_assert_cmpuint(status_of(fixture).failures, ==, 0);
    fake_time_advance(60250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    /* A frozen agent's guest-info says nothing of later. */
    g_assert_false(fake_agents_had_info);
}

static void
test_the_guests_numbers_are_told_and_never_the_hosts_before(Fixture *fixture,
                                                            gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    agent_comes(fixture);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    assert_told(fixture, 20, 10);
    /* It goes stale, and stays the source. */
    vsf_guests_agent_event(fixture->guests, UUID, FALSE);
    fake_time_advance(181000);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_time_advance(1000000);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_cmpint(status_of(fixture).available.source, ==, VSF_SOURCE_AGENT);
    g_assert_cmpint(status_of(fixture).available.why, ==, VSF_WHY_STALE);
}

static void
test_silence_is_the_reason_once_the_numbers_are_stale(Fixture *fixture,
                                                      gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    assert_told(fixture, 20, 10);
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_silent());
    assert_told(fixture, 20, 10);
    g_assert_cmpint(status_of(fixture).available.why, ==, VSF_WHY_OK);
    fake_time_advance(181000);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_cmpint(status_of(fixture).memory.why, ==, VSF_WHY_NO_REPLY);
    g_assert_cmpint(status_of(fixture).available.why, ==, VSF_WHY_NO_REPLY);
}

static void
test_without_an_answer_the_host_is_told_in_the_end(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(299000);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_time_advance(1000);
    assert_told(fixture, 1000, 777);
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    assert_told(fixture, 1000, 777);
}

static void
test_a_vm_that_cannot_answer_has_the_hosts_numbers_at_once(Fixture *fixture,
                                                           gconstpointer data G_GNUC_UNUSED)
{
    fixture->domain.def->has_agent = FALSE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    /* Nothing is chosen for a run that has no name yet. */
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    assert_told(fixture, 1000, 777);
    g_assert_cmpuint(status_of(fixture).requests, ==, 0);
}

static void
test_a_choice_outlives_the_daemon_but_not_the_run(Fixture *fixture,
                                                  gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    assert_told(fixture, 20, 10);
    stop_daemon(fixture);

    start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(400000);
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    stop_daemon(fixture);

    start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, "boot/8");
    fake_time_advance(400000);
    assert_told(fixture, 1000, 777);
}

static void
test_a_quarantine_outlives_the_daemon(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, NULL));
    for (guint i = 0; i < 3; i++) {
        VsfAgentAnswer *slow;

        fake_time_advance(60250);
        slow = fake_answer_known(10, 20, NULL);
        slow->slowest_us = 1900000;
        if (i == 2)
            g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "*quarantine*");
        fake_agents_answer(UUID, slow);
    }
    g_test_assert_expected_messages();
    g_assert_cmpstr(status_of(fixture).state, ==, "quarantined");
    g_assert_cmpint(status_of(fixture).retry_us, >, g_get_monotonic_time());
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 4);
    stop_daemon(fixture);

    fixture->domain.def->agent = VSF_AGENT_CONNECTED;
    start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 4);
    g_assert_cmpstr(status_of(fixture).state, ==, "quarantined");
}

static void
test_an_answer_of_another_run_or_connection_is_ignored(Fixture *fixture,
                                                       gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    agent_comes(fixture);
    vsf_guests_domain_removed(fixture->guests, &fixture->domain);
    vsf_guests_domain_added(fixture->guests, &fixture->domain);
    vsf_guests_run_known(fixture->guests, &fixture->domain, "boot/8");
    fake_agents_answer(UUID, fake_answer_known(10, 20, "elsewhere"));
    assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_null(vsf_guests_host_name(fixture->guests, UUID));
    g_assert_cmpuint(fixture->n_named, ==, 0);

    agent_comes(fixture);
    vsf_guests_agent_event(fixture->guests, UUID, FALSE);
    fake_agents_answer(UUID, fake_answer_silent());
    g_assert_cmpuint(status_of(fixture).failures, ==, 0);
}

static void
test_the_guests_name_is_told_when_it_changes(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, "one"));
    g_assert_cmpuint(fixture->n_named, ==, 1);
    g_assert_cmpstr(vsf_guests_host_name(fixture->guests, UUID), ==, "one");
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, "one"));
    g_assert_cmpuint(fixture->n_named, ==, 1);
    agent_comes(fixture);
    fake_agents_answer(UUID, fake_answer_known(10, 20, "two"));
    g_assert_cmpuint(fixture->n_named, ==, 2);
}

static void
test_the_balloons_period_is_set_only_where_wanted_and_missing(Fixture *fixture,
                                                              gconstpointer data G_GNUC_UNUSED)
{
    fake_time_advance(100000);
    g_assert_cmpuint(fake_balloon_asked, ==, 0);
    fixture->config->balloon_period_s = 5;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(250);
    g_assert_cmpuint(fake_balloon_asked, ==, 1);
    fake_agents_fail(UUID, G_IO_ERROR_FAILED);
    g_assert_false(status_of(fixture).balloon_set);
    fake_time_advance(599000);
    g_assert_cmpuint(fake_balloon_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_balloon_asked, ==, 2);
    fake_agents_answer(UUID, fake_answer_silent());
    g_assert_cmpuint(fixture->n_balloon_set, ==, 1);
    g_assert_true(status_of(fixture).balloon_set);
    /* The XML that is read then has it. */
    fixture->domain.def->balloon_period_s = 5;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(2000000);
    g_assert_cmpuint(fake_balloon_asked, ==, 2);
    fixture->domain.def->balloon_period_s = 0;
    fixture->domain.def->has_balloon = FALSE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(2000000);
    g_assert_cmpuint(fake_balloon_asked, ==, 2);
}

static void
test_busy_threads_are_tried_again(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_agents_busy = TRUE;
    agent_comes(fixture);
    fake_time_advance(100000);
    g_assert_cmpuint(fake_agents_asked, ==, 0);
    g_assert_cmpuint(status_of(fixture).failures, ==, 0);
    fake_agents_busy = FALSE;
    fake_time_advance(30250);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

#define ADD(path, func) g_test_add("/guests/" path, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("an-agent-is-asked-when-it-comes-and-then-every-interval",
        test_an_agent_is_asked_when_it_comes_and_then_every_interval);
    ADD("an-agent-that-is-there-already-is-asked", test_an_agent_that_is_there_already_is_asked);
    ADD("nobody-is-asked-who-must-not-be", test_nobody_is_asked_who_must_not_be);
    ADD("failures-back-off-until-the-agent-comes-again",
        test_failures_back_off_until_the_agent_comes_again);
    ADD("a-refusal-of-libvirts-is-nobodys-failure", test_a_refusal_of_libvirts_is_nobodys_failure);
    ADD("a-frozen-guest-has-not-failed", test_a_frozen_guest_has_not_failed);
    ADD("the-guests-numbers-are-told-and-never-the-hosts-before",
        test_the_guests_numbers_are_told_and_never_the_hosts_before);
    ADD("silence-is-the-reason-once-the-numbers-are-stale",
        test_silence_is_the_reason_once_the_numbers_are_stale);
    ADD("without-an-answer-the-host-is-told-in-the-end",
        test_without_an_answer_the_host_is_told_in_the_end);
    ADD("a-vm-that-cannot-answer-has-the-hosts-numbers-at-once",
        test_a_vm_that_cannot_answer_has_the_hosts_numbers_at_once);
    ADD("a-choice-outlives-the-daemon-but-not-the-run",
        test_a_choice_outlives_the_daemon_but_not_the_run);
    ADD("a-quarantine-outlives-the-daemon", test_a_quarantine_outlives_the_daemon);
    ADD("an-answer-of-another-run-or-connection-is-ignored",
        test_an_answer_of_another_run_or_connection_is_ignored);
    ADD("the-guests-name-is-told-when-it-changes", test_the_guests_name_is_told_when_it_changes);
    ADD("the-balloons-period-is-set-only-where-wanted-and-missing",
        test_the_balloons_period_is_set_only_where_wanted_and_missing);
    ADD("busy-threads-are-tried-again", test_busy_threads_are_tried_again);
    return g_test_run();
}
