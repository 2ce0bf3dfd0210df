/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of agents' answers is told and remembered. */
#include "guests-fixture.h"

#include <string.h>

#define RUN "boot/7"

static void
test_the_guests_numbers_are_told_and_never_the_hosts_before(Fixture *fixture,
                                                            gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    guests_agent_comes(fixture);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 20, 10);
    /* It goes stale, and stays the source. */
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, FALSE);
    fake_time_advance(181000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_time_advance(1000000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_cmpint(guests_status_of(fixture).available.source, ==, VSF_SOURCE_AGENT);
    g_assert_cmpint(guests_status_of(fixture).available.why, ==, VSF_WHY_STALE);
}

static void
test_silence_is_the_reason_once_the_numbers_are_stale(Fixture *fixture,
                                                      gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 20, 10);
    guests_agent_comes_again(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    guests_assert_told(fixture, 20, 10);
    g_assert_cmpint(guests_status_of(fixture).available.why, ==, VSF_WHY_OK);
    fake_time_advance(181000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_cmpint(guests_status_of(fixture).memory.why, ==, VSF_WHY_NO_REPLY);
    g_assert_cmpint(guests_status_of(fixture).available.why, ==, VSF_WHY_NO_REPLY);
}

static void
test_what_came_before_a_conversation_broke_is_kept(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    VsfAgentAnswer *answer;

    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    answer = fake_answer_known(10, 20, NULL);
    answer->answered = FALSE;
    answer->trouble = g_strdup("no reply to guest-get-osinfo");
    answer->facts->state[VSF_QGA_PART_OS] = VSF_QGA_STATE_NO_REPLY;
    answer->facts->known_us[VSF_QGA_PART_OS] = 0;
    fake_agents_answer(GUESTS_UUID, answer);
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 1);
    guests_assert_told(fixture, 20, 10);
    g_assert_cmpint(vsf_guests_facts(fixture->guests, &fixture->domain)->state[VSF_QGA_PART_OS], ==,
                    VSF_QGA_STATE_NO_REPLY);
}

static void
test_without_an_answer_the_host_is_told_in_the_end(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(299000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_time_advance(1000);
    guests_assert_told(fixture, 1000, 777);
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 1000, 777);
}

static void
test_a_vm_that_cannot_answer_has_the_hosts_numbers_at_once(Fixture *fixture,
                                                           gconstpointer data G_GNUC_UNUSED)
{
    fixture->domain.def->has_agent = FALSE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    /* Nothing is chosen for a run that has no name yet. */
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_assert_told(fixture, 1000, 777);
    g_assert_cmpuint(guests_status_of(fixture).requests, ==, 0);
}

static void
test_a_choice_outlives_the_daemon_but_not_the_run(Fixture *fixture,
                                                  gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 20, 10);
    guests_stop_daemon(fixture);

    guests_start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(400000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    guests_stop_daemon(fixture);

    guests_start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, "boot/8");
    fake_time_advance(400000);
    guests_assert_told(fixture, 1000, 777);
}

static void
test_a_quarantine_outlives_the_daemon(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    for (guint i = 0; i < 3; i++) {
        VsfAgentAnswer *slow;

        fake_time_advance(60250);
        slow = fake_answer_known(10, 20, NULL);
        slow->slowest_us = 1900000;
        if (i == 2)
            g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "*quarantine*");
        fake_agents_answer(GUESTS_UUID, slow);
    }
    g_test_assert_expected_messages();
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "quarantined");
    g_assert_cmpstr(guests_status_of(fixture).trouble, ==, "it takes longer and longer to answer");
    g_assert_cmpint(guests_status_of(fixture).retry_us, >, g_get_monotonic_time());
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 4);
    guests_stop_daemon(fixture);

    fixture->domain.def->agent = VSF_AGENT_CONNECTED;
    guests_start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 4);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "quarantined");
    g_assert_cmpstr(guests_status_of(fixture).trouble, ==, "it takes longer and longer to answer");
}

