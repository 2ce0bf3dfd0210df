/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When an agent is asked that went and came again. */
#include "manners-fixture.h"

/* It is gone at *@now_us and there again a second later, which *@now_us becomes. */
static void
restart(VsfAgentManners *manners, gboolean asked, gint64 *now_us)
{
    vsf_agent_manners_disconnected(manners, asked, *now_us);
    g_assert_cmpint(vsf_agent_manners_due_us(manners), ==, -1);
    *now_us += S;
    vsf_agent_manners_connected(manners, *now_us, 0);
}

static void
test_a_healthy_agent_is_asked_at_once_but_not_within_ten_seconds(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us, asked_us;

    for (guint i = 0; i < 10; i++) {
        turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
        asked_us = now_us;
        restart(&manners, FALSE, &now_us);
        assert_due_in(&manners, asked_us, 10 * S);
    }
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    now_us += 30 * S;
    restart(&manners, FALSE, &now_us);
    assert_due_in(&manners, now_us, 0);
}

static void
test_an_agent_that_was_silent_is_asked_at_once_only_once(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us, failed_us;

    for (guint i = 0; i < 3; i++)
        turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
    now_us += 15 * S;
    restart(&manners, FALSE, &now_us);
    assert_due_in(&manners, now_us, 0);
    g_assert_cmpuint(manners.failures, ==, 3); /* until it answers */
    /* From now on it is a minute, however often it comes. */
    for (guint i = 4; i < 10; i++) {
        turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
        g_assert_cmpuint(manners.failures, ==, i);
        failed_us = now_us;
        now_us += 15 * S;
        restart(&manners, FALSE, &now_us);
        assert_due_in(&manners, failed_us, 60 * S);
        restart(&manners, FALSE, &now_us);
        assert_due_in(&manners, failed_us, 60 * S);
    }
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    g_assert_cmpuint(manners.failures, ==, 0);
    now_us += 15 * S;
    restart(&manners, FALSE, &now_us);
    assert_due_in(&manners, now_us, 0);
}

static void
test_an_agent_that_dies_of_a_question_backs_off_to_an_hour(void)
{
    static const guint waits_s[] = {10, 120, 240, 480, 960, 1920, 3600, 3600};
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us = NOW + 2 * S, asked_us;

    for (guint i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        vsf_agent_manners_asked(&manners, now_us);
        asked_us = now_us;
        restart(&manners, TRUE, &now_us);
        g_assert_cmpuint(manners.failures, ==, i + 1);
        if (i > 0) {
            /* Also if it comes and goes meanwhile. */
            now_us += 20 * S;
            restart(&manners, FALSE, &now_us);
        }
        assert_due_in(&manners, asked_us, waits_s[i] * S);
        now_us = vsf_agent_manners_due_us(&manners);
    }
}

/* libvirt answers "disappeared", and then tells that it is gone. */
static void
test_a_failure_just_before_the_end_is_of_the_same_death(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us, asked_us;

    for (guint i = 0; i < 5; i++) {
        turn(&manners, VSF_AGENT_TURN_FAILED, 5 * MS, &now_us);
        asked_us = now_us;
        restart(&manners, FALSE, &now_us);
        g_assert_cmpuint(manners.failures, ==, i + 1);
    }
    assert_due_in(&manners, asked_us, 960 * S);
}

static void
test_a_connection_that_lasted_forgets_all_before(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    for (guint i = 0; i < 2; i++) {
        for (guint n = 0; n < 5; n++)
            turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
        now_us += 600 * S;
        restart(&manners, FALSE, &now_us);
        g_assert_cmpuint(manners.failures, ==, 0);
        assert_due_in(&manners, now_us, 0);
    }
}

static void
test_a_slow_answer_is_an_answer(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    for (guint i = 0; i < 5; i++) {
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
        now_us += 20 * S;
        restart(&manners, FALSE, &now_us);
        turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
        now_us += 20 * S;
        restart(&manners, FALSE, &now_us);
        assert_due_in(&manners, now_us, 0);
    }
}

static void
test_an_agent_that_comes_back_from_quarantine_has_one_trial(void)
{
    gint64 now_us, asked_us;
    VsfAgentManners manners = quarantined(&now_us);

    asked_us = now_us;
    restart(&manners, FALSE, &now_us);
    g_assert_false(vsf_agent_manners_is_quarantined(&manners, now_us));
    assert_due_in(&manners, asked_us, 10 * S);
    g_assert_true(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
    assert_due_in(&manners, now_us, 2 * HOUR);
    asked_us = now_us;
    restart(&manners, FALSE, &now_us);
    g_assert_true(vsf_agent_manners_is_quarantined(&manners, now_us));
    assert_due_in(&manners, asked_us, 2 * HOUR);
    /* A good one ends it. */
    g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us));
    g_assert_cmpint(manners.quarantined_until_us, ==, 0);
    g_assert_cmpuint(manners.quarantines, ==, 2);
    g_assert_cmpint(manners.best_us, ==, 5 * MS);
}

static void
test_a_connection_that_lasted_ends_a_quarantine(void)
{
    gint64 now_us;
    VsfAgentManners manners = quarantined(&now_us);

    now_us += 600 * S;
    restart(&manners, FALSE, &now_us);
    g_assert_cmpint(manners.quarantined_until_us, ==, 0);
    g_assert_cmpuint(manners.quarantines, ==, 1);
    assert_due_in(&manners, now_us, 0);
}

static void
test_a_slow_agent_rests_unless_it_comes_anew(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us = NOW + 2 * S;

    vsf_agent_manners_asked(&manners, now_us);
    now_us += 11 * S;
    vsf_agent_manners_took(&manners, 11 * S, now_us);
    vsf_agent_manners_ended(&manners, &terms, VSF_QGA_WANT(VSF_QGA_PART_FILESYSTEMS),
                            VSF_AGENT_TURN_ANSWERED, 500 * MS, now_us);
    assert_due_in(&manners, now_us, 200 * S);
    restart(&manners, FALSE, &now_us);
    assert_due_in(&manners, now_us, 10 * S);
    /* Whatever the time is that was measured. */
    vsf_agent_manners_took(&manners, G_MAXINT64, now_us);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    g_assert_cmpint(vsf_agent_manners_due_us(&manners), <=, now_us + HOUR);
}

#define ADD(name, func) g_test_add_func("/model/agent-manners-again/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-healthy-agent-is-asked-at-once-but-not-within-ten-seconds",
        test_a_healthy_agent_is_asked_at_once_but_not_within_ten_seconds);
    ADD("an-agent-that-was-silent-is-asked-at-once-only-once",
        test_an_agent_that_was_silent_is_asked_at_once_only_once);
    ADD("an-agent-that-dies-of-a-question-backs-off-to-an-hour",
        test_an_agent_that_dies_of_a_question_backs_off_to_an_hour);
    ADD("a-failure-just-before-the-end-is-of-the-same-death",
        test_a_failure_just_before_the_end_is_of_the_same_death);
    ADD("a-connection-that-lasted-forgets-all-before",
        test_a_connection_that_lasted_forgets_all_before);
    ADD("a-slow-answer-is-an-answer", test_a_slow_answer_is_an_answer);
    ADD("an-agent-that-comes-back-from-quarantine-has-one-trial",
        test_an_agent_that_comes_back_from_quarantine_has_one_trial);
    ADD("a-connection-that-lasted-ends-a-quarantine",
        test_a_connection_that_lasted_ends_a_quarantine);
    ADD("a-slow-agent-rests-unless-it-comes-anew", test_a_slow_agent_rests_unless_it_comes_anew);
    return g_test_run();
}
