/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte-level facts of flow samples. */
#include "../../daemon/sflow/flow.h"

#include <string.h>

static uint32_t
word(const VsfXdr *xdr, size_t number)
{
    uint32_t value;

    g_assert_cmpuint(number * 4 + 4, <=, xdr->used);
    memcpy(&value, xdr->data + number * 4, sizeof(value));
    return GUINT32_FROM_BE(value);
}

static void
assert_words(const VsfXdr *xdr, const uint32_t *words, size_t n_words)
{
    g_assert_false(xdr->overflow);
    for (size_t i = 0; i < n_words; i++)
        g_assert_cmpuint(word(xdr, i), ==, words[i]);
    g_assert_cmpuint(xdr->used, ==, n_words * 4);
}

static VsfSflowFlow
example(const uint8_t *header, uint32_t header_length)
{
    return (VsfSflowFlow){.sequence = 9,
                          .source = {0, 42},
                          .from = {3, 200001},
                          .to = {3, 16777215},
                          .sampling_rate = 512,
                          .sample_pool = 5120,
                          .drops = 3,
                          .input = 42,
                          .output = 0,
                          .frame_length = 1514,
                          .header = header,
                          .header_length = header_length};
}

static void
test_a_plain_frame_has_its_header_and_its_ends(void)
{
    static const uint8_t header[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0, 0x45};
    static const uint32_t words[] = {
        3,          108,        9,          0,    42, 512, 5120,   3, 0,       42,
        0,          0,          2,          1,    32, 1,   1518,   4, 15,      0x01020304,
        0x05060708, 0x090a0b0c, 0x08004500, 2210, 16, 3,   200001, 3, 16777215};
    VsfSflowFlow flow = example(header, sizeof(header));
    uint8_t bytes[256];
    VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

    vsf_sflow_flow(&xdr, &flow);
    assert_words(&xdr, words, G_N_ELEMENTS(words));
}

static void
test_a_tag_makes_extended_switch(void)
{
    static const uint16_t ethertypes[] = {0x8100, 0x88a8};

    for (gsize i = 0; i < G_N_ELEMENTS(ethertypes); i++) {
        /* Priority 5, drop eligible, VLAN 0x064: neither bit may leak into the other. */
        uint8_t header[18] = {[12] = (uint8_t)(ethertypes[i] >> 8),
                              [13] = (uint8_t)ethertypes[i],
                              [14] = 0xb0,
                              [15] = 0x64};
        static const uint32_t record[] = {1001, 16, 100, 5, 100, 5};
        VsfSflowFlow flow = example(header, sizeof(header));
        uint8_t bytes[256];
        VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

        vsf_sflow_flow(&xdr, &flow);
        g_assert_cmpuint(word(&xdr, 12), ==, 3);
        for (gsize j = 0; j < G_N_ELEMENTS(record); j++)
            g_assert_cmpuint(word(&xdr, 24 + j), ==, record[j]);
        g_assert_cmpuint(xdr.used, ==, (24 + 6 + 6) * 4);
        g_assert_cmpuint(word(&xdr, 24 + 6), ==, 2210);
        g_assert_cmpuint(word(&xdr, 1), ==, xdr.used - 8);
    }
}

/* Of a port that a switch gives a VLAN the frame has no tag. */
static void
test_vlan_of_a_port(void)
{
    static const struct {
        uint8_t tag[4];
        uint16_t input_vlan, output_vlan;
        uint32_t words[4];
    } cases[] = {
        {{8, 0}, 7, 0, {7, 0, UINT32_MAX, UINT32_MAX}},
        {{8, 0}, 0, 9, {UINT32_MAX, UINT32_MAX, 9, 0}},
        {{8, 0}, 7, 7, {7, 0, 7, 0}},
        {{0x81, 0, 0xa0, 5}, 7, 9, {5, 5, 5, 5}}, /* its own tag goes before */
        {{0x81, 0, 0xa0, 0}, 7, 0, {7, 5, 0, 5}}, /* a priority alone */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t header[18] = {0}, bytes[256];
        VsfSflowFlow flow = example(header, sizeof(header));
        VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

        memcpy(header + 12, cases[i].tag, 4);
        flow.input_vlan = cases[i].input_vlan;
        flow.output_vlan = cases[i].output_vlan;
        vsf_sflow_flow(&xdr, &flow);
        g_assert_cmpuint(word(&xdr, 12), ==, 3);
        g_assert_cmpuint(word(&xdr, 24), ==, 1001);
        for (gsize j = 0; j < 4; j++)
            g_assert_cmpuint(word(&xdr, 26 + j), ==, cases[i].words[j]);
        g_assert_cmpuint(word(&xdr, 1), ==, xdr.used - 8);
    }
}

