/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's counters as text, for comparing: "disk.reads" -> "3000". */
#pragma once

#include "../../daemon/model/host-counters.h"

/* Unknown is "?". The adapters are "2 em1 24:6e:96:00:00:01, 3 ..."; an infinite or negative load
 * fails. */
GHashTable *told_counters(const VsfHostCounters *counters);
