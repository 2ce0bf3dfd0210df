/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When agents are asked. */
#include "guests-fixture.h"

static void
test_an_agent_is_asked_when_it_comes_and_then_every_interval(Fixture *fixture,
                                                             gconstpointer data G_GNUC_UNUSED)
{
    guint32 os = VSF_QGA_WANT(VSF_QGA_PART_OS);

    fake_time_advance(100000);
    g_assert_cmpuint(fake_agents_asked, ==, 0);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "disconnected");
    guests_agent_comes(fixture);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    g_assert_false(fake_agents_had_info);
    g_assert_cmpuint(fake_agents_wants & os, ==, os);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "asking");
    /* One at a time: the answer is awaited. */
    fake_time_advance(200000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "answers");
    g_assert_cmpstr(guests_status_of(fixture).version, ==, "7.2.22");
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
    fake_time_advance(GUESTS_FIRST_MS);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    /* The same XML again is no news. */
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(GUESTS_FIRST_MS);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

static void
test_nobody_is_asked_who_must_not_be(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpuint(fake_agents_asked, ==, 1);

    fixture->domain.state = VSF_STATE_PAUSED;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "paused");
    fixture->domain.state = VSF_STATE_RUNNING;

    fixture->domain.def->monitor.agent_off = TRUE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "metadata");
    fixture->domain.def->monitor.agent_off = FALSE;

    fixture->config->canary = 0;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "canary");
    fixture->config->canary = 100;

    vsf_guests_connected(fixture->guests, FALSE);
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(200000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    vsf_guests_connected(fixture->guests, TRUE);
    fake_time_advance(250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);

    fixture->config->agent = VSF_GUEST_AGENT_OFF;
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "off");
    g_assert_cmpint(guests_status_of(fixture).plan, ==, VSF_AGENT_PLAN_ASK);
}

static void
test_failures_back_off_until_the_agent_comes_again(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "failing");
    g_assert_cmpstr(guests_status_of(fixture).trouble, ==, "agent is not responding");
    fake_time_advance(59000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    fake_time_advance(100000);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 2);
    guests_agent_comes_again(fixture);
    g_assert_cmpuint(fake_agents_asked, ==, 3);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "answers");
    g_assert_null(guests_status_of(fixture).trouble);
}

static void
test_a_refusal_of_libvirts_is_nobodys_failure(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "guest agents: as the test said*");
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_READ_ONLY);
    g_test_assert_expected_messages();
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "refused");
    g_assert_cmpstr(vsf_guests_trouble(fixture->guests), ==, "as the test said");
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
    fake_time_advance(299000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    /* Said once. */
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_READ_ONLY);
    fake_time_advance(300500);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_null(vsf_guests_trouble(fixture->guests));
}

/* It may be started at any time, and to look for it costs nothing; but no VM's turn comes sooner
 * than it would. */
static void
test_a_service_that_is_not_there_is_looked_for_soon(Fixture *fixture,
                                                    gconstpointer data G_GNUC_UNUSED)
{
    fixture->config->filesystems_interval_s = 10;
    guests_agent_comes(fixture);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "guest agents: as the test said*");
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_CONNECTION_REFUSED);
    g_test_assert_expected_messages();
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "refused");
    g_assert_cmpstr(vsf_guests_trouble(fixture->guests), ==, "as the test said");
    fake_time_advance(14000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_null(vsf_guests_trouble(fixture->guests));
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
}

#define OTHER "02020202-0202-0202-0202-020202020202"

/* A second VM, whose agent is there. */
static VsfDomain *
other_new(Fixture *fixture)
{
    VsfDomain *other = g_new0(VsfDomain, 1);

    other->def = guests_def_new(2);
    other->def->agent = VSF_AGENT_CONNECTED;
    other->name = g_strdup("web02");
    other->state = VSF_STATE_RUNNING;
    other->since_us = g_get_monotonic_time();
    vsf_guests_domain_added(fixture->guests, other);
    return other;
}

