/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON of `virt-sflow receive`. */
#include "../../daemon/cli/json-sink.h"

#include <string.h>

static char *
line_of(const uint8_t *bytes, gsize size, const char *from, gint64 time_ns)
{
    g_autoptr(JsonNode) node = vsf_json_sink_datagram(bytes, size, from, time_ns);

    return json_to_string(node, FALSE);
}

/* A datagram with one expanded counter sample that has these records. */
static char *
line_of_records(const char *records, gsize size, uint8_t n_records)
{
    static const char header[] = "\0\0\0\5"
                                 "\0\0\0\1"
                                 "\300\0\2\1"
                                 "\0\0\0\1"
                                 "\0\0\0\2"
                                 "\0\0\0\3"
                                 "\0\0\0\1"
                                 "\0\0\0\4";
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint8_t length[4] = {0, 0, (uint8_t)((size + 16) >> 8), (uint8_t)(size + 16)};
    uint8_t sample[16] = {[3] = 7, [7] = 3, [11] = 9, [15] = n_records};

    g_byte_array_append(bytes, (const guint8 *)header, sizeof(header) - 1);
    g_byte_array_append(bytes, length, sizeof(length));
    g_byte_array_append(bytes, sample, sizeof(sample));
    g_byte_array_append(bytes, (const guint8 *)records, (guint)size);
    return line_of(bytes->data, bytes->len, NULL, 0);
}

static void
assert_records(const char *records, gsize size, uint8_t n_records, const char *expected)
{
    g_autofree char *line = line_of_records(records, size, n_records);
    const char *found = strstr(line, "\"records\":");

    g_assert_nonnull(found);
    if (!g_str_has_prefix(found + strlen("\"records\":"), expected))
        g_error("expected %s, found %s", expected, found);
}

static void
test_shape_of_a_vm_sample(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "vectors", "vm.bin", NULL);
    g_autofree char *bytes = NULL;
    g_autofree char *line = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    line = line_of((const uint8_t *)bytes, size, "[2001:db8::1]:5", 1700000000123456789);
    g_assert_cmpstr(
        line, ==,
        "{\"time_ns\":1700000000123456789,\"from\":\"[2001:db8::1]:5\",\"size\":308,\"version\":5,"
        "\"agent\":\"10.1.2.3\",\"sub_agent_id\":100000,\"sequence\":1,\"uptime\":0,\"samples\":[{"
        "\"format\":\"0:4\",\"type\":\"counter_sample\",\"sequence\":1,\"source\":\"3:100002\","
        "\"records\":{\"host_adapters\":{\"adapters\":[{\"ifIndex\":0,\"macs\":["
        "\"52:54:00:12:34:56\"]}]},\"virt_disk_io\":{\"capacity\":10737418240,"
        "\"allocation\":1073741824,\"available\":9663676416,\"rd_req\":10,\"rd_bytes\":11,"
        "\"wr_req\":12,\"wr_bytes\":13,\"errs\":14},\"virt_memory\":{\"memory\":2147483648,"
        "\"maxMemory\":4294967296},\"virt_cpu\":{\"state\":1,\"cpuTime\":123456,\"nrVirtCpu\":4},"
        "\"virt_net_io\":{\"bytes_in\":1,\"pkts_in\":2,\"errs_in\":3,\"drops_in\":4,"
        "\"bytes_out\":5,\"pkts_out\":6,\"errs_out\":7,\"drops_out\":8},\"host_parent\":{"
        "\"class\":2,\"index\":1},\"host_descr\":{\"hostname\":\"instance-0000001a\","
        "\"uuid\":\"11223344-5566-7788-99aa-bbccddeeff00\",\"machine_type\":0,\"os_name\":0,"
        "\"os_release\":\"\"}}}]}");
}

static void
test_unknown_is_null_and_large_is_positive(void)
{
    static const char memory[] = "\0\0\x08\x36\0\0\0\x10\377\377\377\377\377\377\377\377"
                                 "\377\377\377\377\377\377\377\376";
    static const char positive[] = "\0\0\x08\x36\0\0\0\x10\177\377\377\377\377\377\377\377"
                                   "\0\0\0\0\0\0\0\0";

    /* Beyond 2^63-1 a number, of a double's precision. */
    assert_records(memory, sizeof(memory) - 1, 1,
                   "{\"virt_memory\":{\"memory\":null,\"maxMemory\":1.8446744073709552e+19}}");
    assert_records(positive, sizeof(positive) - 1, 1,
                   "{\"virt_memory\":{\"memory\":9223372036854775807,\"maxMemory\":0}}");
}

static void
test_text_is_always_utf8(void)
{
    static const char name[] = "\0\0\3\355\0\0\0\14\0\0\0\7a\"\377\0\n\303\274\0";

    assert_records(name, sizeof(name) - 1, 1,
                   "{\"port_name\":{\"name\":\"a\\\"\357\277\275\357\277\275\\n\303\274\"}}");
}

