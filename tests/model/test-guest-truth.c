/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt_memory.memory: what each source tells, and which is chosen. */
#include "../../daemon/model/guest-truth.h"

#define NOW_S 1700000000
#define NOW_US (G_GINT64_CONSTANT(900000) * G_USEC_PER_SEC)
#define MIB (G_GUINT64_CONSTANT(1) << 20)

#define BALLOON_USED (300 * MIB)
#define AGENT_USED (200 * MIB)
#define HOST_SIZE (1024 * MIB)

static VsfBalloon
balloon_of_age(gint64 age_s)
{
    return (VsfBalloon){
        .current = HOST_SIZE,
        .available = 1000 * MIB,
        .usable = 700 * MIB,
        .unused = 500 * MIB,
        .disk_caches = 250 * MIB,
        .last_update_s = (guint64)(NOW_S - age_s),
    };
}

static VsfBalloon
silent_balloon(void)
{
    return (VsfBalloon){HOST_SIZE, VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN, 0};
}

static void
tell_memory(VsfGuestFacts *facts, gint64 age_s)
{
    facts->memory.total = 900 * MIB;
    facts->memory.available = 700 * MIB;
    facts->known_us[VSF_QGA_PART_MEMORY] = NOW_US - age_s * G_USEC_PER_SEC;
    facts->state[VSF_QGA_PART_MEMORY] = VSF_QGA_STATE_KNOWN;
}

/* Both may be asked, every 20 s and 60 s. */
static VsfTruthTerms
terms_of(gint64 known_for_s)
{
    return (VsfTruthTerms){
        .now_us = NOW_US,
        .now_s = NOW_S,
        .known_for_s = known_for_s,
        .agent_possible = TRUE,
        .agent_period_s = 60,
        .balloon_period_s = 20,
        .decide = TRUE,
    };
}

static void
assert_truth(VsfTruth truth, guint64 value, VsfSource source, gint64 age_s, VsfWhy why)
{
    g_assert_cmpuint(truth.value, ==, value);
    g_assert_cmpint(truth.source, ==, source);
    g_assert_cmpint(truth.age_s, ==, age_s);
    g_assert_cmpstr(vsf_why_name(truth.why), ==, vsf_why_name(why));
}

static void
test_names_are_words_and_lead_back(void)
{
    for (guint i = 0; i < VSF_N_SOURCES; i++) {
        VsfSource source = VSF_N_SOURCES;
        const char *name = vsf_source_name((VsfSource)i);

        g_assert_cmpint(name == NULL, ==, i == VSF_SOURCE_UNDECIDED);
        g_assert_cmpint(vsf_source_of_name(name, &source), ==, name != NULL);
        g_assert_cmpint(source, ==, name != NULL ? (int)i : VSF_N_SOURCES);
    }
    g_assert_false(vsf_source_of_name("Host", &(VsfSource){0}));
    g_assert_false(vsf_source_of_name("", &(VsfSource){0}));
    for (guint i = 0; i < VSF_N_WHYS; i++)
        for (guint other = 0; other < i; other++)
            g_assert_cmpstr(vsf_why_name((VsfWhy)i), !=, vsf_why_name((VsfWhy)other));
}

