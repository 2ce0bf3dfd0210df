/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another agent's datagrams: every value that an independent decoder found in
 * them is what ours finds, and no piece of them makes ours stumble. */
#include "flatten.h"

#include <json-glib/json-glib.h>

static const char *const vectors[] = {"vm", "host", "interface", "flow"};

/* The other decoder's names, where they are not ours. @tag "" is a sample,
 * "*" the datagram. */
static const struct {
    const char *tag, *theirs, *ours;
} renamed[] = {
    {"*", "datagramVersion", "version"},
    {"*", "datagramSize", NULL}, /* no part of the datagram */
    {"*", "agentSubId", "sub_agent_id"},
    {"*", "packetSequenceNo", "sequence"},
    {"*", "sysUpTime", "uptime"},
    {"*", "samplesInPacket", NULL},
    {"", "sampleType_tag", "format"},
    {"", "sampleSequenceNo", "sequence"},
    {"", "sourceId", "source"},
    {"", "meanSkipCount", "sampling_rate"},
    {"", "samplePool", "sample_pool"},
    {"", "dropEvents", "drops"},
    {"", "inputPort", "input"},
    {"", "outputPort", "output"},
    {"0:1", "networkType", "ifType"},
    {"0:1", "headerProtocol", "protocol"},
    {"0:1", "sampledPacketSize", "frame_length"},
    {"0:1", "strippedBytes", "stripped"},
    {"0:1", "headerBytes", "header"},
    {"0:1", "dstMAC", "packet/dst_mac"},
    {"0:1", "srcMAC", "packet/src_mac"},
    {"0:1", "ethernet_type", "packet/ethertype"},
    {"0:1", "srcIP", "packet/src"},
    {"0:1", "dstIP", "packet/dst"},
    {"0:1", "IPProtocol", "packet/ip_protocol"},
    {"0:1005", "ifName", "name"},
    {"0:1043", "timestamp_nS", "ns"},
    {"0:2000", "UUID", "uuid"},
    {"0:2002", "parent_dsClass", "class"},
    {"0:2002", "parent_dsIndex", "index"},
    {"0:2003", "cpu_num", "cpu_num"},
    {"0:2003", "cpu_speed", "cpu_speed"},
    {"0:2003", "cpu_load_one", "load_one"},
    {"0:2003", "cpu_load_five", "load_five"},
    {"0:2003", "cpu_load_fifteen", "load_fifteen"},
    {"0:2003", "cpu_proc_run", "proc_run"},
    {"0:2003", "cpu_proc_total", "proc_total"},
    {"0:2003", "cpu_uptime", "uptime"},
    {"0:2003", "cpuintr", "cpu_intr"},
    {"0:2003", "cpuinterrupts", "interrupts"},
    {"0:2003", "cpu_contexts", "contexts"},
    {"0:2005", "disk_partition_max_used", "part_max_used"},
    {"0:2005", "disk_reads", "reads"},
    {"0:2005", "disk_bytes_read", "bytes_read"},
    {"0:2005", "disk_read_time", "read_time"},
    {"0:2005", "disk_writes", "writes"},
    {"0:2005", "disk_bytes_written", "bytes_written"},
    {"0:2005", "disk_write_time", "write_time"},
    {"0:2101", "vcpu_cpu_mS", "cpuTime"},
    {"0:2101", "vcpu_cpuCount", "nrVirtCpu"},
};

/* What their flow decoder says beyond ours, or about the printing. */
static const char *const not_ours[] = {"sampleType",    "counterBlock_tag",
                                       "flowBlock_tag", "flowSampleType",
                                       "extendedType",  "IPSize",
                                       "ip.tot_len",    "IPTOS",
                                       "IPTTL",         "IPID",
                                       "ICMPType",      "ICMPCode",
                                       "headerLen",     NULL};

static const struct {
    const char *tag, *record, *prefix;
} blocks[] = {
    {"0:1005", "port_name", ""},         {"0:1043", "timestamp", ""},
    {"0:2000", "host_descr", ""},        {"0:2001", "host_adapters", ""},
    {"0:2002", "host_parent", ""},       {"0:2003", "host_cpu", ""},
    {"0:2004", "host_memory", ""},       {"0:2005", "host_disk_io", ""},
    {"0:2006", "host_net_io", "nio_"},   {"0:2007", "mib2_ip", ""},
    {"0:2008", "mib2_icmp", ""},         {"0:2009", "mib2_tcp", ""},
    {"0:2010", "mib2_udp", ""},          {"0:2100", "virt_node", "vnode_"},
    {"0:2101", "virt_cpu", "vcpu_"},     {"0:2102", "virt_memory", "vmem_"},
    {"0:2103", "virt_disk_io", "vdsk_"}, {"0:2104", "virt_net_io", "vnio_"},
};

