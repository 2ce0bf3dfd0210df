/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readable view: its layout, and what never reaches a terminal. */
#include "../../daemon/sflow/text-sink.h"

#include <string.h>

static char *
view_of(const char *vector)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "vectors", vector, NULL);
    g_autofree char *bytes = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    return vsf_sflow_text((const uint8_t *)bytes, size, "192.0.2.9:1234");
}

static void
test_a_line_for_each_sample_and_record(void)
{
    g_autofree char *text = view_of("interface.bin");

    g_assert_cmpstr(
        text, ==,
        "datagram from=192.0.2.9:1234 size=168 version=5 agent=10.1.2.3 sub_agent_id=100000 "
        "sequence=3 uptime=0\n"
        "  format=0:4 type=counter_sample sequence=1 source=0:7\n"
        "    port_name name=vnet0\n"
        "    if_counters ifIndex=7 ifType=6 ifSpeed=10000000 ifDirection=1 ifStatus=3 ifInOctets=0 "
        "ifInUcastPkts=0 ifInMulticastPkts=? ifInBroadcastPkts=? ifInDiscards=0 ifInErrors=0 "
        "ifInUnknownProtos=? ifOutOctets=0 ifOutUcastPkts=0 ifOutMulticastPkts=? "
        "ifOutBroadcastPkts=? ifOutDiscards=0 ifOutErrors=0 ifPromiscuousMode=0\n");
}

static void
test_lists_stay_on_the_line(void)
{
    g_autofree char *vm = view_of("vm.bin");
    g_autofree char *flow = view_of("flow.bin");

    g_assert_nonnull(
        strstr(vm, "\n    host_adapters adapters=[{ifIndex=0 macs=[52:54:00:12:34:56]}]\n"));
    g_assert_nonnull(strstr(flow, "header=98 bytes packet={dst_mac=fe:54:00:01:02:03 "
                                  "src_mac=52:54:00:12:34:56 ethertype=2048 src=10.0.0.1 "
                                  "dst=10.0.0.2 ip_protocol=1}\n"));
}

static void
test_a_malformed_datagram_says_where(void)
{
    g_autofree char *text = vsf_sflow_text((const uint8_t *)"\0\0\0\4", 4, NULL);

    g_assert_cmpstr(text, ==,
                    "datagram size=4\n  malformed: at byte 4: version 4 is not 5: no sFlow v5\n");
}

static void
test_nothing_that_a_terminal_obeys_gets_through(void)
{
    static const struct {
        const char *bytes;
        gsize length;
        const char *shown;
    } cases[] = {
        {"vnet0", 5, "vnet0"},
        {"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
        {"a\x1b[2Jb", 6, "a\\u{1b}[2Jb"},
        {"a\nb\r\t", 5, "a\\u{a}b\\u{d}\\u{9}"},
        {"a\0b", 3, "a\\x00b"},
        {"\xff\xfe", 2, "\\xff\\xfe"},
        {"\xc2", 1, "\\xc2"},                   /* cut in a character */
        {"\xc2\x9b", 2, "\\u{9b}"},             /* C1: another escape */
        {"\xe2\x80\xae", 3, "\\u{202e}"},       /* turns the writing direction */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, /* a surrogate */
        {"a\"b\\", 4, "a\\\"b\\\\"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *copy = g_memdup2(cases[i].bytes, cases[i].length);
        g_autoptr(GString) shown = g_string_new(NULL);

        vsf_sflow_text_escape(shown, copy, cases[i].length);
        g_assert_cmpstr(shown->str, ==, cases[i].shown);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sflow/text-sink/a-line-for-each-sample-and-record",
                    test_a_line_for_each_sample_and_record);
    g_test_add_func("/sflow/text-sink/lists-stay-on-the-line", test_lists_stay_on_the_line);
    g_test_add_func("/sflow/text-sink/a-malformed-datagram-says-where",
                    test_a_malformed_datagram_says_where);
    g_test_add_func("/sflow/text-sink/nothing-that-a-terminal-obeys-gets-through",
                    test_nothing_that_a_terminal_obeys_gets_through);
    return g_test_run();
}
