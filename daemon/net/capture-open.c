/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and closing on workers, the room for it, and which backend has which tap: eBPF's as
 * long as it is in force, has room and can; else libpcap's. */
#include "capture-private.h"

typedef struct {
    VsfCaptureOpened *opened;
    VsfCaptureOpen open;
    GCancellable *cancel;
} OpenRequest; /* what the worker sees */

typedef struct {
    VsfCapture *capture;
    VsfCaptureOpened *opened;
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

static void
opened_clear(gpointer data)
{
    VsfCaptureOpened *opened = data;

    if (opened->handle != NULL)
        opened->backend->close(g_steal_pointer(&opened->handle));
}

void
vsf_capture_opened_free(gpointer opened)
{
    g_atomic_rc_box_release_full(opened, opened_clear);
}

static VsfCaptureOpened *
opened_new(const VsfCaptureBackend *backend, gpointer handle)
{
    VsfCaptureOpened *opened = g_atomic_rc_box_new0(VsfCaptureOpened);

    *opened = (VsfCaptureOpened){backend, handle};
    return opened;
}

static gpointer
close_opened(gpointer payload, GError **error G_GNUC_UNUSED)
{
    opened_clear(payload);
    return GINT_TO_POINTER(1);
}

static void
handle_closed(GObject *source G_GNUC_UNUSED, GAsyncResult *result G_GNUC_UNUSED, gpointer user_data)
{
    g_autofree Closing *closing = user_data;

    sampler_ended(closing->capture, closing->backend);
    vsf_capture_unref(closing->capture);
}

/* Those of one interface are done in order. */
static VsfWorker *
hooker(const VsfCapture *capture, int ifindex)
{
    return capture->hookers[(guint)ifindex % VSF_CAPTURE_HOOKERS];
}

/* Takes @opened. The sampler's room comes back with that. */
static void
dispose_opened(VsfCapture *capture, int ifindex, VsfCaptureOpened *opened)
{
    Closing *closing = g_new(Closing, 1);

    *closing = (Closing){vsf_capture_ref(capture), opened->backend};
    vsf_worker_run(opened->backend == &vsf_capture_ebpf ? hooker(capture, ifindex)
                                                        : capture->closer,
                   close_opened, opened, vsf_capture_opened_free, NULL, handle_closed, closing);
}

/* What eBPF is about to open is closed by the job after it, before another sampler of the
 * interface has its turn; libpcap's, which may be two for a moment, when it is known. */
void
vsf_capture_tap_dispose(Tap *tap)
{
    if (tap->handle != NULL)
        dispose_opened(tap->capture, tap->ifindex,
                       opened_new(tap->backend, g_steal_pointer(&tap->handle)));
    else if (tap->opened != NULL && tap->backend == &vsf_capture_ebpf)
        dispose_opened(tap->capture, tap->ifindex, g_steal_pointer(&tap->opened));
    g_clear_pointer(&tap->opened, vsf_capture_opened_free);
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
    vsf_capture_opened_free(request->opened);
    g_object_unref(request->cancel);
    g_free(request);
}

static gpointer
open_handle(gpointer payload, GError **error)
{
    OpenRequest *request = payload;
    VsfCaptureOpened *opened = request->opened;

    if (g_cancellable_set_error_if_cancelled(request->cancel, error))
        return NULL;
    opened->handle = opened->backend->open(&request->open, error);
    if (opened->handle == NULL)
        return NULL;
    /* Nobody may be there any more to close it. */
    if (!g_cancellable_set_error_if_cancelled(request->cancel, error))
        return GINT_TO_POINTER(1);
    opened_clear(opened);
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
    tap->opened = opened_new(tap->backend, NULL);
    request->opened = g_atomic_rc_box_acquire(tap->opened);
    request->cancel = g_object_ref(tap->cancel);
    request->open = (VsfCaptureOpen){
        .bpf = choice != NULL ? choice->bpf : NULL,
        .ifindex = tap->ifindex,
        .side = tap->side,
        .header_bytes = tap->header_bytes,
        .rate = tap->rates.rate,
        .ring_bytes = tap->ring_bytes,
        .direction = tap->direction,
    };
    g_strlcpy(request->open.name, tap->name, sizeof(request->open.name));
    *opening = (Opening){vsf_capture_ref(capture), g_atomic_rc_box_acquire(tap->opened),
                         tap->ifindex, tap->serial, tap->rates.rate};
    vsf_worker_run(
        tap->backend == &vsf_capture_ebpf ? hooker(capture, tap->ifindex) : capture->opener,
        open_handle, request, (GDestroyNotify)open_request_free, NULL, handle_opened, opening);
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

/* Of a tap that was closed or opened anew meanwhile; see vsf_capture_tap_dispose(). */
static void
drop_opened(VsfCapture *capture, const Opening *opening)
{
    VsfCaptureOpened *opened = opening->opened;

    if (opened->backend == &vsf_capture_ebpf)
        return;
    if (opened->handle != NULL)
        dispose_opened(capture, opening->ifindex, g_atomic_rc_box_acquire(opened));
    else
        sampler_ended(capture, opened->backend);
}

/* The tap may be closed, or opened anew, or the capture freed meanwhile. */
static void
handle_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autofree Opening *opening = user_data;
    g_autoptr(GError) error = NULL;
    gboolean is_open = vsf_worker_finish(result, &error) != NULL;
    VsfCaptureOpened *opened = opening->opened;
    VsfCapture *capture = opening->capture;
    Tap *tap = vsf_capture_find(capture, opening->ifindex);

    if (tap == NULL || tap->serial != opening->serial) {
        drop_opened(capture, opening);
    } else {
        g_clear_pointer(&tap->opened, vsf_capture_opened_free);
        if (is_open && adopt_handle(tap, g_steal_pointer(&opened->handle), opening->rate, &error)) {
            capture->callbacks.opened(tap->ifindex, capture->user_data);
        } else if (!is_open && may_fall_back(tap, error)) {
            /* Its room is nobody else's news: who found none would only try the same. */
            give_sampler(capture, opened->backend);
            fall_back(tap, error);
        } else {
            vsf_capture_tap_fail(tap, error);
            if (!is_open)
                sampler_ended(capture, opened->backend);
        }
    }
    vsf_capture_opened_free(opened);
    vsf_capture_unref(capture);
}

/* eBPF's programs know one direction and one number of header bytes: those of the start. */
static gboolean
has_other_terms(const Tap *tap)
{
    const VsfCaptureChoice *choice = tap->capture->config.choice;

    return choice != NULL && choice->bpf != NULL &&
           (choice->header_bytes != tap->header_bytes || choice->direction != tap->direction);
}

/* FALSE: there is no room. */
static gboolean
choose_backend(Tap *tap)
{
    VsfCapture *capture = tap->capture;

    tap->backend = &vsf_capture_ebpf;
    if (!has_other_terms(tap) && vsf_capture_room_take_hooks(&capture->room))
        return TRUE;
    tap->backend = &vsf_capture_pcap;
    if (has_other_terms(tap))
        tap->reason = g_strdup("eBPF has the direction and header-bytes that were configured for "
                               "all at the start");
    else if (capture->room.hooked_max > 0) {
        tap->for_room = TRUE;
        tap->reason = g_strdup_printf("eBPF serves no more than %u interfaces",
                                      capture->room.n_hooked);
    }
    tap->ring_bytes = vsf_capture_room_take(&capture->room);
    return tap->ring_bytes != 0;
}

gboolean
vsf_capture_open(VsfCapture *capture, int ifindex, const char *name, VsfSide side, guint32 rate)
{
    Tap *tap;

    vsf_capture_close(capture, ifindex);
    tap = g_new0(Tap, 1);
    tap->capture = capture;
    tap->ifindex = ifindex;
    g_strlcpy(tap->name, name, sizeof(tap->name));
    tap->side = side;
    tap->header_bytes = capture->config.header_bytes;
    tap->direction = capture->config.direction;
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

gboolean
vsf_capture_has_hooks(const VsfCapture *capture)
{
    return vsf_capture_room_has_hooks(&capture->room);
}

/* Each that is open or being opened is in the table. */
guint
vsf_capture_ending(const VsfCapture *capture)
{
    return capture->room.n_samplers - g_hash_table_size(capture->taps);
}

VsfCaptureRoom
vsf_capture_room(const VsfCapture *capture)
{
    return capture->room;
}
