/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closing what may hang, after its owner is gone. A worker ends with its owner
 * and drops what it had not begun; a close must still be tried. */
#pragma once

#include <glib.h>

/* Runs @func(@data) once on a thread that nobody waits for. If there is no
 * thread to be had, @data is left behind: a leak is better than a stop. */
void vsf_detached_run(GThreadFunc func, gpointer data);
