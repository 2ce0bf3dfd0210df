/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of real taps. */
#include "../../daemon/net/link-stats.h"
#include "tap-lab.h"

#include <libmnl/libmnl.h>
#include <string.h>
#include <unistd.h>

static const guint8 vm_mac[6] = {0x52, 0x54, 0, 0, 0, 1};
static const guint8 peer_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

typedef struct {
    GHashTable *table; /* ifindex -> VsfLinkStats, a copy */
    gint64 read_ns;
    guint n_answers, n_refused;
} Answers;

static void
note(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data)
{
    Answers *answers = user_data;
    GHashTableIter iter;
    gpointer key, stats;

    answers->n_answers++;
    if (table == NULL) {
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_BUSY);
        answers->n_refused++;
        return;
    }
    answers->read_ns = read_ns;
    g_hash_table_remove_all(answers->table);
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, &stats))
        g_hash_table_insert(answers->table, key, g_memdup2(stats, sizeof(VsfLinkStats)));
}

static gboolean
has_answer(gpointer user_data)
{
    return ((Answers *)user_data)->n_answers > 0;
}

static void
ask(VsfLinkStatsReader *reader, Answers *answers, const int *ifindexes, guint n)
{
    gint64 before = g_get_monotonic_time() * 1000;

    answers->n_answers = 0;
    vsf_link_stats_ask(reader, ifindexes, n, note, answers);
    g_assert_cmpuint(answers->n_answers, ==, 0);
    tap_lab_loop_until(has_answer, answers);
    g_assert_cmpint(answers->read_ns, >=, before);
    g_assert_cmpint(answers->read_ns, <=, g_get_monotonic_time() * 1000);
}

#define ROUNDS 50
#define MOST_FRAMES 2000 /* in each: the answer may wait for whoever has the rtnl lock */

static const VsfLinkStats *
of(const Answers *answers, int ifindex)
{
    return g_hash_table_lookup(answers->table, GINT_TO_POINTER(ifindex));
}

static Answers
answers_new(void)
{
    return (Answers){.table = g_hash_table_new_full(NULL, NULL, NULL, g_free)};
}

/* 30 frames of 100 bytes from the VM, 20 of 200 to it. */
static void
test_counters_equal_the_frames_sent(void)
{
    int tap = tap_lab_tap("vnet0"), ifindex = tap_lab_ifindex("vnet0"), packet_socket;
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    Answers answers = answers_new();
    const VsfLinkStats *stats;
    guint8 frame[200];

    tap_lab_up("vnet0");
    packet_socket = tap_lab_packet_socket("vnet0");
    tap_lab_frame(frame, sizeof(frame), peer_mac, vm_mac, 0);
    for (guint i = 0; i < 30; i++)
        tap_lab_send(tap, frame, 100);
    for (guint i = 0; i < 20; i++)
        tap_lab_send_packet(packet_socket, frame, 200);
    g_assert_cmpuint(tap_lab_discard(tap), ==, 20);

    ask(reader, &answers, &ifindex, 1);
    g_assert_cmpuint(g_hash_table_size(answers.table), ==, 1);
    stats = of(&answers, ifindex);
    g_assert_cmpuint(stats->rx_packets, ==, 30);
    g_assert_cmpuint(stats->rx_bytes, ==, 3000);
    g_assert_cmpuint(stats->tx_packets, ==, 20);
    g_assert_cmpuint(stats->tx_bytes, ==, 4000);
    g_assert_cmpuint(stats->tx_dropped + stats->rx_errors + stats->tx_errors, ==, 0);
    g_hash_table_unref(answers.table);
    close(packet_socket);
    close(tap);
}

/* Else what passed meanwhile would count as passed before, and a sample pool run ahead of the
 * frames. */
static void
test_a_frame_that_is_counted_passed_before_the_reading(void)
{
    int tap = tap_lab_tap("vnet0"), ifindex = tap_lab_ifindex("vnet0");
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    g_autofree gint64 *sent_ns = g_new(gint64, ROUNDS * MOST_FRAMES);
    Answers answers = answers_new();
    guint8 frame[60];
    guint n = 0;

    tap_lab_up("vnet0");
    tap_lab_frame(frame, sizeof(frame), peer_mac, vm_mac, 0);
    for (guint i = 1; i <= ROUNDS; i++) {
        guint64 counted;

        answers.n_answers = 0;
        vsf_link_stats_ask(reader, &ifindex, 1, note, &answers);
        while (answers.n_answers == 0) {
            gboolean is_full = n == i * MOST_FRAMES;

            if (!is_full) {
                sent_ns[n++] = g_get_monotonic_time() * 1000;
                tap_lab_send(tap, frame, sizeof(frame));
            }
            g_main_context_iteration(NULL, is_full);
        }
        counted = of(&answers, ifindex)->rx_packets;
        g_assert_cmpuint(counted, <=, n);
        if (counted > 0)
            g_assert_cmpint(sent_ns[counted - 1], <=, answers.read_ns);
    }
    g_test_message("%u frames", n);
    g_hash_table_unref(answers.table);
    close(tap);
}

