/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/lifecycle.h"
#include "../../daemon/model/registry.h"

/* Event and detail numbers as in libvirt-domain.h. */
static const struct {
    const char *what;
    int event, detail;
    VsfAction action;
    int state;
} cases[] = {
    {"defined", 0, 0, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"undefined", 1, 0, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"booted", 2, 0, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {"migrated in", 2, 1, VSF_ACTION_FETCH, VSF_STATE_PAUSED},
    {"restored", 2, 2, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {"from snapshot", 2, 3, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {"suspended", 3, 0, VSF_ACTION_STATE, VSF_STATE_PAUSED},
    {"I/O error", 3, 2, VSF_ACTION_STATE, VSF_STATE_PAUSED},
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
    {"guest panicked", 8, 0, VSF_ACTION_STATE, VSF_STATE_CRASHED},
    {"crash kernel runs", 8, 1, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"from the future", 9, 0, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"nonsense", -1, -1, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {"a detail from the future", 2, 99, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
};

static void
test_each_event_has_one_action(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        int state = 99;

        g_test_message("%s", cases[i].what);
        g_assert_cmpint(vsf_lifecycle_action(cases[i].event, cases[i].detail, &state), ==,
                        cases[i].action);
        g_assert_cmpint(state, ==, cases[i].state);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/lifecycle/each-event-has-one-action", test_each_event_has_one_action);
    return g_test_run();
}
