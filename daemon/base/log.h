/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where log lines go, and how repetition is kept out of them.
 *
 * Code logs through g_message (state changes), g_warning (something is wrong
 * and what happens next), g_debug and g_info. The writer sends them to stderr, one
 * line of less than 4 KiB each whatever is in it (what a terminal obeys is told as \x9b), with
 * syslog's priority in front where that is the journal's stream. Events (event.h) go to the journal
 * with their fields instead. Nobody waits for whoever reads it: lines that it does not take are
 * left out, and counted in the next one that it does. (A file on a disk that hangs is waited for.)
 */
#pragma once

#include <glib.h>

/* Installs the process's log writer. @program (kept) begins each line. @debug lets our own g_debug
 * and g_info through; those of libraries never; lines on stderr then begin with the monotonic time
 * in seconds. */
void vsf_log_init(const char *program, gboolean debug);

/* After vsf_log_init(): as if stderr were the journal's stream, and @path (kept) its socket for
 * lines with fields (event.h). For tests. */
void vsf_log_use_journal(const char *path);

/* Lets one line through per @interval_us and counts what it held back. */
typedef struct {
    gint64 last_us;
    guint held_back;
} VsfLogRate;

/* TRUE if a line may be logged at @now_us (monotonic); then *@held_back is how
 * many were left out since the last one. */
gboolean vsf_log_rate_allow(VsfLogRate *rate, gint64 now_us, gint64 interval_us, guint *held_back);
