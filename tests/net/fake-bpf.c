/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-bpf.h"

#include <sys/eventfd.h>
#include <unistd.h>

struct VsfBpf {
    int fd;
};

struct VsfBpfTap {
    int ifindex;
    guint32 rate;
};

VsfBpfConfig fake_bpf_config;
guint fake_bpf_slots = G_MAXUINT;
gint fake_bpf_n_sweeps;
VsfBpfSwept fake_bpf_swept;

static GMutex lock;
static GCond cond;
static gboolean held;
static int load_refusal, attach_refusal;
static GPtrArray *attached; /* VsfBpfTap */
static guint most_on_one;
static GArray *ring; /* VsfBpfSample */
static VsfBpf *loaded;
static const char *attachment_now;
static VsfBpfCounts counts_now;

G_DEFINE_QUARK(vsf - bpf - error, vsf_bpf_error)

void
fake_bpf_reset(void)
{
    g_mutex_lock(&lock);
    g_clear_pointer(&attached, g_ptr_array_unref);
    g_clear_pointer(&ring, g_array_unref);
    attached = g_ptr_array_new();
    ring = g_array_new(FALSE, FALSE, sizeof(VsfBpfSample));
    load_refusal = attach_refusal = 0;
    most_on_one = 0;
    g_atomic_int_set(&fake_bpf_n_sweeps, 0);
    fake_bpf_swept = (VsfBpfSwept){0};
    held = FALSE;
    attachment_now = "tcx";
    counts_now = (VsfBpfCounts){0};
    g_mutex_unlock(&lock);
}

void
fake_bpf_refuse_load(int code)
{
    load_refusal = code + 1;
}

void
fake_bpf_refuse_attach(int code)
{
    attach_refusal = code + 1;
}

void
fake_bpf_set_attachment(const char *attachment)
{
    attachment_now = attachment;
}

void
fake_bpf_hold(gboolean hold)
{
    g_mutex_lock(&lock);
    held = hold;
    g_cond_broadcast(&cond);
    g_mutex_unlock(&lock);
}

guint
fake_bpf_attached(void)
{
    guint n;

    g_mutex_lock(&lock);
    n = attached->len;
    g_mutex_unlock(&lock);
    return n;
}

guint
fake_bpf_most_on_one(void)
{
    return most_on_one;
}

guint32
fake_bpf_rate(int ifindex)
{
    guint32 rate = 0;

    g_mutex_lock(&lock);
    for (guint i = 0; i < attached->len; i++) {
        const VsfBpfTap *tap = attached->pdata[i];

        if (tap->ifindex == ifindex)
            rate = tap->rate;
    }
    g_mutex_unlock(&lock);
    return rate;
}

gboolean
fake_bpf_is_loaded(void)
{
    return loaded != NULL;
}

void
fake_bpf_sample(int ifindex, gboolean from_vm, guint32 gap, guint64 passed_ns)
{
    static const guint8 header[64] = {0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1};
    VsfBpfSample sample = {
        .ifindex = ifindex,
        .time_ns = passed_ns,
        .from_vm = from_vm,
        .rate = fake_bpf_rate(ifindex),
        .gap = gap,
        .frame_length = 1514,
        .header = header,
        .header_length = sizeof(header),
    };

    g_array_append_val(ring, sample);
    g_assert_cmpint(eventfd_write(loaded->fd, 1), ==, 0);
}

guint
fake_bpf_in_ring(void)
{
    return ring->len;
}

void
fake_bpf_set_counts(guint64 candidates, guint64 lost)
{
    counts_now = (VsfBpfCounts){.candidates = candidates, .lost = lost};
}

/* --- the room's door ------------------------------------------------------- */

gboolean
vsf_bpf_is_built(void)
{
    return TRUE;
}

guint
vsf_bpf_taps_max(const VsfBpf *bpf G_GNUC_UNUSED)
{
    return MIN(fake_bpf_config.taps_max, fake_bpf_slots);
}

const char *
vsf_bpf_attachment(const VsfBpf *bpf G_GNUC_UNUSED)
{
    return attachment_now;
}

VsfBpf *
vsf_bpf_load(const VsfBpfConfig *config, GError **error)
{
    if (load_refusal != 0) {
        g_set_error_literal(error, VSF_BPF_ERROR, load_refusal - 1, "as the test said");
        return NULL;
    }
    g_assert_null(loaded);
    fake_bpf_config = *config;
    loaded = g_new0(VsfBpf, 1);
    loaded->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return loaded;
}

void
vsf_bpf_free(VsfBpf *bpf)
{
    g_assert_true(bpf == loaded);
    g_assert_cmpuint(fake_bpf_attached(), ==, 0);
    close(bpf->fd);
    g_clear_pointer(&loaded, g_free);
}

int
vsf_bpf_fd(const VsfBpf *bpf)
{
    return bpf->fd;
}

int
vsf_bpf_read(VsfBpf *bpf, guint max, void (*sample)(const VsfBpfSample *, gpointer),
             gpointer user_data)
{
    guint n = MIN(ring->len, max);
    g_autofree VsfBpfSample *taken = g_memdup2(ring->data, n * sizeof(VsfBpfSample));
    eventfd_t unused;

    g_array_remove_range(ring, 0, n);
    if (ring->len == 0)
        eventfd_read(bpf->fd, &unused);
    for (guint i = 0; i < n; i++)
        sample(&taken[i], user_data);
    return (int)n;
}

static void
wait_until_free(void)
{
    while (held)
        g_cond_wait(&cond, &lock);
}

static guint
on_interface(int ifindex)
{
    guint n = 0;

    for (guint i = 0; i < attached->len; i++)
        n += ((VsfBpfTap *)attached->pdata[i])->ifindex == ifindex;
    return n;
}

VsfBpfTap *
vsf_bpf_attach(VsfBpf *bpf G_GNUC_UNUSED, int ifindex, VsfSide side G_GNUC_UNUSED, guint32 rate,
               GError **error)
{
    VsfBpfTap *tap = NULL;

    g_mutex_lock(&lock);
    wait_until_free();
    if (attach_refusal != 0) {
        g_set_error_literal(error, VSF_BPF_ERROR, attach_refusal - 1, "a qdisc of others");
    } else {
        tap = g_new0(VsfBpfTap, 1);
        tap->ifindex = ifindex;
        tap->rate = rate;
        g_ptr_array_add(attached, tap);
        most_on_one = MAX(most_on_one, on_interface(ifindex));
    }
    g_mutex_unlock(&lock);
    return tap;
}

void
vsf_bpf_detach(VsfBpfTap *tap)
{
    g_mutex_lock(&lock);
    wait_until_free();
    g_assert_true(g_ptr_array_remove(attached, tap));
    g_mutex_unlock(&lock);
    g_free(tap);
}

gboolean
vsf_bpf_set_rate(VsfBpfTap *tap, guint32 rate, GError **error G_GNUC_UNUSED)
{
    tap->rate = rate;
    return TRUE;
}

void
vsf_bpf_counts(const VsfBpfTap *tap G_GNUC_UNUSED, VsfBpfCounts *counts)
{
    *counts = counts_now;
}

guint
vsf_bpf_fds(const VsfBpfTap *tap G_GNUC_UNUSED)
{
    return 2;
}

VsfBpfSwept
vsf_bpf_sweep(void)
{
    VsfBpfSwept swept;

    g_atomic_int_inc(&fake_bpf_n_sweeps);
    g_mutex_lock(&lock);
    while (held)
        g_cond_wait(&cond, &lock);
    swept = fake_bpf_swept;
    g_mutex_unlock(&lock);
    return swept;
}
