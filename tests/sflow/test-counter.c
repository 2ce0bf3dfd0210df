/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte-level facts of counter samples. A word of the encoded sample is
 * addressed by its number, so that the tests share no code with a decoder. */
#include "../../daemon/sflow/counter.h"

#include <string.h>

#define SAMPLE_WORDS 6 /* format, length, sequence, class, index, record count */

typedef struct {
    uint8_t bytes[2048];
    VsfXdr xdr;
    VsfSflowSample sample;
} Fixture;

static void
begin(Fixture *fixture)
{
    memset(fixture->bytes, 0xee, sizeof(fixture->bytes));
    fixture->xdr = VSF_XDR_INIT(fixture->bytes, sizeof(fixture->bytes));
    fixture->sample = vsf_sflow_counter_begin(&fixture->xdr, 7, (VsfSflowSource){3, 200001});
}

static uint32_t
word(const Fixture *fixture, size_t number)
{
    uint32_t value;

    g_assert_cmpuint(number * 4 + 4, <=, fixture->xdr.used);
    memcpy(&value, fixture->bytes + number * 4, sizeof(value));
    return GUINT32_FROM_BE(value);
}

/* One record: its format, and a body as long as its length word says, right to
 * the end of the sample. */
static void
end(Fixture *fixture, uint32_t format, uint32_t body_size)
{
    vsf_sflow_counter_end(&fixture->xdr, &fixture->sample);
    g_assert_false(fixture->xdr.overflow);
    g_assert_cmpuint(word(fixture, 5), ==, 1);
    g_assert_cmpuint(word(fixture, SAMPLE_WORDS), ==, format);
    g_assert_cmpuint(word(fixture, SAMPLE_WORDS + 1), ==, body_size);
    g_assert_cmpuint(fixture->xdr.used, ==, (SAMPLE_WORDS + 2) * 4 + body_size);
    g_assert_cmpuint(word(fixture, 1), ==, fixture->xdr.used - 8);
}

static void
assert_body(const Fixture *fixture, const uint32_t *words, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        g_assert_cmpuint(word(fixture, SAMPLE_WORDS + 2 + i), ==, words[i]);
}

static void
test_sample_is_expanded_and_counts_its_records(void)
{
    static const uint32_t header[] = {4, 44, 7, 3, 200001, 2};
    Fixture f;

    begin(&f);
    vsf_sflow_host_parent(&f.xdr, &f.sample, (VsfSflowSource){2, 1});
    vsf_sflow_port_name(&f.xdr, &f.sample, "");
    vsf_sflow_counter_end(&f.xdr, &f.sample);
    for (size_t i = 0; i < G_N_ELEMENTS(header); i++)
        g_assert_cmpuint(word(&f, i), ==, header[i]);
    g_assert_cmpuint(f.xdr.used, ==, 52);
}

