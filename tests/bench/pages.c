/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a page costs a process that touches it again: at once, and after a pause, as a daemon has
 * between two polls. On hardware these differ by some cache and TLB misses. In a virtual machine
 * whose host, or whose own kernel, looks for pages that nobody uses, each may be a fault, and CPU
 * times of a daemon that sleeps most of the time tell more about that than about the daemon.
 * Prints both, in nanoseconds. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGES 256
#define PAUSE_US 500000
#define TURNS 9

static gint64
cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

static gint
by_size(gconstpointer a, gconstpointer b)
{
    const gint64 *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The median of some turns. One byte of each page, at another place in each, so that they do not
 * compete for the same lines of a cache. */
static double
measure(volatile guint8 *pages, gsize size, gulong pause_us)
{
    gint64 turns[TURNS];

    for (guint turn = 0; turn < TURNS; turn++) {
        gint64 begin_ns;

        if (pause_us > 0)
            g_usleep(pause_us);
        begin_ns = cpu_ns();
        for (gsize i = 0; i < PAGES; i++)
            pages[i * size + i * 64 % size]++;
        turns[turn] = cpu_ns() - begin_ns;
    }
    qsort(turns, TURNS, sizeof(*turns), by_size);
    return (double)turns[TURNS / 2] / PAGES;
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