static void
test_a_header_cut_before_the_tag_has_no_vlan(void)
{
    static const uint8_t header[15] = {[12] = 0x81, [13] = 0x00};
    uint8_t bytes[256];

    for (uint32_t length = 0; length <= sizeof(header); length++) {
        /* An own allocation of the exact size, so that a sanitizer sees a read past it. */
        g_autofree uint8_t *cut = g_memdup2(header, length);
        VsfSflowFlow flow = example(cut, length);
        VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

        vsf_sflow_flow(&xdr, &flow);
        g_assert_cmpuint(word(&xdr, 12), ==, 2);
        g_assert_cmpuint(xdr.used, ==, 100 + (length + 3) / 4 * 4);
    }
}

static void
test_time_makes_a_timestamp_record(void)
{
    static const uint8_t header[16];
    VsfSflowFlow flow = example(header, sizeof(header));
    uint8_t bytes[256];
    VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

    flow.time_ns = G_GINT64_CONSTANT(1700000000123456789);
    vsf_sflow_flow(&xdr, &flow);
    g_assert_cmpuint(word(&xdr, 12), ==, 3);
    g_assert_cmpuint(word(&xdr, 23), ==, 1043);
    g_assert_cmpuint(word(&xdr, 24), ==, 8);
    g_assert_cmpuint(word(&xdr, 25), ==, (uint32_t)(flow.time_ns >> 32));
    g_assert_cmpuint(word(&xdr, 26), ==, (uint32_t)flow.time_ns);
    g_assert_cmpuint(word(&xdr, 27), ==, 2210);
    g_assert_cmpuint(xdr.used, ==, 33 * 4);
}

static void
test_ends_that_are_not_known_are_zero(void)
{
    static const uint32_t record[] = {2210, 16, 0, 0, 0, 0};
    static const uint8_t header[16];
    VsfSflowFlow flow = example(header, sizeof(header));
    uint8_t bytes[256];
    VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

    flow.from = flow.to = (VsfSflowSource){0};
    vsf_sflow_flow(&xdr, &flow);
    for (gsize i = 0; i < G_N_ELEMENTS(record); i++)
        g_assert_cmpuint(word(&xdr, 23 + i), ==, record[i]);
}

static void
test_frame_length_does_not_wrap(void)
{
    VsfSflowFlow flow = example(NULL, 0);
    uint8_t bytes[256];
    VsfXdr xdr = VSF_XDR_INIT(bytes, sizeof(bytes));

    flow.frame_length = UINT32_MAX - 1;
    vsf_sflow_flow(&xdr, &flow);
    g_assert_cmpuint(word(&xdr, 16), ==, UINT32_MAX);
}

static void
test_size_is_an_upper_bound_that_is_reached(void)
{
    static const uint8_t header[256] = {[12] = 0x81, [13] = 0x00};

    for (uint32_t length = 0; length <= sizeof(header); length++) {
        VsfSflowFlow flow = example(header, length);
        uint8_t bytes[512];
        VsfXdr xdr = VSF_XDR_INIT(bytes, vsf_sflow_flow_size(length));

        flow.time_ns = 1;
        vsf_sflow_flow(&xdr, &flow);
        g_assert_false(xdr.overflow);
        if (length >= 16)
            g_assert_cmpuint(xdr.used, ==, vsf_sflow_flow_size(length));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/flow/" name, func)
    ADD("a-plain-frame-has-its-header-and-its-ends",
        test_a_plain_frame_has_its_header_and_its_ends);
    ADD("ends-that-are-not-known-are-zero", test_ends_that_are_not_known_are_zero);
    ADD("a-tag-makes-extended-switch", test_a_tag_makes_extended_switch);
    ADD("vlan-of-a-port-is-told", test_vlan_of_a_port);
    ADD("a-header-cut-before-the-tag-has-no-vlan", test_a_header_cut_before_the_tag_has_no_vlan);
    ADD("time-makes-a-timestamp-record", test_time_makes_a_timestamp_record);
    ADD("frame-length-does-not-wrap", test_frame_length_does_not_wrap);
    ADD("size-is-an-upper-bound-that-is-reached", test_size_is_an_upper_bound_that_is_reached);
    return g_test_run();
}
