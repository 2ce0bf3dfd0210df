/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the configuration is read again, and what becomes of it. The file system is the test's. */
#include "../../daemon/reload.h"
#include "../base/log-watch.h"

#include <string.h>

typedef struct {
    VsfReload *reload;
    guint began, ended, put;
    guint last_sampling;  /* of what was put in force */
    gboolean refuse;      /* it cannot be put in force */
    gint entered, loaded; /* atomic: so often */
    const char *text;
    GMutex hang; /* held: the file system hangs */
} Fixture;

static VsfConfig *
load(gconstpointer source, GError **error)
{
    Fixture *fixture = (Fixture *)source;
    const char *text = fixture->text;
    VsfConfig *config;

    g_atomic_int_inc(&fixture->entered);
    g_mutex_lock(&fixture->hang);
    config = vsf_config_parse("f.conf", text, strlen(text), error);
    g_mutex_unlock(&fixture->hang);
    g_atomic_int_inc(&fixture->loaded);
    return config;
}

static gboolean
put(VsfConfig *taken, GError **error, gpointer user_data)
{
    g_autoptr(VsfConfig) config = taken;
    Fixture *fixture = user_data;

    if (fixture->refuse) {
        g_set_error_literal(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "no such interface");
        return FALSE;
    }
    fixture->put++;
    fixture->last_sampling = config->sampling;
    return TRUE;
}

static void
began(gpointer user_data)
{
    ((Fixture *)user_data)->began++;
}

static void
ended(gpointer user_data)
{
    ((Fixture *)user_data)->ended++;
}

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfReloadCallbacks callbacks = {load, fixture, put, began, ended};

    memset(fixture, 0, sizeof(*fixture));
    g_mutex_init(&fixture->hang);
    fixture->text = "[sflow]\nsampling = 7\n";
    fixture->reload = vsf_reload_new(&callbacks, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_clear_pointer(&fixture->reload, vsf_reload_free);
    g_mutex_clear(&fixture->hang);
}

static void
wait_ended(Fixture *fixture, guint times)
{
    while (fixture->ended < times)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_a_good_one_is_put_in_force(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const VsfReloadState *state = vsf_reload_state(fixture->reload);

    g_assert_cmpint(state->ended_us, ==, 0);
    vsf_reload_request(fixture->reload);
    wait_ended(fixture, 1);
    g_assert_cmpuint(fixture->last_sampling, ==, 7);
    g_assert_cmpuint(fixture->began, ==, 1);
    g_assert_cmpuint(state->good, ==, 1);
    g_assert_cmpint(state->ended_us, >, 0);
    g_assert_cmpint(state->reading_since_us, ==, 0);
    g_assert_null(state->error);
}

static void
expect_warning(const char *pattern)
{
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, pattern);
}

static void
test_a_bad_one_changes_nothing_and_says_where(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const VsfReloadState *state = vsf_reload_state(fixture->reload);

    fixture->text = "[sflow]\n\nsamplin = 7\n";
    expect_warning("configuration: f.conf:3: [sflow] samplin: unknown key; did you mean sampling?*"
                   "the one before stays in force*");
    vsf_reload_request(fixture->reload);
    wait_ended(fixture, 1);
    g_test_assert_expected_messages();
    g_assert_cmpuint(fixture->put, ==, 0);
    g_assert_cmpuint(state->bad, ==, 1);
    g_assert_true(g_str_has_prefix(state->error, "f.conf:3: [sflow] samplin: "));
    /* The next good one is as good as ever. */
    fixture->text = "[sflow]\nsampling = 9\n";
    vsf_reload_request(fixture->reload);
    wait_ended(fixture, 2);
    g_assert_cmpuint(fixture->last_sampling, ==, 9);
    g_assert_null(state->error);
}

static void
test_what_cannot_be_put_in_force_is_bad(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    LogWatch log;

    fixture->refuse = TRUE;
    log_watch_begin(&log);
    vsf_reload_request(fixture->reload);
    wait_ended(fixture, 1);
    log_watch_end(&log, VSF_EVENT_RELOAD_FAILED,
                  "configuration: no such interface; the one before stays*");
    g_assert_cmpstr(vsf_reload_state(fixture->reload)->error, ==, "no such interface");
    g_assert_cmpuint(vsf_reload_state(fixture->reload)->bad, ==, 1);
}

static void
test_many_requests_at_once_are_one(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    for (guint i = 0; i < 1000; i++)
        vsf_reload_request(fixture->reload);
    wait_ended(fixture, 1);
    g_assert_cmpint(g_atomic_int_get(&fixture->loaded), ==, 1);
    g_assert_cmpuint(fixture->put, ==, 1);
}

/* It may have been read in part before it was changed. */
static void
test_requests_while_it_is_read_are_one_more(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_mutex_lock(&fixture->hang);
    vsf_reload_request(fixture->reload);
    while (fixture->began == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(vsf_reload_state(fixture->reload)->reading_since_us, >, 0);
    for (guint i = 0; i < 1000; i++)
        vsf_reload_request(fixture->reload);
    g_mutex_unlock(&fixture->hang);
    wait_ended(fixture, 2);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpint(g_atomic_int_get(&fixture->loaded), ==, 2);
    g_assert_cmpuint(fixture->began, ==, 2);
}

static void
test_it_may_end_while_the_file_system_hangs(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_mutex_lock(&fixture->hang);
    vsf_reload_request(fixture->reload);
    while (g_atomic_int_get(&fixture->entered) == 0)
        g_main_context_iteration(NULL, FALSE);
    g_clear_pointer(&fixture->reload, vsf_reload_free);
    g_mutex_unlock(&fixture->hang);
    while (g_atomic_int_get(&fixture->loaded) == 0)
        g_main_context_iteration(NULL, FALSE);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(fixture->put, ==, 0);
    g_assert_cmpuint(fixture->ended, ==, 0);
}

#define ADD(name, func) g_test_add("/daemon/reload/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-good-one-is-put-in-force", test_a_good_one_is_put_in_force);
    ADD("a-bad-one-changes-nothing-and-says-where", test_a_bad_one_changes_nothing_and_says_where);
    ADD("what-cannot-be-put-in-force-is-bad", test_what_cannot_be_put_in_force_is_bad);
    ADD("many-requests-at-once-are-one", test_many_requests_at_once_are_one);
    ADD("requests-while-it-is-read-are-one-more", test_requests_while_it_is_read_are_one_more);
    ADD("it-may-end-while-the-file-system-hangs", test_it_may_end_while_the_file_system_hangs);
    return g_test_run();
}
