/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-private.h"

#include <errno.h>
#include <sys/epoll.h>

typedef struct {
    VsfCaptureHandleConfig config;
    GCancellable *cancel;
} OpenRequest; /* what the worker sees */

typedef struct {
    VsfCapture *capture;
    int ifindex;
    guint64 serial;
    guint32 rate;
} Opening; /* what the main loop remembers */

Tap *
vsf_capture_find(VsfCapture *capture, int ifindex)
{
    return g_hash_table_lookup(capture->taps, GINT_TO_POINTER(ifindex));
}

/* Somebody who found no room may have it now. */
static void
sampler_ended(VsfCapture *capture)
{
    vsf_capture_room_give_sampler(&capture->room);
    if (!capture->closed && capture->callbacks.room != NULL)
        capture->callbacks.room(capture->user_data);
}

/* How often the rings are looked into is up to the smallest. */
static void
measure_rings(VsfCapture *capture)
{
    GHashTableIter iter;
    gpointer value;

    capture->smallest_ring = capture->room.ring_bytes;
    g_hash_table_iter_init(&iter, capture->taps);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Tap *tap = value;

        if (tap->handle != NULL)
            capture->smallest_ring = MIN(capture->smallest_ring, tap->ring_bytes);
    }
    vsf_capture_pace_set_ring(
        &capture->pace,
        vsf_capture_handle_ring_frames(capture->config.header_bytes, capture->smallest_ring));
}

/* --- closing --------------------------------------------------------------- */

static gpointer
close_handle(gpointer payload, GError **error G_GNUC_UNUSED)
{
    vsf_capture_handle_close(payload);
    return GINT_TO_POINTER(1);
}

static void
handle_closed(GObject *source G_GNUC_UNUSED, GAsyncResult *result G_GNUC_UNUSED, gpointer user_data)
{
    VsfCapture *capture = user_data;

    sampler_ended(capture);
    vsf_capture_unref(capture);
}

static void
dispose_handle(VsfCapture *capture, VsfCaptureHandle *handle)
{
    vsf_worker_run(capture->closer, close_handle, handle, NULL, NULL, handle_closed,
                   vsf_capture_ref(capture));
}

void
vsf_capture_tap_dispose(Tap *tap)
{
    if (tap->handle != NULL)
        dispose_handle(tap->capture, g_steal_pointer(&tap->handle));
    g_object_unref(tap->cancel);
    g_free(tap);
}

/* No callback for @tap from here on. */
static void
tap_close(Tap *tap)
{
    VsfCapture *capture = tap->capture;

    g_hash_table_remove(capture->taps, GINT_TO_POINTER(tap->ifindex));
    vsf_capture_room_give_ring(&capture->room, tap->ring_bytes);
    g_cancellable_cancel(tap->cancel);
    if (tap->handle != NULL) {
        epoll_ctl(capture->epoll_fd, EPOLL_CTL_DEL, vsf_capture_handle_fd(tap->handle), NULL);
        if (tap->ring_bytes == capture->smallest_ring && !capture->closed)
            measure_rings(capture);
    }
    tap->closed = TRUE;
    if (!tap->reading)
        vsf_capture_tap_dispose(tap);
}

void
vsf_capture_tap_fail(Tap *tap, const GError *error)
{
    VsfCapture *capture = tap->capture;
    int ifindex = tap->ifindex;

    tap_close(tap);
    capture->callbacks.failed(ifindex, error, capture->user_data);
}

/* --- opening --------------------------------------------------------------- */

static void
open_request_free(OpenRequest *request)
{
    g_object_unref(request->cancel);
    g_free(request);
}

static gpointer
open_handle(gpointer payload, GError **error)
{
    OpenRequest *request = payload;
    g_autoptr(VsfCaptureHandle) handle = NULL;

    if (g_cancellable_set_error_if_cancelled(request->cancel, error))
        return NULL;
    handle = vsf_capture_handle_open(&request->config, error);
    /* Nobody may be there any more to close it. */
    if (handle != NULL && g_cancellable_set_error_if_cancelled(request->cancel, error))
        return NULL;
    return g_steal_pointer(&handle);
}

