/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-net.h"

#include <string.h>

GHashTable *fake_samplers;

struct VsfCapture {
    const VsfCaptureCallbacks *callbacks;
    gpointer user_data;
};

struct VsfLinkStatsReader {
    int unused;
};

typedef struct {
    VsfLinkStatsFunc done;
    gpointer user_data;
} Question;

static VsfCapture *capture;
static guint64 capture_drops;
static guint room_for;       /* so many samplers */
static VsfCaptureTap tap_is; /* of every sampler */
static gboolean all_decided;
static guint hooks;        /* so many samplers eBPF would serve */
static GHashTable *hooked; /* ifindexes that it serves */
static guint ending;
static gboolean refusing;
static guint64 capture_untold;
static GHashTable *link_stats; /* ifindex -> VsfLinkStats */
static GArray *questions;
static guint asked_for;

/* A frame in the ring of a tap, for drain(). */
typedef struct {
    int ifindex; /* 0: none */
    gboolean from_vm;
    guint8 source_mac[6];
    gint64 time_ns;
    guint32 gap;
} Undrained;

static Undrained undrained;

void
fake_net_reset(void)
{
    fake_capture_opens = fake_capture_refusals = 0;
    g_clear_pointer(&fake_samplers, g_hash_table_unref);
    g_clear_pointer(&link_stats, g_hash_table_unref);
    g_clear_pointer(&questions, g_array_unref);
    g_clear_pointer(&hooked, g_hash_table_unref);
    fake_samplers = g_hash_table_new(NULL, NULL);
    hooked = g_hash_table_new(NULL, NULL);
    link_stats = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    questions = g_array_new(FALSE, FALSE, sizeof(Question));
    capture_drops = capture_untold = 0;
    all_decided = refusing = FALSE;
    hooks = ending = 0;
    asked_for = 0;
    tap_is = (VsfCaptureTap){.backend = "pcap"};
    room_for = G_MAXUINT;
    undrained = (Undrained){0};
}

VsfCapture *
vsf_capture_new(const VsfCaptureConfig *config G_GNUC_UNUSED, const VsfCaptureCallbacks *callbacks,
                gpointer user_data, GError **error G_GNUC_UNUSED)
{
    capture = g_new0(VsfCapture, 1);
    capture->callbacks = callbacks;
    capture->user_data = user_data;
    return capture;
}

void
vsf_capture_free(VsfCapture *freed)
{
    g_free(freed);
    capture = NULL;
}

guint fake_capture_opens, fake_capture_refusals;
guint32 fake_capture_header_bytes;
VsfDirection fake_capture_direction;
VsfSide fake_capture_side;

void
vsf_capture_set_terms(VsfCapture *self G_GNUC_UNUSED, guint32 header_bytes, VsfDirection direction)
{
    fake_capture_header_bytes = header_bytes;
    fake_capture_direction = direction;
}

gboolean
vsf_capture_open(VsfCapture *self, int ifindex, const char *name G_GNUC_UNUSED, VsfSide side,
                 guint32 rate)
{
    vsf_capture_close(self, ifindex);
    if (refusing)
        g_assert_cmpuint(++fake_capture_refusals, <, 1000);
    if (refusing || !vsf_capture_has_room(self))
        return FALSE;
    if (hooks > 0) {
        hooks--;
        g_hash_table_add(hooked, GINT_TO_POINTER(ifindex));
    }
    g_hash_table_insert(fake_samplers, GINT_TO_POINTER(ifindex), GUINT_TO_POINTER(rate));
    fake_capture_side = side;
    fake_capture_opens++;
    return TRUE;
}

gboolean
vsf_capture_has_room(const VsfCapture *self G_GNUC_UNUSED)
{
    return g_hash_table_size(fake_samplers) < room_for;
}

VsfCaptureRoom
vsf_capture_room(const VsfCapture *self G_GNUC_UNUSED)
{
    guint n = g_hash_table_size(fake_samplers);

    return (VsfCaptureRoom){
        .samplers_max = room_for, .n_samplers = n, .n_descriptors = n, .used = n * 4096};
}

gboolean
vsf_capture_has_hooks(const VsfCapture *self G_GNUC_UNUSED)
{
    return hooks > 0;
}

guint
vsf_capture_ending(const VsfCapture *self G_GNUC_UNUSED)
{
    return ending;
}

guint
vsf_capture_room_samplers_max(const VsfCaptureRoom *room)
{
    return room->samplers_max;
}

const VsfCaptureChoice *
vsf_capture_choice(const VsfCapture *self G_GNUC_UNUSED)
{
    return NULL;
}

gboolean
vsf_capture_tap(const VsfCapture *self G_GNUC_UNUSED, int ifindex, VsfCaptureTap *tap)
{
    if (!g_hash_table_contains(fake_samplers, GINT_TO_POINTER(ifindex)))
        return FALSE;
    *tap = g_hash_table_contains(hooked, GINT_TO_POINTER(ifindex))
               ? (VsfCaptureTap){.backend = "ebpf", .has_gaps = TRUE}
               : tap_is;
    return TRUE;
}

guint64
vsf_capture_untold(VsfCapture *self G_GNUC_UNUSED, int ifindex G_GNUC_UNUSED)
{
    return capture_untold;
}

void
fake_capture_set_tap(VsfCaptureTap tap, guint64 untold)
{
    tap_is = tap;
    capture_untold = untold;
}

void
fake_capture_set_room(guint samplers)
{
    room_for = samplers;
}

void
fake_capture_set_hooks(guint samplers)
{
    hooks = samplers;
}

void
fake_capture_set_ending(guint samplers)
{
    ending = samplers;
}

void
fake_capture_refuse(gboolean refuse)
{
    refusing = refuse;
}

