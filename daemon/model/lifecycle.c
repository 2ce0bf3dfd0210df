/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table of libvirt's lifecycle events. The numbers are its ABI
 * (libvirt-domain.h); the room does not link libvirt, so they stand here. */
#include "lifecycle.h"

#include "registry.h"

#define ANY (-1)

enum { /* virDomainEventType */
       EVENT_STARTED = 2,
       EVENT_SUSPENDED = 3,
       EVENT_RESUMED = 4,
       EVENT_STOPPED = 5,
       EVENT_SHUTDOWN = 6,
       EVENT_PMSUSPENDED = 7,
       EVENT_CRASHED = 8,
};

enum { /* virDomainPausedReason, as far as it decides something here */
       PAUSED_MIGRATION = 2,
       PAUSED_IO_ERROR = 5,
       PAUSED_WATCHDOG = 6,
       PAUSED_FROM_SNAPSHOT = 7,
       PAUSED_STARTING_UP = 11,
       PAUSED_POSTCOPY = 12,
       PAUSED_POSTCOPY_FAILED = 13,
};

#define CRASHED_PANICKED_REASON 1

enum {
    STARTED_MIGRATED = 1,
    SUSPENDED_MIGRATED = 1,
    SUSPENDED_IO_ERROR = 2,
    SUSPENDED_WATCHDOG = 3,
    SUSPENDED_FROM_SNAPSHOT = 5,
    SUSPENDED_POSTCOPY = 7,
    SUSPENDED_POSTCOPY_FAILED = 8,
    CRASHED_PANICKED = 0,
    SHUTDOWN_HOST = 2,       /* a signal from the host: QEMU is about to exit */
    CRASHED_CRASHLOADED = 1, /* the guest runs on, in its crash kernel */
};

static const struct {
    int event, detail;
    VsfAction action;
    int state, reason;
} table[] = {
    /* A guest that arrives by migration is paused until RESUMED. */
    {EVENT_STARTED, STARTED_MIGRATED, VSF_ACTION_ARRIVE, VSF_STATE_PAUSED, PAUSED_MIGRATION},
    {EVENT_STARTED, ANY, VSF_ACTION_FETCH, VSF_STATE_RUNNING, 0},
    {EVENT_SUSPENDED, SUSPENDED_MIGRATED, VSF_ACTION_STATE, VSF_STATE_PAUSED, PAUSED_MIGRATION},
    {EVENT_SUSPENDED, SUSPENDED_IO_ERROR, VSF_ACTION_STATE, VSF_STATE_PAUSED, PAUSED_IO_ERROR},
    {EVENT_SUSPENDED, SUSPENDED_WATCHDOG, VSF_ACTION_STATE, VSF_STATE_PAUSED, PAUSED_WATCHDOG},
    {EVENT_SUSPENDED, SUSPENDED_FROM_SNAPSHOT, VSF_ACTION_STATE, VSF_STATE_PAUSED,
     PAUSED_FROM_SNAPSHOT},
    {EVENT_SUSPENDED, SUSPENDED_POSTCOPY, VSF_ACTION_STATE, VSF_STATE_PAUSED, PAUSED_POSTCOPY},
    {EVENT_SUSPENDED, SUSPENDED_POSTCOPY_FAILED, VSF_ACTION_STATE, VSF_STATE_PAUSED,
     PAUSED_POSTCOPY_FAILED},
    {EVENT_SUSPENDED, ANY, VSF_ACTION_STATE, VSF_STATE_PAUSED, 0},
    {EVENT_RESUMED, ANY, VSF_ACTION_STATE, VSF_STATE_RUNNING, 0},
    {EVENT_STOPPED, ANY, VSF_ACTION_GONE, VSF_STATE_SHUTOFF, 0},
    {EVENT_SHUTDOWN, SHUTDOWN_HOST, VSF_ACTION_STATE, VSF_STATE_SHUTDOWN, 0},
    {EVENT_SHUTDOWN, ANY, VSF_ACTION_LAST, VSF_STATE_SHUTDOWN, 0},
    {EVENT_PMSUSPENDED, ANY, VSF_ACTION_STATE, VSF_STATE_PMSUSPENDED, 0},
    {EVENT_CRASHED, CRASHED_CRASHLOADED, VSF_ACTION_NONE, VSF_STATE_UNKNOWN, 0},
    {EVENT_CRASHED, CRASHED_PANICKED, VSF_ACTION_STATE, VSF_STATE_CRASHED, CRASHED_PANICKED_REASON},
    {EVENT_CRASHED, ANY, VSF_ACTION_STATE, VSF_STATE_CRASHED, 0},
};

VsfAction
vsf_lifecycle_action(int event, int detail, int *state, int *reason)
{
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].event == event && (table[i].detail == ANY || table[i].detail == detail)) {
            *state = table[i].state;
            *reason = table[i].reason;
            return table[i].action;
        }
    }
    *state = VSF_STATE_UNKNOWN;
    *reason = 0;
    return VSF_ACTION_NONE;
}

gboolean
vsf_lifecycle_is_here(int state, int reason, gboolean before, int state_before)
{
    if (state == VSF_STATE_UNKNOWN) /* the hook's word alone, before there is a QEMU */
        return FALSE;
    if (state != VSF_STATE_PAUSED)
        return TRUE;
    switch (reason) {
    case PAUSED_MIGRATION:
        return before && state_before == VSF_STATE_PAUSED;
    case PAUSED_STARTING_UP:
    case PAUSED_POSTCOPY:
        return FALSE;
    case PAUSED_POSTCOPY_FAILED: /* both sides have this one */
        return before;
    default:
        return TRUE;
    }
}

int
vsf_lifecycle_reason_here(int state, int reason)
{
    return state == VSF_STATE_PAUSED && reason == PAUSED_MIGRATION ? 0 : reason;
}

const char *
vsf_lifecycle_reason(int state, int reason)
{
    static const char *const running[] = {
        NULL,
        "booted",
        "migrated",
        "restored",
        "from snapshot",
        "unpaused",
        "migration canceled",
        "save canceled",
        "wakeup",
        "crashed",
        "post-copy",
        "post-copy failed",
    };
    static const char *const paused[] = {
        NULL,        "user",        "migrating",     "saving",           "dumping",
        "I/O error", "watchdog",    "from snapshot", "shutting down",    "creating snapshot",
        "crashed",   "starting up", "post-copy",     "post-copy failed", "API error",
    };

    if (reason < 0)
        return NULL;
    if (state == VSF_STATE_RUNNING)
        return reason < (int)G_N_ELEMENTS(running) ? running[reason] : NULL;
    if (state == VSF_STATE_PAUSED)
        return reason < (int)G_N_ELEMENTS(paused) ? paused[reason] : NULL;
    if (state == VSF_STATE_SHUTDOWN)
        return reason == 1 ? "user" : NULL;
    if (state == VSF_STATE_CRASHED)
        return reason == CRASHED_PANICKED_REASON ? "panicked" : NULL;
    return NULL;
}
