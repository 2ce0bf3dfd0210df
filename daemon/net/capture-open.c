/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and closing on workers, the room for it, and which backend has which tap: eBPF's as
 * long as it is in force, has room and can; else libpcap's. */
#include "capture-private.h"

typedef struct {
    const VsfCaptureBackend *backend;
    VsfCaptureOpen open;
    GCancellable *cancel;
} OpenRequest; /* what the worker sees */

typedef struct {
    const VsfCaptureBackend *backend;
    gpointer handle;
} Opened; /* what it gives */

typedef struct {
    VsfCapture *capture;
    const VsfCaptureBackend *backend;
    int ifindex;
    guint64 serial;
    guint32 rate;
} Opening; /* what the main loop remembers */

typedef struct {
    VsfCapture *capture;
    const VsfCaptureBackend *backend;
} Closing;

Tap *
vsf_capture_find(VsfCapture *capture, int ifindex)
{
    return g_hash_table_lookup(capture->taps, GINT_TO_POINTER(ifindex));
}

static void
give_sampler(VsfCapture *capture, const VsfCaptureBackend *backend)
{
    if (backend == &vsf_capture_ebpf)
        vsf_capture_room_give_hooks(&capture->room);
    else
        vsf_capture_room_give_sampler(&capture->room);
}

/* Somebody who found no room may have it now. */
static void
sampler_ended(VsfCapture *capture, const VsfCaptureBackend *backend)
{
    give_sampler(capture, backend);
    if (!capture->closed && capture->callbacks.room != NULL)
        capture->callbacks.room(capture->user_data);
}

/* --- closing --------------------------------------------------------------- */

void
vsf_capture_opened_free(gpointer data)
{
    Opened *opened = data;

    if (opened->handle != NULL)
        opened->backend->close(opened->handle);
    g_free(opened);
}

static gpointer
close_handle(gpointer payload, GError **error G_GNUC_UNUSED)
{
    Opened *opened = payload;

    opened->backend->close(g_steal_pointer(&opened->handle));
    return opened;
}

static void
handle_closed(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autofree Closing *closing = user_data;
    g_autofree Opened *closed = vsf_worker_finish(result, NULL);

    sampler_ended(closing->capture, closing->backend);
    vsf_capture_unref(closing->capture);
}

static void
dispose_handle(VsfCapture *capture, const VsfCaptureBackend *backend, gpointer handle)
{
    Opened *opened = g_new(Opened, 1);
    Closing *closing = g_new(Closing, 1);

    *opened = (Opened){backend, handle};
    *closing = (Closing){vsf_capture_ref(capture), backend};
    vsf_worker_run(backend == &vsf_capture_ebpf ? capture->hooker : capture->closer, close_handle,
                   opened, NULL, NULL, handle_closed, closing);
}

void
vsf_capture_tap_dispose(Tap *tap)
{
    if (tap->handle != NULL)
        dispose_handle(tap->capture, tap->backend, g_steal_pointer(&tap->handle));
    g_object_unref(tap->cancel);
    g_free(tap->reason);
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
    if (tap->handle != NULL)
        tap->backend->end(tap);
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
    Opened *opened;
    gpointer handle;

    if (g_cancellable_set_error_if_cancelled(request->cancel, error))
        return NULL;
    handle = request->backend->open(&request->open, error);
    if (handle == NULL)
        return NULL;
    opened = g_new(Opened, 1);
    *opened = (Opened){request->backend, handle};
    /* Nobody may be there any more to close it. */
    if (!g_cancellable_set_error_if_cancelled(request->cancel, error))
        return opened;
    vsf_capture_opened_free(opened);
    return NULL;
}

/* Another rate than it was opened with may be wanted by now. */
static gboolean
adopt_handle(Tap *tap, gpointer handle, guint32 opened_rate, GError **error)
{
    guint32 wanted = tap->rates.rate;

    tap->handle = handle;
    vsf_capture_rates_init(&tap->rates, opened_rate);
    vsf_capture_set_rate(tap->capture, tap->ifindex, wanted);
    return tap->backend->begin(tap, error);
}

static void handle_opened(GObject *source, GAsyncResult *result, gpointer user_data);

