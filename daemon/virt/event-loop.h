/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's events and timers enter the GLib main loop here. */
#pragma once

/* Registers the default GMainContext with libvirt, for the whole process and
 * for good. Main thread, before any connection is opened. */
void vsf_event_loop_register(void);
