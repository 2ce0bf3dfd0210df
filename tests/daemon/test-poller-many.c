/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 2,000 VMs with a tap each: what they cost the kernel, and when they have their turns. */
#include "decoded.h"
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <net/if.h>
#include <string.h>

#define N 2000
#define FIRST_IFINDEX 100
#define INTERVAL_S 24
#define STEP_MS 100
#define STEPS (INTERVAL_S * 1000 / STEP_MS)
#define SLOT_STEPS (2000 / STEP_MS)

static void
start_vm(Fixture *fixture, guint number)
{
    const guint8 mac[6] = {0x52, 0x54, 0, 1, (guint8)(number >> 8), (guint8)number};
    VsfLink link = {.ifindex = FIRST_IFINDEX + (int)number, .kind = "tun", .type = 1};
    VsfLinkStats stats = {.rx_bytes = number};
    VsfDomainDef *def = vsf_domain_def_new();
    VsfNic *nic = g_new0(VsfNic, 1);
    gint64 now_us = g_get_monotonic_time();

    g_snprintf(link.name, sizeof(link.name), "vnet%u", number);
    memcpy(link.mac, mac, sizeof(mac));
    link.mac[0] = 0xfe;
    vsf_registry_link_seen(fixture->registry, &link, now_us);
    fake_link_stats_set(link.ifindex, &stats);
    def->uuid_bytes[14] = (guint8)(number >> 8);
    def->uuid_bytes[15] = (guint8)number;
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = (int)number + 1;
    def->name = g_strdup(link.name);
    nic->device = g_strdup(link.name);
    memcpy(nic->mac, mac, sizeof(mac));
    g_ptr_array_add(def->nics, nic);
    vsf_registry_domain_seen(fixture->registry, def, VSF_STATE_RUNNING, 1, now_us, now_us);
}

typedef struct {
    guint n;           /* samples */
    guint first, last; /* in which step */
} Seen;

/* Of the taps' counters; what left is forgotten. */
static void
note_samples(Fixture *fixture, Seen seen[N], guint step)
{
    vsf_exporter_flush(fixture->exporter);
    for (guint i = 0; i < fixture->datagrams->len; i++) {
        GBytes *bytes = fixture->datagrams->pdata[i];
        g_autoptr(GHashTable)
            table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

        for (guint s = 0;; s++) {
            g_autofree char *source_path = g_strdup_printf("samples.%u.source", s);
            g_autofree char *value_path = g_strdup_printf(
                "samples.%u.records.if_counters.ifInOctets", s);
            const char *source = decoded_get(table, source_path);
            guint64 number;

            if (source == NULL)
                break;
            if (!g_str_has_prefix(source, "0:"))
                continue;
            number = g_ascii_strtoull(source + 2, NULL, 10) - FIRST_IFINDEX;
            g_assert_cmpuint(number, <, N);
            g_assert_cmpuint(g_ascii_strtoull(decoded_get(table, value_path), NULL, 10), ==,
                             number);
            if (seen[number].n++ == 0)
                seen[number].first = step;
            seen[number].last = step;
        }
    }
    g_ptr_array_set_size(fixture->datagrams, 0);
}

static void
set_up(Fixture *fixture, gconstpointer user_data)
{
    poller_set_up(fixture, user_data);
    for (guint i = 0; i < N; i++)
        start_vm(fixture, i);
    fake_worker_run();
}

/* Turns meet in slots of two seconds, and however many there are, a slot is one question
 * of the kernel. */
static void
test_a_slot_is_one_question(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree Seen *seen = g_new0(Seen, N);
    guint questions = 0, of_slot[STEPS / SLOT_STEPS + 1] = {0}, since_last = SLOT_STEPS;

    for (guint step = 0; step < 2 * STEPS + SLOT_STEPS; step++) {
        guint n;

        fake_time_advance(STEP_MS);
        n = fake_link_stats_answer(0);
        fake_time_advance(0); /* what is handed out some at a time */
        note_samples(fixture, seen, step);
        g_assert_cmpuint(n, <=, 1);
        since_last++;
        if (n == 0)
            continue;
        g_assert_cmpuint(since_last, >=, SLOT_STEPS - 1);
        since_last = 0;
        questions++;
        /* Those of VMs and those of taps: twice 167. */
        if (questions > 1 && step < 2 * STEPS)
            g_assert_cmpuint(fake_link_stats_asked_for(), >, 200);
        fake_worker_run();
    }
    g_assert_cmpuint(questions, <=, 2 * STEPS / SLOT_STEPS + 2);

    for (guint i = 0; i < N; i++) {
        /* Each at its own phase, once in an interval. */
        g_assert_cmpuint(seen[i].n, >=, 2);
        g_assert_cmpuint(seen[i].n, <=, 3);
        g_assert_cmpuint(seen[i].first, <=, STEPS + SLOT_STEPS);
        g_assert_cmpuint(seen[i].last - seen[i].first, ==, (seen[i].n - 1) * STEPS);
        of_slot[MIN(seen[i].first / SLOT_STEPS, G_N_ELEMENTS(of_slot) - 1)]++;
    }
    /* 167 each on average; the first and the last are cut. */
    for (guint slot = 1; slot < G_N_ELEMENTS(of_slot) - 1; slot++) {
        g_assert_cmpuint(of_slot[slot], >, 90);
        g_assert_cmpuint(of_slot[slot], <, 300);
    }
}

