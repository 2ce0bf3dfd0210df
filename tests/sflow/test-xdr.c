/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer's bytes, padding and bounds. */
#include "../../daemon/sflow/xdr.h"

#include <string.h>

static void
test_integers_are_big_endian(void)
{
    static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x11, 0x12,
                                       0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
    uint8_t buffer[16];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

    vsf_xdr_u32(&xdr, 0x01020304);
    vsf_xdr_u64(&xdr, 0x1112131415161718);
    g_assert_false(xdr.overflow);
    g_assert_cmpmem(buffer, xdr.used, expected, sizeof(expected));
}

static void
test_floats_are_ieee754(void)
{
    static const uint8_t expected[] = {0x3f, 0xc0, 0, 0, 0xbf, 0x80, 0, 0,
                                       0x3f, 0xf8, 0, 0, 0,    0,    0, 0};
    uint8_t buffer[16];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

    vsf_xdr_float(&xdr, 1.5F);
    vsf_xdr_float(&xdr, -1.0F);
    vsf_xdr_double(&xdr, 1.5);
    g_assert_cmpmem(buffer, xdr.used, expected, sizeof(expected));
}

static void
test_opaque_is_padded_with_zeros(void)
{
    for (uint32_t length = 0; length <= 9; length++) {
        uint8_t buffer[32];
        VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
        size_t padded = (length + 3) / 4 * 4;

        memset(buffer, 0xee, sizeof(buffer));
        vsf_xdr_opaque(&xdr, "abcdefghi", length);
        g_assert_false(xdr.overflow);
        g_assert_cmpuint(xdr.used, ==, 4 + padded);
        g_assert_cmpuint(buffer[3], ==, length);
        g_assert_cmpmem(buffer + 4, length, "abcdefghi", length);
        for (size_t i = 4 + length; i < xdr.used; i++)
            g_assert_cmpuint(buffer[i], ==, 0);
        g_assert_cmpuint(buffer[xdr.used], ==, 0xee);
    }
}

static void
test_fixed_has_no_length_word(void)
{
    static const uint8_t expected[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56, 0, 0};
    uint8_t buffer[8];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

    memset(buffer, 0xee, sizeof(buffer));
    vsf_xdr_fixed(&xdr, expected, 6);
    g_assert_cmpmem(buffer, xdr.used, expected, sizeof(expected));
}

static void
test_string_is_cut_at_its_maximum(void)
{
    static const struct {
        const char *text;
        uint32_t max;
        const char *sent;
    } cases[] = {
        {NULL, 8, ""},
        {"", 8, ""},
        {"vnet0", 8, "vnet0"},
        {"vnet0", 5, "vnet0"},
        {"vnet0", 4, "vnet"},
        {"vnet0", 0, ""},
        {"gr\xc3\xbc", 3, "gr"},             /* two bytes of one character */
        {"a\xf0\x9f\x90\xa7", 4, "a"},       /* four bytes of one */
        {"\x80\x80\x80\x80\x80", 4, "\x80"}, /* no UTF-8 at all */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t buffer[32];
        VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

        vsf_xdr_string(&xdr, cases[i].text, cases[i].max);
        g_assert_cmpuint(buffer[3], ==, strlen(cases[i].sent));
        g_assert_cmpmem(buffer + 4, buffer[3], cases[i].sent, strlen(cases[i].sent));
    }
}

static void
test_overflow_is_sticky(void)
{
    uint8_t buffer[6] = {0};
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

    vsf_xdr_u32(&xdr, 1);
    vsf_xdr_u32(&xdr, 2);
    vsf_xdr_opaque(&xdr, "", 0);

    g_assert_true(xdr.overflow);
    g_assert_cmpuint(xdr.used, ==, 4);
    g_assert_cmpuint(buffer[4], ==, 0);
}

static void
test_no_length_passes_the_bounds(void)
{
    static const uint32_t lengths[] = {9, 12, 0x7fffffff, 0xfffffffc, 0xfffffffd, 0xffffffff};
    uint8_t buffer[12];

    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
        VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

        vsf_xdr_opaque(&xdr, "", lengths[i]);
        g_assert_true(xdr.overflow);
    }
}

static void
test_padding_counts_against_the_bounds(void)
{
    uint8_t buffer[9];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));

    vsf_xdr_opaque(&xdr, "12345", 5);
    g_assert_true(xdr.overflow);
}

static void
test_patch_fills_the_reserved_word(void)
{
    static const uint8_t expected[] = {0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 2};
    uint8_t buffer[12];
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    size_t at;

    vsf_xdr_u32(&xdr, 1);
    at = vsf_xdr_reserve_u32(&xdr);
    vsf_xdr_u32(&xdr, 2);
    vsf_xdr_patch_u32(&xdr, at, 0xdeadbeef);
    g_assert_cmpmem(buffer, xdr.used, expected, sizeof(expected));
}

static void
test_patch_after_overflow_writes_nothing(void)
{
    uint8_t buffer[6] = {0};
    VsfXdr xdr = VSF_XDR_INIT(buffer, sizeof(buffer));
    size_t at;

    vsf_xdr_u32(&xdr, 0);
    at = vsf_xdr_reserve_u32(&xdr);
    vsf_xdr_patch_u32(&xdr, at, 0xffffffff);
    g_assert_true(xdr.overflow);
    for (gsize i = 0; i < sizeof(buffer); i++)
        g_assert_cmpuint(buffer[i], ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sflow/xdr/integers-are-big-endian", test_integers_are_big_endian);
    g_test_add_func("/sflow/xdr/floats-are-ieee754", test_floats_are_ieee754);
    g_test_add_func("/sflow/xdr/opaque-is-padded-with-zeros", test_opaque_is_padded_with_zeros);
    g_test_add_func("/sflow/xdr/fixed-has-no-length-word", test_fixed_has_no_length_word);
    g_test_add_func("/sflow/xdr/string-is-cut-at-its-maximum", test_string_is_cut_at_its_maximum);
    g_test_add_func("/sflow/xdr/overflow-is-sticky", test_overflow_is_sticky);
    g_test_add_func("/sflow/xdr/no-length-passes-the-bounds", test_no_length_passes_the_bounds);
    g_test_add_func("/sflow/xdr/padding-counts-against-the-bounds",
                    test_padding_counts_against_the_bounds);
    g_test_add_func("/sflow/xdr/patch-fills-the-reserved-word", test_patch_fills_the_reserved_word);
    g_test_add_func("/sflow/xdr/patch-after-overflow-writes-nothing",
                    test_patch_after_overflow_writes_nothing);
    return g_test_run();
}
