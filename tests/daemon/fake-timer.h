/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one timer of a module that has no more: the linker sends g_timeout_add() and
 * g_source_remove() here, and it fires when the test says so. */
#pragma once

#include <glib.h>

/* Of the timer that was set last; the test may write it. */
extern guint fake_timer_ms;

gboolean fake_timer_is_set(void);

/* There is one (asserted), and it sets the next itself, if any. */
void fake_timer_fire(void);
