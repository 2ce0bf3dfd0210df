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

/* A datagram with one custom-metrics sample: "vm", @n metrics that are @bytes. */
static char *
view_of_metrics(const char *bytes, gsize size, uint8_t n)
{
    static const char header[] = "\0\0\0\5"
                                 "\0\0\0\1"
                                 "\300\0\2\1"
                                 "\0\0\0\1"
                                 "\0\0\0\2"
                                 "\0\0\0\3"
                                 "\0\0\0\1"
                                 "\x01\x0c\xc3\xea";
    uint8_t begin[] = {
        0, 0, (uint8_t)((size + 12) >> 8), (uint8_t)(size + 12), 0, 0, 0, 2, 'v', 'm', 0, 0, 0, 0,
        0, n};
    g_autoptr(GByteArray) all = g_byte_array_new();

    g_byte_array_append(all, (const guint8 *)header, sizeof(header) - 1);
    g_byte_array_append(all, begin, sizeof(begin));
    g_byte_array_append(all, (const guint8 *)bytes, (guint)size);
    return vsf_sflow_text(all->data, all->len, NULL);
}

static void
assert_metrics(const char *bytes, gsize size, uint8_t n, const char *expected)
{
    g_autofree char *text = view_of_metrics(bytes, size, n);
    const char *found = strstr(text, " name=vm\n");

    g_assert_nonnull(found);
    g_assert_cmpstr(found + strlen(" name=vm\n"), ==, expected);
}

static void
test_metrics_are_pairs_of_name_and_value(void)
{
    static const char values[] = "\0\0\0\1t\0\0\0\0\0\0\0\0\0\0\2hi\0\0"
                                 "\0\0\0\1o\0\0\0\0\0\0\0\0\0\0\3a b\0"
                                 "\0\0\0\1c\0\0\0\0\0\0\1\0\0\0\7"
                                 "\0\0\0\1g\0\0\0\0\0\0\4\0\0\0\1\0\0\0\0"
                                 "\0\0\0\1u\0\0\0\0\0\0\3\377\377\377\377"
                                 "\0\0\0\1f\0\0\0\0\0\0\5\x3f\x8c\xcc\xcd"
                                 "\0\0\0\1d\0\0\0\0\0\0\6\x3f\xf8\0\0\0\0\0\0";
    /* Neither a name nor a text can look like another pair or end its line. */
    static const char hostile[] = "\0\0\0\4a=1 \0\0\0\0\0\0\0\4x\ny=";
    static const char equals[] = "\0\0\0\3a=1\0\0\0\0\3\0\0\0\2";
    static const char cut[] = "\0\0\0\11\0\0\0\0";
    static const char strange[] = "\0\0\0\1c\0\0\0\0\0\0\1\0\0\0\7"
                                  "\0\0\0\3new\0\0\0\0\7\0\0\0\1";

    assert_metrics(values, sizeof(values) - 1, 7,
                   "    t=hi o=\"a b\" c=7 g=4294967296 u=? f=1.1 d=1.5\n");
    assert_metrics(hostile, sizeof(hostile) - 1, 1, "    \"a=1 \"=x\\u{a}y=\n");
    assert_metrics(equals, sizeof(equals) - 1, 1, "    \"a=1\"=2\n");
    assert_metrics(cut, sizeof(cut) - 1, 1,
                   "  malformed: at byte 52: name: its length 9 passes the 4 bytes left\n");
    assert_metrics(strange, sizeof(strange) - 1, 2,
                   "    c=7 new=(type 7, the rest of 4 bytes is unread)\n");
    assert_metrics(strange, sizeof(strange) - 1 - 8, 2,
                   "    c=7 new=\n  malformed: at byte 72: type: 4 bytes are needed, 0 are left\n");
    assert_metrics("", 0, 0, "");
}

static void
test_metrics_are_wrapped_at_80_columns(void)
{
    /* 12 columns each, in 22 bytes: the indent, 6 of them and 5 blanks are 81. */
    static const char one[] = "\0\0\0\24\303\274\303\274\303\274\303\274\303\274\303\274\303\274"
                              "\303\274\303\274\303\274\0\0\0\3\0\0\0\7";
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    for (int i = 0; i < 14; i++)
        g_string_append_len(bytes, one, sizeof(one) - 1);
    text = view_of_metrics(bytes->str, bytes->len, 14);
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 2 + 3 + 1);
    for (guint i = 2; i < 5; i++) {
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 80);
        g_assert_true(g_str_has_prefix(lines[i], "    \303\274\303\274"));
    }
    g_assert_cmpint(g_utf8_strlen(lines[2], -1), >, 80 - 12 - 1);
}

static void
test_metrics_of_each_sample_begin_a_line(void)
{
    static const char bytes[] = "\0\0\0\5\0\0\0\1\300\0\2\1\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\2"
                                "\x01\x0c\xc3\xea\0\0\0\30\0\0\0\0\0\0\0\1\0\0\0\1a\0\0\0\0\0\0\3"
                                "\0\0\0\1"
                                "\x01\x0c\xc3\xea\0\0\0\30\0\0\0\0\0\0\0\1\0\0\0\1b\0\0\0\0\0\0\3"
                                "\0\0\0\2";
    g_autofree char *text = vsf_sflow_text((const uint8_t *)bytes, sizeof(bytes) - 1, NULL);

    g_assert_cmpstr(strchr(text, '\n'), ==,
                    "\n  format=4300:1002 type=rtmetric name=\"\"\n    a=1"
                    "\n  format=4300:1002 type=rtmetric name=\"\"\n    b=2\n");
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
    g_test_add_func("/sflow/text-sink/metrics-are-pairs-of-name-and-value",
                    test_metrics_are_pairs_of_name_and_value);
    g_test_add_func("/sflow/text-sink/metrics-are-wrapped-at-80-columns",
                    test_metrics_are_wrapped_at_80_columns);
    g_test_add_func("/sflow/text-sink/metrics-of-each-sample-begin-a-line",
                    test_metrics_of_each_sample_begin_a_line);
    g_test_add_func("/sflow/text-sink/a-malformed-datagram-says-where",
                    test_a_malformed_datagram_says_where);
    g_test_add_func("/sflow/text-sink/nothing-that-a-terminal-obeys-gets-through",
                    test_nothing_that_a_terminal_obeys_gets_through);
    return g_test_run();
}
