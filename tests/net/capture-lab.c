/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-lab.h"

#include <string.h>

const guint8 capture_lab_vm_mac[6] = {0x52, 0x54, 0, 0, 0, 1};
const guint8 capture_lab_peer_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

gboolean
capture_lab_is_ebpf(void)
{
    return g_strcmp0(g_getenv("VSF_BACKEND"), "ebpf") == 0;
}

gboolean
capture_lab_skip_all(void)
{
    g_autoptr(VsfCaptureChoice) choice = NULL;

    if (tap_lab_skip_all())
        return TRUE;
    if (!capture_lab_is_ebpf())
        return FALSE;
    choice = vsf_capture_choose(VSF_CAPTURE_EBPF, CAPTURE_LAB_H, VSF_DIRECTION_BOTH, 4096);
    if (vsf_capture_choice_is_as_wanted(choice))
        return FALSE;
    g_print("1..0 # SKIP %s\n", choice->reason);
    return TRUE;
}

static void
note_opened(int ifindex G_GNUC_UNUSED, gpointer user_data)
{
    ((CaptureLab *)user_data)->n_opened++;
}

static void
note_failed(int ifindex, const GError *error, gpointer user_data)
{
    CaptureLab *lab = user_data;

    lab->n_failed++;
    lab->failed_ifindex = ifindex;
    g_clear_error(&lab->error);
    lab->error = g_error_copy(error);
}

static void
note_packet(const VsfPacket *packet, gpointer user_data)
{
    CaptureLab *lab = user_data;
    CaptureSeen seen = {.packet = *packet};

    /* Not what the kernel's own protocols send. */
    if (packet->header_length < 12 || packet->header[0] != 0x52 || packet->header[6] != 0x52)
        return;
    if (packet->from_vm)
        lab->n_from++;
    else
        lab->n_to++;
    if (lab->keep) {
        memcpy(seen.header, packet->header, packet->header_length);
        g_array_append_val(lab->packets, seen);
    }
    if (lab->close_on_packet != 0)
        vsf_capture_close(lab->capture, lab->close_on_packet);
}

static void
note_room(gpointer user_data)
{
    ((CaptureLab *)user_data)->n_room++;
}

static void
start(CaptureLab *lab, const VsfCaptureConfig *config)
{
    static const VsfCaptureCallbacks callbacks = {note_opened, note_failed, note_packet, note_room};
    g_autoptr(GError) error = NULL;

    VsfCaptureConfig with = *config;

    if (capture_lab_is_ebpf()) {
        with.choice = vsf_capture_choose(VSF_CAPTURE_EBPF, config->header_bytes, config->direction,
                                         MAX(config->samplers_max, 4096));
        g_assert_true(vsf_capture_choice_is_as_wanted(with.choice));
    }
    *lab = (CaptureLab){.packets = g_array_new(FALSE, FALSE, sizeof(CaptureSeen)), .keep = TRUE};
    lab->capture = vsf_capture_new(&with, &callbacks, lab, &error);
    g_assert_no_error(error);
}

void
capture_lab_start_with(CaptureLab *lab, VsfDirection direction, guint32 header_bytes)
{
    VsfCaptureConfig config = {.header_bytes = header_bytes, .direction = direction};

    start(lab, &config);
}

void
capture_lab_start_narrow(CaptureLab *lab, guint samplers_max)
{
    VsfCaptureConfig config = {.header_bytes = CAPTURE_LAB_H,
                               .direction = VSF_DIRECTION_ONCE,
                               .samplers_max = samplers_max};

    start(lab, &config);
}

void
capture_lab_start(CaptureLab *lab, VsfDirection direction)
{
    capture_lab_start_with(lab, direction, CAPTURE_LAB_H);
}

void
capture_lab_stop(CaptureLab *lab)
{
    vsf_capture_free(lab->capture);
    g_array_unref(lab->packets);
    g_clear_error(&lab->error);
}

gboolean
capture_lab_has_opened(gpointer user_data)
{
    const CaptureLab *lab = user_data;

    g_assert_no_error(lab->error);
    return lab->n_opened > 0;
}

static gboolean
has_failed(gpointer user_data)
{
    return ((CaptureLab *)user_data)->n_failed > 0;
}

int
capture_lab_open(CaptureLab *lab, const char *name, VsfSide side, guint32 rate)
{
    int ifindex = tap_lab_ifindex(name);

    lab->n_opened = 0;
    vsf_capture_open(lab->capture, ifindex, name, side, rate);
    g_assert_cmpuint(lab->n_opened, ==, 0);
    tap_lab_loop_until(capture_lab_has_opened, lab);
    return ifindex;
}

typedef struct {
    const CaptureLab *lab;
    guint n;
} Wanted;

static gboolean
has_packets(gpointer user_data)
{
    const Wanted *wanted = user_data;

    return wanted->lab->n_from + wanted->lab->n_to >= wanted->n;
}

void
capture_lab_wait_for(CaptureLab *lab, guint n)
{
    Wanted wanted = {lab, n};

    tap_lab_loop_until(has_packets, &wanted);
    g_assert_cmpuint(lab->n_from + lab->n_to, ==, n);
}

gsize
capture_lab_ring_bytes(void)
{
    g_autofree char *maps = NULL;
    g_auto(GStrv) lines = NULL;
    gsize sum = 0;

    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    lines = g_strsplit(maps, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        char *end;

        if (strstr(lines[i], "socket:") == NULL)
            continue;
        sum -= g_ascii_strtoull(lines[i], &end, 16);
        sum += g_ascii_strtoull(end + 1, NULL, 16);
    }
    return sum;
}

gboolean
capture_lab_has_no_ring(gpointer user_data G_GNUC_UNUSED)
{
    return capture_lab_ring_bytes() == 0;
}

void
capture_lab_wait_failed(CaptureLab *lab, int ifindex, VsfCaptureError code)
{
    lab->n_failed = 0;
    tap_lab_loop_until(has_failed, lab);
    g_assert_error(lab->error, VSF_CAPTURE_ERROR, (gint)code);
    g_assert_cmpint(lab->failed_ifindex, ==, ifindex);
    g_clear_error(&lab->error);
}
