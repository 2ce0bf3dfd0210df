/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host that fake-host.c reads: it has this interface or none. */
#pragma once

#include <glib.h>

#define FAKE_UPLINK 2

extern gboolean fake_uplink_there;
