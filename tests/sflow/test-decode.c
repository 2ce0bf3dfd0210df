/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder over datagrams built word by word. */
#include "flatten.h"

#include <stdarg.h>

#define END G_GUINT64_CONSTANT(0x100000000) /* no 32-bit word */

static void
put(GByteArray *to, uint32_t word)
{
    word = GUINT32_TO_BE(word);
    g_byte_array_append(to, (const guint8 *)&word, sizeof(word));
}

static GByteArray *
words(guint64 first, ...)
{
    GByteArray *array = g_byte_array_new();
    va_list args;

    va_start(args, first);
    for (guint64 word = first; word != END; word = va_arg(args, guint64))
        put(array, (uint32_t)word);
    va_end(args);
    return array;
}

/* Variadic arguments have no type of their own. */
#define W(n) G_GUINT64_CONSTANT(n)

/* A datagram with one sample of that format around @body, which it takes. */
static GByteArray *
datagram(uint32_t format, GByteArray *body)
{
    GByteArray *array = words(5, W(1), W(0xc0000201), W(200000), W(9), W(1234), W(1), END);

    put(array, format);
    put(array, body->len);
    g_byte_array_append(array, body->data, body->len);
    g_byte_array_unref(body);
    return array;
}

/* The body of an expanded counter sample with one record. */
static GByteArray *
record(uint32_t format, GByteArray *body)
{
    GByteArray *array = words(7, W(3), W(200001), W(1), END);

    put(array, format);
    put(array, body->len);
    g_byte_array_append(array, body->data, body->len);
    g_byte_array_unref(body);
    return array;
}

/* Takes @bytes. */
static GHashTable *
decoded(GByteArray *bytes)
{
    g_autoptr(GError) error = NULL;
    GHashTable *values = flatten(bytes->data, bytes->len, &error);

    g_assert_no_error(error);
    g_byte_array_unref(bytes);
    return values;
}

/* Takes @bytes; the error's text must begin with @message. */
static void
assert_malformed(GByteArray *bytes, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_hash_table_unref(flatten(bytes->data, bytes->len, &error));
    g_assert_error(error, VSF_SFLOW_ERROR, VSF_SFLOW_ERROR_MALFORMED);
    if (!g_str_has_prefix(error->message, message))
        g_error("expected \"%s...\", found \"%s\"", message, error->message);
    g_byte_array_unref(bytes);
}

static void
assert_value(GHashTable *values, const char *path, const char *expected)
{
    const char *found = g_hash_table_lookup(values, path);

    if (g_strcmp0(found, expected) != 0)
        g_error("%s: expected %s, found %s", path, expected, found);
}

/* NULL: that it is not there. */
static void
assert_metric(GHashTable *values, guint i, const char *name, const char *type, const char *value)
{
    static const char *const members[] = {"name", "type", "value"};
    const char *const expected[] = {name, type, value};

    for (guint j = 0; j < G_N_ELEMENTS(members); j++) {
        g_autofree char *path = g_strdup_printf("samples/0/metrics/%u/%s", i, members[j]);

        assert_value(values, path, expected[j]);
    }
}

#define RTMETRIC (4300 << 12 | 1002)
#define RECORDS "samples/0/records/"

static void
test_header_of_both_families(void)
{
    g_autoptr(GHashTable)
        v4 = decoded(words(5, W(1), W(0xc0000201), W(200000), W(9), W(1234), W(0), END));
    g_autoptr(GHashTable) v6 = decoded(words(5, W(2), W(0x20010db8), W(0), W(0), W(1),
                                             W(0xffffffff), W(0xffffffff), W(0), W(0), END));

    assert_value(v4, "agent", "192.0.2.1");
    assert_value(v4, "sub_agent_id", "200000");
    assert_value(v4, "sequence", "9");
    assert_value(v4, "uptime", "1234");
    assert_value(v6, "agent", "2001:db8::1");
    assert_value(v6, "sub_agent_id", "4294967295"); /* a number, never unknown */
}

static void
test_foreign_datagrams_are_refused(void)
{
    assert_malformed(words(4, W(1), W(0), W(0), W(0), W(0), W(0), END),
                     "at byte 4: version 4 is not 5");
    assert_malformed(words(5, W(3), W(0), W(0), W(0), W(0), W(0), END),
                     "at byte 8: agent address type 3");
    assert_malformed(words(5, W(1), W(0), W(0), W(0), W(0), W(0), W(0), END),
                     "at byte 28: 4 bytes follow the last sample");
}

