/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read out of packet headers, as far as the bytes go. */
#include "../../daemon/sflow/frame.h"

#include <string.h>

#define MACS "\x52\x54\x00\x00\x00\x01\x52\x54\x00\x00\x00\x02"
#define IPV4(length, fragment, protocol)                      \
    "\x45\x00\x00" length "\x00\x00" fragment "\x40" protocol \
    "\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02"
#define IPV6(length, next)                                             \
    "\x60\x00\x00\x00\x00" length next "\x40"                          \
    "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" \
    "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
#define UDP(length) "\x13\x88\x18\xc7\x00" length "\x00\x00"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static VsfFrame
ethernet(const uint8_t *data, size_t size)
{
    VsfFrame frame = {0};

    vsf_frame_parse(VSF_FRAME_ETHERNET, data, size, &frame);
    return frame;
}

static void
assert_udp(const VsfFrame *frame, const char *payload)
{
    g_assert_true(frame->has_ports);
    g_assert_cmpuint(frame->ip_protocol, ==, 17);
    g_assert_cmpuint(frame->src_port, ==, 5000);
    g_assert_cmpuint(frame->dst_port, ==, 6343);
    g_assert_nonnull(frame->udp_payload);
    g_assert_cmpmem(frame->udp_payload, frame->udp_payload_size, payload, strlen(payload));
}

static void
test_ethernet_ipv4_udp(void)
{
    /* Six bytes of padding at the end are no payload. */
    VsfFrame frame = ethernet(
        BYTES(MACS "\x08\x00" IPV4("\x1f", "\x00\x00", "\x11") UDP("\x0b") "abc\0\0\0\0\0\0"));
    static const uint8_t src[] = {10, 0, 0, 1}, dst[] = {10, 0, 0, 2};

    g_assert_true(frame.has_macs);
    g_assert_cmpmem(frame.dst_mac, 6, MACS, 6);
    g_assert_cmpmem(frame.src_mac, 6, &MACS[6], 6);
    g_assert_false(frame.has_vlan);
    g_assert_cmpuint(frame.ethertype, ==, 0x0800);
    g_assert_cmpuint(frame.ip_family, ==, 1);
    g_assert_cmpmem(frame.src, 4, src, 4);
    g_assert_cmpmem(frame.dst, 4, dst, 4);
    g_assert_false(frame.fragment);
    g_assert_false(frame.udp_cut);
    assert_udp(&frame, "abc");
}

static void
test_the_outer_tag_is_told_and_all_are_passed(void)
{
    VsfFrame frame = ethernet(BYTES(
        MACS "\x88\xa8\xb0\x64\x81\x00\x00\x05\x86\xdd" IPV6("\x0b", "\x11") UDP("\x0b") "abc"));

    g_assert_true(frame.has_vlan);
    g_assert_cmpuint(frame.vlan, ==, 100);
    g_assert_cmpuint(frame.vlan_priority, ==, 5);
    g_assert_cmpuint(frame.ethertype, ==, 0x86dd);
    g_assert_cmpuint(frame.ip_family, ==, 2);
    assert_udp(&frame, "abc");
}

static void
test_extension_headers_are_passed(void)
{
    VsfFrame frame = ethernet(BYTES(
        MACS "\x86\xdd" IPV6("\x1b", "\x00") "\x3c\x00\x01\x04\x00\x00\x00\x00" /* hop by hop */
                                             "\x11\x00\x01\x04\x00\x00\x00\x00" /* destination */
        UDP("\x0b") "abc"));

    assert_udp(&frame, "abc");
}

static void
test_udp_ends_with_its_ip_packet(void)
{
    VsfFrame v4 = ethernet(
        BYTES(MACS "\x08\x00" IPV4("\x1d", "\x00\x00", "\x11") UDP("\x0b") "abc"));
    VsfFrame v6 = ethernet(BYTES(MACS "\x86\xdd" IPV6("\x09", "\x11") UDP("\x0b") "abc"));

    assert_udp(&v4, "a");
    g_assert_true(v4.udp_cut);
    assert_udp(&v6, "a");
    g_assert_true(v6.udp_cut);
}

