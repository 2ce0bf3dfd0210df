/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which slot of the kernel's arrays is whose. A tap's home is ifindex & mask, so that the programs
 * find it by one look into an array; only those whose home is taken need the map. */
#include "bpf-private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static guint
home_of(const VsfBpf *bpf, int ifindex)
{
    return (guint)ifindex & (bpf->n_slots - 1);
}

/* Of the tap in it; 0: free. A slot that is taken but not open has it as a negative number, which
 * no interface has. */
static int
get_ifindex(const VsfBpf *bpf, guint slot)
{
    return g_atomic_int_get(&bpf->slots[slot].ifindex);
}

static void
set_ifindex(VsfBpf *bpf, guint slot, int ifindex)
{
    g_atomic_int_set(&bpf->slots[slot].ifindex, ifindex);
}

struct vsf_bpf_state *
vsf_bpf_state_of(const VsfBpf *bpf, guint cpu, guint slot)
{
    return &bpf->states[cpu * bpf->n_slots + slot];
}

/* For the programs on each CPU; 0: they are not to find it. */
static void
show(VsfBpf *bpf, guint slot, int ifindex)
{
    for (guint cpu = 0; cpu < bpf->n_cpus; cpu++)
        __atomic_store_n(&vsf_bpf_state_of(bpf, cpu, slot)->ifindex, (guint32)ifindex,
                         __ATOMIC_RELEASE);
}

static gboolean
is_free(const VsfBpf *bpf, guint slot)
{
    return get_ifindex(bpf, slot) == 0;
}

static gboolean
holds(const VsfBpf *bpf, int ifindex)
{
    for (guint slot = 0; slot < bpf->n_slots; slot++)
        if (get_ifindex(bpf, slot) == ifindex)
            return TRUE;
    return FALSE;
}

static guint
choose(VsfBpf *bpf, int ifindex)
{
    guint slot = home_of(bpf, ifindex);

    if (is_free(bpf, slot))
        return slot;
    /* There is one: taps_max is not more than n_slots. */
    while (!is_free(bpf, bpf->free_hint))
        bpf->free_hint = (bpf->free_hint + 1) & (bpf->n_slots - 1);
    return bpf->free_hint;
}

/* Those that belong into @slot and lie elsewhere: @more than before. */
static void
add_displaced(VsfBpf *bpf, guint slot, int more)
{
    bpf->slots[slot].displaced += (guint32)more;
    for (guint cpu = 0; cpu < bpf->n_cpus; cpu++)
        __atomic_store_n(&vsf_bpf_state_of(bpf, cpu, slot)->has_displaced,
                         bpf->slots[slot].displaced != 0, __ATOMIC_RELEASE);
}

/* But for what programs look at meanwhile: that it is nobody's, and whether it leads to others. */
static void
begin_states(VsfBpf *bpf, guint slot, guint32 flags, guint64 rate_word)
{
    const gsize begin = offsetof(struct vsf_bpf_state, rate);

    for (guint cpu = 0; cpu < bpf->n_cpus; cpu++) {
        struct vsf_bpf_state *state = vsf_bpf_state_of(bpf, cpu, slot);

        state->flags = (guint16)flags;
        memset((guint8 *)state + begin, 0, sizeof(*state) - begin);
    }
    vsf_bpf_slot_set_rate(bpf, slot, rate_word);
}

gboolean
vsf_bpf_slot_take(VsfBpf *bpf, int ifindex, guint32 flags, guint64 rate_word, guint *slot,
                  GError **error)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&bpf->mutex);
    guint chosen;

    while (holds(bpf, -ifindex))
        g_cond_wait(&bpf->freed, &bpf->mutex);
    if (holds(bpf, ifindex)) {
        g_set_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_FAILED, "interface %d is sampled already",
                    ifindex);
        return FALSE;
    }
    if (bpf->n_taps >= bpf->config.taps_max) {
        g_set_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_NO_ROOM,
                    "there are %u sampled interfaces, and no room for more", bpf->n_taps);
        return FALSE;
    }
    chosen = choose(bpf, ifindex);
    begin_states(bpf, chosen, flags, rate_word);
    bpf->slots[chosen].generation++;
    set_ifindex(bpf, chosen, -ifindex);
    bpf->n_taps++;
    *slot = chosen;
    return TRUE;
}

gboolean
vsf_bpf_slot_open(VsfBpf *bpf, guint slot, GError **error)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&bpf->mutex);
    int ifindex = -get_ifindex(bpf, slot);
    guint home = home_of(bpf, ifindex);

    if (slot != home) {
        if (bpf_map_update_elem(bpf->displaced_fd, &ifindex, &slot, BPF_NOEXIST) != 0) {
            vsf_bpf_set_error(error, errno, "the map of interfaces");
            return FALSE;
        }
        add_displaced(bpf, home, 1);
    }
    set_ifindex(bpf, slot, ifindex);
    show(bpf, slot, ifindex);
    return TRUE;
}

void
vsf_bpf_slot_set_rate(VsfBpf *bpf, guint slot, guint64 rate_word)
{
    for (guint cpu = 0; cpu < bpf->n_cpus; cpu++) {
        struct vsf_bpf_state *state = vsf_bpf_state_of(bpf, cpu, slot);

        __atomic_store_n(&state->rate_word, rate_word, __ATOMIC_RELAXED);
        __atomic_store_n(&state->rate, VSF_RATE_N(rate_word), __ATOMIC_RELEASE);
    }
}

void
vsf_bpf_slot_close(VsfBpf *bpf, guint slot)
{
    int ifindex = get_ifindex(bpf, slot);

    show(bpf, slot, 0);
    if (ifindex > 0)
        set_ifindex(bpf, slot, -ifindex);
}

void
vsf_bpf_slot_free(VsfBpf *bpf, guint slot)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&bpf->mutex);
    int ifindex = -get_ifindex(bpf, slot);
    guint home = home_of(bpf, ifindex);

    if (slot != home && bpf_map_delete_elem(bpf->displaced_fd, &ifindex) == 0)
        add_displaced(bpf, home, -1);
    /* So that what lies in the ring is seen to be of a tap that is gone. */
    bpf->slots[slot].generation++;
    set_ifindex(bpf, slot, 0);
    bpf->n_taps--;
    g_cond_broadcast(&bpf->freed);
}