static void
test_if_counters_have_88_bytes_in_mib_order(void)
{
    static const uint32_t body[] = {7,  6,  1,  2,  1,  3,  4,  5,  8,  9,  10,
                                    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 2};
    VsfSflowIfCounters record = {.if_index = 7,
                                 .if_type = 6,
                                 .if_speed = G_GUINT64_CONSTANT(0x100000002),
                                 .if_direction = 1,
                                 .if_status = 3,
                                 .in_octets = G_GUINT64_CONSTANT(0x400000005),
                                 .in_ucast = 8,
                                 .in_multicast = 9,
                                 .in_broadcast = 10,
                                 .in_discards = 11,
                                 .in_errors = 12,
                                 .in_unknown_protos = 13,
                                 .out_octets = G_GUINT64_CONSTANT(0xe0000000f),
                                 .out_ucast = 16,
                                 .out_multicast = 17,
                                 .out_broadcast = 18,
                                 .out_discards = 19,
                                 .out_errors = 20,
                                 .promiscuous = 2};
    Fixture f;

    begin(&f);
    vsf_sflow_if_counters(&f.xdr, &f.sample, &record);
    end(&f, 1, 88);
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_host_descr_has_a_fixed_uuid(void)
{
    VsfSflowHostDescr record = {.hostname = "web01",
                                .uuid = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                .machine_type = 3,
                                .os_name = 2,
                                .os_release = NULL};
    static const uint32_t body[] = {5,          0x77656230, 0x31000000, 0x00010203, 0x04050607,
                                    0x08090a0b, 0x0c0d0e0f, 3,          2,          0};
    Fixture f;

    begin(&f);
    vsf_sflow_host_descr(&f.xdr, &f.sample, &record);
    end(&f, 2000, 40);
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_host_descr_texts_are_bounded(void)
{
    g_autofree char *text = g_strnfill(4096, 'x');
    VsfSflowHostDescr record = {.hostname = text, .os_release = text};
    Fixture f;

    begin(&f);
    vsf_sflow_host_descr(&f.xdr, &f.sample, &record);
    end(&f, 2000, 4 + 64 + 16 + 8 + 4 + 32);
    g_assert_cmpuint(word(&f, 8), ==, 63);
    g_assert_cmpuint(word(&f, 8 + 1 + 16 + 4 + 2), ==, 31);
}

static void
test_port_name_of_4_kib_is_bounded(void)
{
    g_autofree char *text = g_strnfill(4096, 'x');
    Fixture f;

    begin(&f);
    vsf_sflow_port_name(&f.xdr, &f.sample, text);
    end(&f, 1005, 4 + 256);
    g_assert_cmpuint(word(&f, 8), ==, 255);
}

static void
test_virt_node(void)
{
    static const uint32_t body[] = {2400, 64, 0x40, 0, 0, 0x40000000, 17};
    VsfSflowVirtNode record = {2400, 64, G_GUINT64_CONSTANT(0x4000000000), 0x40000000, 17};
    Fixture f;

    begin(&f);
    vsf_sflow_virt_node(&f.xdr, &f.sample, &record);
    end(&f, 2100, sizeof(body));
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_virt_cpu(void)
{
    static const uint32_t body[] = {1, 123456, 4};
    Fixture f;

    begin(&f);
    vsf_sflow_virt_cpu(&f.xdr, &f.sample, &(VsfSflowVirtCpu){1, 123456, 4});
    end(&f, 2101, sizeof(body));
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_virt_memory(void)
{
    static const uint32_t body[] = {0, 0x80000000, 1, 0};
    VsfSflowVirtMemory record = {0x80000000, G_GUINT64_CONSTANT(0x100000000)};
    Fixture f;

    begin(&f);
    vsf_sflow_virt_memory(&f.xdr, &f.sample, &record);
    end(&f, 2102, sizeof(body));
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_virt_disk(void)
{
    static const uint32_t body[] = {0, 1, 0, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8};
    Fixture f;

    begin(&f);
    vsf_sflow_virt_disk(&f.xdr, &f.sample, &(VsfSflowVirtDisk){1, 2, 3, 4, 5, 6, 7, 8});
    end(&f, 2103, sizeof(body));
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_virt_net(void)
{
    static const uint32_t body[] = {0, 1, 2, 3, 4, 0, 5, 6, 7, 8};
    Fixture f;

    begin(&f);
    vsf_sflow_virt_net(&f.xdr, &f.sample, &(VsfSflowVirtNet){1, 2, 3, 4, 5, 6, 7, 8});
    end(&f, 2104, sizeof(body));
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_unknown_is_all_ones(void)
{
    VsfSflowVirtMemory record = {VSF_SFLOW_UNKNOWN64, VSF_SFLOW_UNKNOWN64};
    static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255};
    Fixture f;

    begin(&f);
    vsf_sflow_virt_memory(&f.xdr, &f.sample, &record);
    end(&f, 2102, 16);
    g_assert_cmpmem(f.bytes + 32, 16, ones, 16);
}

static void
test_adapters_hold_ifindex_and_mac(void)
{
    static const VsfSflowAdapter adapters[] = {
        {42, {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}},
        {0, {0x52, 0x54, 0x00, 0x12, 0x34, 0x57}},
    };
    static const uint32_t body[] = {2, 42, 1, 0x52540012, 0x34560000, 0, 1, 0x52540012, 0x34570000};
    Fixture f;

    begin(&f);
    g_assert_cmpuint(vsf_sflow_host_adapters(&f.xdr, &f.sample, adapters, 2, 2048), ==, 2);
    end(&f, 2001, sizeof(body));
    assert_body(&f, body, G_N_ELEMENTS(body));
}

static void
test_adapters_are_cut_to_the_room(void)
{
    static const VsfSflowAdapter adapters[64];
    static const struct {
        size_t room;
        uint32_t n;
    } cases[] = {{0, 0},  {12, 0},    {27, 0},    {28, 1},    {43, 1},
                 {44, 2}, {1035, 63}, {1036, 64}, {2000, 64}, {SIZE_MAX, 64}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Fixture f;

        begin(&f);
        g_assert_cmpuint(vsf_sflow_host_adapters(&f.xdr, &f.sample, adapters, 64, cases[i].room),
                         ==, cases[i].n);
        end(&f, 2001, 4 + 16 * cases[i].n);
        g_assert_cmpuint(word(&f, 8), ==, cases[i].n);
        if (cases[i].room >= 12)
            g_assert_cmpuint(8 + word(&f, 7), <=, cases[i].room);
    }
}

static void
test_machine_types(void)
{
    static const struct {
        const char *arch;
        uint32_t type;
    } cases[] = {{NULL, 0},     {"", 0},           {"riscv64", 1}, {"i686", 2},     {"x86_64", 3},
                 {"ia64", 4},   {"sparc64", 5},    {"alpha", 6},   {"ppc64le", 7},  {"ppc64", 7},
                 {"m68k", 8},   {"mips64el", 9},   {"armv7l", 10}, {"aarch64", 10}, {"parisc", 11},
                 {"s390x", 12}, {"loongarch64", 1}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(vsf_sflow_machine_type(cases[i].arch), ==, cases[i].type);
}

static void
test_low32_keeps_unknown_apart(void)
{
    g_assert_cmpuint(vsf_sflow_low32(5), ==, 5);
    g_assert_cmpuint(vsf_sflow_low32(G_GUINT64_CONSTANT(0x100000005)), ==, 5);
    g_assert_cmpuint(vsf_sflow_low32(VSF_SFLOW_UNKNOWN64), ==, VSF_SFLOW_UNKNOWN32);
    g_assert_cmpuint(vsf_sflow_low32(0xffffffff), ==, 0xfffffffe);
    g_assert_cmpuint(vsf_sflow_low32(G_GUINT64_CONSTANT(0x5ffffffff)), ==, 0xfffffffe);
}

static void
test_a_full_buffer_is_reported_once_at_the_end(void)
{
    /* Every size from nothing to just too small: nothing is written past it. */
    for (size_t size = 0; size < 52; size++) {
        g_autofree uint8_t *bytes = g_malloc(size + 1);
        VsfXdr xdr = VSF_XDR_INIT(bytes, size);
        VsfSflowSample sample = vsf_sflow_counter_begin(&xdr, 1, (VsfSflowSource){3, 1});

        bytes[size] = 0xee;
        vsf_sflow_host_parent(&xdr, &sample, (VsfSflowSource){2, 1});
        vsf_sflow_port_name(&xdr, &sample, "");
        vsf_sflow_counter_end(&xdr, &sample);
        g_assert_true(xdr.overflow);
        g_assert_cmpuint(xdr.used, <=, size);
        g_assert_cmpuint(bytes[size], ==, 0xee);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/counter/" name, func)
    ADD("sample-is-expanded-and-counts-its-records",
        test_sample_is_expanded_and_counts_its_records);
    ADD("if-counters-have-88-bytes-in-mib-order", test_if_counters_have_88_bytes_in_mib_order);
    ADD("host-descr-has-a-fixed-uuid", test_host_descr_has_a_fixed_uuid);
    ADD("host-descr-texts-are-bounded", test_host_descr_texts_are_bounded);
    ADD("port-name-of-4-kib-is-bounded", test_port_name_of_4_kib_is_bounded);
    ADD("virt-node-has-28-bytes", test_virt_node);
    ADD("virt-cpu-has-12-bytes", test_virt_cpu);
    ADD("virt-memory-has-16-bytes", test_virt_memory);
    ADD("virt-disk-has-52-bytes", test_virt_disk);
    ADD("virt-net-has-40-bytes", test_virt_net);
    ADD("unknown-is-all-ones", test_unknown_is_all_ones);
    ADD("adapters-hold-ifindex-and-mac", test_adapters_hold_ifindex_and_mac);
    ADD("adapters-are-cut-to-the-room", test_adapters_are_cut_to_the_room);
    ADD("machine-types-are-those-of-the-structure", test_machine_types);
    ADD("low32-keeps-unknown-apart", test_low32_keeps_unknown_apart);
    ADD("a-full-buffer-is-reported-once", test_a_full_buffer_is_reported_once_at_the_end);
    return g_test_run();
}
