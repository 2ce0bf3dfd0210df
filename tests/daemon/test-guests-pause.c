/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operator pauses asking: nobody is asked, and no field changes its meaning for that. */
#include "guests-fixture.h"

#define RUN "boot/7"

static void
test_nobody_is_asked_until_it_is_over(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    vsf_guests_pause(fixture->guests, TRUE);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "held");
    fake_time_advance(600000);
    /* Not even one that comes anew. */
    guests_agent_comes_again(fixture);
    vsf_guests_connected(fixture->guests, TRUE);
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    vsf_guests_pause(fixture->guests, FALSE);
    fake_time_advance(250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(11, 21, NULL));
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "answers");
    fake_time_advance(60250);
    g_assert_cmpuint(fake_agents_asked, ==, 3);
}

static void
test_a_conversation_that_is_out_ends(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    vsf_guests_pause(fixture->guests, TRUE);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 20, 10);
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

static void
test_what_the_agent_told_goes_stale_and_comes_back(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 20, 10);
    vsf_guests_pause(fixture->guests, TRUE);
    fake_time_advance(170000);
    guests_assert_told(fixture, 20, 10);
    fake_time_advance(3600000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_cmpint(guests_status_of(fixture).memory.source, ==, VSF_SOURCE_AGENT);
    g_assert_cmpint(guests_status_of(fixture).memory.why, ==, VSF_WHY_STALE);
    vsf_guests_pause(fixture->guests, FALSE);
    fake_time_advance(250);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(11, 21, NULL));
    guests_assert_told(fixture, 21, 11);
}

/* Else a pause of an hour would give a run the host's numbers for good. */
static void
test_a_run_that_began_in_a_pause_still_waits_for_its_agent(Fixture *fixture,
                                                           gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(200000);
    vsf_guests_pause(fixture->guests, TRUE);
    fixture->domain.def->agent = VSF_AGENT_CONNECTED;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(3600000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    g_assert_cmpint(guests_status_of(fixture).memory.why, ==, VSF_WHY_WAITING);
    vsf_guests_pause(fixture->guests, FALSE);
    fake_time_advance(250);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    guests_assert_told(fixture, 20, 10);
}

static void
test_patience_goes_on_where_it_was(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    fake_time_advance(200000);
    /* Twice is once. */
    vsf_guests_pause(fixture->guests, TRUE);
    fake_time_advance(1000000);
    vsf_guests_pause(fixture->guests, TRUE);
    fake_time_advance(1000000);
    vsf_guests_pause(fixture->guests, FALSE);
    fake_time_advance(50000);
    vsf_guests_pause(fixture->guests, TRUE);
    fake_time_advance(1000000);
    vsf_guests_pause(fixture->guests, FALSE);
    fake_time_advance(49000);
    guests_assert_told(fixture, VSF_UNKNOWN, VSF_UNKNOWN);
    fake_time_advance(1000);
    guests_assert_told(fixture, 1000, 777);
}

static void
test_a_vm_that_has_no_agent_is_not_concerned(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_pause(fixture->guests, TRUE);
    fixture->domain.def->has_agent = FALSE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_assert_told(fixture, 1000, 777);
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "no-channel");
}

static void
test_no_balloons_period_is_set(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->config->balloon_period_s = 10;
    fixture->domain.def->has_agent = FALSE;
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    vsf_guests_pause(fixture->guests, TRUE);
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
    fake_time_advance(1000000);
    g_assert_cmpuint(fake_balloon_asked, ==, 0);
    /* It may still tell. */
    guests_assert_told(fixture, VSF_UNKNOWN, 777);
    vsf_guests_pause(fixture->guests, FALSE);
    fake_time_advance(1000);
    g_assert_cmpuint(fake_balloon_asked, ==, 1);
}

#define ADD(name, func) \
    g_test_add("/guests-pause/" name, Fixture, NULL, guests_set_up, func, guests_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("nobody-is-asked-until-it-is-over", test_nobody_is_asked_until_it_is_over);
    ADD("a-conversation-that-is-out-ends", test_a_conversation_that_is_out_ends);
    ADD("what-the-agent-told-goes-stale-and-comes-back",
        test_what_the_agent_told_goes_stale_and_comes_back);
    ADD("a-run-that-began-in-a-pause-still-waits-for-its-agent",
        test_a_run_that_began_in_a_pause_still_waits_for_its_agent);
    ADD("patience-goes-on-where-it-was", test_patience_goes_on_where_it_was);
    ADD("a-vm-that-has-no-agent-is-not-concerned", test_a_vm_that_has_no_agent_is_not_concerned);
    ADD("no-balloons-period-is-set", test_no_balloons_period_is_set);
    return g_test_run();
}
