/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a page costs a process that touches it again: at once, and after a pause, as a daemon has
 * between two polls. On hardware these differ by some cache and TLB misses. In a virtual machine
 * whose host, or whose own kernel, looks for pages that nobody uses, each may be a fault, and CPU
 * times of a daemon that sleeps most of the time tell more about that than about the daemon.
 * Prints both, in nanoseconds. */
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGES 256
#define PAUSE_US 500000
#define TURNS 9

/* The median of some turns. One byte of each page, at another place in each, so that they do not
 * compete for the same lines of a cache. */
static double
measure(volatile guint8 *pages, gsize size, gulong pause_us)
{
    double turns[TURNS];

    for (guint turn = 0; turn < TURNS; turn++) {
        gint64 begin_ns;

        if (pause_us > 0)
            g_usleep(pause_us);
        begin_ns = bench_thread_cpu_ns();
        for (gsize i = 0; i < PAGES; i++)
            pages[i * size + i * 64 % size]++;
        turns[turn] = (double)(bench_thread_cpu_ns() - begin_ns) / PAGES;
    }
    return bench_median(turns, TURNS);
}

int
main(void)
{
    gsize size = (gsize)sysconf(_SC_PAGESIZE);
    guint8 *pages = g_aligned_alloc0(PAGES, size, size);
    double at_once, after_pause;

    memset(pages, 1, PAGES * size);
    measure(pages, size, 0);
    at_once = measure(pages, size, 0);
    after_pause = measure(pages, size, PAUSE_US);
    printf("%.0f %.0f\n", at_once, after_pause);
    g_aligned_free(pages);
    return 0;
}
