/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When DNS is asked and what comes into force, at times that are made up. */
#include "../../daemon/net/dns-sd-plan.h"

#define S G_USEC_PER_SEC
#define START ((gint64)1000 * S)

static VsfDnsSettings *
settings_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfDnsSettings *settings = vsf_dns_settings_parse(text, &error);

    g_assert_no_error(error);
    return settings;
}

static void
begin(VsfDnsPlan *plan, const char *last)
{
    g_autoptr(VsfDnsSettings) settings = last != NULL ? settings_of(last) : NULL;

    vsf_dns_plan_init(plan, &vsf_dns_times, settings, START, 0);
    g_assert_cmpint(vsf_dns_plan_step(plan, START + S), ==, VSF_DNS_PLAN_ASK);
}

static void
found(VsfDnsPlan *plan, const char *text, gint64 ttl_s, gint64 now_us, double chance)
{
    g_autoptr(VsfDnsSettings) settings = settings_of(text);

    vsf_dns_plan_answer(plan, VSF_DNS_FOUND, settings, ttl_s >= 0, (guint32)MAX(ttl_s, 0), now_us,
                        chance);
}

static void
assert_in_force(const VsfDnsPlan *plan, const char *text)
{
    g_autofree char *is = NULL;

    g_assert_nonnull(plan->in_force);
    is = vsf_dns_settings_to_text(plan->in_force);
    g_assert_cmpstr(is, ==, text);
}

static void
test_first_question(void)
{
    static const struct {
        double chance;
        gint64 due_us;
    } cases[] = {{0, S}, {0.5, S * 11 / 2}, {0.9999999, 10 * S - 1}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfDnsPlan plan;

        vsf_dns_plan_init(&plan, &vsf_dns_times, NULL, START, cases[i].chance);
        g_assert_cmpint(ABS(vsf_dns_plan_next_us(&plan) - START - cases[i].due_us), <=, 1);
        g_assert_cmpint(vsf_dns_plan_step(&plan, START + cases[i].due_us - 2), ==,
                        VSF_DNS_PLAN_WAIT);
        g_assert_cmpint(vsf_dns_plan_step(&plan, START + cases[i].due_us + 1), ==,
                        VSF_DNS_PLAN_ASK);
        vsf_dns_plan_clear(&plan);
    }
}

static void
test_one_question_at_a_time(void)
{
    VsfDnsPlan plan;

    begin(&plan, NULL);
    g_assert_cmpint(vsf_dns_plan_next_us(&plan), ==, -1);
    g_assert_cmpint(vsf_dns_plan_step(&plan, G_MAXINT64 - 1), ==, VSF_DNS_PLAN_WAIT);
    vsf_dns_plan_clear(&plan);
}

static void
test_read_again_at_ttl(void)
{
    static const struct {
        VsfDnsOutcome outcome;
        gint64 ttl_s, wait_s;
    } cases[] = {
        {VSF_DNS_FOUND, 60, 60},       {VSF_DNS_FOUND, 0, 10},
        {VSF_DNS_FOUND, 9, 10},        {VSF_DNS_FOUND, 11, 11},
        {VSF_DNS_FOUND, -1, 300},      {VSF_DNS_FOUND, 3600, 3600},
        {VSF_DNS_FOUND, 86401, 86400}, {VSF_DNS_FOUND, G_MAXINT32, 86400},
        {VSF_DNS_NONE, -1, 300},       {VSF_DNS_NONE, 20, 20},
        {VSF_DNS_NONE, 0, 10},         {VSF_DNS_NONE, 3600, 300},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfDnsSettings) settings = settings_of("collector=192.0.2.1\n");
        VsfDnsPlan plan;
        gint64 now_us = START + 7 * S;

        begin(&plan, "collector=192.0.2.1\n");
        vsf_dns_plan_answer(&plan, cases[i].outcome,
                            cases[i].outcome == VSF_DNS_FOUND ? settings : NULL,
                            cases[i].ttl_s >= 0, (guint32)MAX(cases[i].ttl_s, 0), now_us, 0.5);
        g_assert_cmpint(vsf_dns_plan_next_us(&plan) - now_us, ==, cases[i].wait_s * S);
        vsf_dns_plan_clear(&plan);
    }
}

