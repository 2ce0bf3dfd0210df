/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGTERM, SIGINT and SIGHUP, taken by a thread of their own: also a main loop that hangs,
 * or does not run yet, must not outlive SIGTERM. */
#pragma once

#include <glib.h>

typedef struct VsfSignals VsfSignals;

/* Before any other thread is there, since the signals are blocked in all of them. Until
 * vsf_signals_attach() SIGTERM and SIGINT end the process at once, with status 0. Lives as
 * long as the process. */
VsfSignals *vsf_signals_start(void);

/* From now on these run on the default main context: @stop once, for SIGTERM or SIGINT;
 * if the process still is there @patience_ms later, it ends with status 0. @hangup for SIGHUP,
 * once for all that came until it runs. */
void vsf_signals_attach(VsfSignals *signals, guint patience_ms, GSourceFunc stop,
                        GSourceFunc hangup, gpointer user_data);

/* Ends the process with @status if it still is there @patience_ms later, and says so on
 * stderr where that does not block. Any thread. */
void vsf_signals_end_by_force(guint patience_ms, int status);
