/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf-lab.h"

#include "../../daemon/bpf/bpf-private.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>

#define TCX_INGRESS 46
#define TCX_EGRESS 47

const guint8 bpf_lab_vm_mac[6] = {0x52, 0x54, 0, 0, 0, 1};
const guint8 bpf_lab_peer_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

static gboolean has_tcx;

gboolean
bpf_lab_has_tcx(void)
{
    return has_tcx;
}

void
bpf_lab_add(const char *path, GTestDataFunc func)
{
    static const char *const ways[] = {BPF_LAB_TCX, BPF_LAB_CLSACT};

    for (guint i = has_tcx ? 0 : 1; i < G_N_ELEMENTS(ways); i++) {
        g_autofree char *whole = g_strconcat(path, "/", ways[i], NULL);

        g_test_add_data_func(whole, ways[i], func);
    }
}

gboolean
bpf_lab_skip_all(void)
{
    VsfBpfConfig config = {128, VSF_DIRECTION_BOTH, 4, 0};
    g_autoptr(GError) error = NULL;
    VsfBpf *bpf;

    if (tap_lab_skip_all())
        return TRUE;
    bpf = vsf_bpf_load(&config, &error);
    if (bpf != NULL) {
        has_tcx = strcmp(vsf_bpf_attachment(bpf), BPF_LAB_TCX) == 0;
        vsf_bpf_free(bpf);
        return FALSE;
    }
    /* Anything else is a failure of ours: that a verifier refuses the programs, too. */
    g_assert_true(g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_PERMISSION) ||
                  g_error_matches(error, VSF_BPF_ERROR, VSF_BPF_ERROR_UNSUPPORTED));
    g_assert_null(strstr(error->message, "verifier"));
    printf("1..0 # SKIP no eBPF here: %s\n", error->message);
    return TRUE;
}

void
bpf_lab_start_with(BpfLab *lab, gconstpointer way, const VsfBpfConfig *config)
{
    g_autoptr(GError) error = NULL;

    memset(lab, 0, sizeof(*lab));
    lab->seen = g_array_new(FALSE, FALSE, sizeof(BpfSeen));
    lab->keep = TRUE;
    lab->bpf = vsf_bpf_load(config, &error);
    g_assert_no_error(error);
    if (g_strcmp0(way, BPF_LAB_CLSACT) == 0)
        vsf_bpf_set_tcx_most(lab->bpf, 0);
}

void
bpf_lab_start(BpfLab *lab, gconstpointer way, VsfDirection direction)
{
    VsfBpfConfig config = {128, direction, BPF_LAB_TAPS, 0};

    bpf_lab_start_with(lab, way, &config);
}

void
bpf_lab_stop(BpfLab *lab)
{
    g_array_unref(lab->seen);
    vsf_bpf_free(lab->bpf);
}

VsfBpfTap *
bpf_lab_attach(BpfLab *lab, const char *name, VsfSide side, guint32 rate)
{
    g_autoptr(GError) error = NULL;
    VsfBpfTap *tap = vsf_bpf_attach(lab->bpf, tap_lab_ifindex(name), side, rate, &error);

    g_assert_no_error(error);
    g_assert_nonnull(tap);
    return tap;
}

static void
note(const VsfBpfSample *sample, gpointer user_data)
{
    BpfLab *lab = user_data;
    BpfSeen seen = {*sample, {0}};

    lab->gaps += sample->gap;
    if (memcmp(sample->header + 6, bpf_lab_vm_mac, 6) != 0)
        return;
    lab->n_from += sample->from_vm;
    lab->n_to += !sample->from_vm;
    g_assert_cmpuint(sample->header_length, <=, sizeof(seen.header));
    memcpy(seen.header, sample->header, sample->header_length);
    if (lab->keep)
        g_array_append_val(lab->seen, seen);
}

void
bpf_lab_take(BpfLab *lab)
{
    vsf_bpf_read(lab->bpf, G_MAXUINT, note, lab);
}

int
bpf_lab_take_most(BpfLab *lab, guint max)
{
    return vsf_bpf_read(lab->bpf, max, note, lab);
}

VsfBpfCounts
bpf_lab_counts(const VsfBpfTap *tap)
{
    VsfBpfCounts counts;

    vsf_bpf_counts(tap, &counts);
    return counts;
}

const BpfSeen *
bpf_lab_seen(const BpfLab *lab, guint i)
{
    g_assert_cmpuint(i, <, lab->seen->len);
    return &g_array_index(lab->seen, BpfSeen, i);
}

void
bpf_lab_send(int tap, gsize length, guint n)
{
    g_autofree guint8 *frame = g_malloc(length);

    tap_lab_frame(frame, length, bpf_lab_peer_mac, bpf_lab_vm_mac, 0);
    for (guint i = 0; i < n; i++)
        tap_lab_send(tap, frame, length);
}

char *
bpf_lab_tc(const char *arguments)
{
    g_autofree char *line = g_strconcat("tc ", arguments, NULL);
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    int status = 0;

    if (!g_spawn_command_line_sync(line, &output, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_error("%s: %s", line, error->message);
    return output;
}

guint
bpf_lab_n_tcx(const char *name)
{
    guint32 n = 0;

    for (int type = TCX_INGRESS; type <= TCX_EGRESS; type++) {
        guint32 ids[16], found = G_N_ELEMENTS(ids), flags = 0;

        if (bpf_prog_query(tap_lab_ifindex(name), (enum bpf_attach_type)type, 0, &flags, ids,
                           &found) == 0)
            n += found;
    }
    return n;
}

char *
bpf_lab_show_tc(void)
{
    g_autofree char *qdiscs = bpf_lab_tc("qdisc show dev vnet0");
    g_autofree char *ingress = bpf_lab_tc("filter show dev vnet0 ingress");
    g_autofree char *egress = bpf_lab_tc("filter show dev vnet0 egress");

    return g_strconcat(qdiscs, ingress, egress, NULL);
}

int
bpf_lab_new_tap(const char *name)
{
    int fd = tap_lab_tap(name);

    tap_lab_up(name);
    return fd;
}
