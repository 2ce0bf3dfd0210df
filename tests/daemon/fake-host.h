/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host that fake-host.c reads: it has these interfaces, or one, or none. */
#pragma once

#include <glib.h>

#define FAKE_UPLINK 2 /* eth0 */
#define FAKE_BRIDGE 3 /* br0 */

extern gboolean fake_uplink_there, fake_bridge_there;
extern guint fake_uplink_reads; /* between the host's turns */
