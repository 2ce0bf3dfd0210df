/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-private.h"

#include <unistd.h>

#define THREADS 8      /* each open waits some 15 ms: 2,000 taps in 3 s, with 4 in 7 to 10 */
#define END_THREADS 32 /* waits for the kernel that meet end together */
#define END_PATIENCE_MS 2500

/* Later, since this may be called from a callback of one of the workers. */
static gboolean
destroy(gpointer user_data)
{
    VsfCapture *capture = user_data;

    vsf_worker_free(capture->opener);
    vsf_worker_free(capture->closer);
    for (guint i = 0; i < VSF_CAPTURE_HOOKERS; i++)
        vsf_worker_free(capture->hookers[i]);
    g_hash_table_unref(capture->taps);
    vsf_capture_rings_clear(capture);
    vsf_capture_choice_free(capture->config.choice);
    g_free(capture);
    return G_SOURCE_REMOVE;
}

VsfCapture *
vsf_capture_ref(VsfCapture *capture)
{
    capture->refs++;
    return capture;
}

void
vsf_capture_unref(VsfCapture *capture)
{
    g_autoptr(GSource) idle = NULL;

    if (--capture->refs > 0)
        return;
    idle = g_idle_source_new();
    g_source_set_callback(idle, destroy, capture, NULL);
    g_source_attach(idle, g_main_context_get_thread_default());
}

/* --- what is asked of a sampler ----------------------------------------- */

void
vsf_capture_set_rate(VsfCapture *capture, int ifindex, guint32 rate)
{
    Tap *tap = vsf_capture_find(capture, ifindex);
    g_autoptr(GError) error = NULL;
    guint32 wanted = CLAMP(rate, 1, VSF_CAPTURE_RATE_MAX);
    gint64 began_us = g_get_monotonic_time();

    if (tap == NULL || tap->rates.rate == wanted)
        return;
    if (tap->handle == NULL)
        vsf_capture_rates_init(&tap->rates, wanted);
    else if (tap->backend->set_rate(tap, wanted, &error))
        /* The kernel took it in between, and a packet's stamp is of whole microseconds. */
        vsf_capture_rates_change(&tap->rates, wanted,
                                 (began_us + g_get_monotonic_time()) * 1000 / 2);
    else
        g_debug("interface %d: %s; sampling goes on as it was", ifindex, error->message);
}

guint64
vsf_capture_drops(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);

    return tap == NULL || tap->handle == NULL ? 0 : tap->backend->drops(tap);
}

guint64
vsf_capture_untold(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);

    return tap == NULL || tap->handle == NULL ? 0 : tap->backend->untold(tap);
}

void
vsf_capture_drain(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);

    if (tap == NULL || tap->handle == NULL)
        return;
    vsf_capture_ref(capture);
    tap->backend->drain(tap);
    vsf_capture_unref(capture);
}

gboolean
vsf_capture_tap(const VsfCapture *capture, int ifindex, VsfCaptureTap *status)
{
    const Tap *tap = g_hash_table_lookup(capture->taps, GINT_TO_POINTER(ifindex));

    if (tap == NULL)
        return FALSE;
    *status = (VsfCaptureTap){tap->backend->name, tap->backend->has_gaps, tap->reason,
                              tap->for_room};
    return TRUE;
}

const VsfCaptureChoice *
vsf_capture_choice(const VsfCapture *capture)
{
    return capture->config.choice;
}

/* --- life ---------------------------------------------------------------- */

VsfCapture *
vsf_capture_new(const VsfCaptureConfig *config, const VsfCaptureCallbacks *callbacks,
                gpointer user_data, GError **error)
{
    VsfCapture *capture = g_new0(VsfCapture, 1);

    capture->refs = 1;
    capture->config = *config;
    capture->config.header_bytes = CLAMP(config->header_bytes, 64, 256);
    capture->callbacks = *callbacks;
    capture->user_data = user_data;
    vsf_capture_clock_look(&capture->clock);
    vsf_capture_room_init(&capture->room, config->samplers_max, config->ring_total,
                          config->ring_bytes, (guint32)getpagesize());
    if (!vsf_capture_rings_init(capture, error)) {
        vsf_capture_choice_free(config->choice);
        g_free(capture);
        return NULL;
    }
    if (config->choice != NULL && config->choice->bpf != NULL) {
        capture->room.hooked_max = config->choice->taps_max;
        vsf_capture_shared_init(capture);
    }
    capture->taps = g_hash_table_new(NULL, NULL);
    capture->opener = vsf_worker_new(THREADS, NULL);
    capture->closer = vsf_worker_new(THREADS, NULL);
    for (guint i = 0; i < VSF_CAPTURE_HOOKERS; i++)
        capture->hookers[i] = vsf_worker_new(1, NULL);
    return capture;
}

void
vsf_capture_free(VsfCapture *capture)
{
    g_autofree gpointer *keys = NULL;
    gint64 until_us = g_get_monotonic_time() + END_PATIENCE_MS * 1000;
    guint n_keys;

    if (capture == NULL)
        return;
    capture->closed = TRUE;
    vsf_capture_rings_stop(capture);
    vsf_capture_shared_stop(capture);
    keys = g_hash_table_get_keys_as_array(capture->taps, &n_keys);
    for (guint i = 0; i < n_keys; i++)
        vsf_capture_close(capture, GPOINTER_TO_INT(keys[i]));
    /* The kernel would close them one by one at the process's end. */
    vsf_worker_drain(capture->closer, END_THREADS, END_PATIENCE_MS);
    for (guint i = 0; i < VSF_CAPTURE_HOOKERS; i++)
        vsf_worker_drain(capture->hookers[i], 1, /* in order */
                         (guint)MAX(until_us - g_get_monotonic_time(), 0) / 1000);
    vsf_capture_unref(capture);
}