static void
other_free(Fixture *fixture, VsfDomain *other)
{
    vsf_guests_domain_removed(fixture->guests, other);
    vsf_domain_def_free(other->def);
    g_free(other->name);
    g_free(other);
}

static void
test_a_vm_that_is_denied_keeps_nobody_else_from_being_asked(Fixture *fixture,
                                                            gconstpointer data G_GNUC_UNUSED)
{
    VsfDomain *other = other_new(fixture);
    guint n_denied = 0, n_answers = 0;

    g_test_expect_message("virt-sflow", G_LOG_LEVEL_MESSAGE,
                          "web01: guest agent: as the test said; it is not asked");
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
    for (guint i = 0; i < 3600; i++) {
        fake_time_advance(1000);
        if (fake_agents_is_asking(GUESTS_UUID)) {
            n_denied++;
            if (n_denied == 1)
                g_test_expect_message("virt-sflow", G_LOG_LEVEL_DEBUG, "*as the test said");
            fake_agents_fail(GUESTS_UUID, G_IO_ERROR_PERMISSION_DENIED);
            if (n_denied == 1)
                g_test_assert_expected_messages();
        }
        if (fake_agents_is_asking(OTHER)) {
            n_answers++;
            fake_agents_answer(OTHER, fake_answer_known(10, 20, NULL));
        }
    }
    g_assert_cmpuint(n_answers, >=, 58);
    g_assert_cmpuint(n_denied, >=, 11);
    g_assert_cmpuint(n_denied, <=, 12);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "refused");
    g_assert_null(vsf_guests_trouble(fixture->guests));
    /* It is let again. */
    while (!fake_agents_is_asking(GUESTS_UUID))
        fake_time_advance(1000);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "answers");
    fake_time_advance(60250);
    g_assert_true(fake_agents_is_asking(GUESTS_UUID));
    other_free(fixture, other);
}

static void
test_one_vm_finds_out_that_all_may_be_asked_again(Fixture *fixture,
                                                  gconstpointer data G_GNUC_UNUSED)
{
    VsfDomain *other = other_new(fixture);
    gboolean is_other = FALSE;

    guests_agent_comes(fixture);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "guest agents: as the test said*");
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_READ_ONLY);
    fake_agents_fail(OTHER, G_IO_ERROR_READ_ONLY);
    g_test_assert_expected_messages();
    for (guint i = 0; i < 3; i++) {
        guint before = fake_agents_asked;

        fake_time_advance(300250);
        g_assert_cmpuint(fake_agents_asked, ==, before + 1);
        is_other = fake_agents_is_asking(OTHER);
        if (i < 2)
            fake_agents_fail(is_other ? OTHER : GUESTS_UUID, G_IO_ERROR_READ_ONLY);
    }
    fake_agents_answer(is_other ? OTHER : GUESTS_UUID, fake_answer_known(10, 20, NULL));
    fake_time_advance(250);
    g_assert_true(fake_agents_is_asking(is_other ? GUESTS_UUID : OTHER));
    other_free(fixture, other);
}

static void
test_a_frozen_guest_has_not_failed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfAgentAnswer *frozen = fake_answer_known(10, 20, NULL);

    guests_agent_comes(fixture);
    frozen->frozen = TRUE;
    fake_agents_answer(GUESTS_UUID, frozen);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "frozen");
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
    fake_time_advance(60250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    /* A frozen agent's guest-info says nothing of later. */
    g_assert_false(fake_agents_had_info);
}

