/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detached.h"

void
vsf_detached_run(GThreadFunc func, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GThread *thread = g_thread_try_new("vsf-close", func, data, &error);

    if (thread == NULL) {
        g_warning("cannot start a thread: %s; a libvirt connection stays open", error->message);
        return;
    }
    g_thread_unref(thread);
}
