/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How late the main loop of any GLib program is: loaded into it by LD_PRELOAD, it puts a timer
 * of ordinary priority on the default main context, due after 5 to 35 ms at random, and notes by
 * how many microseconds each dispatch came late. The file named by VSF_LOOP_PROBE, PROBE_BYTES
 * long, takes them: a count, then so many values, 32 bits each, in the machine's order.
 *
 * GLib waits in whole milliseconds, so that a loop that has nothing to do is late by up to one. */
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBE_BYTES (1 << 20)
#define MOST (PROBE_BYTES / sizeof(guint32) - 1)

static guint32 *notes; /* [0] is their number */

static void
arm(GSource *source)
{
    g_source_set_ready_time(source, g_get_monotonic_time() + g_random_int_range(5000, 35000));
}

static gboolean
note(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    gint64 late_us = g_get_monotonic_time() - g_source_get_ready_time(source);

    if (notes[0] < MOST) {
        notes[notes[0] + 1] = (guint32)CLAMP(late_us, 0, G_MAXUINT32);
        notes[0]++;
    }
    arm(source);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {.dispatch = note};

static __attribute__((constructor)) void
start(void)
{
    const char *path = getenv("VSF_LOOP_PROBE");
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    GSource *source;

    if (fd < 0 || ftruncate(fd, PROBE_BYTES) != 0)
        return;
    notes = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (notes == MAP_FAILED)
        return;
    notes[0] = 0;
    source = g_source_new(&functions, sizeof(GSource));
    g_source_set_static_name(source, "loop-probe");
    arm(source);
    g_source_attach(source, NULL);
}
