/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How samples are collected into datagrams. */
#include "../../daemon/sflow/datagram.h"

#include <string.h>

static const VsfSflowAddress V4 = {1, {192, 0, 2, 1}};
static const VsfSflowAddress V6 = {2, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

static uint32_t
word(const GBytes *bytes, size_t number)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data((GBytes *)bytes, &size);
    uint32_t value;

    g_assert_cmpuint(number * 4 + 4, <=, size);
    memcpy(&value, data + number * 4, sizeof(value));
    return GUINT32_FROM_BE(value);
}

static void
collect(const uint8_t *data, size_t size, gpointer user_data)
{
    g_ptr_array_add(user_data, g_bytes_new(data, size));
}

static GPtrArray *
outbox_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
}

/* A sample of @size bytes whose first word is @mark. */
static gboolean
add(VsfSflowDatagram *datagram, uint32_t mark, size_t size, gboolean first)
{
    g_autofree uint8_t *sample = g_malloc0(size);

    mark = GUINT32_TO_BE(mark);
    memcpy(sample, &mark, sizeof(mark));
    return vsf_sflow_datagram_add(datagram, sample, size,
                                  first ? VSF_SFLOW_KIND_FIRST : VSF_SFLOW_KIND_PLAIN, 1000);
}

static void
test_v4_header_has_28_bytes(void)
{
    static const uint32_t words[] = {5, 1, 0xc0000201, 200000, 1, 1234, 1, 77};
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram)
        datagram = vsf_sflow_datagram_new(&V4, 200000, 1400, collect, outbox);

    g_assert_cmpuint(vsf_sflow_datagram_room(datagram), ==, 1400 - 28);
    g_assert_true(add(datagram, 77, 4, FALSE));
    vsf_sflow_datagram_flush(datagram, 1234);
    g_assert_cmpuint(outbox->len, ==, 1);
    g_assert_cmpuint(g_bytes_get_size(outbox->pdata[0]), ==, 32);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        g_assert_cmpuint(word(outbox->pdata[0], i), ==, words[i]);
}

static void
test_v6_header_has_40_bytes(void)
{
    static const uint32_t words[] = {5, 2, 0x20010db8, 0, 0, 1, 200000, 1, 1234, 1, 77};
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram)
        datagram = vsf_sflow_datagram_new(&V6, 200000, 1400, collect, outbox);

    g_assert_cmpuint(vsf_sflow_datagram_room(datagram), ==, 1400 - 40);
    g_assert_true(add(datagram, 77, 4, FALSE));
    vsf_sflow_datagram_flush(datagram, 1234);
    g_assert_cmpuint(outbox->len, ==, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        g_assert_cmpuint(word(outbox->pdata[0], i), ==, words[i]);
}

/* Where a collector stops at what it does not know, nothing else is behind it. */
static void
test_metrics_have_datagrams_of_their_own(void)
{
    static const uint8_t metrics[8] = {9};
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram)
        datagram = vsf_sflow_datagram_new(&V4, 200000, 1400, collect, outbox);

    for (guint i = 0; i < 3; i++) {
        g_assert_true(add(datagram, i, 4, FALSE));
        g_assert_true(vsf_sflow_datagram_add(datagram, metrics, sizeof(metrics),
                                             VSF_SFLOW_KIND_METRICS, 1000));
    }
    g_assert_cmpuint(outbox->len, ==, 0);
    g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 6);
    vsf_sflow_datagram_flush(datagram, 1000);
    g_assert_cmpuint(outbox->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpuint(word(outbox->pdata[i], 4), ==, i + 1); /* one sequence for both */
        g_assert_cmpuint(word(outbox->pdata[i], 6), ==, 3);
    }
    g_assert_cmpuint(word(outbox->pdata[0], 8), ==, 1);
    g_assert_cmpuint(word(outbox->pdata[1], 7), ==, 0x09000000);
    g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 0);
}

static void
test_sequence_counts_datagrams_from_one(void)
{
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(&V4, 1, 1400, collect, outbox);

    for (uint32_t i = 1; i <= 3; i++) {
        g_assert_true(add(datagram, i, 8, FALSE));
        g_assert_true(add(datagram, i, 8, FALSE));
        g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 2);
        vsf_sflow_datagram_flush(datagram, 0);
        g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 0);
        g_assert_cmpuint(outbox->len, ==, i);
        g_assert_cmpuint(word(outbox->pdata[i - 1], 4), ==, i);
        g_assert_cmpuint(word(outbox->pdata[i - 1], 6), ==, 2);
    }
}

static void
test_an_empty_flush_sends_nothing(void)
{
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(&V4, 1, 1400, collect, outbox);

    vsf_sflow_datagram_flush(datagram, 0);
    g_assert_cmpuint(outbox->len, ==, 0);
    g_assert_true(add(datagram, 1, 8, FALSE));
    vsf_sflow_datagram_flush(datagram, 0);
    g_assert_cmpuint(word(outbox->pdata[0], 4), ==, 1);
}

