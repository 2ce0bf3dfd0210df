/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager and the timers are the test's. */
#include "../../daemon/base/notify.h"
#include "../../daemon/service.h"
#include "fake-timer.h"

#define WATCHDOG_US (4 * G_USEC_PER_SEC)

static gboolean taken;     /* what the manager does with a word */
static GString *heard;     /* since the last look of the test */
static VsfServiceLook now; /* how the daemon fares */

gboolean
vsf_notify_send(const char *address, const char *state)
{
    if (address == NULL || !taken)
        return FALSE;
    g_string_append_printf(heard, "%s;", state);
    return TRUE;
}

static void
look(VsfServiceLook *result, gpointer user_data G_GNUC_UNUSED)
{
    *result = now;
}

static void
set_up(VsfService **service, gconstpointer watchdog_us)
{
    taken = TRUE;
    heard = g_string_new(NULL);
    now = (VsfServiceLook){.status = "starting"};
    *service = vsf_service_new("/run/notify", GPOINTER_TO_INT(watchdog_us), look, NULL);
}

static void
tear_down(VsfService **service, gconstpointer data G_GNUC_UNUSED)
{
    g_clear_pointer(service, vsf_service_free);
    g_assert_false(fake_timer_is_set());
    g_string_free(heard, TRUE);
}

static void
assert_beat(const char *expected)
{
    g_string_truncate(heard, 0);
    fake_timer_fire();
    g_assert_cmpstr(heard->str, ==, expected);
}

static void
get_ready(void)
{
    now.up = TRUE;
    g_strlcpy(now.status, "3 VMs", sizeof(now.status));
    assert_beat("READY=1\nWATCHDOG=1\nSTATUS=3 VMs;");
}

static void
test_ready_is_told_once(VsfService **service G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpstr(heard->str, ==, "WATCHDOG=1\nSTATUS=starting;");
    g_assert_cmpuint(fake_timer_ms, <=, 100);
    assert_beat("WATCHDOG=1;");
    get_ready();
    assert_beat("WATCHDOG=1;");
}

static void
test_beats_come_twice_per_watchdog(VsfService **service G_GNUC_UNUSED,
                                   gconstpointer data G_GNUC_UNUSED)
{
    get_ready();
    g_assert_cmpuint(fake_timer_ms, ==, WATCHDOG_US / 2000);
    assert_beat("WATCHDOG=1;");
    g_assert_cmpuint(fake_timer_ms, ==, WATCHDOG_US / 2000);
}

static void
test_turns_that_stand_still_silence_the_watchdog(VsfService **service G_GNUC_UNUSED,
                                                 gconstpointer data G_GNUC_UNUSED)
{
    get_ready();
    now.turns = 10;
    now.due = TRUE;
    assert_beat("WATCHDOG=1;"); /* the loop was stopped, for one: turns follow */
    now.turns = 11;
    assert_beat("WATCHDOG=1;");
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*no turn is taken*watchdog*");
    assert_beat("");
    assert_beat("");
    g_test_assert_expected_messages();
    now.turns = 12;
    assert_beat("WATCHDOG=1;");
}

static void
test_no_turn_due_is_no_stall(VsfService **service G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    get_ready();
    for (guint i = 0; i < 5; i++)
        assert_beat("WATCHDOG=1;"); /* counters are off, or the interval is long */
}

static void
test_what_was_not_taken_is_told_again(VsfService **service G_GNUC_UNUSED,
                                      gconstpointer data G_GNUC_UNUSED)
{
    now.up = TRUE;
    g_strlcpy(now.status, "3 VMs", sizeof(now.status));
    taken = FALSE;
    assert_beat("");
    g_assert_cmpuint(fake_timer_ms, <=, 100);
    taken = TRUE;
    assert_beat("READY=1\nWATCHDOG=1\nSTATUS=3 VMs;");
}

static void
assert_heard(const char *pattern)
{
    g_assert_true(g_pattern_match_simple(pattern, heard->str));
    g_string_truncate(heard, 0);
}

