/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Custom-metrics samples: their bytes, their bounds, and what does not fit. */
#include "../../daemon/sflow/metrics.h"

#include <math.h>
#include <string.h>

#define UUID "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

/* {format, length, "vm", count} */
#define SMALL_HEAD_SIZE (4 + 4 + 8 + 4)

static uint32_t
word_at(const VsfXdr *xdr, size_t at)
{
    uint32_t word;

    g_assert_cmpuint(at + sizeof(word), <=, xdr->used);
    memcpy(&word, xdr->data + at, sizeof(word));
    return GUINT32_FROM_BE(word);
}

/* Ends a sample that must be good; its length word counts what follows it. */
static void
end_well(VsfXdr *xdr, VsfSflowMetrics *metrics, uint32_t n_metrics)
{
    g_assert_true(vsf_sflow_metrics_end(xdr, metrics));
    g_assert_false(xdr->overflow);
    g_assert_cmpuint(xdr->used % 4, ==, 0);
    g_assert_cmpuint(word_at(xdr, metrics->length_at), ==, xdr->used - metrics->body_at);
    g_assert_cmpuint(word_at(xdr, metrics->count_at), ==, n_metrics);
}

static void
test_one_of_every_type_to_the_byte(void)
{
    static const char expected[] = "\x01\x0c\xc3\xea" /* 4300:1002 */
                                   "\0\0\0\x70"
                                   "\0\0\0\2vm\0\0"
                                   "\0\0\0\5"
                                   "\0\0\0\1t\0\0\0\0\0\0\0\0\0\0\5hello\0\0\0"
                                   "\0\0\0\2c6\0\0\0\0\0\2\x11\x12\x13\x14\x15\x16\x17\x18"
                                   "\0\0\0\3g32\0\0\0\0\3\x01\x02\x03\x04"
                                   "\0\0\0\4ga64\0\0\0\4\x21\x22\x23\x24\x25\x26\x27\x28"
                                   "\0\0\0\1d\0\0\0\0\0\0\6\x3f\xf8\0\0\0\0\0\0";
    uint8_t buffer[256];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    VsfSflowMetrics metrics = vsf_sflow_metrics_begin(&xdr, "vm");

    memset(buffer + xdr.used, 0xee, sizeof(buffer) - xdr.used);
    g_assert_true(vsf_sflow_metric_text(&xdr, &metrics, "t", "hello"));
    g_assert_true(
        vsf_sflow_metric_counter64(&xdr, &metrics, "c6", G_GUINT64_CONSTANT(0x1112131415161718)));
    g_assert_true(vsf_sflow_metric_gauge32(&xdr, &metrics, "g32", 0x01020304));
    g_assert_true(
        vsf_sflow_metric_gauge64(&xdr, &metrics, "ga64", G_GUINT64_CONSTANT(0x2122232425262728)));
    g_assert_true(vsf_sflow_metric_double(&xdr, &metrics, "d", 1.5));
    end_well(&xdr, &metrics, 5);
    g_assert_cmpmem(buffer, xdr.used, expected, sizeof(expected) - 1);
    g_assert_cmpuint(buffer[xdr.used], ==, 0xee);
}

static void
test_a_sample_follows_what_is_there(void)
{
    uint8_t buffer[128];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    VsfSflowMetrics metrics;

    vsf_xdr_u32(&xdr, 0xdeadbeef);
    metrics = vsf_sflow_metrics_begin(&xdr, "vm");
    g_assert_true(vsf_sflow_metric_gauge32(&xdr, &metrics, "g", 7));
    end_well(&xdr, &metrics, 1);
    g_assert_cmpuint(word_at(&xdr, 0), ==, 0xdeadbeef);
    g_assert_cmpuint(word_at(&xdr, 4), ==, 4300 << 12 | 1002);
    g_assert_cmpuint(word_at(&xdr, 8), ==, xdr.used - 12);
}