static void
test_quarantines_are_counted_over_a_restart(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const struct {
        gint64 until_s; /* from now; 0: none is on */
        guint n_slow;   /* answers that make the next one */
    } cases[] = {{-60, 1}, {0, 3}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestRecord record = {.quarantines = 1, .run = RUN};
        const VsfGuestRecord *after;
        gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;

        if (cases[i].until_s != 0)
            record.quarantined_until_s = now_s + cases[i].until_s;
        vsf_guest_table_set(fake_guest_table(), GUESTS_UUID, &record, 1);
        guests_stop_daemon(fixture);
        fixture->domain.def->agent = VSF_AGENT_CONNECTED;
        guests_start_daemon(fixture);
        vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
        fake_time_advance(GUESTS_FIRST_MS);
        for (guint n = 1; n <= cases[i].n_slow; n++) {
            VsfAgentAnswer *slow = fake_answer_known(10, 20, NULL);

            g_assert_cmpstr(guests_status_of(fixture).state, !=, "quarantined");
            slow->slowest_us = 1900000;
            if (n == cases[i].n_slow)
                g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "*quarantine*");
            fake_agents_answer(GUESTS_UUID, slow);
            fake_time_advance(60250);
        }
        g_test_assert_expected_messages();
        after = vsf_guest_table_get(fake_guest_table(), GUESTS_UUID, RUN, 1);
        g_assert_nonnull(after);
        g_assert_cmpuint(after->quarantines, ==, 2);
        g_assert_cmpint(after->quarantined_until_s, >, now_s + 7000);
    }
}

static void
test_an_answer_of_another_run_or_connection_is_ignored(Fixture *fixture,
                                                       gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    vsf_guests_domain_removed(fixture->guests, &fixture->domain);
    vsf_guests_domain_added(fixture->guests, &fixture->domain);
    vsf_guests_run_known(fixture->guests, &fixture->domain, "boot/8");
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, "elsewhere"));
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_null(vsf_guests_host_name(fixture->guests, GUESTS_UUID));
    g_assert_cmpuint(fixture->n_named, ==, 0);

    guests_agent_comes(fixture);
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, FALSE);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, "elsewhere"));
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    /* Its question may be why it went. */
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 1);
}

static void
test_the_guests_name_is_told_when_it_changes(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, "one"));
    g_assert_cmpuint(fixture->n_named, ==, 1);
    g_assert_cmpstr(vsf_guests_host_name(fixture->guests, GUESTS_UUID), ==, "one");
    guests_agent_comes_again(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, "one"));
    g_assert_cmpuint(fixture->n_named, ==, 1);
    guests_agent_comes_again(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, "two"));
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
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_FAILED);
    g_assert_false(guests_status_of(fixture).balloon_set);
    fake_time_advance(599000);
    g_assert_cmpuint(fake_balloon_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_balloon_asked, ==, 2);
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    g_assert_cmpuint(fixture->n_balloon_set, ==, 1);
    g_assert_true(guests_status_of(fixture).balloon_set);
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

/* The first sample comes before libvirt's answer. */
static void
test_a_balloon_that_is_to_be_set_is_waited_for_unless_that_fails(Fixture *fixture,
                                                                 gconstpointer data G_GNUC_UNUSED)
{
    g_auto(VsfDomainDetail) waiting = {0}, failed = {0};

    fixture->config->balloon_period_s = 5;
    fixture->domain.def->has_agent = FALSE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_tell_now(fixture, &waiting);
    g_assert_cmpint(waiting.memory.source, ==, VSF_SOURCE_UNDECIDED);
    g_assert_cmpint(waiting.memory.why, ==, VSF_WHY_WAITING);
    fake_time_advance(250);
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_FAILED);
    guests_tell_now(fixture, &failed);
    g_assert_cmpint(failed.memory.source, ==, VSF_SOURCE_HOST);
}

#define N_VMS 3

static void
count_failed(const char *domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED, const char *text,
             gpointer user_data)
{
    *(guint *)user_data += strstr(text, "period cannot be set") != NULL;
}

static guint
refuse_all(const VsfDomain vms[N_VMS])
{
    guint n = 0;

    for (guint i = 0; i < N_VMS; i++) {
        if (!fake_agents_is_asking(vms[i].def->uuid))
            continue;
        fake_agents_fail(vms[i].def->uuid, G_IO_ERROR_CONNECTION_REFUSED);
        n++;
    }
    return n;
}