static void
test_counts_are_bounded_by_the_bytes(void)
{
    assert_malformed(words(5, W(1), W(0), W(0), W(0), W(0), W(0xffffffff), END),
                     "at byte 28: samples: 4294967295 of them");
    assert_malformed(datagram(4, words(1, W(3), W(1), W(0xffffffff), END)),
                     "at byte 52: records: 4294967295 of them");
    assert_malformed(datagram(4, record(2001, words(0x10000000, END))),
                     "at byte 64: host_adapters: adapters: 268435456 of them");
    assert_malformed(datagram(4, record(2001, words(1, W(7), W(0x20000000), END))),
                     "at byte 72: host_adapters: MACs: 536870912 of them");
    /* Not just fewer than there are bytes: each needs eight of them. */
    assert_malformed(datagram(4, record(2001, words(1, W(7), W(2), W(0), W(0), W(0), END))),
                     "at byte 72: host_adapters: MACs: 2 of them cannot be in 12 bytes");
}

static void
test_lengths_stay_in_their_container(void)
{
    /* A sample past the datagram, a record past the sample, a text past the record. */
    assert_malformed(words(5, W(1), W(0), W(0), W(0), W(0), W(1), W(4), W(4), END),
                     "at byte 36: sample: its length 4 passes the 0 bytes left");
    assert_malformed(datagram(4, words(1, W(3), W(1), W(1), W(2102), W(16), W(0), W(0), W(0), END)),
                     "at byte 60: virt_memory: its length 16 passes the 12 bytes left");
    assert_malformed(datagram(4, record(1005, words(5, W(0), END))),
                     "at byte 64: port_name: name: its length 5 passes the 4 bytes left");
    assert_malformed(datagram(4, record(1005, words(0xffffffff, W(0), END))),
                     "at byte 64: port_name: name: its length 4294967295 passes");
    assert_malformed(words(5, W(1), W(0), W(0), W(0), W(0), W(1), W(9), W(3), W(0), END),
                     "at byte 36: sample: its length 3 is no multiple of four");
}

static void
test_a_short_body_is_an_error_and_what_came_before_stands(void)
{
    g_autoptr(GByteArray) bytes = datagram(4, record(2101, words(1, W(123456), END)));
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) values = flatten(bytes->data, bytes->len, &error);

    g_assert_error(error, VSF_SFLOW_ERROR, VSF_SFLOW_ERROR_MALFORMED);
    g_assert_cmpstr(error->message, ==,
                    "at byte 68: virt_cpu: nrVirtCpu: 4 bytes are needed, 0 are left");
    assert_value(values, RECORDS "virt_cpu/state", "1");
    assert_value(values, RECORDS "virt_cpu/cpuTime", "123456");
}

static void
test_a_longer_body_is_skipped_to_its_length(void)
{
    GByteArray *two = words(7, W(3), W(200001), W(2), W(2102), W(24), W(0), W(1), W(0), W(2), W(99),
                            W(99), W(2002), W(8), W(2), W(1), END);
    g_autoptr(GHashTable) values = decoded(datagram(4, two));

    assert_value(values, RECORDS "virt_memory/maxMemory", "2");
    assert_value(values, RECORDS "host_parent/class", "2");
    assert_value(values, RECORDS "host_parent/index", "1");
}

static void
test_what_is_unknown_is_skipped_by_its_length(void)
{
    g_autoptr(GHashTable) values = decoded(
        words(5, W(1), W(0), W(0), W(0), W(0), W(2), W(0x2260003) /* 8800:3 */, W(8), W(1), W(2),
              W(4), W(28), W(7), W(3), W(200001), W(1), W(0x2260005), W(4), W(77), END));

    assert_value(values, "samples/0/format", "8800:3");
    assert_value(values, "samples/0/length", "8");
    assert_value(values, "samples/1/source", "3:200001");
    assert_value(values, "samples/1/records/8800:5/length", "4");
}

