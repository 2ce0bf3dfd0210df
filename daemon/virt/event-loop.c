/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event-loop.h"

#include <libvirt-glib/libvirt-glib-event.h>

/* Not virEventRegisterDefaultImpl(): since libvirt 6.1 it happens to use the
 * default GMainContext, and its authors say that nobody may rely on it. */
void
vsf_event_loop_register(void)
{
    gvir_event_register();
}
