/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event-loop.h"

#include "../base/order.h"

#include <libvirt/libvirt.h>

/* Not virEventRegisterDefaultImpl(): since libvirt 6.1 it happens to use the default
 * GMainContext, and its authors say that nobody may rely on it. Not libvirt-glib's either: it
 * knows no connection that is left out.
 *
 * libvirt calls these functions from any thread, also from inside what they call, and with locks
 * of its own held. So what it wants freed is freed by the main loop, later. */

typedef struct {
    GSource base; /* first, so that a source is its watch */
    int number;
    void *opaque;
    virFreeCallback release;

    /* A descriptor's. */
    virEventHandleCallback ready;
    int fd;
    gpointer tag; /* NULL: nothing is waited for, not even its end */

    /* A timer's. */
    virEventTimeoutCallback fired;
    int interval_ms; /* -1: off, 0: at each turn of the loop */
} Watch;

typedef struct {
    virFreeCallback release;
    void *opaque;
} Release;

/* Guards the table, and tags and intervals. GLib's lock of the context comes after it. */
static GMutex lock;
static GHashTable *watches; /* number -> Watch, a reference each */
static int last_number;

static _Thread_local int *excluded;

/* --- the main loop ----------------------------------------------------- */

static GIOCondition
condition_of(int events)
{
    return (events & VIR_EVENT_HANDLE_READABLE ? G_IO_IN : 0) |
           (events & VIR_EVENT_HANDLE_WRITABLE ? G_IO_OUT : 0) | G_IO_ERR | G_IO_HUP;
}

static int
events_of(GIOCondition condition)
{
    return (condition & G_IO_IN ? VIR_EVENT_HANDLE_READABLE : 0) |
           (condition & G_IO_OUT ? VIR_EVENT_HANDLE_WRITABLE : 0) |
           (condition & (G_IO_ERR | G_IO_NVAL) ? VIR_EVENT_HANDLE_ERROR : 0) |
           (condition & G_IO_HUP ? VIR_EVENT_HANDLE_HANGUP : 0);
}

/* What happened may be no more wanted: another thread has the lock between that and this. */
static gboolean
dispatch_handle(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                gpointer user_data G_GNUC_UNUSED)
{
    Watch *watch = (Watch *)source;
    int events = 0;

    vsf_order_lock(&lock);
    if (!g_source_is_destroyed(source) && watch->tag != NULL)
        events = events_of(g_source_query_unix_fd(source, watch->tag));
    vsf_order_unlock(&lock);
    if (events != 0)
        watch->ready(watch->number, watch->fd, events, watch->opaque);
    return G_SOURCE_CONTINUE;
}

static void
arm(Watch *watch)
{
    gint64 ready_us = -1;

    if (watch->interval_ms == 0)
        ready_us = 0;
    else if (watch->interval_ms > 0)
        ready_us = g_get_monotonic_time() + (gint64)watch->interval_ms * G_TIME_SPAN_MILLISECOND;
    g_source_set_ready_time(&watch->base, ready_us);
}

static gboolean
dispatch_timeout(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                 gpointer user_data G_GNUC_UNUSED)
{
    Watch *watch = (Watch *)source;
    gboolean due;

    vsf_order_lock(&lock);
    due = !g_source_is_destroyed(source) && watch->interval_ms >= 0;
    if (due)
        arm(watch);
    vsf_order_unlock(&lock);
    if (due)
        watch->fired(watch->number, watch->opaque);
    return G_SOURCE_CONTINUE;
}

/* --- what libvirt calls ------------------------------------------------ */

static Watch *
watch_new(GSourceFuncs *functions, const char *name, void *opaque, virFreeCallback release)
{
    GSource *source = g_source_new(functions, sizeof(Watch));
    Watch *watch = (Watch *)source;

    g_source_set_static_name(source, name);
    watch->opaque = opaque;
    watch->release = release;
    return watch;
}