static void
test_failure_keeps_what_runs(void)
{
    static const guint waits_s[] = {10, 20, 40, 80, 160, 300, 300};
    VsfDnsPlan plan;
    gint64 now_us = START + S;

    begin(&plan, "collector=192.0.2.1/6343/\n");
    for (guint i = 0; i < 100; i++) {
        guint wait_s = waits_s[MIN(i, G_N_ELEMENTS(waits_s) - 1)];

        vsf_dns_plan_answer(&plan, VSF_DNS_FAILED, NULL, FALSE, 0, now_us, 0.5);
        g_assert_cmpint(vsf_dns_plan_next_us(&plan), ==, now_us + wait_s * S);
        now_us += wait_s * S;
        g_assert_cmpint(vsf_dns_plan_step(&plan, now_us), ==, VSF_DNS_PLAN_ASK);
    }
    assert_in_force(&plan, "collector=192.0.2.1/6343/\n");
    found(&plan, "collector=192.0.2.1\n", 60, now_us, 0);
    vsf_dns_plan_step(&plan, now_us + 60 * S);
    vsf_dns_plan_answer(&plan, VSF_DNS_FAILED, NULL, FALSE, 0, now_us, 0.5);
    g_assert_cmpint(vsf_dns_plan_next_us(&plan), ==, now_us + 10 * S); /* patience begins anew */
    vsf_dns_plan_clear(&plan);
}

/* Each case: seconds of the answers that there is nothing; which of them ends it, if one does. */
static void
test_nothing_must_be_said_for_long(void)
{
    static const struct {
        gint64 at_s[6];
        int ends; /* position, -1: none */
    } cases[] = {
        {{0, 150, 300}, 2},      {{0, 10, 20, 30, 40, 299}, -1}, {{0, 300}, -1},
        {{0, 299, 300}, 2},      {{0, 10, 20, 30, 300}, 4},      {{0, 1, 2, 3, 4, 5}, -1},
        {{0, 300, 600, 900}, 2},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfDnsPlan plan;

        begin(&plan, "collector=192.0.2.1\n");
        for (guint j = 0; j < 6 && (j == 0 || cases[i].at_s[j] > 0); j++) {
            gint64 now_us = START + S + cases[i].at_s[j] * S;
            gboolean ends = cases[i].ends >= 0 && (int)j >= cases[i].ends;

            vsf_dns_plan_answer(&plan, VSF_DNS_NONE, NULL, FALSE, 0, now_us, 0);
            g_assert_cmpint(vsf_dns_plan_step(&plan, now_us) == VSF_DNS_PLAN_APPLY, ==,
                            (int)j == cases[i].ends);
            g_assert_cmpuint(plan.in_force->collectors->len, ==, ends ? 0 : 1);
            vsf_dns_plan_step(&plan, plan.due_us);
        }
        vsf_dns_plan_clear(&plan);
    }
}

static void
test_an_answer_begins_the_count_anew(void)
{
    VsfDnsPlan plan;
    gint64 now_us = START + S;

    begin(&plan, "collector=192.0.2.1\n");
    vsf_dns_plan_answer(&plan, VSF_DNS_NONE, NULL, FALSE, 0, now_us, 0);
    vsf_dns_plan_answer(&plan, VSF_DNS_NONE, NULL, FALSE, 0, now_us + 290 * S, 0);
    found(&plan, "collector=192.0.2.1\n", 10, now_us + 299 * S, 0);
    vsf_dns_plan_answer(&plan, VSF_DNS_NONE, NULL, FALSE, 0, now_us + 310 * S, 0);
    vsf_dns_plan_answer(&plan, VSF_DNS_NONE, NULL, FALSE, 0, now_us + 600 * S, 0);
    g_assert_null(plan.wanted);
    /* A failure is no answer: it neither counts nor begins the count anew. */
    vsf_dns_plan_answer(&plan, VSF_DNS_FAILED, NULL, FALSE, 0, now_us + 620 * S, 0);
    g_assert_null(plan.wanted);
    vsf_dns_plan_answer(&plan, VSF_DNS_NONE, NULL, FALSE, 0, now_us + 630 * S, 0);
    g_assert_nonnull(plan.wanted);
    vsf_dns_plan_clear(&plan);
}

static void
test_first_answer_at_once(void)
{
    VsfDnsPlan plan;

    begin(&plan, NULL);
    found(&plan, "sampling=100\n", 60, START + 2 * S, 0.9);
    g_assert_cmpint(vsf_dns_plan_step(&plan, START + 2 * S), ==, VSF_DNS_PLAN_APPLY);
    assert_in_force(&plan, "sampling=100\n");
    vsf_dns_plan_clear(&plan);
}

