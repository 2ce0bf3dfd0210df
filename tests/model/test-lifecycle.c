/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/lifecycle.h"
#include "../../daemon/model/registry.h"

/* Event and detail numbers as in libvirt-domain.h. */
static const struct {
    const char *what;
    int event, detail;
    VsfAction action;
    int state;
    int reason; /* virDomainPausedReason and its like */
} cases[] = {
    {"defined", 0, 0, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"undefined", 1, 0, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"booted", 2, 0, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {"migrated in", 2, 1, VSF_ACTION_ARRIVE, VSF_STATE_PAUSED, 2},
    {"restored", 2, 2, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {"from snapshot", 2, 3, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {"suspended", 3, 0, VSF_ACTION_STATE, VSF_STATE_PAUSED},
    {"migrated out", 3, 1, VSF_ACTION_STATE, VSF_STATE_PAUSED, 2},
    {"I/O error", 3, 2, VSF_ACTION_STATE, VSF_STATE_PAUSED, 5},
    {"watchdog", 3, 3, VSF_ACTION_STATE, VSF_STATE_PAUSED, 6},
    {"from a paused state file", 3, 4, VSF_ACTION_STATE, VSF_STATE_PAUSED},
    {"from a paused snapshot", 3, 5, VSF_ACTION_STATE, VSF_STATE_PAUSED, 7},
    {"post-copy", 3, 7, VSF_ACTION_STATE, VSF_STATE_PAUSED, 12},
    {"post-copy failed", 3, 8, VSF_ACTION_STATE, VSF_STATE_PAUSED, 13},
    {"unpaused", 4, 0, VSF_ACTION_STATE, VSF_STATE_RUNNING},
    {"migration finished", 4, 1, VSF_ACTION_STATE, VSF_STATE_RUNNING},
    {"shut down", 5, 0, VSF_ACTION_GONE, VSF_STATE_SHUTOFF},
    {"destroyed", 5, 1, VSF_ACTION_GONE, VSF_STATE_SHUTOFF},
    {"migrated out", 5, 3, VSF_ACTION_GONE, VSF_STATE_SHUTOFF},
    {"saved", 5, 4, VSF_ACTION_GONE, VSF_STATE_SHUTOFF},
    {"shutdown finished", 6, 0, VSF_ACTION_LAST, VSF_STATE_SHUTDOWN},
    {"shutdown by the guest", 6, 1, VSF_ACTION_LAST, VSF_STATE_SHUTDOWN},
    {"shutdown by a signal", 6, 2, VSF_ACTION_STATE, VSF_STATE_SHUTDOWN},
    {"guest sleeps", 7, 0, VSF_ACTION_STATE, VSF_STATE_PMSUSPENDED},
    {"guest panicked", 8, 0, VSF_ACTION_STATE, VSF_STATE_CRASHED, 1},
    {"crash kernel runs", 8, 1, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"from the future", 9, 0, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"nonsense", -1, -1, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"a detail from the future", 2, 99, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
};

static void
test_each_event_has_one_action(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        int state = 99, reason = 99;

        g_test_message("%s", cases[i].what);
        g_assert_cmpint(vsf_lifecycle_action(cases[i].event, cases[i].detail, &state, &reason), ==,
                        cases[i].action);
        g_assert_cmpint(state, ==, cases[i].state);
        g_assert_cmpint(reason, ==, cases[i].reason);
    }
}

static void
test_one_side_of_a_migration_has_the_guest(void)
{
    static const struct {
        int state, reason;
        gboolean before, wanted;
        int state_before;
    } moments[] = {
        {VSF_STATE_RUNNING, 1, TRUE, TRUE},
        {VSF_STATE_RUNNING, 0, FALSE, TRUE},
        {VSF_STATE_PAUSED, 0, FALSE, TRUE},
        {VSF_STATE_PAUSED, 1, FALSE, TRUE}, /* by its user, also where it arrived so */
        {VSF_STATE_PAUSED, 2, TRUE, FALSE}, /* migrates, in or out */
        {VSF_STATE_PAUSED, 2, TRUE, FALSE, VSF_STATE_RUNNING},
        {VSF_STATE_PAUSED, 2, FALSE, FALSE, VSF_STATE_PAUSED},
        {VSF_STATE_PAUSED, 2, TRUE, TRUE, VSF_STATE_PAUSED}, /* was restored, and stays paused */
        {VSF_STATE_PAUSED, 3, FALSE, TRUE},                  /* is saved: to its end it is here */
        {VSF_STATE_PAUSED, 5, FALSE, TRUE},                  /* I/O error */
        {VSF_STATE_PAUSED, 11, TRUE, FALSE},                 /* QEMU starts */
        {VSF_STATE_PAUSED, 12, TRUE, FALSE}, /* post-copy: it runs at the other side */
        {VSF_STATE_PAUSED, 13, FALSE, FALSE},
        {VSF_STATE_PAUSED, 13, TRUE, TRUE}, /* the target, where it ran */
        {VSF_STATE_CRASHED, 1, FALSE, TRUE},
        {VSF_STATE_UNKNOWN, 0, TRUE, FALSE}, /* the hook's word: no QEMU yet */
    };

    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_test_message("state %d, reason %d", moments[i].state, moments[i].reason);
        g_assert_cmpint(vsf_lifecycle_is_here(moments[i].state, moments[i].reason,
                                              moments[i].before, moments[i].state_before),
                        ==, moments[i].wanted);
    }
}

static void
test_reasons_have_words(void)
{
    g_assert_cmpstr(vsf_lifecycle_reason(VSF_STATE_RUNNING, 1), ==, "booted");
    g_assert_cmpstr(vsf_lifecycle_reason(VSF_STATE_RUNNING, 11), ==, "post-copy failed");
    g_assert_null(vsf_lifecycle_reason(VSF_STATE_RUNNING, 12));
    g_assert_null(vsf_lifecycle_reason(VSF_STATE_PAUSED, 0));
    g_assert_cmpstr(vsf_lifecycle_reason(VSF_STATE_PAUSED, 5), ==, "I/O error");
    g_assert_cmpstr(vsf_lifecycle_reason(VSF_STATE_PAUSED, 14), ==, "API error");
    g_assert_null(vsf_lifecycle_reason(VSF_STATE_PAUSED, 15));
    g_assert_null(vsf_lifecycle_reason(VSF_STATE_PAUSED, -1));
    g_assert_cmpstr(vsf_lifecycle_reason(VSF_STATE_CRASHED, 1), ==, "panicked");
    g_assert_null(vsf_lifecycle_reason(VSF_STATE_UNKNOWN, 1));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/lifecycle/each-event-has-one-action", test_each_event_has_one_action);
    g_test_add_func("/model/lifecycle/one-side-of-a-migration-has-the-guest",
                    test_one_side_of_a_migration_has_the_guest);
    g_test_add_func("/model/lifecycle/reasons-have-words", test_reasons_have_words);
    return g_test_run();
}