static void
test_frames_that_the_vm_does_not_take_are_dropped_ones(void)
{
    int tap = tap_lab_tap("vnet0"), ifindex = tap_lab_ifindex("vnet0"), packet_socket;
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    Answers answers = answers_new();
    guint8 frame[60];

    tap_lab_up("vnet0");
    tap_lab_ip("link set vnet0 txqueuelen 10");
    packet_socket = tap_lab_packet_socket("vnet0");
    tap_lab_frame(frame, sizeof(frame), vm_mac, peer_mac, 0);
    for (guint i = 0; i < 1500; i++)
        tap_lab_send_packet(packet_socket, frame, sizeof(frame));
    ask(reader, &answers, &ifindex, 1);
    g_assert_cmpuint(of(&answers, ifindex)->tx_dropped, >, 0);
    tap_lab_discard(tap);
    ask(reader, &answers, &ifindex, 1);
    g_assert_cmpuint(of(&answers, ifindex)->tx_dropped + of(&answers, ifindex)->tx_packets, ==,
                     1500);
    g_hash_table_unref(answers.table);
    close(packet_socket);
    close(tap);
}

/* 32 questions and one dump have to say the same. */
static void
test_many_are_asked_by_a_dump_and_a_few_one_by_one(void)
{
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    static const guint counts[] = {0, 1, 31, 32, 33, 100};
    Answers answers = answers_new();
    int taps[100], ifindexes[100];
    guint8 frame[60];

    tap_lab_frame(frame, sizeof(frame), peer_mac, vm_mac, 0);
    for (guint i = 0; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("vnet%u", i);

        taps[i] = tap_lab_tap(name);
        ifindexes[i] = tap_lab_ifindex(name);
        tap_lab_up(name);
        for (guint n = 0; n <= i; n++)
            tap_lab_send(taps[i], frame, sizeof(frame));
    }
    for (guint c = 0; c < G_N_ELEMENTS(counts); c++) {
        ask(reader, &answers, ifindexes, counts[c]);
        g_assert_cmpuint(g_hash_table_size(answers.table), ==, counts[c]);
        for (guint i = 0; i < counts[c]; i++)
            g_assert_cmpuint(of(&answers, ifindexes[i])->rx_packets, ==, i + 1);
    }
    /* One that is gone is left out, and takes no other with it. */
    close(taps[3]);
    for (guint c = 1; c < G_N_ELEMENTS(counts); c++) {
        ask(reader, &answers, ifindexes, counts[c]);
        g_assert_null(of(&answers, ifindexes[3]));
        g_assert_cmpuint(g_hash_table_size(answers.table), ==,
                         counts[c] > 3 ? counts[c] - 1 : counts[c]);
    }
    for (guint i = 0; i < 100; i++)
        if (i != 3)
            close(taps[i]);
    g_hash_table_unref(answers.table);
}

/* Requests to the kernel, and how many of them were for a dump. */
static gint n_requests, n_dumps;

ssize_t __real_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t size);

ssize_t
__wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t size)
{
    const struct nlmsghdr *request = bytes;
    int left = (int)size;

    for (; mnl_nlmsg_ok(request, left); request = mnl_nlmsg_next(request, &left)) {
        g_atomic_int_inc(&n_requests);
        if ((request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
            g_atomic_int_inc(&n_dumps);
    }
    return __real_mnl_socket_sendto(socket, bytes, size);
}

static gint n_sockets;

struct mnl_socket *__real_mnl_socket_open2(int bus, int flags);
struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags);

struct mnl_socket *
__wrap_mnl_socket_open2(int bus, int flags)
{
    g_atomic_int_inc(&n_sockets);
    return __real_mnl_socket_open2(bus, flags);
}

/* To open and close one costs as much as a question. */
static void
test_questions_share_a_socket(void)
{
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    const int twice[] = {tap_lab_ifindex("lo"), tap_lab_ifindex("lo")};
    Answers answers = answers_new();

    n_sockets = n_requests = 0;
    for (guint i = 0; i < 3; i++) {
        ask(reader, &answers, twice, G_N_ELEMENTS(twice));
        g_assert_cmpuint(g_hash_table_size(answers.table), ==, 1);
    }
    g_assert_cmpint(n_requests, ==, 3);
    g_assert_cmpint(n_sockets, ==, 1);
    g_hash_table_unref(answers.table);
}

#define N_PAIRS 1000

/* "v0", "w0", "v1", "w1" ...; all at once, since a program for each would take minutes. */
static void
make_pairs(void)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autofree char *path = NULL, *command = NULL;
    int file = g_file_open_tmp(NULL, &path, NULL);

    g_assert_cmpint(file, >=, 0);
    close(file);
    for (guint i = 0; i < N_PAIRS; i++)
        g_string_append_printf(lines, "link add v%u type veth peer name w%u\n", i, i);
    g_assert_true(g_file_set_contents(path, lines->str, -1, NULL));
    command = g_strdup_printf("-batch %s", path);
    tap_lab_ip(command);
    unlink(path);
}

