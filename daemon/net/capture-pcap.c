/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libpcap's samplers: a packet socket with a ring for each tap, all behind one epoll fd. */
#include "capture-frame.h"
#include "capture-handle.h"
#include "capture-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_DISPATCH 16
#define FRAMES_PER_TAP 64 /* then the next tap has its turn; 16 times this is about 1 ms */

typedef struct {
    GSource base;
    VsfCapture *capture;
} RingsSource;

static guint
ring_frames(const VsfCapture *capture, guint32 ring_bytes)
{
    return vsf_capture_handle_ring_frames(capture->config.header_bytes, ring_bytes);
}

/* How often the rings are looked into is up to the smallest. */
static void
measure_rings(VsfCapture *capture)
{
    VsfCaptureRings *rings = &capture->rings;
    GHashTableIter iter;
    gpointer value;

    rings->smallest_ring = capture->room.ring_bytes;
    g_hash_table_iter_init(&iter, capture->taps);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Tap *tap = value;

        if (tap->handle != NULL && tap->backend == &vsf_capture_pcap)
            rings->smallest_ring = MIN(rings->smallest_ring, tap->ring_bytes);
    }
    vsf_capture_pace_set_ring(&rings->pace, ring_frames(capture, rings->smallest_ring));
}

/* --- reading --------------------------------------------------------------- */

static void
take_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    Tap *tap = (Tap *)(void *)user;
    VsfCapture *capture = tap->capture;
    VsfPacket packet = vsf_capture_frame_packet(header, bytes, tap->ifindex, tap->header_bytes,
                                                &tap->rates, &capture->clock);

    if (!tap->closed)
        capture->callbacks.packet(&packet, capture->user_data);
}

static void
count_taken(Tap *tap, guint n)
{
    VsfCaptureRings *rings = &tap->capture->rings;

    if (tap->round != rings->round) {
        tap->round = rings->round;
        tap->taken = 0;
    }
    tap->taken += n;
    rings->busiest = MAX(rings->busiest, tap->taken);
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
watch_again_after(VsfCaptureRings *rings, gint64 pause_us, gint64 now_us)
{
    g_source_modify_unix_fd(rings->source, rings->watch, pause_us == 0 ? G_IO_IN : 0);
    g_source_set_ready_time(rings->source, pause_us == 0 ? -1 : now_us + pause_us);
}

static void
end_round(VsfCaptureRings *rings)
{
    gint64 now_us = g_get_monotonic_time();

    watch_again_after(rings, vsf_capture_pace_next(&rings->pace, rings->busiest, now_us), now_us);
    rings->round++;
    rings->busiest = 0;
}

static gboolean
has_ring(const Tap *tap)
{
    return tap != NULL && tap->handle != NULL && tap->backend == &vsf_capture_pcap;
}

static void
look_at_all(VsfCapture *capture)
{
    guint n_keys;
    g_autofree gpointer *keys = g_hash_table_get_keys_as_array(capture->taps, &n_keys);

    capture->rings.look_at_all = FALSE;
    for (guint i = 0; i < n_keys; i++) {
        Tap *tap = g_hash_table_lookup(capture->taps, keys[i]);

        if (has_ring(tap))
            serve_tap(tap, TRUE);
    }
}

static gboolean
serve_rings(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    VsfCapture *capture = vsf_capture_ref(((RingsSource *)source)->capture);
    struct epoll_event events[EVENTS_PER_DISPATCH];
    int n = epoll_wait(capture->rings.epoll_fd, events, EVENTS_PER_DISPATCH, 0);
    gboolean more = n == EVENTS_PER_DISPATCH;

    for (int i = 0; i < n; i++) {
        Tap *tap = vsf_capture_find(capture, events[i].data.fd);

        /* A callback for a tap before it in this list may have closed it. */
        if (has_ring(tap) && !tap->reading)
            more |= serve_tap(tap, (events[i].events & ~(guint32)EPOLLIN) != 0);
    }
    if (capture->rings.look_at_all)
        look_at_all(capture);
    if (!capture->closed && more)
        watch_again_after(&capture->rings, 0, 0);
    else if (!capture->closed)
        end_round(&capture->rings);
    vsf_capture_unref(capture);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = serve_rings};

/* --- the backend ------------------------------------------------------------ */

static gpointer
open_ring(const VsfCaptureOpen *open, GError **error)
{
    VsfCaptureHandleConfig config = {
        .ifindex = open->ifindex,
        .filter = {.header_bytes = open->header_bytes,
                   .rate = open->rate,
                   .direction = open->direction,
                   .mirrored = open->side == VSF_SIDE_MIRRORED},
        .ring_bytes = open->ring_bytes,
    };

    g_strlcpy(config.name, open->name, sizeof(config.name));
    return vsf_capture_handle_open(&config, error);
}

static void
close_ring(gpointer handle)
{
    vsf_capture_handle_close(handle);
}

static gboolean
begin(Tap *tap, GError **error)
{
    VsfCaptureRings *rings = &tap->capture->rings;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = tap->ifindex};

    if (tap->ring_bytes < rings->smallest_ring)
        measure_rings(tap->capture);
    if (epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, vsf_capture_handle_fd(tap->handle), &event) == 0)
        return TRUE;
    g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED, "cannot watch the ring: %s",
                g_strerror(errno));
    return FALSE;
}