/* It says nothing of one VM: told once, one of them finds out whether it is over, and then all. */
static void
test_no_service_is_no_failure_of_balloons(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfDomain vms[N_VMS];
    guint n_failed = 0, n_set = 0;
    guint handler = g_log_set_handler("virt-sflow", G_LOG_LEVEL_MESSAGE, count_failed, &n_failed);

    fixture->config->balloon_period_s = 5;
    vsf_guests_domain_removed(fixture->guests, &fixture->domain);
    for (guint i = 0; i < N_VMS; i++) {
        vms[i] = (VsfDomain){.def = guests_def_new((guint8)(i + 2)),
                             .name = fixture->domain.name,
                             .state = VSF_STATE_RUNNING};
        vsf_guests_domain_added(fixture->guests, &vms[i]);
    }
    fake_time_advance(250);
    g_assert_cmpuint(fake_balloon_asked, ==, N_VMS);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "guest agents: *");
    g_assert_cmpuint(refuse_all(vms), ==, N_VMS);
    g_test_assert_expected_messages();
    for (guint i = 0; i < 100; i++) {
        fake_time_advance(15250);
        g_assert_cmpuint(refuse_all(vms), ==, 1);
    }
    /* It is there. */
    fake_time_advance(15250);
    for (guint turn = 0; turn < 2; turn++) {
        for (guint i = 0; i < N_VMS; i++) {
            if (!fake_agents_is_asking(vms[i].def->uuid))
                continue;
            fake_agents_answer(vms[i].def->uuid, fake_answer_silent());
            n_set++;
        }
        fake_time_advance(250);
    }
    g_assert_cmpuint(n_set, ==, N_VMS);
    g_assert_cmpuint(n_failed, ==, 0);
    g_assert_null(vsf_guests_trouble(fixture->guests));
    for (guint i = 0; i < N_VMS; i++) {
        vsf_guests_domain_removed(fixture->guests, &vms[i]);
        vsf_domain_def_free(vms[i].def);
    }
    g_log_remove_handler("virt-sflow", handler);
}

static void
test_failures_are_counted_also_of_guests_that_are_gone(Fixture *fixture,
                                                       gconstpointer data G_GNUC_UNUSED)
{
    VsfGuestTotals totals;

    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    totals = vsf_guests_totals(fixture->guests);
    g_assert_cmpuint(totals.failures, ==, 1);
    g_assert_cmpuint(totals.failing, ==, 1);
    g_assert_cmpuint(totals.quarantined, ==, 0);
    fake_time_advance(100000);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    totals = vsf_guests_totals(fixture->guests);
    g_assert_cmpuint(totals.failures, ==, 1);
    g_assert_cmpuint(totals.failing, ==, 0);
    vsf_guests_domain_removed(fixture->guests, &fixture->domain);
    g_assert_cmpuint(vsf_guests_totals(fixture->guests).failures, ==, 1);
}

#define ADD(path, func) \
    g_test_add("/guests/" path, Fixture, NULL, guests_set_up, func, guests_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("the-guests-numbers-are-told-and-never-the-hosts-before",
        test_the_guests_numbers_are_told_and_never_the_hosts_before);
    ADD("silence-is-the-reason-once-the-numbers-are-stale",
        test_silence_is_the_reason_once_the_numbers_are_stale);
    ADD("what-came-before-a-conversation-broke-is-kept",
        test_what_came_before_a_conversation_broke_is_kept);
    ADD("without-an-answer-the-host-is-told-in-the-end",
        test_without_an_answer_the_host_is_told_in_the_end);
    ADD("a-vm-that-cannot-answer-has-the-hosts-numbers-at-once",
        test_a_vm_that_cannot_answer_has_the_hosts_numbers_at_once);
    ADD("a-choice-outlives-the-daemon-but-not-the-run",
        test_a_choice_outlives_the_daemon_but_not_the_run);
    ADD("a-quarantine-outlives-the-daemon", test_a_quarantine_outlives_the_daemon);
    ADD("quarantines-are-counted-over-a-restart", test_quarantines_are_counted_over_a_restart);
    ADD("an-answer-of-another-run-or-connection-is-ignored",
        test_an_answer_of_another_run_or_connection_is_ignored);
    ADD("the-guests-name-is-told-when-it-changes", test_the_guests_name_is_told_when_it_changes);
    ADD("the-balloons-period-is-set-only-where-wanted-and-missing",
        test_the_balloons_period_is_set_only_where_wanted_and_missing);
    ADD("a-balloon-that-is-to-be-set-is-waited-for-unless-that-fails",
        test_a_balloon_that_is_to_be_set_is_waited_for_unless_that_fails);
    ADD("no-service-is-no-failure-of-balloons", test_no_service_is_no_failure_of_balloons);
    ADD("failures-are-counted-also-of-guests-that-are-gone",
        test_failures_are_counted_also_of_guests_that_are_gone);
    return g_test_run();
}