static void
test_unknown_values_are_told_as_such(void)
{
    g_autoptr(GHashTable)
        cpu = decoded(datagram(4, record(2101, words(0xffffffff, W(0), W(0xfffffffe), END))));
    g_autoptr(GHashTable) memory = decoded(datagram(
        4, record(2102, words(0xffffffff, W(0xffffffff), W(0xffffffff), W(0xfffffffe), END))));
    g_autoptr(GHashTable) descr = decoded(
        datagram(4, record(2000, words(0, W(0), W(0), W(0), W(0), W(0), W(0), W(0), END))));

    assert_value(cpu, RECORDS "virt_cpu/state", "null");
    assert_value(cpu, RECORDS "virt_cpu/cpuTime", "0");
    assert_value(cpu, RECORDS "virt_cpu/nrVirtCpu", "4294967294");
    assert_value(memory, RECORDS "virt_memory/memory", "null");
    assert_value(memory, RECORDS "virt_memory/maxMemory", "18446744073709551614");
    assert_value(descr, RECORDS "host_descr/uuid", "null");
    assert_value(descr, RECORDS "host_descr/hostname", "");
}

/* host_cpu with @n words in all, the fourth and later ones numbered from 4. */
static GByteArray *
host_cpu(guint n)
{
    GByteArray *body = words(0x3f8ccccd /* 1.1 */, W(0xbf800000) /* -1 */,
                             W(0x7fc00000) /* no number */, END);

    for (guint i = 4; i <= n; i++)
        put(body, i);
    return datagram(4, record(2003, body));
}

static void
test_host_cpu_has_17_or_20_fields(void)
{
    g_autoptr(GHashTable) old = decoded(host_cpu(17));
    g_autoptr(GHashTable) later = decoded(host_cpu(20));
    g_autoptr(GHashTable) longer = decoded(host_cpu(22));

    assert_value(old, RECORDS "host_cpu/contexts", "17");
    assert_value(old, RECORDS "host_cpu/cpu_steal", NULL);
    assert_value(later, RECORDS "host_cpu/cpu_steal", "18");
    assert_value(later, RECORDS "host_cpu/cpu_guest_nice", "20");
    assert_value(longer, RECORDS "host_cpu/cpu_guest_nice", "20");
    assert_malformed(host_cpu(16), "at byte 124: host_cpu: contexts");
}

static void
test_floats_are_the_shortest_decimal(void)
{
    g_autoptr(GHashTable) values = decoded(host_cpu(17));
    GByteArray *metric = words(0, W(1), W(1), W(0x66000000), W(5), W(0x3f800001), END);
    g_autoptr(GHashTable) eight_digits = decoded(datagram(RTMETRIC, metric));

    assert_value(eight_digits, "samples/0/metrics/0/value", "1.0000001000000001");
    assert_value(values, RECORDS "host_cpu/load_one", "1.1000000000000001"); /* the double 1.1 */
    assert_value(values, RECORDS "host_cpu/load_five", "null");
    assert_value(values, RECORDS "host_cpu/load_fifteen", "null");
}

static void
test_compact_forms(void)
{
    GByteArray *flow = words(5, W(0x02000007), W(512), W(5120), W(3), W(0x80000004), W(0x3fffffff),
                             W(1), W(1043), W(8), W(1), W(2), END);
    g_autoptr(GHashTable) flows = decoded(datagram(1, flow));
    g_autoptr(GHashTable) counters = decoded(datagram(2, words(6, W(0x03030d41), W(0), END)));

    assert_value(flows, "samples/0/format", "0:1");
    assert_value(flows, "samples/0/source", "2:7");
    assert_value(flows, "samples/0/input", "4");
    assert_value(flows, "samples/0/input_format", "2");
    assert_value(flows, "samples/0/output", "1073741823");
    assert_value(flows, "samples/0/output_format", NULL);
    assert_value(flows, "samples/0/records/timestamp/ns", "4294967298");
    assert_value(counters, "samples/0/source", "3:200001");
    assert_value(counters, "samples/0/sequence", "6");
}

static void
test_expanded_flow_sample(void)
{
    GByteArray *flow = words(5, W(0), W(0x12345678), W(512), W(5120), W(3), W(0), W(42), W(1), W(9),
                             W(2), W(2210), W(16), W(0), W(0), W(3), W(200001), W(1001), W(16),
                             W(10), W(0xffffffff), W(0xffffffff), W(7), END);
    g_autoptr(GHashTable) values = decoded(datagram(3, flow));

    assert_value(values, "samples/0/type", "flow_sample");
    assert_value(values, "samples/0/source", "0:305419896");
    assert_value(values, "samples/0/sampling_rate", "512");
    assert_value(values, "samples/0/sample_pool", "5120");
    assert_value(values, "samples/0/drops", "3");
    assert_value(values, "samples/0/input", "42");
    assert_value(values, "samples/0/output", "9");
    assert_value(values, "samples/0/output_format", "1");
    assert_value(values, RECORDS "extended_entities/dst_class", "3");
    assert_value(values, RECORDS "extended_entities/dst_index", "200001");
    assert_value(values, RECORDS "extended_switch/src_vlan", "10");
    assert_value(values, RECORDS "extended_switch/src_priority", "null");
    assert_value(values, RECORDS "extended_switch/dst_priority", "7");
}