static void
test_names_and_texts_are_cut_between_characters(void)
{
    g_autofree char *plain = g_strnfill(300, 'n');
    /* An odd byte, so that the bound falls inside of a character of two. */
    g_autoptr(GString) wide = g_string_new("x");
    const struct {
        const char *text;
        uint32_t name_length, text_length;
    } cases[] = {
        {NULL, 0, 0},
        {"", 0, 0},
        {plain, 63, 254},
        {plain + 300 - 64, 63, 64},
        {plain + 300 - 63, 63, 63},
        {plain + 300 - 255, 63, 254},
        {plain + 300 - 254, 63, 254},
        {NULL, 63, 253}, /* @wide */
    };

    for (int i = 0; i < 200; i++)
        g_string_append(wide, "\xc3\xbc");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *text = i == G_N_ELEMENTS(cases) - 1 ? wide->str : cases[i].text;
        uint8_t buffer[VSF_SFLOW_METRICS_BEGIN_MAX + VSF_SFLOW_METRIC_MAX];
        VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
        VsfSflowMetrics metrics = vsf_sflow_metrics_begin(&xdr, text);
        size_t name_at = xdr.used, text_at;

        g_assert_true(vsf_sflow_metric_text(&xdr, &metrics, text, text));
        text_at = name_at + 4 + (cases[i].name_length + 3) / 4 * 4 + 4;
        end_well(&xdr, &metrics, 1);
        g_assert_cmpuint(word_at(&xdr, 8), ==, cases[i].name_length);
        g_assert_cmpuint(word_at(&xdr, name_at), ==, cases[i].name_length);
        g_assert_cmpuint(word_at(&xdr, text_at), ==, cases[i].text_length);
        g_assert_cmpuint(xdr.used, ==, text_at + 4 + (cases[i].text_length + 3) / 4 * 4);
        g_assert_true(g_utf8_validate((char *)buffer + text_at + 4, cases[i].text_length, NULL));
    }
}

static void
test_doubles_are_always_finite(void)
{
    static const struct {
        double value, sent;
    } cases[] = {
        {0.0, 0.0},   {0.25, 0.25},   {-1.0, -1.0},    {1e300, 1e300},   {NAN, -1.0},
        {-NAN, -1.0}, {INFINITY, -1}, {-INFINITY, -1}, {5e-324, 5e-324}, {-0.125, -0.125},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t buffer[64];
        VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
        VsfSflowMetrics metrics = vsf_sflow_metrics_begin(&xdr, "");
        uint64_t bits;
        double sent;

        g_assert_true(vsf_sflow_metric_double(&xdr, &metrics, "d", cases[i].value));
        end_well(&xdr, &metrics, 1);
        memcpy(&bits, buffer + xdr.used - sizeof(bits), sizeof(bits));
        bits = GUINT64_FROM_BE(bits);
        memcpy(&sent, &bits, sizeof(sent));
        g_assert_true(sent == cases[i].sent);
    }
}

typedef gboolean (*AddFunc)(VsfXdr *xdr, VsfSflowMetrics *metrics);

static gboolean
add_text(VsfXdr *xdr, VsfSflowMetrics *metrics)
{
    return vsf_sflow_metric_text(xdr, metrics, "text", "12345678");
}

static gboolean
add_counter64(VsfXdr *xdr, VsfSflowMetrics *metrics)
{
    return vsf_sflow_metric_counter64(xdr, metrics, "c", 1);
}

static gboolean
add_gauge32(VsfXdr *xdr, VsfSflowMetrics *metrics)
{
    return vsf_sflow_metric_gauge32(xdr, metrics, "g", 1);
}

static gboolean
add_gauge64(VsfXdr *xdr, VsfSflowMetrics *metrics)
{
    return vsf_sflow_metric_gauge64(xdr, metrics, "g", 1);
}

static gboolean
add_double(VsfXdr *xdr, VsfSflowMetrics *metrics)
{
    return vsf_sflow_metric_double(xdr, metrics, "d", 1);
}

static const struct {
    AddFunc add;
    size_t size;
} kinds[] = {
    {add_text, 8 + 4 + 12},   {add_counter64, 8 + 4 + 8}, {add_gauge32, 8 + 4 + 4},
    {add_gauge64, 8 + 4 + 8}, {add_double, 8 + 4 + 8},
};

/* With room for one metric and @spare bytes of a second, for each kind and each
 * spare: the second leaves nothing, and the sample stays good. */
static void
test_what_does_not_fit_is_taken_back(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (size_t spare = 0; spare <= kinds[i].size; spare++) {
            size_t size = SMALL_HEAD_SIZE + 16 + spare;
            g_autofree uint8_t *buffer = g_malloc0(size); /* a sanitizer sees its end */
            VsfXdr xdr = VSF_XDR_INIT(buffer, size);
            VsfSflowMetrics metrics = vsf_sflow_metrics_begin(&xdr, "vm");
            gboolean fits = spare == kinds[i].size;

            g_assert_true(add_gauge32(&xdr, &metrics));
            g_assert_true(kinds[i].add(&xdr, &metrics) == fits);
            g_assert_cmpuint(xdr.used, ==, SMALL_HEAD_SIZE + 16 + (fits ? spare : 0));
            end_well(&xdr, &metrics, fits ? 2 : 1);
        }
    }
}

