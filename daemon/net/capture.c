/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture.h"

#include "../base/worker.h"
#include "capture-handle.h"
#include "capture-pace.h"
#include "capture-rates.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define THREADS 4 /* opening 300 taps takes about a second */
#define EVENTS_PER_DISPATCH 16
#define FRAMES_PER_TAP 64 /* then the next tap has its turn; 16 times this is about 1 ms */

struct VsfCapture {
    int refs; /* the owner's, and one for each job on a worker and each dispatch */
    gboolean closed;
    VsfCaptureConfig config;
    VsfCaptureCallbacks callbacks;
    gpointer user_data;
    int epoll_fd;
    GSource *source;
    gpointer watch; /* the source's tag of epoll_fd */
    VsfWorker *opener, *closer;
    GHashTable *taps; /* ifindex -> Tap */
    guint64 last_serial;
    VsfCapturePace pace;
    guint64 round;        /* a round ends when no ring holds more */
    guint busiest;        /* frames taken from one tap in this round, the most */
    gboolean look_at_all; /* a tap may have ended without an event */
};

typedef struct {
    VsfCapture *capture;
    int ifindex;
    VsfCaptureRates rates;
    guint64 serial;           /* an open in flight belongs to the tap with its serial */
    GCancellable *cancel;     /* tells an open that nobody began that it is unwanted */
    VsfCaptureHandle *handle; /* NULL while it is being opened */
    gboolean reading;         /* frames are being handed out */
    gboolean closed;          /* during that: dispose of it afterwards */
    guint64 round;
    guint taken;
} Tap;

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

typedef struct {
    GSource base;
    VsfCapture *capture;
} CaptureSource;

/* Later, since this may be called from a callback of one of the workers. */
static gboolean
destroy(gpointer user_data)
{
    VsfCapture *capture = user_data;

    vsf_worker_free(capture->opener);
    vsf_worker_free(capture->closer);
    g_hash_table_unref(capture->taps);
    close(capture->epoll_fd);
    g_free(capture);
    return G_SOURCE_REMOVE;
}

static VsfCapture *
capture_ref(VsfCapture *capture)
{
    capture->refs++;
    return capture;
}

static void
capture_unref(VsfCapture *capture)
{
    g_autoptr(GSource) idle = NULL;

    if (--capture->refs > 0)
        return;
    idle = g_idle_source_new();
    g_source_set_callback(idle, destroy, capture, NULL);
    g_source_attach(idle, g_main_context_get_thread_default());
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
    capture_unref(user_data);
}

static void
dispose_handle(VsfCapture *capture, VsfCaptureHandle *handle)
{
    vsf_worker_run(capture->closer, close_handle, handle, NULL, NULL, handle_closed,
                   capture_ref(capture));
}

static void
tap_dispose(Tap *tap)
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
    g_cancellable_cancel(tap->cancel);
    if (tap->handle != NULL)
        epoll_ctl(capture->epoll_fd, EPOLL_CTL_DEL, vsf_capture_handle_fd(tap->handle), NULL);
    tap->closed = TRUE;
    if (!tap->reading)
        tap_dispose(tap);
}

static void
tap_fail(Tap *tap, const GError *error)
{
    VsfCapture *capture = tap->capture;
    int ifindex = tap->ifindex;

    tap_close(tap);
    capture->callbacks.failed(ifindex, error, capture->user_data);
}

static Tap *
find_tap(VsfCapture *capture, int ifindex)
{
    return g_hash_table_lookup(capture->taps, GINT_TO_POINTER(ifindex));
}

/* --- reading --------------------------------------------------------------- */

static void
take_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    Tap *tap = (Tap *)(void *)user;
    VsfCapture *capture = tap->capture;
    guint32 header_bytes = capture->config.header_bytes;
    VsfPacket packet = {
        .ifindex = tap->ifindex,
        .time_ns = (gint64)header->ts.tv_sec * 1000000000 + header->ts.tv_usec,
        .from_vm = vsf_capture_filter_from_vm(header_bytes, header->caplen, header->len),
        .frame_length = header->len,
        .header = bytes,
        .header_length = vsf_capture_filter_header_length(header_bytes, header->caplen),
    };

    packet.rate = vsf_capture_rates_at(&tap->rates, packet.time_ns);
    if (!tap->closed)
        capture->callbacks.packet(&packet, capture->user_data);
}

static void
count_taken(Tap *tap, guint n)
{
    VsfCapture *capture = tap->capture;

    if (tap->round != capture->round) {
        tap->round = capture->round;
        tap->taken = 0;
    }
    tap->taken += n;
    capture->busiest = MAX(capture->busiest, tap->taken);
}