static void
test_change_is_spread(void)
{
    VsfDnsPlan plan;
    gint64 now_us = START + 2 * S;

    begin(&plan, "sampling=100\n");
    found(&plan, "sampling=200\n", 300, now_us, 0.5);
    g_assert_cmpint(vsf_dns_plan_next_us(&plan), ==, now_us + 15 * S);
    g_assert_cmpint(vsf_dns_plan_step(&plan, now_us + 15 * S - 1), ==, VSF_DNS_PLAN_WAIT);
    assert_in_force(&plan, "sampling=100\n");
    g_assert_cmpint(vsf_dns_plan_step(&plan, now_us + 15 * S), ==, VSF_DNS_PLAN_APPLY);
    assert_in_force(&plan, "sampling=200\n");
    g_assert_cmpint(vsf_dns_plan_step(&plan, now_us + 15 * S), ==, VSF_DNS_PLAN_WAIT);
    /* The same again is no change. */
    found(&plan, "sampling=200\n", 300, now_us + 300 * S, 0.5);
    g_assert_cmpint(vsf_dns_plan_next_us(&plan), ==, now_us + 600 * S);
    vsf_dns_plan_clear(&plan);
}

static void
test_change_is_not_put_off(void)
{
    VsfDnsPlan plan;
    gint64 now_us = START + 2 * S;

    begin(&plan, "sampling=100\n");
    found(&plan, "sampling=200\n", 10, now_us, 0.5);
    vsf_dns_plan_step(&plan, now_us + 10 * S);
    found(&plan, "sampling=300\n", 10, now_us + 10 * S, 0.9);
    g_assert_cmpint(vsf_dns_plan_step(&plan, now_us + 15 * S), ==, VSF_DNS_PLAN_APPLY);
    assert_in_force(&plan, "sampling=300\n");
    vsf_dns_plan_clear(&plan);
}

static void
test_change_that_is_taken_back(void)
{
    VsfDnsPlan plan;
    gint64 now_us = START + 2 * S;

    begin(&plan, "sampling=100\n");
    found(&plan, "sampling=200\n", 10, now_us, 0.9);
    vsf_dns_plan_step(&plan, now_us + 10 * S);
    found(&plan, "sampling=100\n", 1000, now_us + 10 * S, 0.9);
    g_assert_cmpint(vsf_dns_plan_step(&plan, now_us + 100 * S), ==, VSF_DNS_PLAN_WAIT);
    assert_in_force(&plan, "sampling=100\n");
    vsf_dns_plan_clear(&plan);
}

static void
test_latest_is_kept(void)
{
    VsfDnsPlan plan;
    g_autoptr(VsfDnsSettings) next = settings_of("sampling=200\n");

    begin(&plan, NULL);
    g_assert_null(vsf_dns_plan_latest(&plan));
    vsf_dns_plan_clear(&plan);
    begin(&plan, "sampling=100\n");
    found(&plan, "sampling=200\n", 60, START + 2 * S, 0.9);
    g_assert_true(vsf_dns_settings_equal(vsf_dns_plan_latest(&plan), next));
    assert_in_force(&plan, "sampling=100\n");
    vsf_dns_plan_clear(&plan);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/dns-sd-plan/first-question-after-1-to-10-s", test_first_question);
    g_test_add_func("/net/dns-sd-plan/one-question-at-a-time", test_one_question_at_a_time);
    g_test_add_func("/net/dns-sd-plan/read-again-at-the-ttl-within-bounds", test_read_again_at_ttl);
    g_test_add_func("/net/dns-sd-plan/a-failure-keeps-what-runs", test_failure_keeps_what_runs);
    g_test_add_func("/net/dns-sd-plan/nothing-ends-it-after-3-answers-over-5-minutes",
                    test_nothing_must_be_said_for_long);
    g_test_add_func("/net/dns-sd-plan/an-answer-begins-the-count-anew",
                    test_an_answer_begins_the_count_anew);
    g_test_add_func("/net/dns-sd-plan/the-first-answer-comes-into-force-at-once",
                    test_first_answer_at_once);
    g_test_add_func("/net/dns-sd-plan/a-change-comes-into-force-within-30-s",
                    test_change_is_spread);
    g_test_add_func("/net/dns-sd-plan/a-change-is-not-put-off-by-the-next",
                    test_change_is_not_put_off);
    g_test_add_func("/net/dns-sd-plan/a-change-that-is-taken-back-never-was",
                    test_change_that_is_taken_back);
    g_test_add_func("/net/dns-sd-plan/the-latest-is-what-is-kept", test_latest_is_kept);
    return g_test_run();
}