void
fake_capture_room_came(void)
{
    capture->callbacks->room(capture->user_data);
}

void
vsf_capture_set_rate(VsfCapture *self G_GNUC_UNUSED, int ifindex, guint32 rate)
{
    if (g_hash_table_contains(fake_samplers, GINT_TO_POINTER(ifindex)))
        g_hash_table_insert(fake_samplers, GINT_TO_POINTER(ifindex), GUINT_TO_POINTER(rate));
}

void
vsf_capture_close(VsfCapture *self G_GNUC_UNUSED, int ifindex)
{
    g_hash_table_remove(fake_samplers, GINT_TO_POINTER(ifindex));
    g_hash_table_remove(hooked, GINT_TO_POINTER(ifindex));
}

guint64
vsf_capture_drops(VsfCapture *self G_GNUC_UNUSED, int ifindex G_GNUC_UNUSED)
{
    return capture_drops;
}

void
vsf_capture_drain(VsfCapture *self G_GNUC_UNUSED, int ifindex)
{
    Undrained frame = undrained;

    if (ifindex != frame.ifindex)
        return;
    undrained.ifindex = 0;
    fake_capture_counted(frame.ifindex, frame.from_vm, frame.source_mac, frame.time_ns, frame.gap,
                         FALSE);
}

void
fake_capture_set_gap_in_ring(guint32 gap)
{
    undrained.gap = gap;
}

void
fake_capture_leave_in_ring(int ifindex, gboolean from_vm, const guint8 source_mac[6],
                           gint64 time_ns)
{
    undrained = (Undrained){.ifindex = ifindex, .from_vm = from_vm, .time_ns = time_ns};
    memcpy(undrained.source_mac, source_mac, 6);
}

GQuark
vsf_capture_error_quark(void)
{
    return g_quark_from_static_string("vsf-capture-error");
}

void
fake_capture_opened(int ifindex)
{
    capture->callbacks->opened(ifindex, capture->user_data);
}

void
fake_capture_failed(int ifindex, VsfCaptureError code)
{
    fake_capture_failed_with(ifindex, code, "as the test said");
}

void
fake_capture_failed_with(int ifindex, VsfCaptureError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(VSF_CAPTURE_ERROR, (int)code, message);

    g_hash_table_remove(fake_samplers, GINT_TO_POINTER(ifindex));
    capture->callbacks->failed(ifindex, error, capture->user_data);
}

static void
pick(int ifindex, gboolean from_vm, const guint8 destination_mac[6], const guint8 source_mac[6],
     gint64 time_ns, guint32 gap, gboolean decided)
{
    guint8 header[60] = {0};
    VsfPacket packet = {
        .ifindex = ifindex,
        .time_ns = time_ns,
        .from_vm = from_vm,
        .rate = GPOINTER_TO_UINT(g_hash_table_lookup(fake_samplers, GINT_TO_POINTER(ifindex))),
        .frame_length = sizeof(header),
        .header = header,
        .header_length = sizeof(header),
        .gap = gap,
        .decided = decided,
    };

    memcpy(header, destination_mac, 6);
    memcpy(header + 6, source_mac, 6);
    capture->callbacks->packet(&packet, capture->user_data);
}

static const guint8 all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void
fake_capture_packet(int ifindex, gboolean from_vm, const guint8 source_mac[6], gint64 time_ns)
{
    pick(ifindex, from_vm, all, source_mac, time_ns, 0, FALSE);
}

void
fake_capture_packet_to(int ifindex, gboolean from_vm, const guint8 destination_mac[6],
                       const guint8 source_mac[6], gint64 time_ns)
{
    pick(ifindex, from_vm, destination_mac, source_mac, time_ns, all_decided ? 1 : 0, all_decided);
}

void
fake_capture_set_decided(gboolean decided)
{
    all_decided = decided;
}

void
fake_capture_counted(int ifindex, gboolean from_vm, const guint8 source_mac[6], gint64 time_ns,
                     guint32 gap, gboolean decided)
{
    pick(ifindex, from_vm, all, source_mac, time_ns, gap, decided);
}

void
fake_capture_set_drops(guint64 drops)
{
    capture_drops = drops;
}

VsfLinkStatsReader *
vsf_link_stats_new(GError **error G_GNUC_UNUSED)
{
    return g_new0(VsfLinkStatsReader, 1);
}

void
vsf_link_stats_free(VsfLinkStatsReader *reader)
{
    g_free(reader);
}

void
vsf_link_stats_ask(VsfLinkStatsReader *reader G_GNUC_UNUSED, const int *ifindexes G_GNUC_UNUSED,
                   guint n_ifindexes, VsfLinkStatsFunc done, gpointer user_data)
{
    Question question = {done, user_data};

    asked_for = n_ifindexes;
    g_array_append_val(questions, question);
}

void
fake_link_stats_set(int ifindex, const VsfLinkStats *stats)
{
    g_hash_table_insert(link_stats, GINT_TO_POINTER(ifindex), g_memdup2(stats, sizeof(*stats)));
}

guint
fake_link_stats_answer(gint64 read_ns)
{
    GArray *asked = g_steal_pointer(&questions);
    guint n = asked->len;

    questions = g_array_new(FALSE, FALSE, sizeof(Question));
    for (guint i = 0; i < n; i++) {
        const Question *question = &g_array_index(asked, Question, i);

        question->done(link_stats, read_ns, NULL, question->user_data);
    }
    g_array_unref(asked);
    return n;
}

guint
fake_link_stats_asked_for(void)
{
    return asked_for;
}

void
fake_link_stats_refuse(void)
{
    Question question = g_array_index(questions, Question, questions->len - 1);
    g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_BUSY, "as the test said");

    g_array_set_size(questions, questions->len - 1);
    question.done(NULL, 0, error, question.user_data);
}
