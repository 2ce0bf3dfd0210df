/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QEMU process of a domain, read from /proc. Cheap, never blocks on libvirt
 * or QEMU: CPU time and whether it is stopped. */
#pragma once

#include <glib.h>

typedef struct {
    char state;          /* R S D T t Z ... */
    guint64 cpu_time_ns; /* utime + stime: the number that virDomainGetInfo gives */
    guint64 start_ticks; /* since boot; with the pid it names this process for good */
    guint64 rss_bytes;
} VsfProcess;

/* Parses /proc/PID/stat (the command name may hold anything). @ticks_per_s:
 * sysconf(_SC_CLK_TCK). Pure. */
gboolean vsf_process_parse(const char *text, gsize length, long ticks_per_s, long page_size,
                           VsfProcess *process);

/* TRUE if /proc/PID/cmdline (arguments, each ended by a NUL) is that of the QEMU
 * which runs the domain: the argument after the first "-uuid" is @uuid. Pure. */
gboolean vsf_process_cmdline_is(const char *text, gsize length, const char *uuid);

/* Reads /proc/@pid/stat. FALSE if the process is gone. *@kept (NULL: nothing is kept) is -1 at
 * first, and then a descriptor for the next time, the caller's, or -1. */
gboolean vsf_process_read(int pid, int *kept, VsfProcess *process);

/* The QEMU that runs the domain with this UUID: first the pid in
 * /run/libvirt/qemu/@name.pid if its command line says so, else, if @walk, a walk
 * over /proc. 0 if none. Reads many files: run it on a worker. Any thread. */
int vsf_process_find(const char *uuid, const char *name, gboolean walk);
