/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another configuration: who is asked, and how often, from now on. */
#include "guests-fixture.h"

#include <string.h>

static void
put(Fixture *fixture, const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f", text, strlen(text), &error);

    g_assert_no_error(error);
    vsf_guests_set_config(fixture->guests, config);
    vsf_config_free(fixture->config);
    fixture->config = config;
}

static void
agent_answers(Fixture *fixture)
{
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    g_assert_cmpuint(fake_agents_asked, ==, 1);
}

/* Seconds without a question, and then with one. */
static void
assert_silence_then_question(guint silent_s, guint then_s)
{
    guint before = fake_agents_asked;

    fake_time_advance(silent_s * 1000);
    g_assert_cmpuint(fake_agents_asked, ==, before);
    fake_time_advance(then_s * 1000);
    g_assert_cmpuint(fake_agents_asked, ==, before + 1);
}

static void
test_a_rule_stops_asking_its_vms(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_free(fixture->domain.def->name);
    fixture->domain.def->name = g_strdup("instance-1");
    agent_answers(fixture);
    put(fixture, "[vm instance-*]\nagent = off\n");
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "off");
    g_assert_cmpint(guests_status_of(fixture).plan, ==, VSF_AGENT_PLAN_RULE);
    fake_time_advance(600000);
    g_assert_cmpuint(fake_agents_asked, ==, 1);
    put(fixture, "[guest]\nagent = off\n[vm instance-*]\nagent = auto\n");
    fake_time_advance(250);
    g_assert_cmpuint(fake_agents_asked, ==, 2);
    g_assert_cmpint(guests_status_of(fixture).plan, ==, VSF_AGENT_PLAN_ASK);
    /* By the domain's name, not by the exported one, which its tenant may choose. */
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    put(fixture, "[vm web*]\nagent = off\n");
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "answers");
}

static void
test_a_shorter_interval_counts_at_once(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    put(fixture, "[guest]\nfilesystems-interval = 3600\n");
    agent_answers(fixture);
    fake_time_advance(30000);
    put(fixture, "[guest]\nfilesystems-interval = 60\n");
    assert_silence_then_question(29, 2);
}

static void
test_a_longer_interval_counts_after_the_next_turn(Fixture *fixture,
                                                  gconstpointer data G_GNUC_UNUSED)
{
    agent_answers(fixture);
    put(fixture, "[guest]\nfilesystems-interval = 600\n");
    assert_silence_then_question(59, 2);
    fake_agents_answer(GUESTS_UUID, fake_answer_known(10, 20, NULL));
    assert_silence_then_question(598, 3);
}

/* One that is left alone for its failures still is. */
static void
test_failures_go_on(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    put(fixture, "[guest]\nfilesystems-interval = 10\n");
    guests_agent_comes(fixture);
    fake_agents_answer(GUESTS_UUID, fake_answer_silent());
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 1);
    fake_time_advance(20000);
    put(fixture, "[guest]\nfilesystems-interval = 11\n");
    g_assert_cmpuint(guests_status_of(fixture).failures, ==, 1);
    assert_silence_then_question(39, 2);
}

static void
test_the_plan_follows(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    agent_answers(fixture);
    put(fixture, "[guest]\nexclude = web*\n");
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "excluded");
    put(fixture, "[guest]\ncanary = 0\n");
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "canary");
    put(fixture, "");
    g_assert_cmpstr(guests_status_of(fixture).state, ==, "answers");
    g_assert_cmpuint(guests_status_of(fixture).requests, >=, 1);
}

#define ADD(name, func) \
    g_test_add("/guests-config/" name, Fixture, NULL, guests_set_up, func, guests_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-rule-stops-asking-its-vms", test_a_rule_stops_asking_its_vms);
    ADD("a-shorter-interval-counts-at-once", test_a_shorter_interval_counts_at_once);
    ADD("a-longer-interval-counts-after-the-next-turn",
        test_a_longer_interval_counts_after_the_next_turn);
    ADD("failures-go-on", test_failures_go_on);
    ADD("the-plan-follows", test_the_plan_follows);
    return g_test_run();
}