static void
test_a_smaller_metric_may_follow_one_that_did_not_fit(void)
{
    uint8_t buffer[SMALL_HEAD_SIZE + 16];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    VsfSflowMetrics metrics = vsf_sflow_metrics_begin(&xdr, "vm");

    g_assert_false(add_gauge64(&xdr, &metrics));
    g_assert_true(add_gauge32(&xdr, &metrics));
    end_well(&xdr, &metrics, 1);
}

static void
test_a_sample_without_metrics_is_taken_back(void)
{
    uint8_t buffer[128];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    VsfSflowMetrics metrics;

    vsf_xdr_u32(&xdr, 7);
    metrics = vsf_sflow_metrics_begin(&xdr, UUID);
    g_assert_cmpuint(xdr.used, >, 4);
    g_assert_false(vsf_sflow_metrics_end(&xdr, &metrics));
    g_assert_cmpuint(xdr.used, ==, 4);
    g_assert_false(xdr.overflow);
}

/* Wherever the begin of a sample is cut. */
static void
test_a_sample_that_did_not_begin_is_taken_back(void)
{
    for (size_t size = 0; size < SMALL_HEAD_SIZE; size++) {
        g_autofree uint8_t *buffer = g_malloc0(size + 4);
        VsfXdr xdr = VSF_XDR_INIT(buffer, size + 4);
        VsfSflowMetrics metrics;

        vsf_xdr_u32(&xdr, 7);
        metrics = vsf_sflow_metrics_begin(&xdr, "vm");
        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
            g_assert_false(kinds[i].add(&xdr, &metrics));
        g_assert_false(vsf_sflow_metrics_end(&xdr, &metrics));
        g_assert_cmpuint(xdr.used, ==, 4);
        g_assert_true(xdr.overflow); /* the loss stays known */
    }
}

/* What another writer lost between its metrics. */
static void
test_a_sample_that_overflowed_is_taken_back(void)
{
    uint8_t buffer[SMALL_HEAD_SIZE + 4 + 16 + 2];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    VsfSflowMetrics metrics;

    vsf_xdr_u32(&xdr, 7);
    metrics = vsf_sflow_metrics_begin(&xdr, "vm");
    g_assert_true(add_gauge32(&xdr, &metrics));
    vsf_xdr_u32(&xdr, 7);
    g_assert_false(vsf_sflow_metrics_end(&xdr, &metrics));
    g_assert_cmpuint(xdr.used, ==, 4);
    g_assert_true(xdr.overflow);
}

static void
test_the_largest_fit_their_promise(void)
{
    g_autofree char *text = g_strnfill(300, 'x');
    uint8_t buffer[VSF_SFLOW_METRICS_BEGIN_MAX + VSF_SFLOW_METRIC_MAX];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    VsfSflowMetrics metrics = vsf_sflow_metrics_begin(&xdr, text);

    g_assert_cmpuint(xdr.used, ==, VSF_SFLOW_METRICS_BEGIN_MAX);
    g_assert_true(vsf_sflow_metric_text(&xdr, &metrics, text, text));
    g_assert_cmpuint(xdr.used, ==, sizeof(buffer));
    end_well(&xdr, &metrics, 1);
    /* A datagram of 512 bytes with an IPv6 agent. */
    g_assert_cmpuint(sizeof(buffer), <=, 512 - 6 * 4 - 16);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/metrics/" name, func)
    ADD("one-of-every-type-to-the-byte", test_one_of_every_type_to_the_byte);
    ADD("a-sample-follows-what-is-there", test_a_sample_follows_what_is_there);
    ADD("names-and-texts-are-cut-between-characters",
        test_names_and_texts_are_cut_between_characters);
    ADD("doubles-are-always-finite", test_doubles_are_always_finite);
    ADD("what-does-not-fit-is-taken-back", test_what_does_not_fit_is_taken_back);
    ADD("a-smaller-metric-may-follow-one-that-did-not-fit",
        test_a_smaller_metric_may_follow_one_that_did_not_fit);
    ADD("a-sample-without-metrics-is-taken-back", test_a_sample_without_metrics_is_taken_back);
    ADD("a-sample-that-did-not-begin-is-taken-back",
        test_a_sample_that_did_not_begin_is_taken_back);
    ADD("a-sample-that-overflowed-is-taken-back", test_a_sample_that_overflowed_is_taken_back);
    ADD("the-largest-fit-their-promise", test_the_largest_fit_their_promise);
    return g_test_run();
}