/* The loop is never done with what is due: counters are asked for all the same. */
static void
test_a_busy_loop_asks_too(Fixture *fixture G_GNUC_UNUSED, gconstpointer user_data G_GNUC_UNUSED)
{
    guint questions = 0;

    fake_time_stall(19000); /* nearly all of them are late */
    for (guint i = 0; i < 40 && questions == 0; i++) {
        /* 32 turns at a time, and each time takes its time. */
        fake_time_run_one();
        fake_time_stall(20);
        questions = fake_link_stats_answer(0);
    }
    g_assert_cmpuint(questions, ==, 1);
    g_assert_cmpuint(fake_link_stats_asked_for(), <, N);
}

#define WAKE_UP 32 /* turns that are taken at once */

/* The question waits for who is due as well, and has his turn at once; he goes before that, and
 * with the next plan so does the wake-up that was his. */
static void
test_a_question_waits_for_nobody_who_is_gone(Fixture *fixture, gconstpointer user_data)
{
    char last[37] = "";

    poller_set_up(fixture, user_data);
    for (guint i = 0; i <= WAKE_UP; i++) {
        start_vm(fixture, i);
        vsf_uuid_format((guint8[16]){[15] = (guint8)i}, last);
        fake_time_stall(1);
        vsf_poller_domain_now(fixture->poller, vsf_registry_by_uuid(fixture->registry, last),
                              VSF_POLL_EXTRA);
    }
    while (vsf_poller_turns(fixture->poller).taken == 0)
        fake_time_run_one();
    g_assert_cmpuint(vsf_poller_turns(fixture->poller).taken, ==, WAKE_UP);
    g_assert_true(vsf_poller_turns(fixture->poller).due);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 0);
    vsf_registry_domain_gone(fixture->registry, last, g_get_monotonic_time());
    g_assert_false(vsf_poller_turns(fixture->poller).due);
    start_vm(fixture, WAKE_UP + 1);
    fake_time_advance(200);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 1);
    g_assert_cmpuint(fake_link_stats_asked_for(), >=, WAKE_UP);
}

/* What is handed out later may have gone by then. */
static void
test_taps_that_go_while_an_answer_is_handed_out(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree Seen *seen = g_new0(Seen, N);
    guint n = 0;

    while (fake_link_stats_asked_for() < 100) {
        fake_link_stats_answer(0);
        fake_time_advance(STEP_MS);
    }
    g_ptr_array_set_size(fixture->datagrams, 0);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 1);
    for (guint i = 0; i < N; i++)
        vsf_registry_link_gone(fixture->registry, FIRST_IFINDEX + (int)i);
    fake_time_advance(0);
    note_samples(fixture, seen, 0);
    for (guint i = 0; i < N; i++)
        n += seen[i].n;
    g_assert_cmpuint(n, <=, 32);
}

#define ADD(name, func)                                                                   \
    g_test_add("/poller/many/" name, Fixture, GUINT_TO_POINTER(INTERVAL_S), set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-slot-is-one-question", test_a_slot_is_one_question);
    ADD("a-busy-loop-asks-too", test_a_busy_loop_asks_too);
    ADD("taps-that-go-while-an-answer-is-handed-out",
        test_taps_that_go_while_an_answer_is_handed_out);
    g_test_add("/poller/many/a-question-waits-for-nobody-who-is-gone", Fixture,
               GUINT_TO_POINTER(INTERVAL_S), NULL, test_a_question_waits_for_nobody_who_is_gone,
               poller_tear_down);
    return g_test_run();
}
