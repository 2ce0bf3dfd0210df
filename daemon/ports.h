/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces are physical ports, and how fast they are: looked for on a worker, since drivers
 * may hang; at the start, soon after a device's link message (it came, or has another carrier and
 * so perhaps another speed), and every now and then. Main thread only. */
#pragma once

#include "model/registry.h"

typedef struct VsfPorts VsfPorts;

/* Off the main thread, and may block: a new array of VsfPort. */
typedef GArray *(*VsfPortsRead)(void);

/* All there are; valid during the call. */
typedef void (*VsfPortsFound)(const GArray *ports, gpointer user_data);

/* Looks for nothing yet. @read: NULL for this machine's /sys. */
VsfPorts *vsf_ports_new(VsfPortsRead read, VsfPortsFound found, gpointer user_data);

/* Waits for nobody; @found is not called any more. Takes NULL. */
void vsf_ports_free(VsfPorts *ports);

/* Whether anybody wants to know. If not, nothing is looked for, nor told. */
void vsf_ports_set_wanted(VsfPorts *ports, gboolean wanted);

/* How many there were last; -1: it is not known (yet). */
int vsf_ports_count(const VsfPorts *ports);

/* A link message. */
void vsf_ports_link_seen(VsfPorts *ports, const VsfLink *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfPorts, vsf_ports_free)