static void
test_busy_threads_are_tried_again(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_agents_busy = TRUE;
    guests_agent_comes(fixture);
    fake_time_advance(100000);
    g_assert_cmpuint(fake_agents_asked, ==, 0);
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
    fake_agents_busy = FALSE;
    fake_time_advance(30250);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

static void
test_an_agent_that_comes_and_goes_is_asked_every_ten_seconds(Fixture *fixture,
                                                             gconstpointer data G_GNUC_UNUSED)
{
    for (guint i = 0; i < 600; i++) {
        vsf_guests_agent_event(fixture->guests, GUESTS_UUID, FALSE);
        vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
        for (guint quarter = 0; quarter < 4; quarter++) {
            fake_time_advance(250);
            if (fake_agents_is_asking(GUESTS_UUID))
                fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
        }
    }
    g_assert_cmpuint(fake_agents_asked, >, 10);
    g_assert_cmpuint(fake_agents_asked, <=, 60);
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
}

static void
test_an_agent_that_dies_of_its_questions_is_left_alone(Fixture *fixture,
                                                       gconstpointer data G_GNUC_UNUSED)
{
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_MESSAGE, "*went away when it was asked*");
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
    for (guint i = 0; i < 600; i++) {
        fake_time_advance(1000);
        if (fake_agents_is_asking(GUESTS_UUID)) {
            vsf_guests_agent_event(fixture->guests, GUESTS_UUID, FALSE);
            fake_agents_answer(GUESTS_UUID, fake_answer_silent());
            /* Its service starts it again. */
            fake_time_advance(1000);
            vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
        }
    }
    g_test_assert_expected_messages();
    g_assert_cmpuint(fake_agents_asked, ==, 4); /* at once, after 10, 120 and 240 s */
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 4);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "failing");
}

static void
test_a_question_counts_no_failure_if_the_agent_is_only_told_again(Fixture *fixture,
                                                                  gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
    fake_time_advance(10250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
}

/* An agent that fails and answers by turns. */
static void
test_the_same_failure_is_told_once_an_hour(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_MESSAGE, "*not responding; asked again*");
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_MESSAGE, "*answers again*");
    for (guint i = 0; i < 20; i++) {
        if (i > 0)
            g_test_expect_message("virt-sflow", G_LOG_LEVEL_DEBUG, "*not responding");
        fake_agents_answer(GUESTS_UUID, fake_answer_silent());
        fake_time_advance(60250);
        fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
        fake_time_advance(60250);
    }
    g_test_assert_expected_messages();
    fake_time_advance(3600000);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_MESSAGE, "*not responding; asked again*");
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    g_test_assert_expected_messages();
}

static void
test_what_the_agent_can_is_asked_anew_after_it_was_frozen(Fixture *fixture,
                                                          gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    fake_time_advance(60250);
    g_assert_true(fake_agents_had_info);
    for (guint i = 0; i < 3; i++) {
        VsfAgentAnswer *frozen = fake_answer_known(10, 20, NULL);

        /* The first did not ask for it, as it was known. */
        if (i == 0)
            g_clear_pointer(&frozen->info, vsf_qga_info_free);
        frozen->frozen = TRUE;
        fake_agents_answer(GUESTS_UUID, frozen);
        fake_time_advance(60250);
        g_assert_cmpuint(fake_agents_asked, ==, 3 + i);
        g_assert_false(fake_agents_had_info);
    }
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    fake_time_advance(60250);
    g_assert_true(fake_agents_had_info);
}

