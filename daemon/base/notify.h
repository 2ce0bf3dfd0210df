/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words to the service manager: the datagrams that sd_notify(3) describes under
 * "Notes", so that nothing of systemd is linked. Any thread. */
#pragma once

#include <glib.h>

/* Sends @state ("READY=1", or several assignments with line feeds between) to the
 * socket at @address: an absolute path, or "@name" in the abstract name space; what
 * NOTIFY_SOCKET holds. Never blocks. FALSE if it was not taken: @address is NULL (no
 * service manager) or of another kind, nobody listens there, or it is full; worth
 * another try later, not a word in the log. */
gboolean vsf_notify_send(const char *address, const char *state);

/* How often the service manager wants to hear WATCHDOG=1, in microseconds; 0: it does
 * not want to. @watchdog_usec and @watchdog_pid: the variables WATCHDOG_USEC and
 * WATCHDOG_PID, or NULL; @pid: this process, as the second may mean another. Pure. */
gint64 vsf_notify_watchdog_us(const char *watchdog_usec, const char *watchdog_pid, gint64 pid);