static void
test_a_full_datagram_is_sent_before_the_next_sample(void)
{
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram)
        datagram = vsf_sflow_datagram_new(&V4, 1, 28 + 600, collect, outbox);

    g_assert_true(add(datagram, 1, 300, FALSE));
    g_assert_true(add(datagram, 2, 300, FALSE)); /* fits to the byte */
    g_assert_cmpuint(outbox->len, ==, 0);
    g_assert_true(add(datagram, 3, 4, FALSE));
    g_assert_cmpuint(outbox->len, ==, 1);
    g_assert_cmpuint(g_bytes_get_size(outbox->pdata[0]), ==, 628);
    g_assert_cmpuint(word(outbox->pdata[0], 5), ==, 1000);
    g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 1);
    vsf_sflow_datagram_flush(datagram, 0);
    g_assert_cmpuint(word(outbox->pdata[1], 7), ==, 3);
}

static void
test_a_sample_of_the_whole_room_fits(void)
{
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(&V6, 1, 512, collect, outbox);

    g_assert_true(add(datagram, 1, vsf_sflow_datagram_room(datagram), FALSE));
    vsf_sflow_datagram_flush(datagram, 0);
    g_assert_cmpuint(g_bytes_get_size(outbox->pdata[0]), ==, 512);
}

static void
test_a_sample_too_large_changes_nothing(void)
{
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(&V4, 1, 512, collect, outbox);

    g_assert_true(add(datagram, 1, 8, FALSE));
    g_assert_false(add(datagram, 2, vsf_sflow_datagram_room(datagram) + 4, TRUE));
    g_assert_cmpuint(outbox->len, ==, 0);
    g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 1);
}

static void
test_first_samples_share_only_with_first_samples(void)
{
    static const gboolean firsts[] = {FALSE, FALSE, TRUE, TRUE, FALSE, TRUE};
    static const uint32_t samples_of[] = {2, 2, 1, 1};
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(&V4, 1, 1400, collect, outbox);

    for (uint32_t i = 0; i < G_N_ELEMENTS(firsts); i++)
        g_assert_true(add(datagram, i, 8, firsts[i]));
    vsf_sflow_datagram_flush(datagram, 0);
    g_assert_cmpuint(outbox->len, ==, G_N_ELEMENTS(samples_of));
    for (uint32_t i = 0; i < outbox->len; i++)
        g_assert_cmpuint(word(outbox->pdata[i], 6), ==, samples_of[i]);
}

static void
test_first_is_forgotten_by_a_flush(void)
{
    g_autoptr(GPtrArray) outbox = outbox_new();
    g_autoptr(VsfSflowDatagram) datagram = vsf_sflow_datagram_new(&V4, 1, 1400, collect, outbox);

    g_assert_true(add(datagram, 1, 8, TRUE));
    vsf_sflow_datagram_flush(datagram, 0);
    g_assert_true(add(datagram, 2, 8, FALSE));
    g_assert_true(add(datagram, 3, 8, FALSE));
    g_assert_cmpuint(outbox->len, ==, 1);
    g_assert_cmpuint(vsf_sflow_datagram_pending(datagram), ==, 2);
}

static void
test_size_is_kept_within_udp(void)
{
    static const struct {
        size_t asked, room;
    } cases[] = {{0, 512 - 28}, {511, 512 - 28}, {9000, 9000 - 28}, {SIZE_MAX, 65507 - 28}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfSflowDatagram)
            datagram = vsf_sflow_datagram_new(&V4, 1, cases[i].asked, collect, NULL);

        g_assert_cmpuint(vsf_sflow_datagram_room(datagram), ==, cases[i].room);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/datagram/" name, func)
    ADD("v4-header-has-28-bytes", test_v4_header_has_28_bytes);
    ADD("v6-header-has-40-bytes", test_v6_header_has_40_bytes);
    ADD("sequence-counts-datagrams-from-one", test_sequence_counts_datagrams_from_one);
    ADD("an-empty-flush-sends-nothing", test_an_empty_flush_sends_nothing);
    ADD("a-full-datagram-is-sent-before-the-next-sample",
        test_a_full_datagram_is_sent_before_the_next_sample);
    ADD("a-sample-of-the-whole-room-fits", test_a_sample_of_the_whole_room_fits);
    ADD("a-sample-too-large-changes-nothing", test_a_sample_too_large_changes_nothing);
    ADD("first-samples-share-only-with-first-samples",
        test_first_samples_share_only_with_first_samples);
    ADD("first-is-forgotten-by-a-flush", test_first_is_forgotten_by_a_flush);
    ADD("size-is-kept-within-udp", test_size_is_kept_within_udp);
    g_test_add_func("/sflow/datagram/metrics-have-datagrams-of-their-own",
                    test_metrics_have_datagrams_of_their_own);
    return g_test_run();
}
