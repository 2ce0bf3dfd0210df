/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs of domains in which anything happens in any order: whatever does, a field
 * shows one source's values and no other's. The numbers of the three sources never
 * meet, so that a value tells where it is from. The seed is g_test's (--seed). */
#include "../../daemon/model/guest-truth.h"

#define N_RUNS 3000
#define N_POLLS 60

#define BALLOON_AT 1000
#define AGENT_AT 2000
#define HOST_AT 3000
#define RANGE 1000

typedef struct {
    VsfGuestChoice choice;
    VsfTruthTerms terms;
    VsfBalloon balloon;
    gboolean told_balloon, told_blocks;
    guint64 host;
    VsfGuestFacts *facts;
    gboolean asked;
} Run;

static guint64
number_at(guint at)
{
    return at + (guint)g_test_rand_int_range(0, RANGE);
}

static VsfSource
source_of(guint64 value)
{
    g_assert_cmpuint(value, >=, BALLOON_AT);
    g_assert_cmpuint(value, <, HOST_AT + RANGE);
    if (value < AGENT_AT)
        return VSF_SOURCE_BALLOON;
    return value < HOST_AT ? VSF_SOURCE_AGENT : VSF_SOURCE_HOST;
}

static gboolean
one_in(int n)
{
    return g_test_rand_int_range(0, n) == 0;
}

static void
change_balloon(Run *run)
{
    guint64 used = number_at(BALLOON_AT);

    run->balloon.current = one_in(10) ? VSF_UNKNOWN : number_at(HOST_AT);
    run->balloon.available = one_in(10) ? VSF_UNKNOWN : 100000;
    run->balloon.usable = one_in(4) ? VSF_UNKNOWN : 100000 - used;
    run->balloon.unused = one_in(4) ? VSF_UNKNOWN : 50000 - used;
    run->balloon.disk_caches = one_in(4) ? VSF_UNKNOWN : 50000;
    run->balloon.last_update_s =
        one_in(4) ? 0 : (guint64)(run->terms.now_s - g_test_rand_int_range(-100, 200));
}

static void
change_facts(Run *run, VsfQgaPart part)
{
    VsfQgaState state = (VsfQgaState)g_test_rand_int_range(1, VSF_QGA_STATE_NO_TIME + 1);

    if (one_in(2))
        state = VSF_QGA_STATE_KNOWN;
    run->asked = TRUE;
    run->facts->state[part] = state;
    if (state != VSF_QGA_STATE_KNOWN)
        return;
    run->facts->known_us[part] = run->terms.now_us;
    if (part == VSF_QGA_PART_MEMORY) {
        run->facts->memory.total = 100000;
        run->facts->memory.available = one_in(5) ? VSF_UNKNOWN : 100000 - number_at(AGENT_AT);
    } else {
        run->facts->available = one_in(5) ? VSF_UNKNOWN : number_at(AGENT_AT);
    }
}

static void
something_happens(Run *run)
{
    switch (g_test_rand_int_range(0, 12)) {
    case 0:
        run->terms.agent_possible = !run->terms.agent_possible;
        break;
    case 1:
        run->terms.balloon_period_s = one_in(2) ? 0 : 10;
        break;
    case 2: /* the wall clock is set */
        run->terms.now_s += g_test_rand_int_range(-500, 500);
        break;
    case 3:
        run->terms.decide = !one_in(3);
        break;
    case 4: /* the daemon is started anew: the choice is all it keeps */
        vsf_guest_facts_free(run->facts);
        run->facts = vsf_guest_facts_new();
        run->asked = FALSE;
        run->terms.known_for_s = 0;
        break;
    case 5:
    case 6:
        change_facts(run, VSF_QGA_PART_MEMORY);
        break;
    case 7:
    case 8:
        change_facts(run, VSF_QGA_PART_FILESYSTEMS);
        break;
    default:
        change_balloon(run);
        run->host = one_in(4) ? VSF_UNKNOWN : number_at(HOST_AT);
        break;
    }
    run->told_balloon = !one_in(6);
    run->told_blocks = !one_in(6);
}

static void
time_passes(Run *run)
{
    gint64 step_s = g_test_rand_int_range(0, one_in(8) ? 200 : 25);

    run->terms.now_us += step_s * G_USEC_PER_SEC;
    run->terms.now_s += step_s;
    run->terms.known_for_s += step_s;
}

/* *@chosen: the field's source before, and after. */
static void
check(const VsfTruth *truth, VsfSource choice, gboolean decide, VsfSource *chosen)
{
    if (*chosen != VSF_SOURCE_UNDECIDED || !decide)
        g_assert_cmpint(choice, ==, *chosen);
    *chosen = choice;
    g_assert_cmpint(truth->source, ==, choice);
    g_assert_cmpint(truth->why == VSF_WHY_OK, ==, truth->value != VSF_UNKNOWN);
    g_assert_cmpint(truth->age_s, >=, -1);
    if (truth->value != VSF_UNKNOWN) {
        g_assert_cmpint(source_of(truth->value), ==, choice);
        g_assert_cmpint(truth->age_s, >=, 0);
        g_assert_cmpint(truth->age_s, <=, 180);
    }
}

static void
play(Run *run, guint seen[VSF_N_SOURCES])
{
    VsfSource memory = VSF_SOURCE_UNDECIDED, disk = VSF_SOURCE_UNDECIDED;

    change_balloon(run);
    for (guint poll = 0; poll < N_POLLS; poll++) {
        VsfTruth truth;

        something_happens(run);
        time_passes(run);
        truth = vsf_truth_memory(&run->choice, &run->terms,
                                 run->told_balloon ? &run->balloon : NULL,
                                 run->asked ? run->facts : NULL);
        check(&truth, run->choice.memory, run->terms.decide, &memory);
        truth = vsf_truth_available(&run->choice, &run->terms, run->host, run->told_blocks,
                                    run->asked ? run->facts : NULL);
        check(&truth, run->choice.disk, run->terms.decide, &disk);
        g_assert_cmpint(disk, !=, VSF_SOURCE_BALLOON);
    }
    seen[memory]++;
    seen[disk]++;
}

static void
test_a_field_never_shows_two_sources(void)
{
    guint seen[VSF_N_SOURCES] = {0};

    for (guint i = 0; i < N_RUNS; i++) {
        Run run = {
            .terms = {.now_us = G_USEC_PER_SEC,
                      .now_s = 1700000000,
                      .agent_possible = one_in(2),
                      .agent_period_s = 60,
                      .balloon_period_s = one_in(2) ? 0 : 10,
                      .decide = !one_in(4)},
            .host = VSF_UNKNOWN,
            .facts = vsf_guest_facts_new(),
        };

        play(&run, seen);
        vsf_guest_facts_free(run.facts);
    }
    /* The runs went everywhere. */
    for (guint i = VSF_SOURCE_BALLOON; i < VSF_N_SOURCES; i++)
        g_assert_cmpuint(seen[i], >, N_RUNS / 20);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/guest-truth/random/a-field-never-shows-two-sources",
                    test_a_field_never_shows_two_sources);
    return g_test_run();
}
