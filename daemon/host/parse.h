/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's text files of the whole host: bytes to values. All pure. Each fills in what its
 * file tells and leaves the rest as it is, so that what an older kernel or half a file lacks
 * stays unknown. Numbers that do not fit are unknown, never cut. */
#pragma once

#include "../model/host-counters.h"

/* /proc/loadavg: the loads, and how many threads run and are. */
void vsf_host_parse_loadavg(const char *text, gsize length, VsfHostCpu *cpu);

/* /proc/uptime. */
void vsf_host_parse_uptime(const char *text, gsize length, VsfHostCpu *cpu);

/* /proc/stat: times, CPUs online, interrupts, context switches. @ticks_per_s:
 * sysconf(_SC_CLK_TCK). */
void vsf_host_parse_stat(const char *text, gsize length, guint64 ticks_per_s, VsfHostCpu *cpu);

/* /proc/meminfo. cached is the page cache and the reclaimable part of the kernel's slabs, as
 * free(1) adds them up; it includes shared. */
void vsf_host_parse_meminfo(const char *text, gsize length, VsfHostMemory *memory);

/* /proc/vmstat, where pgpgin and pgpgout are KiB, not pages. @page_size: bytes. */
void vsf_host_parse_vmstat(const char *text, gsize length, guint64 page_size,
                           VsfHostMemory *memory);

/* A name of /proc/diskstats that is no disk of its own whatever /sys says of it: a loop device,
 * memory, an array or a mapping of other disks, a second path inside the kernel, an optical or
 * floppy drive. */
gboolean vsf_host_is_derived_disk(const char *name);

/* /proc/diskstats: the sums over @disks, a set of names as they stand there. One that is missing
 * there has done nothing yet. Unknown if one's line cannot be read, if the file ends in the middle
 * of a line, or if there are no @disks. */
VsfHostDisk vsf_host_parse_diskstats(const char *text, gsize length, GHashTable *disks);

/* /proc/net/snmp, by the names of its columns. */
void vsf_host_parse_snmp(const char *text, gsize length, VsfHostMib *mib);