static void
test_flow_and_counter_records_number_separately(void)
{
    GByteArray *flow = words(5, W(0), W(1), W(1), W(1), W(0), W(0), W(0), W(0), W(0), W(1), W(2101),
                             W(12), W(1), W(2), W(3), END);
    g_autoptr(GHashTable) values = decoded(datagram(3, flow));

    assert_value(values, RECORDS "0:2101/length", "12");
}

static void
test_rtmetric_values_of_every_type(void)
{
    GByteArray *body = words(3, W(0x61626300), W(7), /* "abc", seven metrics */
                             W(1), W(0x61000000), W(0), W(2), W(0x68690000),       /* "hi" */
                             W(1), W(0x62000000), W(1), W(0xfffffffe),             /* counter32 */
                             W(1), W(0x63000000), W(2), W(1), W(0),                /* counter64 */
                             W(1), W(0x64000000), W(3), W(5),                      /* gauge32 */
                             W(1), W(0x65000000), W(4), W(0), W(6),                /* gauge64 */
                             W(1), W(0x66000000), W(5), W(0xbf000000),             /* float */
                             W(1), W(0x67000000), W(6), W(0x3ff80000), W(0), END); /* double */
    static const char *const expected[][3] = {
        {"a", "string", "hi"},
        {"b", "counter32", "4294967294"},
        {"c", "counter64", "4294967296"},
        {"d", "gauge32", "5"},
        {"e", "gauge64", "6"},
        {"f", "float", "-0.5"},
        {"g", "double", "1.5"},
    };
    g_autoptr(GHashTable) values = decoded(datagram(RTMETRIC, body));

    assert_value(values, "samples/0/format", "4300:1002");
    assert_value(values, "samples/0/type", "rtmetric");
    assert_value(values, "samples/0/name", "abc");
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        assert_metric(values, i, expected[i][0], expected[i][1], expected[i][2]);
    assert_metric(values, 7, NULL, NULL, NULL);
}

static void
test_rtmetric_unknown_values_are_told_as_such(void)
{
    GByteArray *body = words(0, W(9),                   /* no name, nine metrics without names */
                             W(0), W(0), W(0),          /* an empty text is one */
                             W(0), W(1), W(0xffffffff), /* counter32 */
                             W(0), W(2), W(0xffffffff), W(0xffffffff), /* counter64 */
                             W(0), W(2), W(0), W(0xffffffff),          /* counter64 of 32 ones */
                             W(0), W(3), W(0xffffffff),                /* gauge32 */
                             W(0), W(4), W(0xffffffff), W(0xffffffff), /* gauge64 */
                             W(0), W(5), W(0xbf800000),                /* float -1 */
                             W(0), W(6), W(0xbff00000), W(0),          /* double -1 */
                             W(0), W(6), W(0x7ff00000), W(0), END);    /* infinite */
    static const char *const expected[] = {"",     "null", "null", "4294967295", "null",
                                           "null", "null", "null", "null"};
    g_autoptr(GHashTable) values = decoded(datagram(RTMETRIC, body));

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *path = g_strdup_printf("samples/0/metrics/%u/value", i);

        assert_value(values, path, expected[i]);
    }
}

/* The sample after it is read: its length tells where it is. */
static void
test_rtmetric_of_an_unknown_type_ends_its_list(void)
{
    g_autoptr(GHashTable) values = decoded(words(
        5, W(1), W(0), W(0), W(0), W(0), W(2), (guint64)RTMETRIC, W(52), W(0), W(3), /* metrics */
        W(1), W(0x61000000), W(3), W(5), W(1), W(0x62000000), W(7), W(9), W(9), W(9), W(9), W(4),
        W(16), W(7), W(3), W(200001), W(0), END));
    /* Nothing is known of its length: it may have none. */
    g_autoptr(GHashTable) last = decoded(datagram(RTMETRIC, words(0, W(1), W(0), W(7), END)));

    assert_metric(values, 0, "a", "gauge32", "5");
    assert_metric(values, 1, "b", "7", NULL);
    assert_value(values, "samples/0/metrics/1/length", "16");
    assert_metric(values, 2, NULL, NULL, NULL);
    assert_value(values, "samples/1/source", "3:200001");
    assert_metric(last, 0, "", "7", NULL);
    assert_value(last, "samples/0/metrics/0/length", "0");
}