static void
test_used_is_what_no_process_could_have(void)
{
    static const struct {
        guint64 available, usable, unused, disk_caches, want;
    } cases[] = {
        {1000, 700, 500, 250, 300},
        /* Older guests: free memory and caches are spare. */
        {1000, VSF_UNKNOWN, 500, 250, 250},
        {1000, VSF_UNKNOWN, 500, VSF_UNKNOWN, VSF_UNKNOWN},
        {1000, VSF_UNKNOWN, VSF_UNKNOWN, 250, VSF_UNKNOWN},
        {VSF_UNKNOWN, 700, 500, 250, VSF_UNKNOWN},
        /* Lies. */
        {1000, 5000, 500, 250, 0},
        {1000, VSF_UNKNOWN, G_MAXUINT64 - 1, 250, 0},
        {1000, VSF_UNKNOWN, 900, G_MAXUINT64 - 1, 0},
        {0, 0, 0, 0, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {.memory = VSF_SOURCE_BALLOON};
        VsfTruthTerms terms = terms_of(1);
        VsfBalloon balloon = balloon_of_age(3);

        balloon.available = cases[i].available;
        balloon.usable = cases[i].usable;
        balloon.unused = cases[i].unused;
        balloon.disk_caches = cases[i].disk_caches;
        assert_truth(vsf_truth_memory(&choice, &terms, &balloon, NULL), cases[i].want,
                     VSF_SOURCE_BALLOON, 3,
                     cases[i].want == VSF_UNKNOWN ? VSF_WHY_INCOMPLETE : VSF_WHY_OK);
    }
}

static void
test_a_balloon_that_is_not_fresh_is_unknown_and_never_the_size(void)
{
    static const struct {
        guint64 last_update_s;
        guint period_s;
        gint64 age_s;
        VsfWhy why;
    } cases[] = {
        {NOW_S, 5, 0, VSF_WHY_OK},
        {NOW_S - 60, 5, 60, VSF_WHY_OK},
        {NOW_S - 61, 5, 61, VSF_WHY_STALE},
        {NOW_S - 61, 30, 61, VSF_WHY_OK}, /* three long periods */
        {NOW_S - 90, 30, 90, VSF_WHY_OK},
        {NOW_S - 91, 30, 91, VSF_WHY_STALE},
        {NOW_S - 60, 0, 60, VSF_WHY_OK}, /* it stopped to collect just now */
        {NOW_S - 61, 0, 61, VSF_WHY_STALE},
        /* The wall clock was set back. */
        {NOW_S + 60, 5, 0, VSF_WHY_OK},
        {NOW_S + 61, 5, -1, VSF_WHY_STALE},
        {G_MAXINT64, 5, -1, VSF_WHY_STALE},
        {G_MAXUINT64 - 1, 5, -1, VSF_WHY_STALE},
        {0, 5, -1, VSF_WHY_NO_DRIVER},
        {VSF_UNKNOWN, 5, -1, VSF_WHY_NO_STATISTICS},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {.memory = VSF_SOURCE_BALLOON};
        VsfTruthTerms terms = terms_of(100000);
        VsfBalloon balloon = balloon_of_age(0);

        terms.balloon_period_s = cases[i].period_s;
        balloon.last_update_s = cases[i].last_update_s;
        assert_truth(vsf_truth_memory(&choice, &terms, &balloon, NULL),
                     cases[i].why == VSF_WHY_OK ? BALLOON_USED : VSF_UNKNOWN, VSF_SOURCE_BALLOON,
                     cases[i].age_s, cases[i].why);
        g_assert_cmpint(choice.memory, ==, VSF_SOURCE_BALLOON);
    }
}

static void
test_the_agents_value_lasts_as_long_as_it_is_fresh(void)
{
    static const struct {
        gint64 age_s;
        guint period_s;
        gboolean possible;
        VsfQgaState state;
        VsfWhy why;
    } cases[] = {
        {0, 60, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_OK},
        {180, 60, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_OK},
        {181, 60, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_STALE},
        {60, 10, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_OK},
        {61, 10, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_STALE},
        {-5, 10, TRUE, VSF_QGA_STATE_KNOWN, VSF_WHY_OK}, /* told by another thread just now */
        /* What came after it does not matter while it is fresh, and is the reason then. */
        {180, 60, TRUE, VSF_QGA_STATE_FROZEN, VSF_WHY_OK},
        {180, 60, FALSE, VSF_QGA_STATE_NO_REPLY, VSF_WHY_OK},
        {181, 60, TRUE, VSF_QGA_STATE_NOT_FOUND, VSF_WHY_NOT_FOUND},
        {181, 60, TRUE, VSF_QGA_STATE_DISABLED, VSF_WHY_DISABLED},
        {181, 60, TRUE, VSF_QGA_STATE_FROZEN, VSF_WHY_FROZEN},
        {181, 60, TRUE, VSF_QGA_STATE_FAILED, VSF_WHY_FAILED},
        {181, 60, TRUE, VSF_QGA_STATE_MALFORMED, VSF_WHY_MALFORMED},
        {181, 60, TRUE, VSF_QGA_STATE_NO_REPLY, VSF_WHY_NO_REPLY},
        {181, 60, TRUE, VSF_QGA_STATE_NO_TIME, VSF_WHY_NO_REPLY},
        {181, 60, FALSE, VSF_QGA_STATE_KNOWN, VSF_WHY_AGENT_OFF},
        {181, 60, FALSE, VSF_QGA_STATE_FROZEN, VSF_WHY_AGENT_OFF},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {.memory = VSF_SOURCE_AGENT};
        VsfTruthTerms terms = terms_of(100000);
        VsfBalloon balloon = balloon_of_age(0);
        g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

        terms.agent_period_s = cases[i].period_s;
        terms.agent_possible = cases[i].possible;
        tell_memory(facts, cases[i].age_s);
        facts->state[VSF_QGA_PART_MEMORY] = cases[i].state;
        assert_truth(vsf_truth_memory(&choice, &terms, &balloon, facts),
                     cases[i].why == VSF_WHY_OK ? AGENT_USED : VSF_UNKNOWN, VSF_SOURCE_AGENT,
                     MAX(cases[i].age_s, 0), cases[i].why);
    }
}

static void
test_an_agent_that_never_told_it_says_why(void)
{
    static const struct {
        VsfQgaState state;
        gboolean possible;
        VsfWhy why;
    } cases[] = {
        {VSF_QGA_STATE_NOT_ASKED, TRUE, VSF_WHY_WAITING}, /* the daemon was started anew */
        {VSF_QGA_STATE_NOT_ASKED, FALSE, VSF_WHY_AGENT_OFF},
        {VSF_QGA_STATE_DISABLED, TRUE, VSF_WHY_DISABLED},
        {VSF_QGA_STATE_NO_REPLY, TRUE, VSF_WHY_NO_REPLY},
        {VSF_QGA_STATE_NO_REPLY, FALSE, VSF_WHY_AGENT_OFF},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {.memory = VSF_SOURCE_AGENT};
        VsfTruthTerms terms = terms_of(100000);
        g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

        terms.agent_possible = cases[i].possible;
        facts->state[VSF_QGA_PART_MEMORY] = cases[i].state;
        assert_truth(vsf_truth_memory(&choice, &terms, NULL, facts), VSF_UNKNOWN, VSF_SOURCE_AGENT,
                     -1, cases[i].why);
        if (cases[i].state == VSF_QGA_STATE_NOT_ASKED)
            assert_truth(vsf_truth_memory(&choice, &terms, NULL, NULL), VSF_UNKNOWN,
                         VSF_SOURCE_AGENT, -1, cases[i].why);
    }
}

static void
test_an_agent_that_tells_a_part_is_incomplete(void)
{
    VsfGuestChoice choice = {.memory = VSF_SOURCE_AGENT};
    VsfTruthTerms terms = terms_of(1);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    tell_memory(facts, 4);
    facts->memory.available = VSF_QGA_UNKNOWN; /* a kernel before 3.14 */
    assert_truth(vsf_truth_memory(&choice, &terms, NULL, facts), VSF_UNKNOWN, VSF_SOURCE_AGENT, 4,
                 VSF_WHY_INCOMPLETE);
    facts->memory.available = facts->memory.total + 1; /* a lie */
    assert_truth(vsf_truth_memory(&choice, &terms, NULL, facts), 0, VSF_SOURCE_AGENT, 4,
                 VSF_WHY_OK);
}

static void
test_the_hosts_number_is_the_balloons_size(void)
{
    VsfGuestChoice choice = {.memory = VSF_SOURCE_HOST};
    VsfTruthTerms terms = terms_of(1);
    VsfBalloon balloon = balloon_of_age(0);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    tell_memory(facts, 0);
    assert_truth(vsf_truth_memory(&choice, &terms, &balloon, facts), HOST_SIZE, VSF_SOURCE_HOST, 0,
                 VSF_WHY_OK);
    assert_truth(vsf_truth_memory(&choice, &terms, NULL, facts), VSF_UNKNOWN, VSF_SOURCE_HOST, -1,
                 VSF_WHY_NO_STATISTICS);
    balloon.current = VSF_UNKNOWN;
    assert_truth(vsf_truth_memory(&choice, &terms, &balloon, facts), VSF_UNKNOWN, VSF_SOURCE_HOST,
                 -1, VSF_WHY_NO_STATISTICS);
}

static void
test_a_chosen_balloon_is_unknown_while_libvirt_tells_nothing(void)
{
    VsfGuestChoice choice = {.memory = VSF_SOURCE_BALLOON};
    VsfTruthTerms terms = terms_of(100000);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    tell_memory(facts, 0);
    assert_truth(vsf_truth_memory(&choice, &terms, NULL, facts), VSF_UNKNOWN, VSF_SOURCE_BALLOON,
                 -1, VSF_WHY_NO_STATISTICS);
}

enum { NONE, SILENT, FRESH, STALE };

/* What the first poll at @known_for_s chooses. */
static void
test_the_choice_of_a_source(void)
{
    static const struct {
        gint64 known_for_s;
        guint balloon_period_s;
        int balloon;
        gboolean possible;
        int agent; /* SILENT: asked, without an answer */
        VsfQgaState state;
        VsfSource want;
    } cases[] = {
        /* The balloon is preferred, also to an agent that answers. */
        {0, 20, FRESH, FALSE, NONE, 0, VSF_SOURCE_BALLOON},
        {0, 20, FRESH, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_BALLOON},
        {5000, 20, FRESH, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_BALLOON},
        /* Where it collects, it has a minute. */
        {0, 20, SILENT, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_UNDECIDED},
        {59, 20, SILENT, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_UNDECIDED},
        {60, 20, SILENT, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {60, 20, NONE, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {60, 20, STALE, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {5000, 20, SILENT, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        /* Where it does not, the agent's first answer is taken. */
        {0, 0, SILENT, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {0, 0, FRESH, TRUE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_AGENT},
        {0, 0, SILENT, TRUE, FRESH, VSF_QGA_STATE_FROZEN, VSF_SOURCE_AGENT},
        /* Its sample from the start of the driver is none. */
        {0, 0, FRESH, FALSE, NONE, 0, VSF_SOURCE_HOST},
        /* Either may still answer, for a while. */
        {0, 20, SILENT, FALSE, NONE, 0, VSF_SOURCE_UNDECIDED},
        {299, 20, SILENT, FALSE, NONE, 0, VSF_SOURCE_UNDECIDED},
        {300, 20, SILENT, FALSE, NONE, 0, VSF_SOURCE_HOST},
        {299, 20, STALE, FALSE, NONE, 0, VSF_SOURCE_UNDECIDED},
        {300, 20, STALE, FALSE, NONE, 0, VSF_SOURCE_HOST},
        {0, 0, SILENT, TRUE, NONE, 0, VSF_SOURCE_UNDECIDED},
        {299, 0, SILENT, TRUE, SILENT, VSF_QGA_STATE_NO_REPLY, VSF_SOURCE_UNDECIDED},
        {300, 0, SILENT, TRUE, SILENT, VSF_QGA_STATE_NO_REPLY, VSF_SOURCE_HOST},
        {299, 0, SILENT, TRUE, SILENT, VSF_QGA_STATE_FAILED, VSF_SOURCE_UNDECIDED},
        {299, 0, SILENT, TRUE, SILENT, VSF_QGA_STATE_FROZEN, VSF_SOURCE_UNDECIDED},
        {299, 0, SILENT, TRUE, STALE, VSF_QGA_STATE_KNOWN, VSF_SOURCE_UNDECIDED},
        {300, 0, NONE, TRUE, SILENT, VSF_QGA_STATE_NO_REPLY, VSF_SOURCE_HOST},
        /* libvirt is silent, not the balloon. */
        {300, 20, NONE, FALSE, NONE, 0, VSF_SOURCE_UNDECIDED},
        {300, 20, NONE, TRUE, SILENT, VSF_QGA_STATE_NO_REPLY, VSF_SOURCE_UNDECIDED},
        /* Neither can: at once. */
        {0, 0, SILENT, FALSE, NONE, 0, VSF_SOURCE_HOST},
        {0, 0, NONE, FALSE, NONE, 0, VSF_SOURCE_HOST},
        {0, 0, SILENT, TRUE, SILENT, VSF_QGA_STATE_DISABLED, VSF_SOURCE_HOST},
        {0, 0, SILENT, TRUE, SILENT, VSF_QGA_STATE_NOT_FOUND, VSF_SOURCE_HOST},
        {0, 0, SILENT, FALSE, FRESH, VSF_QGA_STATE_KNOWN, VSF_SOURCE_HOST},
        /* What the guest forbids to its agent says nothing of the balloon. */
        {0, 20, SILENT, TRUE, SILENT, VSF_QGA_STATE_DISABLED, VSF_SOURCE_UNDECIDED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfGuestChoice choice = {0}, late = {0};
        VsfTruthTerms terms = terms_of(cases[i].known_for_s);
        VsfBalloon balloon = cases[i].balloon == SILENT
                                 ? silent_balloon()
                                 : balloon_of_age(cases[i].balloon == STALE ? 500 : 0);
        const VsfBalloon *told = cases[i].balloon == NONE ? NULL : &balloon;
        g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();
        VsfTruth truth;

        terms.balloon_period_s = cases[i].balloon_period_s;
        terms.agent_possible = cases[i].possible;
        if (cases[i].agent == FRESH || cases[i].agent == STALE)
            tell_memory(facts, cases[i].agent == STALE ? 500 : 0);
        facts->state[VSF_QGA_PART_MEMORY] = cases[i].state;
        truth = vsf_truth_memory(&choice, &terms, told, cases[i].agent == NONE ? NULL : facts);
        g_test_message("case %u", i);
        g_assert_cmpint(choice.memory, ==, cases[i].want);
        g_assert_cmpint(truth.source, ==, cases[i].want);
        g_assert_cmpint(choice.disk, ==, VSF_SOURCE_UNDECIDED);
        if (cases[i].want == VSF_SOURCE_UNDECIDED)
            assert_truth(truth, VSF_UNKNOWN, VSF_SOURCE_UNDECIDED, -1,
                         cases[i].known_for_s >= 300 ? VSF_WHY_NO_STATISTICS : VSF_WHY_WAITING);
        /* Which run it is is not known: nothing is chosen, whatever is told. */
        terms.decide = FALSE;
        assert_truth(vsf_truth_memory(&late, &terms, told, facts), VSF_UNKNOWN,
                     VSF_SOURCE_UNDECIDED, -1, VSF_WHY_WAITING);
        g_assert_cmpint(late.memory, ==, VSF_SOURCE_UNDECIDED);
    }
}

static void
test_silence_is_unknown_for_300_s_then_the_size_for_good(void)
{
    VsfGuestChoice choice = {0};
    VsfBalloon silent = silent_balloon(), late = balloon_of_age(0);
    g_autoptr(VsfGuestFacts) facts = vsf_guest_facts_new();

    for (gint64 age_s = 0; age_s < 300; age_s += 20) {
        VsfTruthTerms terms = terms_of(age_s);

        assert_truth(vsf_truth_memory(&choice, &terms, &silent, facts), VSF_UNKNOWN,
                     VSF_SOURCE_UNDECIDED, -1, VSF_WHY_WAITING);
    }
    tell_memory(facts, 0);
    for (gint64 age_s = 300; age_s < 1000; age_s += 20) {
        VsfTruthTerms terms = terms_of(age_s);

        assert_truth(vsf_truth_memory(&choice, &terms, age_s == 300 ? &silent : &late,
                                      age_s == 300 ? NULL : facts),
                     HOST_SIZE, VSF_SOURCE_HOST, 0, VSF_WHY_OK);
    }
}

#define ADD(name, func) g_test_add_func("/model/guest-truth/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("names-are-words-and-lead-back", test_names_are_words_and_lead_back);
    ADD("used-is-what-no-process-could-have", test_used_is_what_no_process_could_have);
    ADD("a-balloon-that-is-not-fresh-is-unknown-and-never-the-size",
        test_a_balloon_that_is_not_fresh_is_unknown_and_never_the_size);
    ADD("the-agents-value-lasts-as-long-as-it-is-fresh",
        test_the_agents_value_lasts_as_long_as_it_is_fresh);
    ADD("an-agent-that-never-told-it-says-why", test_an_agent_that_never_told_it_says_why);
    ADD("an-agent-that-tells-a-part-is-incomplete", test_an_agent_that_tells_a_part_is_incomplete);
    ADD("the-hosts-number-is-the-balloons-size", test_the_hosts_number_is_the_balloons_size);
    ADD("a-chosen-balloon-is-unknown-while-libvirt-tells-nothing",
        test_a_chosen_balloon_is_unknown_while_libvirt_tells_nothing);
    ADD("the-choice-of-a-source", test_the_choice_of_a_source);
    ADD("silence-is-unknown-for-300-s-then-the-size-for-good",
        test_silence_is_unknown_for_300_s_then_the_size_for_good);
    return g_test_run();
}