static void
end(Tap *tap)
{
    VsfCaptureRings *rings = &tap->capture->rings;

    epoll_ctl(rings->epoll_fd, EPOLL_CTL_DEL, vsf_capture_handle_fd(tap->handle), NULL);
    if (tap->ring_bytes == rings->smallest_ring && !tap->capture->closed)
        measure_rings(tap->capture);
}

static gboolean
set_rate(Tap *tap, guint32 rate, GError **error)
{
    return vsf_capture_handle_set_rate(tap->handle, rate, error);
}

static guint64
drops(Tap *tap)
{
    return vsf_capture_handle_drops(tap->handle, g_get_monotonic_time());
}

static guint64
untold(Tap *tap G_GNUC_UNUSED)
{
    return 0;
}

static void
drain(Tap *tap)
{
    VsfCapture *capture = tap->capture;
    guint turns = ring_frames(capture, tap->ring_bytes) / FRAMES_PER_TAP + 2;
    TapResult result = TAP_HAS_MORE;
    g_autoptr(GError) error = NULL;

    if (tap->reading)
        return;
    while (result == TAP_HAS_MORE && turns-- > 0)
        result = read_tap(tap, FALSE, &error);
    if (result == TAP_ENDED && !capture->closed) {
        /* Its event is used up; failed() comes from the main loop all the same. */
        capture->rings.look_at_all = TRUE;
        g_source_set_ready_time(capture->rings.source, 0);
    }
}

const VsfCaptureBackend vsf_capture_pcap = {
    .name = "pcap",
    .open = open_ring,
    .close = close_ring,
    .begin = begin,
    .end = end,
    .set_rate = set_rate,
    .drops = drops,
    .untold = untold,
    .drain = drain,
};

gboolean
vsf_capture_rings_init(VsfCapture *capture, GError **error)
{
    VsfCaptureRings *rings = &capture->rings;

    rings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (rings->epoll_fd < 0) {
        g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED, "epoll: %s",
                    g_strerror(errno));
        return FALSE;
    }
    rings->smallest_ring = capture->room.ring_bytes;
    vsf_capture_pace_init(&rings->pace, ring_frames(capture, rings->smallest_ring),
                          g_get_monotonic_time());
    rings->source = g_source_new(&source_funcs, sizeof(RingsSource));
    ((RingsSource *)rings->source)->capture = capture;
    g_source_set_static_name(rings->source, "capture: libpcap");
    rings->watch = g_source_add_unix_fd(rings->source, rings->epoll_fd, G_IO_IN);
    g_source_attach(rings->source, g_main_context_get_thread_default());
    return TRUE;
}

void
vsf_capture_rings_stop(VsfCapture *capture)
{
    g_source_destroy(capture->rings.source);
    g_clear_pointer(&capture->rings.source, g_source_unref);
}

void
vsf_capture_rings_clear(VsfCapture *capture)
{
    close(capture->rings.epoll_fd);
}