/* With the lock held. */
static int
add(Watch *watch)
{
    watch->number = ++last_number;
    g_hash_table_insert(watches, GINT_TO_POINTER(watch->number), watch);
    g_source_attach(&watch->base, NULL);
    return watch->number;
}

static Watch *
find(int number)
{
    return g_hash_table_lookup(watches, GINT_TO_POINTER(number));
}

static gboolean
release(gpointer data)
{
    const Release *what = data;

    vsf_order_take(data);
    what->release(what->opaque);
    return G_SOURCE_REMOVE;
}

static int
remove_watch(int number)
{
    Release *what;
    Watch *watch;

    vsf_order_lock(&lock);
    watch = find(number);
    g_hash_table_steal(watches, GINT_TO_POINTER(number));
    if (watch != NULL)
        g_source_destroy(&watch->base);
    vsf_order_unlock(&lock);
    if (watch == NULL)
        return -1;
    if (watch->release != NULL) {
        what = g_new(Release, 1);
        *what = (Release){watch->release, watch->opaque};
        vsf_order_give(what);
        g_idle_add_full(G_PRIORITY_DEFAULT, release, what, g_free);
    }
    g_source_unref(&watch->base);
    return 0;
}

/* With events of 0 the descriptor leaves the poll: its end would wake the loop without pause. */
static void
watch_for(Watch *watch, int events)
{
    if (events == 0 && watch->tag != NULL)
        g_source_remove_unix_fd(&watch->base, g_steal_pointer(&watch->tag));
    else if (events != 0 && watch->tag != NULL)
        g_source_modify_unix_fd(&watch->base, watch->tag, condition_of(events));
    else if (events != 0)
        watch->tag = g_source_add_unix_fd(&watch->base, watch->fd, condition_of(events));
}

static int
add_handle(int fd, int events, virEventHandleCallback ready, void *opaque,
           virFreeCallback release_func)
{
    static GSourceFuncs functions = {.dispatch = dispatch_handle};
    Watch *watch;
    int number;

    if (excluded != NULL) {
        *excluded = fd;
        return -1;
    }
    watch = watch_new(&functions, "libvirt", opaque, release_func);
    watch->ready = ready;
    watch->fd = fd;
    vsf_order_lock(&lock);
    watch_for(watch, events);
    number = add(watch);
    vsf_order_unlock(&lock);
    return number;
}

static void
update_handle(int number, int events)
{
    Watch *watch;

    vsf_order_lock(&lock);
    watch = find(number);
    if (watch != NULL)
        watch_for(watch, events);
    vsf_order_unlock(&lock);
}

static int
add_timeout(int interval_ms, virEventTimeoutCallback fired, void *opaque,
            virFreeCallback release_func)
{
    static GSourceFuncs functions = {.dispatch = dispatch_timeout};
    Watch *watch = watch_new(&functions, "libvirt-timer", opaque, release_func);
    int number;

    watch->fired = fired;
    watch->interval_ms = interval_ms;
    vsf_order_lock(&lock);
    arm(watch);
    number = add(watch);
    vsf_order_unlock(&lock);
    return number;
}

static void
update_timeout(int number, int interval_ms)
{
    Watch *watch;

    vsf_order_lock(&lock);
    watch = find(number);
    if (watch != NULL) {
        watch->interval_ms = interval_ms;
        arm(watch);
    }
    vsf_order_unlock(&lock);
}

/* --- the door ---------------------------------------------------------- */

void
vsf_event_loop_register(void)
{
    if (watches != NULL)
        return;
    watches = g_hash_table_new(NULL, NULL);
    virEventRegisterImpl(add_handle, update_handle, remove_watch, add_timeout, update_timeout,
                         remove_watch);
}

void
vsf_event_loop_exclude(int *fd)
{
    *fd = -1;
    excluded = fd;
}

void
vsf_event_loop_include(void)
{
    excluded = NULL;
}
