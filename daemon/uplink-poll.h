/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of the host's own interfaces between its turns, for those that are polled at another
 * interval: read on a worker, since drivers may hang. Main thread only. */
#pragma once

#include "model/host-counters.h"

typedef struct VsfUplinkPoll VsfUplinkPoll;

/* Off the main thread, and may block: nothing but interfaces is filled in. */
typedef VsfHostCounters *(*VsfUplinkRead)(void);

/* @counters are valid during the call. */
typedef void (*VsfUplinkPollDone)(const VsfHostCounters *counters, gpointer user_data);

/* @read: NULL for this machine. */
VsfUplinkPoll *vsf_uplink_poll_new(VsfUplinkRead read, VsfUplinkPollDone done, gpointer user_data);

/* Waits for nobody; @done is not called any more. Takes NULL. */
void vsf_uplink_poll_free(VsfUplinkPoll *poll);

/* @done is called once after this, never inside. Who asks while a question is out has its answer.
 */
void vsf_uplink_poll_begin(VsfUplinkPoll *poll);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfUplinkPoll, vsf_uplink_poll_free)