static void
test_a_record_that_comes_again_is_numbered(void)
{
    static const char names[] = "\0\0\3\355\0\0\0\10\0\0\0\1a\0\0\0"
                                "\0\0\3\355\0\0\0\10\0\0\0\1b\0\0\0"
                                "\0\0\3\355\0\0\0\10\0\0\0\1c\0\0\0";

    assert_records(names, sizeof(names) - 1, 3,
                   "{\"port_name\":{\"name\":\"a\"},\"port_name#2\":{\"name\":\"b\"},"
                   "\"port_name#3\":{\"name\":\"c\"}}");
}

static void
test_numbering_begins_anew_in_each_sample(void)
{
    static const uint8_t sample[] = {0, 0, 0, 4, 0, 0, 0, 28, 0, 0,    0, 7, 0, 0, 0, 3, 0, 0,
                                     0, 9, 0, 0, 0, 1, 0, 0,  3, 0xed, 0, 0, 0, 4, 0, 0, 0, 0};
    uint8_t bytes[28 + 2 * sizeof(sample)] = {[3] = 5, [7] = 1, [27] = 2};
    g_autofree char *line = NULL;

    memcpy(bytes + 28, sample, sizeof(sample));
    memcpy(bytes + 28 + sizeof(sample), sample, sizeof(sample));
    line = line_of(bytes, sizeof(bytes), NULL, 0);
    g_assert_nonnull(strstr(line, "{\"port_name\":{\"name\":\"\"}}}]}"));
    g_assert_null(strchr(line, '#'));
}

static void
test_an_unknown_record_is_named_by_its_format(void)
{
    static const char record[] = "\2\46\0\5\0\0\0\4abcd";

    assert_records(record, sizeof(record) - 1, 1, "{\"8800:5\":{\"length\":4}}");
}

static void
test_shape_of_metrics(void)
{
    static const char bytes[] = "\0\0\0\5\0\0\0\1\300\0\2\1\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\1"
                                "\x01\x0c\xc3\xea\0\0\0\x54\0\0\0\2vm\0\0\0\0\0\4"
                                "\0\0\0\1t\0\0\0\0\0\0\0\0\0\0\2\"\377\0\0"
                                "\0\0\0\1c\0\0\0\0\0\0\2\377\377\377\377\377\377\377\377"
                                "\0\0\0\1d\0\0\0\0\0\0\6\x3f\xf8\0\0\0\0\0\0"
                                "\0\0\0\1n\0\0\0\0\0\0\7";
    g_autofree char *line = line_of((const uint8_t *)bytes, sizeof(bytes) - 1, NULL, 0);

    g_assert_cmpstr(
        strstr(line, "\"samples\""), ==,
        "\"samples\":[{\"format\":\"4300:1002\",\"type\":\"rtmetric\",\"name\":\"vm\","
        "\"metrics\":[{\"name\":\"t\",\"type\":\"string\",\"value\":\"\\\"\357\277\275\"},"
        "{\"name\":\"c\",\"type\":\"counter64\",\"value\":null},"
        "{\"name\":\"d\",\"type\":\"double\",\"value\":1.5},"
        "{\"name\":\"n\",\"type\":\"7\",\"length\":0}]}]}");
}

static void
test_a_malformed_datagram_has_an_error(void)
{
    static const char record[] = "\0\0\x08\x35\0\0\0\4\0\0\0\1";
    g_autofree char *line = line_of((const uint8_t *)"hello", 5, NULL, 0);

    g_assert_cmpstr(
        line, ==, "{\"size\":5,\"error\":\"at byte 4: version 1751477356 is not 5: no sFlow v5\"}");
    assert_records(
        record, sizeof(record) - 1, 1,
        "{\"virt_cpu\":{\"state\":1}}}],\"error\":\"at byte 64: virt_cpu: cpuTime: 4 bytes "
        "are needed, 0 are left\"}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/cli/json-sink/" name, func)
    ADD("shape-of-a-vm-sample", test_shape_of_a_vm_sample);
    ADD("unknown-is-null-and-large-is-positive", test_unknown_is_null_and_large_is_positive);
    ADD("text-is-always-utf8", test_text_is_always_utf8);
    ADD("a-record-that-comes-again-is-numbered", test_a_record_that_comes_again_is_numbered);
    ADD("numbering-begins-anew-in-each-sample", test_numbering_begins_anew_in_each_sample);
    ADD("an-unknown-record-is-named-by-its-format", test_an_unknown_record_is_named_by_its_format);
    ADD("shape-of-metrics", test_shape_of_metrics);
    ADD("a-malformed-datagram-has-an-error", test_a_malformed_datagram_has_an_error);
    return g_test_run();
}
