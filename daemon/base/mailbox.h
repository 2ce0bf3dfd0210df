/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What threads give to the main loop. Not an idle source: to attach one wakes the loop with the
 * context's lock held, for which the loop then has to sleep once more. */
#pragma once

#include <glib.h>

/* Main thread; does nothing but the first time. */
void vsf_mailbox_open(void);

/* Any thread, after vsf_mailbox_open(): @take(@item) runs on the default main context, in order,
 * some at a time. */
void vsf_mailbox_put(void (*take)(gpointer item), gpointer item);
