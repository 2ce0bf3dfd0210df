/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a libvirt event asks of us: a table from event ids to one action. Pure;
 * the numbers are libvirt's (virDomainEventType and its details). */
#pragma once

#include <glib.h>

typedef enum {
    VSF_ACTION_NONE,   /* defined, undefined: nothing runs */
    VSF_ACTION_FETCH,  /* a run began or its XML changed: get XML and state */
    VSF_ACTION_ARRIVE, /* the same of a run whose guest migrates in: it is not here yet */
    VSF_ACTION_STATE,  /* paused or resumed: the state is in the event */
    VSF_ACTION_LAST,   /* shutting itself down: take a last sample if there is time */
    VSF_ACTION_GONE,   /* the run is over */
} VsfAction;

/* For VIR_DOMAIN_EVENT_ID_LIFECYCLE. *@state is set to a VsfDomainState: the
 * state it is in now for STATE and LAST, the one to assume until the answer
 * comes for FETCH and ARRIVE, UNKNOWN where the event says nothing of it. *@reason: libvirt's
 * number of that state's reason, 0 where the event leaves it open. */
VsfAction vsf_lifecycle_action(int event, int detail, int *state, int *reason);

/* Whether the guest is this host's. It is not while QEMU is being started, or waits for the
 * guest that migrates in, or when the guest has left by migration and QEMU is only still to
 * be ended. So of the two sides of a migration one has it at any time. @before: what was said
 * of it last, which stays where a migration breaks off half way; TRUE for a new one.
 * @state_before: as it was then. One that is here and paused leaves without another word than its
 * end: libvirt also calls "migrating" what was restored from a file and stays paused. (Of one that
 * is new to us, the list of domains tells them apart.) */
gboolean vsf_lifecycle_is_here(int state, int reason, gboolean before, int state_before);

/* The reason of one that is here: "migrating" it is not then. */
int vsf_lifecycle_reason_here(int state, int reason);

/* The reason in virsh's words ("I/O error"); NULL where it says nothing. Static. */
const char *vsf_lifecycle_reason(int state, int reason);
