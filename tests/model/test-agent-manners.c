/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manners-fixture.h"

#define REGULAR                                                                   \
    (VSF_QGA_WANT(VSF_QGA_PART_FILESYSTEMS) | VSF_QGA_WANT(VSF_QGA_PART_MEMORY) | \
     VSF_QGA_WANT(VSF_QGA_PART_LOAD) | VSF_QGA_WANT(VSF_QGA_PART_CPU_STATS))
#define OS (VSF_QGA_WANT(VSF_QGA_PART_OS) | VSF_QGA_WANT(VSF_QGA_PART_HOST_NAME))

static void
set_uuid(VsfDomainDef *def, const char *uuid)
{
    g_assert_true(vsf_uuid_parse(uuid, def->uuid_bytes));
}

static void
test_who_is_asked(void)
{
    static const char *const exclude[] = {"db-*", "we?01", NULL};
    static const struct {
        const char *domain, *name;
        gboolean has_agent, off;
        guint canary;
        VsfAgentPlan want;
    } cases[] = {
        {"web1", "web1", TRUE, FALSE, 100, VSF_AGENT_PLAN_ASK},
        {"web1", NULL, TRUE, FALSE, 100, VSF_AGENT_PLAN_ASK},
        {"web1", "web1", FALSE, FALSE, 100, VSF_AGENT_PLAN_NO_CHANNEL},
        {"web1", "web1", TRUE, TRUE, 100, VSF_AGENT_PLAN_METADATA},
        {"web01", "x", TRUE, FALSE, 100, VSF_AGENT_PLAN_EXCLUDED},
        {"instance-0000002a", "db-prod-9d3b1f0a", TRUE, FALSE, 100, VSF_AGENT_PLAN_EXCLUDED},
        {"adb-x", "Db-x", TRUE, FALSE, 100, VSF_AGENT_PLAN_ASK},
        /* By its UUID, whose hash is 2. */
        {"web1", "web1", TRUE, FALSE, 0, VSF_AGENT_PLAN_CANARY},
        {"web1", "web1", TRUE, FALSE, 2, VSF_AGENT_PLAN_CANARY},
        {"web1", "web1", TRUE, FALSE, 3, VSF_AGENT_PLAN_ASK},
        /* The most particular reason is told. */
        {"web01", "x", FALSE, TRUE, 0, VSF_AGENT_PLAN_NO_CHANNEL},
        {"web01", "x", TRUE, TRUE, 0, VSF_AGENT_PLAN_METADATA},
        {"web01", "x", TRUE, FALSE, 0, VSF_AGENT_PLAN_EXCLUDED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
        VsfAgentPlan plan;

        set_uuid(def, "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa");
        def->name = g_strdup(cases[i].domain);
        def->has_agent = cases[i].has_agent;
        def->monitor.agent_off = cases[i].off;
        plan = vsf_agent_plan(def, cases[i].name, exclude, cases[i].canary);
        g_assert_cmpstr(vsf_agent_plan_name(plan), ==, vsf_agent_plan_name(cases[i].want));
    }
}

/* Written down: on every host and in every version the same VMs are asked. */
static void
test_the_canary_is_chosen_by_a_fixed_hash(void)
{
    static const struct {
        const char *uuid;
        guint hash;
    } cases[] = {
        {"9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa", 2},
        {"6f1c0b54-7c39-4c1e-9d6e-2f0a4be0c101", 15},
        {"00000000-0000-0000-0000-000000000000", 65},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfDomainDef) def = vsf_domain_def_new();

        set_uuid(def, cases[i].uuid);
        def->name = g_strdup("n");
        def->has_agent = TRUE;
        for (guint canary = 0; canary <= 100; canary++)
            g_assert_cmpint(vsf_agent_plan(def, "n", NULL, canary), ==,
                            canary > cases[i].hash ? VSF_AGENT_PLAN_ASK : VSF_AGENT_PLAN_CANARY);
    }
}

static void
test_an_agent_that_is_not_there_is_never_due(void)
{
    VsfAgentManners manners = {0};

    g_assert_cmpint(vsf_agent_manners_due_us(&manners), ==, -1);
    vsf_agent_manners_connected(&manners, NOW, 2 * S);
    assert_due_in(&manners, NOW, 2 * S);
    vsf_agent_manners_disconnected(&manners, FALSE, NOW + S);
    g_assert_cmpint(vsf_agent_manners_due_us(&manners), ==, -1);
    /* A conversation that was out ends: still nothing is planned. */
    for (guint how = VSF_AGENT_TURN_ANSWERED; how <= VSF_AGENT_TURN_VOID; how++) {
        vsf_agent_manners_ended(&manners, &terms, REGULAR, (VsfAgentTurn)how, 5 * MS, NOW + S);
        g_assert_cmpint(vsf_agent_manners_due_us(&manners), ==, -1);
        g_assert_cmpint(manners.next_us, ==, 0);
    }
}