static void
test_a_reload_is_told_with_its_time_and_its_end(VsfService **service,
                                                gconstpointer data G_GNUC_UNUSED)
{
    /* Before it is up READY=1 would say what is not so. */
    g_string_truncate(heard, 0);
    vsf_service_reloading(*service);
    vsf_service_reloaded(*service);
    g_assert_cmpstr(heard->str, ==, "");
    get_ready();
    g_string_truncate(heard, 0);
    vsf_service_reloading(*service);
    assert_heard("RELOADING=1\nMONOTONIC_USEC=?*;");
    /* It goes on for long. */
    assert_beat("WATCHDOG=1;");
    g_assert_cmpuint(fake_timer_ms, ==, WATCHDOG_US / 2000);
    g_string_truncate(heard, 0);
    vsf_service_reloaded(*service);
    assert_heard("READY=1\nWATCHDOG=1;");
    assert_beat("WATCHDOG=1;");
}

static void
test_the_end_of_a_reload_is_told_again_if_it_was_not_taken(VsfService **service,
                                                           gconstpointer data G_GNUC_UNUSED)
{
    get_ready();
    vsf_service_reloading(*service);
    g_string_truncate(heard, 0);
    taken = FALSE;
    vsf_service_reloaded(*service);
    taken = TRUE;
    g_assert_cmpuint(fake_timer_ms, <=, 100);
    assert_beat("READY=1\nWATCHDOG=1;");
    /* And a beginning that was not taken has no end. */
    taken = FALSE;
    vsf_service_reloading(*service);
    taken = TRUE;
    g_string_truncate(heard, 0);
    vsf_service_reloaded(*service);
    g_assert_cmpstr(heard->str, ==, "");
}

static void
test_stop_is_told(VsfService **service, gconstpointer data G_GNUC_UNUSED)
{
    get_ready();
    g_string_truncate(heard, 0);
    g_clear_pointer(service, vsf_service_free);
    g_assert_cmpstr(heard->str, ==, "STOPPING=1\nSTATUS=stopping;");
}

static void
test_without_watchdog_only_changes_are_told(VsfService **service G_GNUC_UNUSED,
                                            gconstpointer data G_GNUC_UNUSED)
{
    now.up = TRUE;
    assert_beat("READY=1;");
    now.due = TRUE;
    assert_beat("");
    assert_beat("");
    g_strlcpy(now.status, "4 VMs", sizeof(now.status));
    assert_beat("STATUS=4 VMs;");
}

static void
test_without_manager_there_is_no_timer(void)
{
    VsfService *service = vsf_service_new(NULL, 0, look, NULL);

    g_assert_false(fake_timer_is_set());
    vsf_service_reloading(service);
    vsf_service_reloaded(service);
    vsf_service_free(service);
    vsf_service_free(NULL);
}

#define ADD(name, watchdog_us, function)                                                    \
    g_test_add("/daemon/service/" name, VsfService *, GINT_TO_POINTER(watchdog_us), set_up, \
               function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("ready-is-told-once", WATCHDOG_US, test_ready_is_told_once);
    ADD("beats-come-twice-per-watchdog", WATCHDOG_US, test_beats_come_twice_per_watchdog);
    ADD("turns-that-stand-still-silence-the-watchdog", WATCHDOG_US,
        test_turns_that_stand_still_silence_the_watchdog);
    ADD("no-turn-due-is-no-stall", WATCHDOG_US, test_no_turn_due_is_no_stall);
    ADD("what-was-not-taken-is-told-again", WATCHDOG_US, test_what_was_not_taken_is_told_again);
    ADD("a-reload-is-told-with-its-time-and-its-end", WATCHDOG_US,
        test_a_reload_is_told_with_its_time_and_its_end);
    ADD("the-end-of-a-reload-is-told-again-if-it-was-not-taken", WATCHDOG_US,
        test_the_end_of_a_reload_is_told_again_if_it_was_not_taken);
    ADD("stop-is-told", WATCHDOG_US, test_stop_is_told);
    ADD("without-watchdog-only-changes-are-told", 0, test_without_watchdog_only_changes_are_told);
    g_test_add_func("/daemon/service/without-manager-there-is-no-timer",
                    test_without_manager_there_is_no_timer);
    return g_test_run();
}
