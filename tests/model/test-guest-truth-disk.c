/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt_disk_io.available: what each source tells, and which is chosen. */
#include "../../daemon/model/guest-truth.h"

#define NOW_US (G_GINT64_CONSTANT(900000) * G_USEC_PER_SEC)
#define AGENT_AVAILABLE 7000
#define HOST_AVAILABLE 9000

static VsfTruthTerms
terms_of(gint64 known_for_s)
{
    return (VsfTruthTerms){
        .now_us = NOW_US,
        .now_s = 1700000000,
        .known_for_s = known_for_s,
        .agent_possible = TRUE,
        .agent_period_s = 60,
        .decide = TRUE,
    };
}

static void
tell_filesystems(VsfGuestFacts *facts, gint64 age_s)
{
    facts->available = AGENT_AVAILABLE;
    facts->known_us[VSF_QGA_PART_FILESYSTEMS] = NOW_US - age_s * G_USEC_PER_SEC;
    facts->state[VSF_QGA_PART_FILESYSTEMS] = VSF_QGA_STATE_KNOWN;
}

static void
assert_truth(VsfTruth truth, guint64 value, VsfSource source, gint64 age_s, VsfWhy why)
{
    g_assert_cmpuint(truth.value, ==, value);
    g_assert_cmpint(truth.source, ==, source);
    g_assert_cmpint(truth.age_s, ==, age_s);
    g_assert_cmpstr(vsf_why_name(truth.why), ==, vsf_why_name(why));
}

enum { NONE, SILENT, FRESH, STALE, PARTIAL };

