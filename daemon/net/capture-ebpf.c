/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eBPF's samplers: programs in the kernel pick, and one ring brings what all of them picked. */
#include "capture-private.h"

#define SAMPLES_PER_DISPATCH 512 /* about 1 ms */
#define DRAIN_TURNS 64           /* more than the ring holds */
#define COUNTS_AGE_US 50000
/* For the pace, which looks before a quarter of these wait: the ring of 1 MiB holds 2,600 of 256
 * header bytes, and a tap may have half of it. */
#define RING_SAMPLES 1300

typedef struct {
    GSource base;
    VsfCapture *capture;
} SharedSource;

static VsfBpf *
bpf_of(const VsfCapture *capture)
{
    return capture->config.choice->bpf;
}

/* --- reading --------------------------------------------------------------- */

static void
take_sample(const VsfBpfSample *sample, gpointer user_data)
{
    VsfCapture *capture = user_data;
    Tap *tap = vsf_capture_find(capture, sample->ifindex);
    gint64 time_ns = (gint64)sample->time_ns;
    VsfPacket packet = {
        .ifindex = sample->ifindex,
        .time_ns = time_ns,
        .stamp_ns = time_ns - capture->clock.monotonic_ns + capture->clock.wall_ns,
        .from_vm = sample->from_vm,
        .rate = sample->rate,
        .frame_length = sample->frame_length,
        .header = sample->header,
        .header_length = sample->header_length,
        .gap = MAX(sample->gap, 1),
        .decided = capture->config.choice->direction == VSF_DIRECTION_ONCE,
    };

    /* What an earlier sampler of the interface left in the ring is not this one's. One that is
     * being opened may have picked already: the first packets of a VM. */
    if (capture->closed || tap == NULL || tap->backend != &vsf_capture_ebpf ||
        time_ns < tap->since_ns)
        return;
    packet.decided = packet.decided && tap->side == VSF_SIDE_TAP;
    tap->told += packet.gap;
    capture->callbacks.packet(&packet, capture->user_data);
}

/* TRUE: there may be more. A callback may have closed taps, or all of it. */
static gboolean
read_some(VsfCapture *capture)
{
    int n;

    capture->shared.reading = TRUE;
    vsf_capture_clock_look(&capture->clock);
    n = vsf_bpf_read(bpf_of(capture), SAMPLES_PER_DISPATCH, take_sample, capture);
    capture->shared.reading = FALSE;
    capture->shared.taken += (guint)MAX(n, 0);
    return n >= SAMPLES_PER_DISPATCH;
}

static gboolean
serve_shared(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    VsfCapture *capture = vsf_capture_ref(((SharedSource *)source)->capture);
    VsfCaptureShared *shared = &capture->shared;
    gboolean more = !shared->reading && read_some(capture);

    if (!capture->closed) {
        gint64 now_us = g_get_monotonic_time(), pause_us = 0;

        if (!more) {
            pause_us = vsf_capture_pace_next(&shared->pace, shared->taken, now_us);
            shared->taken = 0;
        }
        g_source_modify_unix_fd(source, shared->watch, pause_us == 0 ? G_IO_IN : 0);
        g_source_set_ready_time(source, pause_us == 0 ? -1 : now_us + pause_us);
    }
    vsf_capture_unref(capture);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = serve_shared};

/* --- the backend ------------------------------------------------------------ */

/* What libpcap could not do either says so in its words; the rest is its chance. */
static void
translate(GError *error)
{
    if (g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_GONE))
        error->code = VSF_CAPTURE_ERROR_GONE;
    else if (g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NOT_ETHERNET))
        error->code = VSF_CAPTURE_ERROR_NOT_ETHERNET;
    else
        return;
    error->domain = VSF_CAPTURE_ERROR;
}

static gpointer
attach(const VsfCaptureOpen *open, GError **error)
{
    GError *failed = NULL;
    VsfBpfTap *tap = vsf_bpf_attach(open->bpf, open->ifindex, open->side, open->rate, &failed);

    if (tap != NULL)
        return tap;
    translate(failed);
    g_propagate_error(error, failed);
    return NULL;
}

static void
detach(gpointer handle)
{
    vsf_bpf_detach(handle);
}

static gboolean
begin(Tap *tap G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static void
end(Tap *tap G_GNUC_UNUSED)
{
}

static gboolean
set_rate(Tap *tap, guint32 rate, GError **error)
{
    return vsf_bpf_set_rate(tap->handle, rate, error);
}

/* A look at each CPU, so not more often than it is asked for. */
static void
read_counts(Tap *tap, gint64 age_us)
{
    gint64 now_us = g_get_monotonic_time();

    if (tap->counts_read_us != 0 && now_us - tap->counts_read_us < age_us)
        return;
    tap->counts_read_us = now_us;
    vsf_bpf_counts(tap->handle, &tap->counts);
}

static guint64
drops(Tap *tap)
{
    read_counts(tap, COUNTS_AGE_US);
    return tap->counts.lost;
}

/* Of a mirrored tap the kernel does not know which frames are candidates of direction = once. */
static guint64
untold(Tap *tap)
{
    if (tap->side == VSF_SIDE_MIRRORED &&
        tap->capture->config.choice->direction == VSF_DIRECTION_ONCE)
        return 0;
    read_counts(tap, 0);
    return tap->counts.candidates > tap->told ? tap->counts.candidates - tap->told : 0;
}

/* All taps have one ring. */
static void
drain(Tap *tap)
{
    VsfCapture *capture = tap->capture;

    if (capture->shared.reading)
        return;
    for (guint turn = 0; turn < DRAIN_TURNS && !capture->closed; turn++)
        if (!read_some(capture))
            return;
}

const VsfCaptureBackend vsf_capture_ebpf = {
    .name = "ebpf",
    .has_gaps = TRUE,
    .open = attach,
    .close = detach,
    .begin = begin,
    .end = end,
    .set_rate = set_rate,
    .drops = drops,
    .untold = untold,
    .drain = drain,
};

void
vsf_capture_shared_init(VsfCapture *capture)
{
    VsfCaptureShared *shared = &capture->shared;

    vsf_capture_pace_init(&shared->pace, RING_SAMPLES, g_get_monotonic_time());
    shared->source = g_source_new(&source_funcs, sizeof(SharedSource));
    ((SharedSource *)shared->source)->capture = capture;
    g_source_set_static_name(shared->source, "capture: eBPF");
    shared->watch = g_source_add_unix_fd(shared->source, vsf_bpf_fd(bpf_of(capture)), G_IO_IN);
    g_source_attach(shared->source, g_main_context_get_thread_default());
}

void
vsf_capture_shared_stop(VsfCapture *capture)
{
    if (capture->shared.source == NULL)
        return;
    g_source_destroy(capture->shared.source);
    g_clear_pointer(&capture->shared.source, g_source_unref);
}