static void
test_all_is_asked_for_at_first_and_os_facts_now_and_then(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    for (guint i = 0; i < 25; i++) {
        now_us = vsf_agent_manners_due_us(&manners);
        g_assert_cmphex(vsf_agent_manners_wants(&manners, &terms, now_us), ==,
                        i % 10 == 0 ? REGULAR | OS : REGULAR);
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us));
        assert_due_in(&manners, now_us, 60 * S);
        g_assert_cmpint(manners.answered_us, ==, now_us);
    }
    vsf_agent_manners_connected(&manners, now_us + S, 0);
    assert_due_in(&manners, now_us, 10 * S); /* and no earlier */
    g_assert_cmphex(vsf_agent_manners_wants(&manners, &terms, now_us + S), ==, REGULAR | OS);
    g_assert_cmpint(manners.answered_us, ==, now_us); /* of this run */
}

static void
test_os_facts_are_asked_for_until_they_were_answered(void)
{
    static const VsfAgentTurn turns[] = {VSF_AGENT_TURN_FROZEN, VSF_AGENT_TURN_FAILED,
                                         VSF_AGENT_TURN_VOID};
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    for (guint i = 0; i < G_N_ELEMENTS(turns); i++) {
        turn(&manners, turns[i], 5 * MS, &now_us);
        g_assert_cmphex(vsf_agent_manners_wants(&manners, &terms, now_us), ==, REGULAR | OS);
    }
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    g_assert_cmphex(vsf_agent_manners_wants(&manners, &terms, now_us), ==, REGULAR);
}

static void
test_failures_back_off_to_an_hour(void)
{
    static const guint waits_s[] = {60, 120, 240, 480, 960, 1920, 3600, 3600, 3600};
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    for (guint i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        g_assert_false(turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us));
        assert_due_in(&manners, now_us, waits_s[i] * S);
        g_assert_cmpuint(manners.failures, ==, i + 1);
    }
    manners.failures = G_MAXUINT - 1;
    turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
    assert_due_in(&manners, now_us, HOUR);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
    assert_due_in(&manners, now_us, 60 * S);
    turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
    assert_due_in(&manners, now_us, 60 * S); /* from the beginning */
}

static void
test_a_frozen_guest_is_no_failure(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
    for (guint i = 0; i < 20; i++) {
        g_assert_false(turn(&manners, VSF_AGENT_TURN_FROZEN, 5 * MS, &now_us));
        g_assert_true(manners.frozen);
        assert_due_in(&manners, now_us, 60 * S);
    }
    g_assert_cmpuint(manners.failures, ==, 0);
    g_assert_cmpint(manners.answered_us, ==, now_us);
    g_assert_cmpint(manners.best_us, ==, 0);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 7 * MS, &now_us);
    g_assert_false(manners.frozen);
    g_assert_cmpint(manners.best_us, ==, 7 * MS);
}

static void
test_a_turn_that_could_not_be_tried_changes_nothing(void)
{
    static const struct {
        guint interval_s, retry_s;
    } cases[] = {{60, 30}, {10, 10}, {3600, 30}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfAgentTerms other = terms;
        VsfAgentManners manners = just_connected(NOW), before;
        gint64 now_us;

        other.filesystems_interval_s = cases[i].interval_s;
        turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
        turn(&manners, VSF_AGENT_TURN_FAILED, 2 * S, &now_us);
        before = manners;
        g_assert_false(vsf_agent_manners_ended(&manners, &other, REGULAR | OS, VSF_AGENT_TURN_VOID,
                                               9 * S, now_us + S));
        assert_due_in(&manners, now_us, S + cases[i].retry_s * S);
        before.next_us = manners.next_us;
        g_assert_cmpmem(&manners, sizeof(manners), &before, sizeof(before));
    }
}

