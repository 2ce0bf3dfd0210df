/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs on other CPUs may see while user space writes: here threads look in their
 * place, at memory that no kernel has. */
#include "../../daemon/bpf/bpf-private.h"

#include <string.h>

#define N_CPUS 16
#define TURNS 50000
#define RATE_WORD ((guint64)7 << 32 | 100)

typedef struct {
    VsfBpf bpf;
    struct vsf_bpf_tap slots[1];
    struct vsf_bpf_state states[N_CPUS];
    gint is_over;    /* atomic */
    guint n_missing; /* looks that found the home lead to nobody */
} Memory;

static gpointer
look(gpointer data)
{
    Memory *memory = data;

    while (!g_atomic_int_get(&memory->is_over))
        for (guint cpu = 0; cpu < N_CPUS; cpu++)
            memory->n_missing += !__atomic_load_n(&memory->states[cpu].has_displaced,
                                                  __ATOMIC_RELAXED);
    return NULL;
}

static Memory *
memory_new(void)
{
    Memory *memory = g_aligned_alloc0(1, sizeof(Memory), 64);

    memory->bpf.slots = memory->slots;
    memory->bpf.states = memory->states;
    memory->bpf.n_slots = 1;
    memory->bpf.n_cpus = N_CPUS;
    memory->bpf.config.taps_max = 1;
    g_mutex_init(&memory->bpf.mutex);
    g_cond_init(&memory->bpf.freed);
    return memory;
}

static void
memory_free(Memory *memory)
{
    g_mutex_clear(&memory->bpf.mutex);
    g_cond_clear(&memory->bpf.freed);
    g_aligned_free(memory);
}

static guint
take(Memory *memory, int ifindex)
{
    g_autoptr(GError) error = NULL;
    guint slot = G_MAXUINT;

    vsf_bpf_slot_take(&memory->bpf, ifindex, VSF_TAP_ONCE, RATE_WORD, &slot, &error);
    g_assert_no_error(error);
    return slot;
}

static void
test_a_home_leads_to_others_while_its_next_tap_comes(void)
{
    Memory *memory = memory_new();
    g_autoptr(GError) error = NULL;
    GThread *thread;

    memory->slots[0].displaced = 1;
    for (guint cpu = 0; cpu < N_CPUS; cpu++)
        memory->states[cpu].has_displaced = 1;
    thread = g_thread_new("program", look, memory);
    for (guint turn = 0; turn < TURNS; turn++) {
        guint slot = take(memory, 1);

        g_assert_true(vsf_bpf_slot_open(&memory->bpf, slot, &error));
        vsf_bpf_slot_close(&memory->bpf, slot);
        vsf_bpf_slot_free(&memory->bpf, slot);
    }
    g_atomic_int_set(&memory->is_over, TRUE);
    g_thread_join(thread);
    g_assert_cmpuint(memory->n_missing, ==, 0);
    memory_free(memory);
}

/* Before its hooks are there: what the programs read first is not what was written first. */
static void
test_a_tap_that_is_taken_has_its_settings_and_nothing_of_the_one_before(void)
{
    static const struct vsf_bpf_state fresh = {
        .flags = VSF_TAP_ONCE, .has_displaced = 1, .rate = 100, .rate_word = RATE_WORD};
    Memory *memory = memory_new();

    memory->slots[0].displaced = 1;
    for (guint cpu = 0; cpu < N_CPUS; cpu++) {
        memset(&memory->states[cpu], 0xff, sizeof(fresh));
        memory->states[cpu].ifindex = 0;
        memory->states[cpu].has_displaced = 1;
    }
    take(memory, 1);
    for (guint cpu = 0; cpu < N_CPUS; cpu++)
        g_assert_cmpmem(&memory->states[cpu], sizeof(fresh), &fresh, sizeof(fresh));
    memory_free(memory);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bpf/states/a-home-leads-to-others-while-its-next-tap-comes",
                    test_a_home_leads_to_others_while_its_next_tap_comes);
    g_test_add_func(
        "/bpf/states/a-tap-that-is-taken-has-its-settings-and-nothing-of-the-one-before",
        test_a_tap_that_is_taken_has_its_settings_and_nothing_of_the_one_before);
    return g_test_run();
}
