/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the whole host counts. All of it may block (drivers are asked, and disks that do
 * not answer): run it on a worker. Any thread. */
#pragma once

#include "../model/host-counters.h"

/* Everything but the space. @root: in front of "/proc" and "/sys", "" for this machine's. */
VsfHostCounters *vsf_host_read(const char *root);

/* The space of the filesystems that this process sees. Waits for each of their disks. */
VsfHostSpace vsf_host_read_space(void);
