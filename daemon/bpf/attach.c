/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tap's life: a slot, the two hooks, its rate and its counts. */
#include "bpf-private.h"
#include "clsact.h"
#include "rate-word.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.6; the headers of Debian 12 do not have them. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS 47

#define MEMBARRIER_GLOBAL 1

static const enum bpf_attach_type tcx_types[VSF_BPF_N_HOOKS] = {
    (enum bpf_attach_type)ATTACH_TCX_INGRESS, (enum bpf_attach_type)ATTACH_TCX_EGRESS};

/* Of a mirrored tap and a port both hooks have candidates with ONCE. */
static guint32
tap_flags(VsfDirection direction, VsfSide side)
{
    if (side == VSF_SIDE_MIRRORED)
        return VSF_TAP_MIRRORED;
    if (side == VSF_SIDE_PORT)
        return VSF_TAP_IS_PORT;
    return direction == VSF_DIRECTION_ONCE ? VSF_TAP_ONCE : 0;
}

/* The programs of the hooks that have candidates; -1 for the other. */
static void
choose_programs(const VsfBpf *bpf, VsfSide side, int programs[VSF_BPF_N_HOOKS])
{
    gboolean mirrored = side == VSF_SIDE_MIRRORED;
    gboolean from = bpf->config.direction != VSF_DIRECTION_OUT;
    gboolean to = bpf->config.direction != VSF_DIRECTION_IN;

    programs[VSF_BPF_INGRESS] = (mirrored ? to : from) ? bpf->programs[VSF_BPF_INGRESS] : -1;
    programs[VSF_BPF_EGRESS] = (mirrored ? from : to) ? bpf->programs[VSF_BPF_EGRESS] : -1;
}

/* Waits until the program does not run there any more. A close alone would not do: for a moment
 * another process or thread may have a copy of the descriptor (between a fork and its exec, or
 * vsf_passed_close()'s), and the same program cannot be attached again meanwhile (EEXIST). */
static void
close_links(VsfBpfTap *tap)
{
    for (guint hook = 0; hook < VSF_BPF_N_HOOKS; hook++) {
        if (tap->links[hook] >= 0) {
            bpf_link_detach(tap->links[hook]);
            close(tap->links[hook]);
        }
        tap->links[hook] = -1;
    }
}

static gboolean
open_links(VsfBpfTap *tap, const int programs[VSF_BPF_N_HOOKS], GError **error)
{
    for (guint hook = 0; hook < VSF_BPF_N_HOOKS; hook++) {
        if (programs[hook] < 0)
            continue;
        tap->links[hook] = bpf_link_create(programs[hook], tap->ifindex, tcx_types[hook], NULL);
        if (tap->links[hook] < 0) {
            vsf_bpf_set_error(error, errno, "tcx link");
            close_links(tap);
            return FALSE;
        }
    }
    return TRUE;
}

/* One of the few links, if there are some left. */
static VsfBpfWay
choose_way(VsfBpf *bpf)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&bpf->mutex);

    if (!bpf->has_tcx || bpf->n_tcx >= bpf->tcx_most) {
        bpf->n_clsact++;
        return VSF_BPF_WAY_CLSACT;
    }
    bpf->n_tcx++;
    return VSF_BPF_WAY_TCX;
}

static void
leave_way(VsfBpf *bpf, VsfBpfWay way)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&bpf->mutex);

    if (way == VSF_BPF_WAY_TCX)
        bpf->n_tcx--;
    else
        bpf->n_clsact--;
}

/* Where clsact cannot be had, a link is worth its price. */
static void
turn_to_tcx(VsfBpfTap *tap)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&tap->bpf->mutex);

    tap->bpf->n_clsact--;
    tap->bpf->n_tcx++;
    tap->way = VSF_BPF_WAY_TCX;
}

static gboolean
open_hooks(VsfBpfTap *tap, VsfSide side, GError **error)
{
    VsfBpf *bpf = tap->bpf;
    g_autoptr(GError) taken = NULL;
    int programs[VSF_BPF_N_HOOKS];

    choose_programs(bpf, side, programs);
    tap->way = choose_way(bpf);
    if (tap->way == VSF_BPF_WAY_CLSACT) {
        if (vsf_bpf_clsact_attach(tap->ifindex, programs, bpf->owner.name, &taken))
            return TRUE;
        if (!bpf->has_tcx || bpf->tcx_most == 0) {
            leave_way(bpf, tap->way);
            g_propagate_error(error, g_steal_pointer(&taken));
            return FALSE;
        }
        turn_to_tcx(tap);
    }
    if (open_links(tap, programs, error))
        return TRUE;
    leave_way(bpf, tap->way);
    return FALSE;
}