static void
test_latency_that_climbs_makes_a_quarantine(void)
{
    static const struct {
        guint timeout_s;
        gint64 best_us, slowest_us;
        gboolean slow;
    } cases[] = {
        {2, 5 * MS, 1000 * MS, TRUE},
        {2, 5 * MS, 999 * MS, FALSE}, /* half the timeout */
        {1, 5 * MS, 500 * MS, TRUE},
        {1, 5 * MS, 499 * MS, FALSE},
        {10, 5 * MS, 1000 * MS, TRUE}, /* one second at most */
        {10, 5 * MS, 999 * MS, FALSE},
        {10, 250 * MS, 1999 * MS, FALSE}, /* it has always been slow */
        {10, 250 * MS, 2000 * MS, TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfAgentTerms other = terms;
        VsfAgentManners manners = just_connected(NOW);

        other.timeout_s = cases[i].timeout_s;
        vsf_agent_manners_ended(&manners, &other, REGULAR, VSF_AGENT_TURN_ANSWERED,
                                cases[i].best_us, NOW);
        for (guint n = 1; n <= VSF_AGENT_SLOW_TIMES; n++)
            g_assert_cmpint(vsf_agent_manners_ended(&manners, &other, REGULAR,
                                                    VSF_AGENT_TURN_ANSWERED, cases[i].slowest_us,
                                                    NOW + n * S),
                            ==, cases[i].slow && n == VSF_AGENT_SLOW_TIMES);
        g_assert_cmpint(vsf_agent_manners_is_quarantined(&manners, NOW + 10 * S), ==,
                        cases[i].slow);
        assert_due_in(&manners, NOW + 3 * S, cases[i].slow ? HOUR : 60 * S);
    }
}

static void
test_only_slow_turns_in_a_row_count(void)
{
    static const struct {
        VsfAgentTurn between;
        gint64 slowest_us;
        gboolean quarantined;
    } cases[] = {
        {VSF_AGENT_TURN_ANSWERED, 5 * MS, FALSE},
        {VSF_AGENT_TURN_FROZEN, 5 * MS, TRUE},
        {VSF_AGENT_TURN_FAILED, 2 * S, TRUE},
        {VSF_AGENT_TURN_VOID, 0, TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfAgentManners manners = just_connected(NOW);
        gint64 now_us;

        turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us);
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
        g_assert_false(turn(&manners, cases[i].between, cases[i].slowest_us, &now_us));
        g_assert_cmpint(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us), ==,
                        cases[i].quarantined);
    }
}

static void
test_a_slow_trial_doubles_the_quarantine_to_a_day(void)
{
    static const guint hours[] = {1, 2, 4, 8, 16, 24, 24};
    gint64 now_us;
    VsfAgentManners manners = quarantined(&now_us);

    for (guint i = 0; i < G_N_ELEMENTS(hours); i++) {
        g_assert_cmpuint(manners.quarantines, ==, i + 1);
        g_assert_true(vsf_agent_manners_is_quarantined(&manners, now_us));
        g_assert_true(vsf_agent_manners_is_quarantined(&manners, now_us + hours[i] * HOUR - 1));
        g_assert_false(vsf_agent_manners_is_quarantined(&manners, now_us + hours[i] * HOUR));
        assert_due_in(&manners, now_us, hours[i] * HOUR);
        /* A trial that times out is slow too. */
        g_assert_true(turn(&manners, i % 2 == 0 ? VSF_AGENT_TURN_ANSWERED : VSF_AGENT_TURN_FAILED,
                           2 * S, &now_us));
    }
}

static void
test_a_good_trial_ends_the_quarantine(void)
{
    gint64 now_us;
    VsfAgentManners manners = quarantined(&now_us);

    /* These try nothing of it. */
    g_assert_false(turn(&manners, VSF_AGENT_TURN_VOID, 0, &now_us));
    assert_due_in(&manners, now_us, 30 * S);
    g_assert_false(turn(&manners, VSF_AGENT_TURN_FROZEN, 5 * MS, &now_us));
    g_assert_false(turn(&manners, VSF_AGENT_TURN_FAILED, 5 * MS, &now_us)); /* garbage */
    assert_due_in(&manners, now_us, 60 * S);
    g_assert_cmpint(manners.quarantined_until_us, !=, 0);
    g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us));
    g_assert_cmpint(manners.quarantined_until_us, ==, 0);
    assert_due_in(&manners, now_us, 60 * S);
    /* Now it takes three again, and lasts longer. */
    g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
    g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
    g_assert_true(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
    assert_due_in(&manners, now_us, 2 * HOUR);
}

static void
test_a_late_answer_does_not_end_a_quarantine(void)
{
    gint64 now_us;
    VsfAgentManners manners = quarantined(&now_us);

    g_assert_false(vsf_agent_manners_ended(&manners, &terms, REGULAR, VSF_AGENT_TURN_ANSWERED,
                                           5 * MS, now_us + S));
    g_assert_true(vsf_agent_manners_is_quarantined(&manners, now_us + S));
    assert_due_in(&manners, now_us, HOUR);
}

