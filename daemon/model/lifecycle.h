/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a libvirt event asks of us: a table from event ids to one action. Pure;
 * the numbers are libvirt's (virDomainEventType and its details). */
#pragma once

#include <glib.h>

typedef enum {
    VSF_ACTION_NONE,  /* defined, undefined: nothing runs */
    VSF_ACTION_FETCH, /* a run began or its XML changed: get XML and state */
    VSF_ACTION_STATE, /* paused or resumed: the state is in the event */
    VSF_ACTION_LAST,  /* shutting itself down: take a last sample if there is time */
    VSF_ACTION_GONE,  /* the run is over */
} VsfAction;

/* For VIR_DOMAIN_EVENT_ID_LIFECYCLE. *@state is set to a VsfDomainState: the
 * state it is in now for STATE and LAST, the one to assume until the answer
 * comes for FETCH, UNKNOWN where the event says nothing of it. */
VsfAction vsf_lifecycle_action(int event, int detail, int *state);
