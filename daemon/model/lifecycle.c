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

enum {
    STARTED_MIGRATED = 1,
    SHUTDOWN_HOST = 2,       /* a signal from the host: QEMU is about to exit */
    CRASHED_CRASHLOADED = 1, /* the guest runs on, in its crash kernel */
};

static const struct {
    int event, detail;
    VsfAction action;
    int state;
} table[] = {
    /* A guest that arrives by migration is paused until RESUMED. */
    {EVENT_STARTED, STARTED_MIGRATED, VSF_ACTION_FETCH, VSF_STATE_PAUSED},
    {EVENT_STARTED, ANY, VSF_ACTION_FETCH, VSF_STATE_RUNNING},
    {EVENT_SUSPENDED, ANY, VSF_ACTION_STATE, VSF_STATE_PAUSED},
    {EVENT_RESUMED, ANY, VSF_ACTION_STATE, VSF_STATE_RUNNING},
    {EVENT_STOPPED, ANY, VSF_ACTION_GONE, VSF_STATE_SHUTOFF},
    {EVENT_SHUTDOWN, SHUTDOWN_HOST, VSF_ACTION_STATE, VSF_STATE_SHUTDOWN},
    {EVENT_SHUTDOWN, ANY, VSF_ACTION_LAST, VSF_STATE_SHUTDOWN},
    {EVENT_PMSUSPENDED, ANY, VSF_ACTION_STATE, VSF_STATE_PMSUSPENDED},
    {EVENT_CRASHED, CRASHED_CRASHLOADED, VSF_ACTION_NONE, VSF_STATE_UNKNOWN},
    {EVENT_CRASHED, ANY, VSF_ACTION_STATE, VSF_STATE_CRASHED},
};

VsfAction
vsf_lifecycle_action(int event, int detail, int *state)
{
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].event == event && (table[i].detail == ANY || table[i].detail == detail)) {
            *state = table[i].state;
            return table[i].action;
        }
    }
    *state = VSF_STATE_UNKNOWN;
    return VSF_ACTION_NONE;
}
