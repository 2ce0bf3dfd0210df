/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define THREADS 8      /* each open waits some 15 ms: 2,000 taps in 3 s, with 4 in 7 to 10 */
#define END_THREADS 32 /* waits for the kernel that meet end together */
#define END_PATIENCE_MS 2500
#define EVENTS_PER_DISPATCH 16
#define FRAMES_PER_TAP 64 /* then the next tap has its turn; 16 times this is about 1 ms */

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

/* --- reading --------------------------------------------------------------- */

static void
take_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    Tap *tap = (Tap *)(void *)user;
    VsfCapture *capture = tap->capture;
    VsfPacket packet = vsf_capture_frame_packet(
        header, bytes, tap->ifindex, capture->config.header_bytes, &tap->rates, &capture->clock);

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
    vsf_capture_clock_look(&tap->capture->clock);
    n = vsf_capture_handle_read(tap->handle, FRAMES_PER_TAP, take_frame, (u_char *)tap);
    tap->reading = FALSE;
    if (tap->closed) {
        vsf_capture_tap_dispose(tap);
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
        vsf_capture_tap_fail(tap, error);
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
    VsfCapture *capture = vsf_capture_ref(((CaptureSource *)source)->capture);
    struct epoll_event events[EVENTS_PER_DISPATCH];
    int n = epoll_wait(capture->epoll_fd, events, EVENTS_PER_DISPATCH, 0);
    gboolean more = n == EVENTS_PER_DISPATCH;

    for (int i = 0; i < n; i++) {
        Tap *tap = vsf_capture_find(capture, events[i].data.fd);

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
    vsf_capture_unref(capture);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = serve_rings};

void
vsf_capture_set_rate(VsfCapture *capture, int ifindex, guint32 rate)
{
    Tap *tap = vsf_capture_find(capture, ifindex);
    g_autoptr(GError) error = NULL;
    guint32 wanted = CLAMP(rate, 1, VSF_CAPTURE_RATE_MAX);

    if (tap == NULL || tap->rates.rate == wanted)
        return;
    if (tap->handle == NULL)
        vsf_capture_rates_init(&tap->rates, wanted);
    else if (vsf_capture_handle_set_rate(tap->handle, wanted, &error))
        vsf_capture_rates_change(&tap->rates, wanted, g_get_monotonic_time() * 1000);
    else
        g_debug("interface %d: %s; sampling goes on as it was", ifindex, error->message);
}

guint64
vsf_capture_drops(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);

    if (tap == NULL || tap->handle == NULL)
        return 0;
    return vsf_capture_handle_drops(tap->handle, g_get_monotonic_time());
}

void
vsf_capture_drain(VsfCapture *capture, int ifindex)
{
    Tap *tap = vsf_capture_find(capture, ifindex);
    guint turns;
    TapResult result = TAP_HAS_MORE;
    g_autoptr(GError) error = NULL;

    if (tap == NULL || tap->handle == NULL || tap->reading)
        return;
    turns = vsf_capture_handle_ring_frames(capture->config.header_bytes, tap->ring_bytes) /
                FRAMES_PER_TAP +
            2;
    vsf_capture_ref(capture);
    while (result == TAP_HAS_MORE && turns-- > 0)
        result = read_tap(tap, FALSE, &error);
    if (result == TAP_ENDED && !capture->closed) {
        /* Its event is used up; failed() comes from the main loop all the same. */
        capture->look_at_all = TRUE;
        g_source_set_ready_time(capture->source, 0);
    }
    vsf_capture_unref(capture);
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
    vsf_capture_clock_look(&capture->clock);
    capture->taps = g_hash_table_new(NULL, NULL);
    capture->opener = vsf_worker_new(THREADS, (GDestroyNotify)vsf_capture_handle_close);
    capture->closer = vsf_worker_new(THREADS, NULL);
    vsf_capture_room_init(&capture->room, config->samplers_max, config->ring_total,
                          config->ring_bytes, (guint32)getpagesize());
    capture->smallest_ring = capture->room.ring_bytes;
    vsf_capture_pace_init(
        &capture->pace,
        vsf_capture_handle_ring_frames(capture->config.header_bytes, capture->smallest_ring),
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
    /* The kernel would close them one by one at the process's end. */
    vsf_worker_drain(capture->closer, END_THREADS, END_PATIENCE_MS);
    vsf_capture_unref(capture);
}
