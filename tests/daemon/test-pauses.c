/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may pause what, for how long. The samplers and the guests are flags here. */
#include "../../daemon/pauses.h"
#include "fake-poll.h"

#include <unistd.h>

static gboolean sampling, agents;
static guint n_told;

void
vsf_flows_pause(VsfFlows *flows G_GNUC_UNUSED, gboolean paused)
{
    sampling = !paused;
    n_told++;
}

void
vsf_guests_pause(VsfGuests *guests G_GNUC_UNUSED, gboolean paused)
{
    agents = !paused;
    n_told++;
}

typedef struct {
    VsfPauses *pauses;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_poll_reset();
    sampling = agents = TRUE;
    n_told = 0;
    fixture->pauses = vsf_pauses_new(NULL, NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_pauses_free(fixture->pauses);
}

static VsfRequest
request_for(const char *word, const char *what, guint for_s)
{
    return (VsfRequest){.word = (char *)word, .what = (char *)what, .for_s = for_s};
}

/* By root; the answer as text. */
static char *
ask(Fixture *fixture, const char *word, const char *what, guint for_s)
{
    VsfRequest request = request_for(word, what, for_s);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) answer = NULL;

    g_assert_true(vsf_pauses_is_request(&request));
    answer = vsf_pauses_answer(fixture->pauses, &request, &error);
    g_assert_no_error(error);
    return json_to_string(answer, FALSE);
}

static void
tell(Fixture *fixture, const char *word, const char *what, guint for_s)
{
    g_free(ask(fixture, word, what, for_s));
}

static void
test_each_is_paused_alone_or_with_the_other(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const struct {
        const char *word, *what;
        gboolean sampling, agents;
    } steps[] = {
        {"pause", "sampling", FALSE, TRUE},  {"pause", "agents", FALSE, FALSE},
        {"resume", "sampling", TRUE, FALSE}, {"pause", "all", FALSE, FALSE},
        {"resume", "agents", FALSE, TRUE},   {"resume", NULL, TRUE, TRUE},
        {"resume", "all", TRUE, TRUE},       {"pause", "all", FALSE, FALSE},
        {"resume", "all", TRUE, TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        tell(fixture, steps[i].word, steps[i].what, 0);
        g_assert_cmpint(sampling, ==, steps[i].sampling);
        g_assert_cmpint(agents, ==, steps[i].agents);
        g_assert_cmpint(vsf_pauses_is_on(fixture->pauses, VSF_PAUSE_SAMPLING), ==, !sampling);
        g_assert_cmpint(vsf_pauses_is_on(fixture->pauses, VSF_PAUSE_AGENTS), ==, !agents);
    }
    /* Nobody hears what is no news. */
    g_assert_cmpuint(n_told, ==, 10);
}

static void
test_a_pause_with_a_time_ends_by_itself(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    tell(fixture, "pause", "sampling", 90);
    tell(fixture, "pause", "agents", 0);
    fake_time_advance(89000);
    g_assert_false(sampling);
    fake_time_advance(1000);
    g_assert_true(sampling);
    fake_time_advance(VSF_PAUSE_MAX_S * 1000LL);
    g_assert_false(agents);
}

static void
test_the_last_word_counts(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    tell(fixture, "pause", "all", 60);
    tell(fixture, "pause", "sampling", 600);
    tell(fixture, "pause", "agents", 0);
    fake_time_advance(61000);
    g_assert_false(sampling);
    g_assert_false(agents);
    tell(fixture, "pause", "agents", 10);
    fake_time_advance(10000);
    g_assert_true(agents);
    g_assert_false(sampling);
    tell(fixture, "resume", NULL, 0);
    g_assert_true(sampling);
    /* The end that was set for it does not come any more. */
    fake_time_advance(3600000);
    g_assert_cmpuint(n_told, ==, 4);
}

static void
test_the_answer_says_who_and_how_long(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *first = ask(fixture, "pause", "sampling", 90);
    g_autofree char *second = NULL, *none = NULL;

    g_assert_cmpstr(first, ==,
                    "{\"paused\":{\"sampling\":{\"by_uid\":0,\"since_s\":0.0,\"left_s\":90.0},"
                    "\"agents\":null}}");
    fake_time_advance(30500);
    second = ask(fixture, "pause", "agents", 0);
    g_assert_cmpstr(second, ==,
                    "{\"paused\":{\"sampling\":{\"by_uid\":0,\"since_s\":30.5,\"left_s\":59.5},"
                    "\"agents\":{\"by_uid\":0,\"since_s\":0.0,\"left_s\":null}}}");
    none = ask(fixture, "resume", NULL, 0);
    g_assert_cmpstr(none, ==, "{\"paused\":{\"sampling\":null,\"agents\":null}}");
}

static void
test_nobody_else_may(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const requests[] = {"pause", "resume"};

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        for (guint nobody = 0; nobody < 2; nobody++) {
            VsfRequest request = request_for(requests[i], "all", 0);
            g_autoptr(GError) error = NULL;

            request.uid = nobody ? G_MAXUINT : geteuid() + 1;
            g_assert_null(vsf_pauses_answer(fixture->pauses, &request, &error));
            g_assert_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
            g_assert_true(g_str_has_prefix(error->message, "only root may "));
        }
    }
    g_assert_cmpuint(n_told, ==, 0);
}

static void
test_what_makes_no_sense_is_refused(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const struct {
        const char *word, *what;
        guint for_s;
        const char *why;
    } cases[] = {
        {"pause", NULL, 0, "pause what? sampling, agents or all"},
        {"pause", "", 0, "pause what? sampling, agents or all"},
        {"pause", "counters", 0, "pause what? sampling, agents or all"},
        {"resume", "everything", 0, "resume what? sampling, agents or all"},
        {"pause", "all", VSF_PAUSE_MAX_S + 1, "a pause lasts 7 days at most"},
        {"pause", "all", G_MAXINT, "a pause lasts 7 days at most"},
        {"resume", "all", 1, "resume takes no \"for_s\""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfRequest request = request_for(cases[i].word, cases[i].what, cases[i].for_s);
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_pauses_answer(fixture->pauses, &request, &error));
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_str_has_prefix(error->message, cases[i].why));
    }
    g_assert_cmpuint(n_told, ==, 0);
}

static void
test_a_daemon_that_starts_says_so(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    VsfRequest request = request_for("pause", "all", 0), other = request_for("status", NULL, 0);
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_pauses_answer(NULL, &request, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_BUSY);
    g_assert_false(vsf_pauses_is_request(&other));
}

#define ADD(name, func) g_test_add("/pauses/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("each-is-paused-alone-or-with-the-other", test_each_is_paused_alone_or_with_the_other);
    ADD("a-pause-with-a-time-ends-by-itself", test_a_pause_with_a_time_ends_by_itself);
    ADD("the-last-word-counts", test_the_last_word_counts);
    ADD("the-answer-says-who-and-how-long", test_the_answer_says_who_and_how_long);
    ADD("nobody-else-may", test_nobody_else_may);
    ADD("what-makes-no-sense-is-refused", test_what_makes_no_sense_is_refused);
    ADD("a-daemon-that-starts-says-so", test_a_daemon_that_starts_says_so);
    return g_test_run();
}