static void
test_fragments_are_marked(void)
{
    VsfFrame first = ethernet(
        BYTES(MACS "\x08\x00" IPV4("\x1f", "\x20\x00", "\x11") UDP("\x20") "abc"));
    VsfFrame later = ethernet(
        BYTES(MACS "\x08\x00" IPV4("\x1f", "\x00\x01", "\x11") UDP("\x0b") "abc"));
    VsfFrame later6 = ethernet(BYTES(
        MACS "\x86\xdd" IPV6("\x13", "\x2c") "\x11\x00\x00\x08\x00\x00\x00\x00" UDP("\x0b") "abc"));

    g_assert_true(first.fragment);
    g_assert_true(first.has_ports);
    g_assert_true(first.udp_cut);
    g_assert_true(later.fragment);
    g_assert_false(later.has_ports);
    g_assert_true(later6.fragment);
    g_assert_false(later6.has_ports);
}

static void
test_link_layers_of_capture_files(void)
{
#define PACKET IPV4("\x1f", "\x00\x00", "\x11") UDP("\x0b") "abc"
#define COOKED "\x00\x00\x00\x01\x00\x06\x52\x54\x00\x00\x00\x01\x00\x00\x08\x00"
#define COOKED_2 "\x08\x00\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06\x52\x54\x00\x00\x00\x01\x00\x00"
    static const struct {
        VsfFrameLink link;
        const char *bytes;
        size_t size;
    } cases[] = {
        {VSF_FRAME_COOKED, COOKED PACKET, sizeof(COOKED PACKET) - 1},
        {VSF_FRAME_COOKED_2, COOKED_2 PACKET, sizeof(COOKED_2 PACKET) - 1},
        {VSF_FRAME_LOOPBACK, "\x02\0\0\0" PACKET, 4 + sizeof(PACKET) - 1},
        {VSF_FRAME_RAW_IP, PACKET, sizeof(PACKET) - 1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfFrame frame = {0};

        vsf_frame_parse(cases[i].link, (const uint8_t *)cases[i].bytes, cases[i].size, &frame);
        g_assert_false(frame.has_macs);
        assert_udp(&frame, "abc");
    }
}

static void
test_nothing_is_read_past_a_cut(void)
{
    static const char whole[] = MACS "\x81\x00\xb0\x64\x86\xdd" IPV6(
        "\x1b", "\x00") "\x2c\x00\x01\x04\x00\x00\x00\x00" /* hop by hop, then a fragment */
                        "\x11\x00\x00\x01\x00\x00\x00\x00" UDP("\x0b") "abc";

    for (int link = VSF_FRAME_ETHERNET; link <= VSF_FRAME_RAW_IP; link++) {
        for (gsize size = 0; size < sizeof(whole); size++) {
            g_autofree uint8_t *cut = g_memdup2(whole, size);
            VsfFrame frame = {0};

            vsf_frame_parse((VsfFrameLink)link, cut, size, &frame);
            g_assert_cmpuint(frame.udp_payload_size, <=, 3);
        }
    }
}

static void
test_lies_about_lengths_do_no_harm(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
#define LIE(literal) {literal, sizeof(literal) - 1}
        LIE(MACS "\x08\x00\x4f" IPV4("\x1f", "\x00\x00", "\x11")),         /* header of 60 */
        LIE(MACS "\x08\x00\x41" IPV4("\x1f", "\x00\x00", "\x11")),         /* header of 4 */
        LIE(MACS "\x08\x00" IPV4("\x1f", "\x00\x00", "\x11") UDP("\x07")), /* UDP of 7 */
        LIE(MACS "\x08\x00\x65" IPV4("\x1f", "\x00\x00", "\x11")),         /* version 6 */
        LIE(MACS "\x86\xdd" IPV6("\x08", "\x00") "\x11\xff\0\0\0\0\0\0"),  /* extension of 2 KiB */
        LIE(MACS "\x86\xdd" IPV6("\x08", "\x2c") "\x2c\xff\0\0\0\0\0\0"),  /* fragment in itself */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree uint8_t *copy = g_memdup2(cases[i].bytes, cases[i].size);
        VsfFrame frame = ethernet(copy, cases[i].size);

        g_assert_null(frame.udp_payload);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/frame/" name, func)
    ADD("ethernet-ipv4-udp", test_ethernet_ipv4_udp);
    ADD("the-outer-tag-is-told-and-all-are-passed", test_the_outer_tag_is_told_and_all_are_passed);
    ADD("extension-headers-are-passed", test_extension_headers_are_passed);
    ADD("udp-ends-with-its-ip-packet", test_udp_ends_with_its_ip_packet);
    ADD("fragments-are-marked", test_fragments_are_marked);
    ADD("link-layers-of-capture-files", test_link_layers_of_capture_files);
    ADD("nothing-is-read-past-a-cut", test_nothing_is_read_past_a_cut);
    ADD("lies-about-lengths-do-no-harm", test_lies_about_lengths_do_no_harm);
    return g_test_run();
}
