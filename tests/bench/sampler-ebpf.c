/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/bpf/bpf-sampler.h"
#include "../net/tap-lab.h"
#include "sampler.h"

#define THREADS 32
#define TAPS_MAX 2048

typedef struct {
    VsfBpf *bpf;
    VsfBpfTap **taps;
    const char *const *names;
    guint n;
    guint32 rate;
    guint n_done; /* by the threads, atomic */
    guint64 n_samples;
} Ebpf;

/* Each waits for the kernel. */
static void
attach_tap(gpointer number, gpointer user_data)
{
    Ebpf *ebpf = user_data;
    guint i = GPOINTER_TO_UINT(number) - 1;
    g_autoptr(GError) error = NULL;

    ebpf->taps[i] = vsf_bpf_attach(ebpf->bpf, tap_lab_ifindex(ebpf->names[i]), FALSE, ebpf->rate,
                                   &error);
    if (ebpf->taps[i] == NULL)
        g_error("%s: %s", ebpf->names[i], error->message);
    g_atomic_int_inc(&ebpf->n_done);
}

static void
detach_tap(gpointer number, gpointer user_data)
{
    Ebpf *ebpf = user_data;

    vsf_bpf_detach(ebpf->taps[GPOINTER_TO_UINT(number) - 1]);
    g_atomic_int_inc(&ebpf->n_done);
}

static gboolean
all_done(gpointer user_data)
{
    Ebpf *ebpf = user_data;

    return (guint)g_atomic_int_get(&ebpf->n_done) == ebpf->n;
}

static void
for_each_tap(Ebpf *ebpf, GFunc func)
{
    GThreadPool *pool = g_thread_pool_new(func, ebpf, THREADS, FALSE, NULL);

    ebpf->n_done = 0;
    for (guint i = 0; i < ebpf->n; i++)
        g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
    tap_lab_loop_until(all_done, ebpf);
    g_thread_pool_free(pool, FALSE, TRUE);
}

static gpointer
ebpf_open(const char *const *taps, guint n_taps, guint32 rate, const SamplerOptions *options,
          GError **error)
{
    VsfBpfConfig config = {.header_bytes = SAMPLER_HEADER_BYTES,
                           .direction = options->direction,
                           .taps_max = TAPS_MAX};
    VsfBpf *bpf = vsf_bpf_load(&config, error);
    Ebpf *ebpf;

    if (bpf == NULL)
        return NULL;
    ebpf = g_new0(Ebpf, 1);
    *ebpf = (Ebpf){.bpf = bpf, .names = taps, .n = n_taps, .rate = rate};
    ebpf->taps = g_new0(VsfBpfTap *, n_taps);
    for_each_tap(ebpf, attach_tap);
    return ebpf;
}

static void
count(const VsfBpfSample *sample G_GNUC_UNUSED, gpointer user_data)
{
    ((Ebpf *)user_data)->n_samples++;
}

static void
ebpf_take(gpointer self)
{
    Ebpf *ebpf = self;

    vsf_bpf_read(ebpf->bpf, G_MAXUINT, count, ebpf);
}

static void
ebpf_totals(gpointer self, SamplerTotals *totals)
{
    Ebpf *ebpf = self;

    ebpf_take(self);
    *totals = (SamplerTotals){.opened = ebpf->n, .samples = ebpf->n_samples};
    for (guint i = 0; i < ebpf->n; i++) {
        VsfBpfCounts counts;

        vsf_bpf_counts(ebpf->taps[i], &counts);
        totals->lost += counts.lost;
    }
}

static void
ebpf_close(gpointer self)
{
    Ebpf *ebpf = self;

    for_each_tap(ebpf, detach_tap);
    vsf_bpf_free(ebpf->bpf);
    g_free(ebpf->taps);
    g_free(ebpf);
}

const Sampler sampler_ebpf = {"eBPF", ebpf_open, ebpf_take, ebpf_totals, ebpf_close, TRUE};
