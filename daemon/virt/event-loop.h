/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's events and timers enter the GLib main loop here. */
#pragma once

#include <glib.h>

/* Registers the default GMainContext with libvirt, for the whole process and
 * for good. Main thread, before any connection is opened. */
void vsf_event_loop_register(void);

/* Connections that this thread opens from here on until vsf_event_loop_include() have no part in
 * the main loop: no events and no keepalive, and they are not watched while they lie idle.
 * libvirt is told that there is no event loop for them. Otherwise it takes the socket out of the
 * loop before each call and puts it back after the answer, from the calling thread: that wakes
 * the main loop three times for each call (measured, libvirt 9.0). *@fd becomes the connection's
 * socket, which stays the connection's; -1 while it has none. */
void vsf_event_loop_exclude(int *fd);
void vsf_event_loop_include(void);