static void
test_what_the_agent_can_is_asked_anew_after_libvirt_was_away(Fixture *fixture,
                                                             gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    vsf_guests_connected(fixture->guests, FALSE);
    fake_time_advance(1000);
    vsf_guests_connected(fixture->guests, TRUE);
    fake_time_advance(60250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    g_assert_false(fake_agents_had_info);
}

static void
test_xml_that_is_older_than_an_event_undoes_nothing(Fixture *fixture,
                                                    gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
    vsf_guests_domain_changed(fixture->guests, &fixture->domain); /* a state, or a name */
    fake_time_advance(GUESTS_FIRST_MS);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "asking");
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, FALSE);
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "disconnected");
    fake_time_advance(100000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

static void
test_an_agent_that_is_always_slow_is_asked_more_rarely(Fixture *fixture,
                                                       gconstpointer data G_GNUC_UNUSED)
{
    static const struct {
        gint64 took_ms;
        guint wait_s;
    } cases[] = {{900, 60}, {4000, 60}, {6000, 100}, {10000, 180}};

    guests_agent_comes(fixture);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfAgentAnswer *answer = fake_answer_known(10, 20, NULL);
        guint before = fake_agents_asked;

        answer->took_us = cases[i].took_ms * 1000;
        fake_agents_answer(GUESTS_UUID, answer);
        fake_time_advance(cases[i].wait_s * 1000 - 500);
        g_assert_cmpuint(fake_agents_asked, ==, before);
        fake_time_advance(1000);
        g_assert_cmpuint(fake_agents_asked, ==, before + 1);
    }
}

static void
test_the_agent_is_asked_right_after_the_balloons_period_is_set(Fixture *fixture,
                                                               gconstpointer data G_GNUC_UNUSED)
{
    fixture->config->balloon_period_s = 5;
    guests_agent_comes(fixture);
    g_assert_cmpuint(fake_balloon_asked, ==, 1);
    g_assert_cmpuint(fake_agents_asked, ==, 0);
    fake_time_advance(5000);
    g_assert_cmpuint(fake_agents_asked, ==, 0);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_MESSAGE,
                          "web01: the balloon's period cannot be set: as the test said; tried "
                          "again later");
    fake_agents_fail(GUESTS_UUID, G_IO_ERROR_FAILED);
    g_test_assert_expected_messages();
    fake_time_advance(250);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    /* It is not the agent's. */
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 0);
}

#define ADD(path, func) \
    g_test_add("/guests-ask/" path, Fixture, NULL, guests_set_up, func, guests_tear_down)

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
    ADD("a-service-that-is-not-there-is-looked-for-soon",
        test_a_service_that_is_not_there_is_looked_for_soon);
    ADD("a-vm-that-is-denied-keeps-nobody-else-from-being-asked",
        test_a_vm_that_is_denied_keeps_nobody_else_from_being_asked);
    ADD("one-vm-finds-out-that-all-may-be-asked-again",
        test_one_vm_finds_out_that_all_may_be_asked_again);
    ADD("a-frozen-guest-has-not-failed", test_a_frozen_guest_has_not_failed);
    ADD("busy-threads-are-tried-again", test_busy_threads_are_tried_again);
    ADD("an-agent-that-comes-and-goes-is-asked-every-ten-seconds",
        test_an_agent_that_comes_and_goes_is_asked_every_ten_seconds);
    ADD("an-agent-that-dies-of-its-questions-is-left-alone",
        test_an_agent_that_dies_of_its_questions_is_left_alone);
    ADD("a-question-counts-no-failure-if-the-agent-is-only-told-again",
        test_a_question_counts_no_failure_if_the_agent_is_only_told_again);
    ADD("the-same-failure-is-told-once-an-hour", test_the_same_failure_is_told_once_an_hour);
    ADD("what-the-agent-can-is-asked-anew-after-it-was-frozen",
        test_what_the_agent_can_is_asked_anew_after_it_was_frozen);
    ADD("what-the-agent-can-is-asked-anew-after-libvirt-was-away",
        test_what_the_agent_can_is_asked_anew_after_libvirt_was_away);
    ADD("xml-that-is-older-than-an-event-undoes-nothing",
        test_xml_that_is_older_than_an_event_undoes_nothing);
    ADD("an-agent-that-is-always-slow-is-asked-more-rarely",
        test_an_agent_that_is_always_slow_is_asked_more_rarely);
    ADD("the-agent-is-asked-right-after-the-balloons-period-is-set",
        test_the_agent_is_asked_right_after_the_balloons_period_is_set);
    return g_test_run();
}