typedef struct {
    GHashTable *ours;
    guint compared;
} Comparison;

static char *
vector_path(const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);

    return g_test_build_filename(G_TEST_DIST, "data", "vectors", file, NULL);
}

static const char *
our_name(const char *tag, const char *theirs, const char *prefix)
{
    for (gsize i = 0; i < G_N_ELEMENTS(renamed); i++) {
        if (g_str_equal(renamed[i].tag, tag) && g_str_equal(renamed[i].theirs, theirs))
            return renamed[i].ours;
    }
    return g_str_has_prefix(theirs, prefix) ? theirs + strlen(prefix) : theirs;
}

/* Their way of printing to ours. */
static char *
our_value(const char *theirs_name, const char *value)
{
    if (g_str_equal(value, "4294967295") || g_str_equal(value, "18446744073709551615") ||
        g_str_equal(value, "00000000-0000-0000-0000-000000000000"))
        return g_strdup("null");
    if (g_str_has_suffix(theirs_name, "MAC"))
        return g_strdup_printf("%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", value, value + 2, value + 4,
                               value + 6, value + 8, value + 10);
    if (g_str_equal(theirs_name, "disk_partition_max_used"))
        return g_strdup_printf("%.0f", g_ascii_strtod(value, NULL) * 100);
    if (g_str_has_prefix(theirs_name, "cpu_load"))
        return g_strdup_printf("%g", g_ascii_strtod(value, NULL));
    if (g_str_equal(theirs_name, "headerBytes")) {
        g_auto(GStrv) parts = g_strsplit(value, "-", -1);
        g_autofree char *hex = g_strjoinv("", parts);

        return g_ascii_strdown(hex, -1);
    }
    return g_strdup(value);
}

static void
compare(Comparison *comparison, const char *path, const char *theirs_name, const char *value)
{
    g_autofree char *expected = our_value(theirs_name, value);
    const char *found = g_hash_table_lookup(comparison->ours, path);

    if (g_strcmp0(found, expected) != 0)
        g_error("%s (%s): expected %s, found %s", path, theirs_name, expected, found);
    comparison->compared++;
}

static void
compare_members(Comparison *comparison, JsonObject *object, const char *tag, const char *prefix,
                const char *path)
{
    g_autoptr(GList) members = json_object_get_members(object);

    for (GList *at = members; at != NULL; at = at->next) {
        const char *theirs = at->data;
        const char *ours = our_name(tag, theirs, prefix);
        g_autofree char *full = g_strconcat(path, ours, NULL);

        if (ours != NULL && !g_strv_contains(not_ours, theirs) &&
            JSON_NODE_HOLDS_VALUE(json_object_get_member(object, theirs)))
            compare(comparison, full, theirs, json_object_get_string_member(object, theirs));
    }
}

static void
compare_adapters(Comparison *comparison, JsonArray *adapters, const char *path)
{
    for (guint i = 0; i < json_array_get_length(adapters); i++) {
        JsonObject *adapter = json_array_get_object_element(adapters, i);
        JsonArray *macs = json_object_get_array_member(adapter, "mac_list");
        g_autofree char *if_index = g_strdup_printf("%sadapters/%u/ifIndex", path, i);

        compare(comparison, if_index, "ifIndex", json_object_get_string_member(adapter, "ifIndex"));
        for (guint j = 0; j < json_array_get_length(macs); j++) {
            g_autofree char *mac = g_strdup_printf("%sadapters/%u/macs/%u", path, i, j);

            compare(comparison, mac, "MAC", json_array_get_string_element(macs, j));
        }
    }
}