static void
test_rtmetric_lengths_stay_in_their_container(void)
{
    assert_malformed(datagram(RTMETRIC, words(5, W(0), END)),
                     "at byte 40: name: its length 5 passes the 4 bytes left");
    assert_malformed(datagram(RTMETRIC, words(0xffffffff, W(0), END)),
                     "at byte 40: name: its length 4294967295 passes");
    assert_malformed(datagram(RTMETRIC, words(0, W(0x20000000), W(0), END)),
                     "at byte 44: metrics: 536870912 of them cannot be");
    assert_malformed(datagram(RTMETRIC, words(0, W(2), W(0), W(0), W(0), END)),
                     "at byte 44: metrics: 2 of them cannot be in 12 bytes");
    assert_malformed(datagram(RTMETRIC, words(0, W(1), W(9), W(0), END)),
                     "at byte 48: name: its length 9 passes the 4 bytes left");
    assert_malformed(datagram(RTMETRIC, words(0, W(1), W(4), W(0), END)),
                     "at byte 52: type: 4 bytes are needed, 0 are left");
    assert_malformed(datagram(RTMETRIC, words(0, W(1), W(0), W(0), W(5), W(0), END)),
                     "at byte 56: value: its length 5 passes the 4 bytes left");
    assert_malformed(datagram(RTMETRIC, words(0, W(1), W(0), W(4), W(0), END)),
                     "at byte 52: value: 8 bytes are needed, 4 are left");
    assert_malformed(datagram(RTMETRIC, words(0, W(1), W(0), W(3), END)),
                     "at byte 52: value: 4 bytes are needed, 0 are left");
    /* The second metric is not there, though a datagram goes on behind the sample. */
    assert_malformed(words(5, W(1), W(0), W(0), W(0), W(0), W(2), (guint64)RTMETRIC, W(28), W(0),
                           W(2), W(0), W(0), W(4), W(0x61616161), W(0), W(9), W(4), W(1), W(2),
                           END),
                     "at byte 64: type: 4 bytes are needed, 0 are left");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/decode/" name, func)
    ADD("header-of-both-families", test_header_of_both_families);
    ADD("foreign-datagrams-are-refused", test_foreign_datagrams_are_refused);
    ADD("counts-are-bounded-by-the-bytes", test_counts_are_bounded_by_the_bytes);
    ADD("lengths-stay-in-their-container", test_lengths_stay_in_their_container);
    ADD("a-short-body-is-an-error-and-what-came-before-stands",
        test_a_short_body_is_an_error_and_what_came_before_stands);
    ADD("a-longer-body-is-skipped-to-its-length", test_a_longer_body_is_skipped_to_its_length);
    ADD("what-is-unknown-is-skipped-by-its-length", test_what_is_unknown_is_skipped_by_its_length);
    ADD("unknown-values-are-told-as-such", test_unknown_values_are_told_as_such);
    ADD("host-cpu-has-17-or-20-fields", test_host_cpu_has_17_or_20_fields);
    ADD("floats-are-the-shortest-decimal", test_floats_are_the_shortest_decimal);
    ADD("compact-forms-are-read-as-the-expanded-ones", test_compact_forms);
    ADD("expanded-flow-sample", test_expanded_flow_sample);
    ADD("flow-and-counter-records-number-separately",
        test_flow_and_counter_records_number_separately);
    ADD("rtmetric-values-of-every-type", test_rtmetric_values_of_every_type);
    ADD("rtmetric-unknown-values-are-told-as-such", test_rtmetric_unknown_values_are_told_as_such);
    ADD("rtmetric-of-an-unknown-type-ends-its-list",
        test_rtmetric_of_an_unknown_type_ends_its_list);
    ADD("rtmetric-lengths-stay-in-their-container", test_rtmetric_lengths_stay_in_their_container);
    return g_test_run();
}