VsfBpfTap *
vsf_bpf_attach(VsfBpf *bpf, int ifindex, VsfSide side, guint32 rate, GError **error)
{
    g_autofree VsfBpfTap *tap = g_new0(VsfBpfTap, 1);

    if (!vsf_bpf_rate_check(rate, error) || !vsf_bpf_link_check(ifindex, error))
        return NULL;
    *tap = (VsfBpfTap){.bpf = bpf, .ifindex = ifindex, .links = {-1, -1}};
    if (!vsf_bpf_slot_take(bpf, ifindex, tap_flags(bpf->config.direction, side),
                           vsf_rate_word(rate), &tap->slot, error))
        return NULL;
    /* The hooks first, so that both directions begin at once, and with them what other taps leave
     * to this one. */
    if (!open_hooks(tap, side, error)) {
        vsf_bpf_slot_free(bpf, tap->slot);
        return NULL;
    }
    if (!vsf_bpf_slot_open(bpf, tap->slot, error)) {
        vsf_bpf_detach(g_steal_pointer(&tap));
        return NULL;
    }
    return g_steal_pointer(&tap);
}

/* Returns when no program runs any more that began before: a filter that was taken away may still
 * be at work on another CPU. */
static void
wait_for_programs(void)
{
    if (syscall(SYS_membarrier, MEMBARRIER_GLOBAL, 0, 0) != 0)
        g_usleep(50 * 1000);
}

void
vsf_bpf_detach(VsfBpfTap *tap)
{
    if (tap == NULL)
        return;
    vsf_bpf_slot_close(tap->bpf, tap->slot);
    if (tap->way == VSF_BPF_WAY_TCX) {
        close_links(tap);
    } else {
        vsf_bpf_clsact_detach(tap->ifindex, tap->bpf->owner.name);
        wait_for_programs();
    }
    leave_way(tap->bpf, tap->way);
    vsf_bpf_slot_free(tap->bpf, tap->slot);
    g_free(tap);
}

gboolean
vsf_bpf_rate_check(guint32 rate, GError **error)
{
    if (rate >= 1 && rate <= VSF_BPF_RATE_MAX)
        return TRUE;
    g_set_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_FAILED, "a sampling rate is 1 to %u, not %u",
                VSF_BPF_RATE_MAX, rate);
    return FALSE;
}

gboolean
vsf_bpf_set_rate(VsfBpfTap *tap, guint32 rate, GError **error)
{
    if (!vsf_bpf_rate_check(rate, error))
        return FALSE;
    vsf_bpf_slot_set_rate(tap->bpf, tap->slot, vsf_rate_word(rate));
    return TRUE;
}

/* The kernel may be counting. */
static guint64
load_count(const __u64 *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

void
vsf_bpf_counts(const VsfBpfTap *tap, VsfBpfCounts *counts)
{
    *counts = (VsfBpfCounts){0};
    for (guint cpu = 0; cpu < tap->bpf->n_cpus; cpu++) {
        const struct vsf_bpf_state *state = vsf_bpf_state_of(tap->bpf, cpu, tap->slot);
        guint from = state->flags & VSF_TAP_MIRRORED ? 0 : 1, to = 1 - from;
        guint64 passed = load_count(&state->passed);
        guint64 egress = load_count(&state->packets[0]), ingress = load_count(&state->packets[1]);

        counts->candidates += egress + ingress;
        counts->packets_to_vm += to == 0 ? egress + passed : ingress;
        counts->packets_from_vm += to == 0 ? ingress : egress + passed;
        counts->bytes_to_vm += load_count(&state->bytes[to]);
        counts->bytes_from_vm += load_count(&state->bytes[from]);
        counts->lost += load_count(&state->lost);
    }
}

guint
vsf_bpf_fds(const VsfBpfTap *tap)
{
    guint n = 0;

    for (guint hook = 0; hook < VSF_BPF_N_HOOKS; hook++)
        n += tap->links[hook] >= 0;
    return n;
}

VsfBpfSwept
vsf_bpf_sweep(void)
{
    return vsf_bpf_clsact_sweep();
}
