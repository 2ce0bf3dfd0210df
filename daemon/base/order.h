/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where one thread's work is handed to another by way of GLib, which is not built for
 * ThreadSanitizer: its locks, queues and reference counts are futexes and atomics
 * that the sanitizer does not see. These tell it what GLib guarantees, and are nothing in
 * any other build. They make no order: that is GLib's part. */
#pragma once

#include <glib.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
/* What this thread did up to here is seen by whoever gets @address ... */
#define vsf_order_give(address) __tsan_release(address)
/* ... and calls this afterwards. */
#define vsf_order_take(address) __tsan_acquire(address)
#else
#define vsf_order_give(address) ((void)(address))
#define vsf_order_take(address) ((void)(address))
#endif

static inline void
vsf_order_lock(GMutex *mutex)
{
    g_mutex_lock(mutex);
    vsf_order_take(mutex);
}

static inline void
vsf_order_unlock(GMutex *mutex)
{
    vsf_order_give(mutex);
    g_mutex_unlock(mutex);
}

/* TRUE if it was the last reference; what the others did before is then seen. */
static inline gboolean
vsf_order_unref(gatomicrefcount *count)
{
    vsf_order_give(count);
    if (!g_atomic_ref_count_dec(count))
        return FALSE;
    vsf_order_take(count);
    return TRUE;
}