static gboolean
watch_tap(Tap *tap, GError **error)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = tap->ifindex};

    if (epoll_ctl(tap->capture->epoll_fd, EPOLL_CTL_ADD, vsf_capture_handle_fd(tap->handle),
                  &event) == 0)
        return TRUE;
    g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED, "cannot watch the ring: %s",
                g_strerror(errno));
    return FALSE;
}

/* Another rate than it was opened with may be wanted by now. */
static gboolean
adopt_handle(Tap *tap, VsfCaptureHandle *handle, guint32 opened_rate, GError **error)
{
    guint32 wanted = tap->rates.rate;

    tap->handle = handle;
    if (tap->ring_bytes < tap->capture->smallest_ring)
        measure_rings(tap->capture);
    vsf_capture_rates_init(&tap->rates, opened_rate);
    vsf_capture_set_rate(tap->capture, tap->ifindex, wanted);
    return watch_tap(tap, error);
}

/* The tap may be closed, or opened anew, or the capture freed meanwhile. */
static void
handle_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autofree Opening *opening = user_data;
    g_autoptr(GError) error = NULL;
    VsfCapture *capture = opening->capture;
    VsfCaptureHandle *handle = vsf_worker_finish(result, &error);
    Tap *tap = vsf_capture_find(capture, opening->ifindex);

    if (tap == NULL || tap->serial != opening->serial) {
        if (handle != NULL)
            dispose_handle(capture, handle);
    } else if (handle != NULL && adopt_handle(tap, handle, opening->rate, &error)) {
        capture->callbacks.opened(tap->ifindex, capture->user_data);
    } else {
        vsf_capture_tap_fail(tap, error);
    }
    if (handle == NULL)
        sampler_ended(capture);
    vsf_capture_unref(capture);
}

static OpenRequest *
open_request_new(const Tap *tap, const char *name, gboolean mirrored)
{
    OpenRequest *request = g_new0(OpenRequest, 1);

    request->config.ifindex = tap->ifindex;
    g_strlcpy(request->config.name, name, sizeof(request->config.name));
    request->config.filter = (VsfCaptureFilter){
        .header_bytes = tap->capture->config.header_bytes,
        .rate = tap->rates.rate,
        .direction = tap->capture->config.direction,
        .mirrored = mirrored,
    };
    request->config.ring_bytes = tap->ring_bytes;
    request->cancel = g_object_ref(tap->cancel);
    return request;
}

gboolean
vsf_capture_open(VsfCapture *capture, int ifindex, const char *name, gboolean mirrored,
                 guint32 rate)
{
    guint32 ring_bytes;
    Opening *opening;
    Tap *tap;

    vsf_capture_close(capture, ifindex);
    ring_bytes = vsf_capture_room_take(&capture->room);
    if (ring_bytes == 0)
        return FALSE;
    tap = g_new0(Tap, 1);
    tap->capture = capture;
    tap->ifindex = ifindex;
    tap->ring_bytes = ring_bytes;
    vsf_capture_rates_init(&tap->rates, CLAMP(rate, 1, VSF_CAPTURE_RATE_MAX));
    tap->serial = ++capture->last_serial;
    tap->cancel = g_cancellable_new();
    g_hash_table_insert(capture->taps, GINT_TO_POINTER(ifindex), tap);
    opening = g_new0(Opening, 1);
    *opening = (Opening){vsf_capture_ref(capture), ifindex, tap->serial, tap->rates.rate};
    vsf_worker_run(capture->opener, open_handle, open_request_new(tap, name, mirrored),
                   (GDestroyNotify)open_request_free, NULL, handle_opened, opening);
    return TRUE;
}

void
vsf_capture_close(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);

    if (tap != NULL)
        tap_close(tap);
}

void
vsf_capture_set_terms(VsfCapture *capture, guint32 header_bytes, VsfDirection direction)
{
    capture->config.header_bytes = CLAMP(header_bytes, 64, 256);
    capture->config.direction = direction;
}

gboolean
vsf_capture_has_room(const VsfCapture *capture)
{
    return vsf_capture_room_is_there(&capture->room);
}

VsfCaptureRoom
vsf_capture_room(const VsfCapture *capture)
{
    return capture->room;
}