typedef enum { TAP_EMPTY, TAP_HAS_MORE, TAP_ENDED, TAP_CLOSED } TapResult;

/* Hands out some frames. After TAP_CLOSED @tap is freed; with TAP_ENDED *@error
 * tells why. */
static TapResult
read_tap(Tap *tap, gboolean suspect, GError **error)
{
    int n;

    tap->reading = TRUE;
    n = vsf_capture_handle_read(tap->handle, FRAMES_PER_TAP, take_frame, (u_char *)tap);
    tap->reading = FALSE;
    if (tap->closed) {
        tap_dispose(tap);
        return TAP_CLOSED;
    }
    count_taken(tap, (guint)MAX(n, 0));
    if (n == FRAMES_PER_TAP)
        return TAP_HAS_MORE;
    /* libpcap looks at the socket's error only when the ring is empty, and
     * keeps it to itself. */
    if ((suspect || n <= 0) && !vsf_capture_handle_check(tap->handle, n < 0, error))
        return TAP_ENDED;
    return TAP_EMPTY;
}

/* TRUE if it may have more at once. */
static gboolean
serve_tap(Tap *tap, gboolean suspect)
{
    g_autoptr(GError) error = NULL;
    TapResult result = read_tap(tap, suspect, &error);

    if (result == TAP_ENDED)
        tap_fail(tap, error);
    return result == TAP_HAS_MORE;
}

static void
watch_again_after(VsfCapture *capture, gint64 pause_us, gint64 now_us)
{
    g_source_modify_unix_fd(capture->source, capture->watch, pause_us == 0 ? G_IO_IN : 0);
    g_source_set_ready_time(capture->source, pause_us == 0 ? -1 : now_us + pause_us);
}

static void
end_round(VsfCapture *capture)
{
    gint64 now_us = g_get_monotonic_time();

    watch_again_after(capture, vsf_capture_pace_next(&capture->pace, capture->busiest, now_us),
                      now_us);
    capture->round++;
    capture->busiest = 0;
}

static void
look_at_all(VsfCapture *capture)
{
    guint n_keys;
    g_autofree gpointer *keys = g_hash_table_get_keys_as_array(capture->taps, &n_keys);

    capture->look_at_all = FALSE;
    for (guint i = 0; i < n_keys; i++) {
        Tap *tap = g_hash_table_lookup(capture->taps, keys[i]);

        if (tap != NULL && tap->handle != NULL)
            serve_tap(tap, TRUE);
    }
}

static gboolean
serve_rings(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    VsfCapture *capture = capture_ref(((CaptureSource *)source)->capture);
    struct epoll_event events[EVENTS_PER_DISPATCH];
    int n = epoll_wait(capture->epoll_fd, events, EVENTS_PER_DISPATCH, 0);
    gboolean more = n == EVENTS_PER_DISPATCH;

    for (int i = 0; i < n; i++) {
        Tap *tap = find_tap(capture, events[i].data.fd);

        /* A callback for a tap before it in this list may have closed it. */
        if (tap != NULL && tap->handle != NULL && !tap->reading)
            more |= serve_tap(tap, (events[i].events & ~(guint32)EPOLLIN) != 0);
    }
    if (capture->look_at_all)
        look_at_all(capture);
    if (!capture->closed && more)
        watch_again_after(capture, 0, 0);
    else if (!capture->closed)
        end_round(capture);
    capture_unref(capture);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = serve_rings};

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

    if (g_cancellable_set_error_if_cancelled(request->cancel, error))
        return NULL;
    return vsf_capture_handle_open(&request->config, error);
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
    Tap *tap = find_tap(capture, opening->ifindex);

    if (tap == NULL || tap->serial != opening->serial) {
        if (handle != NULL)
            dispose_handle(capture, handle);
    } else if (handle != NULL && adopt_handle(tap, handle, opening->rate, &error)) {
        capture->callbacks.opened(tap->ifindex, capture->user_data);
    } else {
        tap_fail(tap, error);
    }
    capture_unref(capture);
}

void
vsf_capture_open(VsfCapture *capture, int ifindex, const char *name, gboolean mirrored,
                 guint32 rate)
{
    OpenRequest *request = g_new0(OpenRequest, 1);
    Opening *opening = g_new0(Opening, 1);
    Tap *tap = g_new0(Tap, 1);

    vsf_capture_close(capture, ifindex);
    tap->capture = capture;
    tap->ifindex = ifindex;
    vsf_capture_rates_init(&tap->rates, CLAMP(rate, 1, VSF_CAPTURE_RATE_MAX));
    tap->serial = ++capture->last_serial;
    tap->cancel = g_cancellable_new();
    g_hash_table_insert(capture->taps, GINT_TO_POINTER(ifindex), tap);

    request->config.ifindex = ifindex;
    g_strlcpy(request->config.name, name, sizeof(request->config.name));
    request->config.filter = (VsfCaptureFilter){
        .header_bytes = capture->config.header_bytes,
        .rate = tap->rates.rate,
        .direction = capture->config.direction,
        .mirrored = mirrored,
    };
    request->config.ring_bytes = capture->config.ring_bytes;
    request->cancel = g_object_ref(tap->cancel);
    *opening = (Opening){capture_ref(capture), ifindex, tap->serial, tap->rates.rate};
    vsf_worker_run(capture->opener, open_handle, request, (GDestroyNotify)open_request_free, NULL,
                   handle_opened, opening);
}