static void
test_two_thousand_are_one_request(void)
{
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    Answers answers = answers_new();
    int ifindexes[2 * N_PAIRS];
    int first;

    make_pairs();
    first = tap_lab_ifindex("w0");
    for (int i = 0; i < 2 * N_PAIRS; i++)
        ifindexes[i] = first + i;
    n_requests = n_dumps = 0;
    ask(reader, &answers, ifindexes, G_N_ELEMENTS(ifindexes));
    g_assert_cmpuint(g_hash_table_size(answers.table), ==, 2 * N_PAIRS);
    g_assert_cmpint(n_requests, ==, 1);
    g_assert_cmpint(n_dumps, ==, 1);
    /* A slot of 200 of them. */
    ask(reader, &answers, ifindexes + 700, 200);
    g_assert_cmpuint(g_hash_table_size(answers.table), ==, 200);
    g_assert_cmpint(n_requests, ==, 2);
    g_assert_cmpint(n_dumps, ==, 2);
    g_hash_table_unref(answers.table);
}

static gboolean
has_all_answers(gpointer user_data)
{
    return ((Answers *)user_data)->n_answers == 1500;
}

/* None is answered while the main loop does not run: as if the kernel hung. */
static void
test_questions_do_not_wait_without_bound(void)
{
    g_autoptr(VsfLinkStatsReader) reader = vsf_link_stats_new(NULL);
    Answers answers = answers_new();
    int lo = tap_lab_ifindex("lo");

    for (guint i = 0; i < 1500; i++)
        vsf_link_stats_ask(reader, &lo, 1, note, &answers);
    g_assert_cmpuint(answers.n_answers, ==, 0);
    tap_lab_loop_until(has_all_answers, &answers);
    g_assert_cmpuint(answers.n_refused, ==, 500);
    g_hash_table_unref(answers.table);
}

static void
test_freed_with_questions_out_no_answer_comes(void)
{
    VsfLinkStatsReader *reader = vsf_link_stats_new(NULL);
    Answers answers = answers_new();
    int lo = tap_lab_ifindex("lo");

    for (guint i = 0; i < 20; i++)
        vsf_link_stats_ask(reader, &lo, 1, note, &answers);
    vsf_link_stats_free(reader);
    tap_lab_loop_for(200);
    g_assert_cmpuint(answers.n_answers, ==, 0);
    g_hash_table_unref(answers.table);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (tap_lab_skip_all())
        return 0;
    g_test_add_func("/net/link-stats/counters-equal-the-frames-sent",
                    test_counters_equal_the_frames_sent);
    g_test_add_func("/net/link-stats/a-frame-that-is-counted-passed-before-the-reading",
                    test_a_frame_that_is_counted_passed_before_the_reading);
    g_test_add_func("/net/link-stats/frames-that-the-vm-does-not-take-are-dropped-ones",
                    test_frames_that_the_vm_does_not_take_are_dropped_ones);
    g_test_add_func("/net/link-stats/many-are-asked-by-a-dump-and-a-few-one-by-one",
                    test_many_are_asked_by_a_dump_and_a_few_one_by_one);
    g_test_add_func("/net/link-stats/questions-share-a-socket", test_questions_share_a_socket);
    g_test_add_func("/net/link-stats/questions-do-not-wait-without-bound",
                    test_questions_do_not_wait_without_bound);
    g_test_add_func("/net/link-stats/freed-with-questions-out-no-answer-comes",
                    test_freed_with_questions_out_no_answer_comes);
    /* The last one: its links end with the namespace. */
    g_test_add_func("/net/link-stats/two-thousand-are-one-request",
                    test_two_thousand_are_one_request);
    return g_test_run();
}