static void
compare_block(Comparison *comparison, JsonObject *element)
{
    gboolean is_flow = json_object_has_member(element, "flowBlock_tag");
    const char *tag = json_object_get_string_member(element,
                                                    is_flow ? "flowBlock_tag" : "counterBlock_tag");
    const char *record = is_flow ? "sampled_header" : "if_counters"; /* 0:1 */
    const char *prefix = "";
    g_autofree char *path = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++) {
        if (g_str_equal(blocks[i].tag, tag)) {
            record = blocks[i].record;
            prefix = blocks[i].prefix;
        }
    }
    path = g_strdup_printf("samples/0/records/%s/", record);
    compare_members(comparison, element, tag, prefix, path);
    if (json_object_has_member(element, "adaptor_list"))
        compare_adapters(comparison, json_object_get_array_member(element, "adaptor_list"), path);
}

static void
test_every_value_is_what_another_decoder_found(gconstpointer name)
{
    /* As many as there are to compare, so that the comparison cannot go empty. */
    static const struct {
        const char *name;
        guint values;
    } expected[] = {{"vm", 37}, {"host", 196}, {"interface", 28}, {"flow", 24}};
    g_autofree char *bin = vector_path(name, ".bin");
    g_autofree char *json = vector_path(name, ".json");
    g_autofree char *bytes = NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    Comparison comparison = {0};
    JsonObject *datagram, *sample;
    JsonArray *elements;
    gsize size;

    g_file_get_contents(bin, &bytes, &size, &error);
    g_assert_no_error(error);
    json_parser_load_from_file(parser, json, &error);
    g_assert_no_error(error);
    comparison.ours = flatten((const uint8_t *)bytes, size, &error);
    g_assert_no_error(error);

    datagram = json_node_get_object(json_parser_get_root(parser));
    sample = json_array_get_object_element(json_object_get_array_member(datagram, "samples"), 0);
    elements = json_object_get_array_member(sample, "elements");
    compare_members(&comparison, datagram, "*", "", "");
    compare_members(&comparison, sample, "", "", "samples/0/");
    for (guint i = 0; i < json_array_get_length(elements); i++)
        compare_block(&comparison, json_array_get_object_element(elements, i));
    g_hash_table_unref(comparison.ours);
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        if (g_str_equal(expected[i].name, name))
            g_assert_cmpuint(comparison.compared, ==, expected[i].values);
    }
}

static void
test_cut_anywhere_is_an_error(gconstpointer name)
{
    g_autofree char *bin = vector_path(name, ".bin");
    g_autofree char *bytes = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(bin, &bytes, &size, NULL));
    for (gsize cut = 0; cut < size; cut++) {
        g_autoptr(GError) error = NULL;

        g_hash_table_unref(flatten((const uint8_t *)bytes, cut, &error));
        g_assert_error(error, VSF_SFLOW_ERROR, VSF_SFLOW_ERROR_MALFORMED);
        g_assert_true(g_str_has_prefix(error->message, "at byte "));
        g_assert_cmpuint(g_ascii_strtoull(error->message + strlen("at byte "), NULL, 10), <=, cut);
    }
}

static void
test_a_flipped_byte_does_no_harm(gconstpointer name)
{
    static const uint8_t flips[] = {0x01, 0x04, 0x80, 0xff};
    g_autofree char *bin = vector_path(name, ".bin");
    g_autofree char *bytes = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(bin, &bytes, &size, NULL));
    for (gsize at = 0; at < size * G_N_ELEMENTS(flips); at++) {
        uint8_t flip = flips[at % G_N_ELEMENTS(flips)];
        char *byte = bytes + at / G_N_ELEMENTS(flips);

        *byte = (char)(*byte ^ flip);
        g_hash_table_unref(flatten((const uint8_t *)bytes, size, NULL));
        *byte = (char)(*byte ^ flip);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autofree char *same = g_strdup_printf(
            "/sflow/vectors/%s/every-value-is-what-another-decoder-found", vectors[i]);
        g_autofree char *cut = g_strdup_printf("/sflow/vectors/%s/cut-anywhere-is-an-error",
                                               vectors[i]);
        g_autofree char *flip = g_strdup_printf("/sflow/vectors/%s/a-flipped-byte-does-no-harm",
                                                vectors[i]);

        g_test_add_data_func(same, vectors[i], test_every_value_is_what_another_decoder_found);
        g_test_add_data_func(cut, vectors[i], test_cut_anywhere_is_an_error);
        g_test_add_data_func(flip, vectors[i], test_a_flipped_byte_does_no_harm);
    }
    return g_test_run();
}