void
vsf_capture_set_rate(VsfCapture *capture, int ifindex, guint32 rate)
{
    Tap *tap = find_tap(capture, ifindex);
    g_autoptr(GError) error = NULL;
    guint32 wanted = CLAMP(rate, 1, VSF_CAPTURE_RATE_MAX);

    if (tap == NULL || tap->rates.rate == wanted)
        return;
    if (tap->handle == NULL)
        vsf_capture_rates_init(&tap->rates, wanted);
    else if (vsf_capture_handle_set_rate(tap->handle, wanted, &error))
        vsf_capture_rates_change(&tap->rates, wanted, g_get_real_time() * 1000);
    else
        g_debug("interface %d: %s; sampling goes on as it was", ifindex, error->message);
}

void
vsf_capture_close(VsfCapture *capture, int ifindex)
{
    Tap *tap = find_tap(capture, ifindex);

    if (tap != NULL)
        tap_close(tap);
}

/* --- the rest -------------------------------------------------------------- */

guint64
vsf_capture_drops(VsfCapture *capture, int ifindex)
{
    Tap *tap = find_tap(capture, ifindex);

    if (tap == NULL || tap->handle == NULL)
        return 0;
    return vsf_capture_handle_drops(tap->handle, g_get_monotonic_time());
}

void
vsf_capture_drain(VsfCapture *capture, int ifindex)
{
    guint turns = capture->pace.ring_frames / FRAMES_PER_TAP + 2;
    Tap *tap = find_tap(capture, ifindex);
    TapResult result = TAP_HAS_MORE;
    g_autoptr(GError) error = NULL;

    if (tap == NULL || tap->handle == NULL || tap->reading)
        return;
    capture_ref(capture);
    while (result == TAP_HAS_MORE && turns-- > 0)
        result = read_tap(tap, FALSE, &error);
    if (result == TAP_ENDED && !capture->closed) {
        /* Its event is used up; failed() comes from the main loop all the same. */
        capture->look_at_all = TRUE;
        g_source_set_ready_time(capture->source, 0);
    }
    capture_unref(capture);
}

VsfCapture *
vsf_capture_new(const VsfCaptureConfig *config, const VsfCaptureCallbacks *callbacks,
                gpointer user_data, GError **error)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    VsfCapture *capture;

    if (epoll_fd < 0) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED, "epoll: %s",
                    g_strerror(errno));
        return NULL;
    }
    capture = g_new0(VsfCapture, 1);
    capture->refs = 1;
    capture->config = *config;
    capture->config.header_bytes = CLAMP(config->header_bytes, 64, 256);
    capture->callbacks = *callbacks;
    capture->user_data = user_data;
    capture->epoll_fd = epoll_fd;
    capture->taps = g_hash_table_new(NULL, NULL);
    capture->opener = vsf_worker_new(THREADS, (GDestroyNotify)vsf_capture_handle_close);
    capture->closer = vsf_worker_new(THREADS, NULL);
    vsf_capture_pace_init(
        &capture->pace,
        vsf_capture_handle_ring_frames(capture->config.header_bytes, config->ring_bytes),
        g_get_monotonic_time());
    capture->source = g_source_new(&source_funcs, sizeof(CaptureSource));
    ((CaptureSource *)capture->source)->capture = capture;
    g_source_set_static_name(capture->source, "capture");
    capture->watch = g_source_add_unix_fd(capture->source, epoll_fd, G_IO_IN);
    g_source_attach(capture->source, g_main_context_get_thread_default());
    return capture;
}

void
vsf_capture_free(VsfCapture *capture)
{
    g_autofree gpointer *keys = NULL;
    guint n_keys;

    if (capture == NULL)
        return;
    capture->closed = TRUE;
    g_source_destroy(capture->source);
    g_clear_pointer(&capture->source, g_source_unref);
    keys = g_hash_table_get_keys_as_array(capture->taps, &n_keys);
    for (guint i = 0; i < n_keys; i++)
        vsf_capture_close(capture, GPOINTER_TO_INT(keys[i]));
    capture_unref(capture);
}