/* With the backend and the ring that @tap has. */
static void
start_opening(Tap *tap)
{
    VsfCapture *capture = tap->capture;
    const VsfCaptureChoice *choice = capture->config.choice;
    OpenRequest *request = g_new0(OpenRequest, 1);
    Opening *opening = g_new0(Opening, 1);

    tap->serial = ++capture->last_serial;
    tap->since_ns = g_get_monotonic_time() * 1000;
    request->backend = tap->backend;
    request->cancel = g_object_ref(tap->cancel);
    request->open = (VsfCaptureOpen){
        .bpf = choice != NULL ? choice->bpf : NULL,
        .ifindex = tap->ifindex,
        .mirrored = tap->mirrored,
        .header_bytes = capture->config.header_bytes,
        .rate = tap->rates.rate,
        .ring_bytes = tap->ring_bytes,
        .direction = capture->config.direction,
    };
    g_strlcpy(request->open.name, tap->name, sizeof(request->open.name));
    *opening = (Opening){vsf_capture_ref(capture), tap->backend, tap->ifindex, tap->serial,
                         tap->rates.rate};
    vsf_worker_run(tap->backend == &vsf_capture_ebpf ? capture->hooker : capture->opener,
                   open_handle, request, (GDestroyNotify)open_request_free, NULL, handle_opened,
                   opening);
}

/* Whether libpcap may have a tap that eBPF did not take: not what neither can sample. */
static gboolean
may_fall_back(const Tap *tap, const GError *error)
{
    return tap->backend == &vsf_capture_ebpf && tap->handle == NULL &&
           error->domain == VSF_BPF_ERROR;
}

/* The sampler that was to be is libpcap's then; its room is given back by the caller. */
static void
fall_back(Tap *tap, const GError *error)
{
    g_autoptr(GError) no_room = NULL;

    tap->backend = &vsf_capture_pcap;
    tap->reason = g_strdup_printf("eBPF cannot serve it: %s", error->message);
    tap->ring_bytes = vsf_capture_room_take(&tap->capture->room);
    if (tap->ring_bytes != 0) {
        start_opening(tap);
        return;
    }
    no_room = g_error_new(VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_NO_ROOM,
                          "no room for libpcap, and %s", tap->reason);
    vsf_capture_tap_fail(tap, no_room);
}

/* The tap may be closed, or opened anew, or the capture freed meanwhile. */
static void
handle_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autofree Opening *opening = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree Opened *opened = vsf_worker_finish(result, &error);
    VsfCapture *capture = opening->capture;
    Tap *tap = vsf_capture_find(capture, opening->ifindex);

    if (tap == NULL || tap->serial != opening->serial) {
        if (opened != NULL)
            dispose_handle(capture, opened->backend, opened->handle);
        else
            sampler_ended(capture, opening->backend);
    } else if (opened != NULL && adopt_handle(tap, opened->handle, opening->rate, &error)) {
        capture->callbacks.opened(tap->ifindex, capture->user_data);
    } else if (opened == NULL && may_fall_back(tap, error)) {
        /* Its room is nobody else's news: who found none would only try the same. */
        give_sampler(capture, opening->backend);
        fall_back(tap, error);
    } else {
        vsf_capture_tap_fail(tap, error);
        if (opened == NULL)
            sampler_ended(capture, opening->backend);
    }
    vsf_capture_unref(capture);
}

/* FALSE: there is no room. */
static gboolean
choose_backend(Tap *tap)
{
    VsfCapture *capture = tap->capture;

    tap->backend = &vsf_capture_ebpf;
    if (vsf_capture_room_take_hooks(&capture->room))
        return TRUE;
    tap->backend = &vsf_capture_pcap;
    if (capture->room.hooked_max > 0)
        tap->reason = g_strdup_printf("eBPF serves no more than %u interfaces",
                                      capture->room.n_hooked);
    tap->ring_bytes = vsf_capture_room_take(&capture->room);
    return tap->ring_bytes != 0;
}

gboolean
vsf_capture_open(VsfCapture *capture, int ifindex, const char *name, gboolean mirrored,
                 guint32 rate)
{
    Tap *tap;

    vsf_capture_close(capture, ifindex);
    tap = g_new0(Tap, 1);
    tap->capture = capture;
    tap->ifindex = ifindex;
    g_strlcpy(tap->name, name, sizeof(tap->name));
    tap->mirrored = mirrored;
    tap->cancel = g_cancellable_new();
    vsf_capture_rates_init(&tap->rates, CLAMP(rate, 1, VSF_CAPTURE_RATE_MAX));
    if (!choose_backend(tap)) {
        vsf_capture_tap_dispose(tap);
        return FALSE;
    }
    g_hash_table_insert(capture->taps, GINT_TO_POINTER(ifindex), tap);
    start_opening(tap);
    return TRUE;
}

void
vsf_capture_close(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);

    if (tap != NULL)
        tap_close(tap);
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