static void
test_the_choice_of_a_source(void)
{
    static const struct {
        gint64 known_for_s;
        gboolean possible;
        int agent; /* SILENT: asked, without an answer */
        VsfQgaState state;
        VsfSource want;
    } cases[] = {
        {0, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {0, TRUE, FRESH, VSF_QGA_STATE_FROZEN, VSF_SOURCE_AGENT},
        {5000, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {0, TRUE, NONE, 0, VSF_SOURCE_UNDECIDED},
        {0, TRUE, SILENT, VSF_QGA_STATE_NOT_ASKED, VSF_SOURCE_UNDECIDED},
        {299, TRUE, SILENT, VSF_QGA_STATE_NO_REPLY, VSF_SOURCE_UNDECIDED},
        {300, TRUE, SILENT, VSF_QGA_STATE_NO_REPLY, VSF_SOURCE_HOST},
        {300, TRUE, NONE, 0, VSF_SOURCE_HOST},
        {299, TRUE, SILENT, VSF_QGA_STATE_FROZEN, VSF_SOURCE_UNDECIDED},
        {299, TRUE, SILENT, VSF_QGA_STATE_FAILED, VSF_SOURCE_UNDECIDED},
        {299, TRUE, STALE, VSF_QGA_STATE_KNOWN, VSF_SOURCE_UNDECIDED},
        {299, TRUE, PARTIAL, VSF_QGA_STATE_KNOWN, VSF_SOURCE_UNDECIDED},
        {300, TRUE, PARTIAL, VSF_QGA_STATE_KNOWN, VSF_SOURCE_HOST},
        /* Cannot answer. */
        {0, FALSE, NONE, 0, VSF_SOURCE_HOST},
        {0, FALSE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_HOST},
        {0, TRUE, SILENT, VSF_QGA_STATE_DISABLED, VSF_SOURCE_HOST},
        {0, TRUE, SILENT, VSF_QGA_STATE_NOT_FOUND, VSF_SOURCE_HOST},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {0}, late = {0};
        VsfTruthTerms terms = terms_of(cases[i].known_for_s);
        g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();
        VsfTruth truth;

        terms.agent_possible = cases[i].possible;
        if (cases[i].agent > SILENT)
            tell_filesystems(facts, cases[i].agent == STALE ? 500 : 2);
        if (cases[i].agent == PARTIAL)
            facts->available = VSF_UNKNOWN;
        facts->state[VSF_QGA_PART_FILESYSTEMS] = cases[i].state;
        truth = vsf_truth_available(&choice, &terms, HOST_AVAILABLE, TRUE,
                                    cases[i].agent == NONE ? NULL : facts);
        g_test_message("case %u", i);
        g_assert_cmpint(choice.disk, ==, cases[i].want);
        g_assert_cmpint(choice.memory, ==, VSF_SOURCE_UNDECIDED);
        if (cases[i].want == VSF_SOURCE_AGENT)
            assert_truth(truth, AGENT_AVAILABLE, VSF_SOURCE_AGENT, 2, VSF_WHY_OK);
        else if (cases[i].want == VSF_SOURCE_HOST)
            assert_truth(truth, HOST_AVAILABLE, VSF_SOURCE_HOST, 0, VSF_WHY_OK);
        else
            assert_truth(truth, VSF_UNKNOWN, VSF_SOURCE_UNDECIDED, -1, VSF_WHY_WAITING);
        terms.decide = FALSE;
        assert_truth(vsf_truth_available(&late, &terms, HOST_AVAILABLE, TRUE, facts), VSF_UNKNOWN,
                     VSF_SOURCE_UNDECIDED, -1, VSF_WHY_WAITING);
        g_assert_cmpint(late.disk, ==, VSF_SOURCE_UNDECIDED);
    }
}

static void
test_the_agents_value_lasts_as_long_as_it_is_fresh(void)
{
    static const struct {
        gint64 age_s;
        gboolean possible;
        VsfQgaState state;
        VsfWhy why;
    } cases[] = {
        {180, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_OK},
        {180, FALSE, VSF_QGA_STATE_KNOWN, VSF_WHY_OK},
        {180, TRUE, VSF_QGA_STATE_FROZEN, VSF_WHY_OK},
        {181, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_STALE},
        {181, TRUE, VSF_QGA_STATE_FROZEN, VSF_WHY_FROZEN},
        {181, TRUE, VSF_QGA_STATE_DISABLED, VSF_WHY_DISABLED},
        {181, FALSE, VSF_QGA_STATE_DISABLED, VSF_WHY_AGENT_OFF},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {.disk = VSF_SOURCE_AGENT};
        VsfTruthTerms terms = terms_of(100000);
        g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

        terms.agent_possible = cases[i].possible;
        tell_filesystems(facts, cases[i].age_s);
        facts->state[VSF_QGA_PART_FILESYSTEMS] = cases[i].state;
        assert_truth(vsf_truth_available(&choice, &terms, HOST_AVAILABLE, TRUE, facts),
                     cases[i].why == VSF_WHY_OK ? AGENT_AVAILABLE : VSF_UNKNOWN, VSF_SOURCE_AGENT,
                     cases[i].age_s, cases[i].why);
    }
}

static void
test_a_list_without_a_sum_is_incomplete(void)
{
    VsfGuestChoice choice = {.disk = VSF_SOURCE_AGENT};
    VsfTruthTerms terms = terms_of(1000);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    tell_filesystems(facts, 1);
    facts->available = VSF_UNKNOWN;
    assert_truth(vsf_truth_available(&choice, &terms, HOST_AVAILABLE, TRUE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_AGENT, 1, VSF_WHY_INCOMPLETE);
}

static void
test_the_host_says_why_it_has_none(void)
{
    VsfGuestChoice choice = {.disk = VSF_SOURCE_HOST};
    VsfTruthTerms terms = terms_of(1000);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    tell_filesystems(facts, 1);
    assert_truth(vsf_truth_available(&choice, &terms, 0, TRUE, facts), 0, VSF_SOURCE_HOST, 0,
                 VSF_WHY_OK);
    assert_truth(vsf_truth_available(&choice, &terms, VSF_UNKNOWN, TRUE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_HOST, -1, VSF_WHY_NOT_FILES);
    assert_truth(vsf_truth_available(&choice, &terms, HOST_AVAILABLE, FALSE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_HOST, -1, VSF_WHY_NO_STATISTICS);
}

/* A network disk: an agent that is installed later still gives the number. */
static void
test_a_host_without_a_number_is_not_chosen(void)
{
    VsfGuestChoice choice = {0};
    VsfTruthTerms terms = terms_of(299);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    assert_truth(vsf_truth_available(&choice, &terms, VSF_UNKNOWN, TRUE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_UNDECIDED, -1, VSF_WHY_WAITING);
    terms.known_for_s = 5000;
    assert_truth(vsf_truth_available(&choice, &terms, VSF_UNKNOWN, TRUE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_UNDECIDED, -1, VSF_WHY_NOT_FILES);
    assert_truth(vsf_truth_available(&choice, &terms, HOST_AVAILABLE, FALSE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_UNDECIDED, -1, VSF_WHY_NO_STATISTICS);
    terms.agent_possible = FALSE;
    assert_truth(vsf_truth_available(&choice, &terms, VSF_UNKNOWN, TRUE, facts), VSF_UNKNOWN,
                 VSF_SOURCE_UNDECIDED, -1, VSF_WHY_NOT_FILES);
    terms.agent_possible = TRUE;
    tell_filesystems(facts, 2);
    assert_truth(vsf_truth_available(&choice, &terms, VSF_UNKNOWN, TRUE, facts), AGENT_AVAILABLE,
                 VSF_SOURCE_AGENT, 2, VSF_WHY_OK);
}

#define ADD(name, func) g_test_add_func("/model/guest-truth/disk/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("the-choice-of-a-source", test_the_choice_of_a_source);
    ADD("the-agents-value-lasts-as-long-as-it-is-fresh",
        test_the_agents_value_lasts_as_long_as_it_is_fresh);
    ADD("a-list-without-a-sum-is-incomplete", test_a_list_without_a_sum_is_incomplete);
    ADD("the-host-says-why-it-has-none", test_the_host_says_why_it_has_none);
    ADD("a-host-without-a-number-is-not-chosen", test_a_host_without_a_number_is_not_chosen);
    return g_test_run();
}