static void
test_a_restart_of_the_daemon_does_not_end_a_quarantine(void)
{
    static const struct {
        gint64 left_us, due_in_us;
    } cases[] = {
        {1800 * S, 1800 * S},
        {S, 2 * S},              /* the delay of the connection */
        {-5 * S, 2 * S},         /* over while no daemon ran: a trial */
        {900 * HOUR, 24 * HOUR}, /* a damaged file */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfAgentManners manners = just_connected(NOW);
        gint64 now_us;

        vsf_agent_manners_restore_quarantine(&manners, NOW + cases[i].left_us, 2);
        assert_due_in(&manners, NOW, cases[i].due_in_us);
        g_assert_cmpint(vsf_agent_manners_is_quarantined(&manners, NOW), ==, cases[i].left_us > 0);
        /* The best latency is not known any more; that it climbed is. */
        g_assert_true(turn(&manners, VSF_AGENT_TURN_ANSWERED, 1500 * MS, &now_us));
        assert_due_in(&manners, now_us, 4 * HOUR);
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, 5 * MS, &now_us));
        g_assert_cmpint(manners.best_us, ==, 5 * MS);
        assert_due_in(&manners, now_us, 60 * S);
    }
}

static void
test_only_the_count_may_be_restored(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    vsf_agent_manners_restore_quarantine(&manners, 0, G_MAXUINT - 1);
    g_assert_false(vsf_agent_manners_is_quarantined(&manners, NOW));
    assert_due_in(&manners, NOW, 2 * S);
    for (guint i = 1; i < VSF_AGENT_SLOW_TIMES; i++)
        g_assert_false(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
    g_assert_true(turn(&manners, VSF_AGENT_TURN_ANSWERED, S, &now_us));
    assert_due_in(&manners, now_us, 24 * HOUR);
}

static void
test_the_best_latency_is_of_answers_that_asked_something(void)
{
    VsfAgentManners manners = just_connected(NOW);
    gint64 now_us;

    turn(&manners, VSF_AGENT_TURN_FAILED, MS, &now_us);
    turn(&manners, VSF_AGENT_TURN_FROZEN, MS, &now_us);
    turn(&manners, VSF_AGENT_TURN_VOID, MS, &now_us);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 0, &now_us);
    g_assert_cmpint(manners.best_us, ==, 0);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 1500 * MS, &now_us);
    g_assert_cmpint(manners.best_us, ==, 1500 * MS);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 9 * MS, &now_us);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 20 * MS, &now_us);
    g_assert_cmpint(manners.best_us, ==, 9 * MS);
    g_assert_cmpint(manners.latency_us, ==, 20 * MS);
    turn(&manners, VSF_AGENT_TURN_ANSWERED, 0, &now_us);
    g_assert_cmpint(manners.best_us, ==, 9 * MS);
}

#define ADD(name, func) g_test_add_func("/model/agent-manners/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("who-is-asked", test_who_is_asked);
    ADD("the-canary-is-chosen-by-a-fixed-hash", test_the_canary_is_chosen_by_a_fixed_hash);
    ADD("an-agent-that-is-not-there-is-never-due", test_an_agent_that_is_not_there_is_never_due);
    ADD("all-is-asked-for-at-first-and-os-facts-now-and-then",
        test_all_is_asked_for_at_first_and_os_facts_now_and_then);
    ADD("os-facts-are-asked-for-until-they-were-answered",
        test_os_facts_are_asked_for_until_they_were_answered);
    ADD("failures-back-off-to-an-hour", test_failures_back_off_to_an_hour);
    ADD("a-frozen-guest-is-no-failure", test_a_frozen_guest_is_no_failure);
    ADD("a-turn-that-could-not-be-tried-changes-nothing",
        test_a_turn_that_could_not_be_tried_changes_nothing);
    ADD("latency-that-climbs-makes-a-quarantine", test_latency_that_climbs_makes_a_quarantine);
    ADD("only-slow-turns-in-a-row-count", test_only_slow_turns_in_a_row_count);
    ADD("a-slow-trial-doubles-the-quarantine-to-a-day",
        test_a_slow_trial_doubles_the_quarantine_to_a_day);
    ADD("a-good-trial-ends-the-quarantine", test_a_good_trial_ends_the_quarantine);
    ADD("a-late-answer-does-not-end-a-quarantine", test_a_late_answer_does_not_end_a_quarantine);
    ADD("a-restart-of-the-daemon-does-not-end-a-quarantine",
        test_a_restart_of_the_daemon_does_not_end_a_quarantine);
    ADD("only-the-count-may-be-restored", test_only_the_count_may_be_restored);
    ADD("the-best-latency-is-of-answers-that-asked-something",
        test_the_best_latency_is_of_answers_that_asked_something);
    return g_test_run();
}
