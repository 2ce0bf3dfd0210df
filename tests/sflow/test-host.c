/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of the host's records, which collectors check to the byte, and that the decoder of this
 * project names what the encoder wrote. */
#include "../../daemon/sflow/decode.h"
#include "../../daemon/sflow/host.h"
#include "flatten.h"

#include <string.h>

/* Datagram header with an IPv4 agent and one sample. */
#define DATAGRAM_WORDS 7

typedef struct {
    uint8_t bytes[2048];
    VsfXdr xdr;
    VsfSflowSample sample;
} Fixture;

static void
begin(Fixture *fixture)
{
    static const uint32_t header[DATAGRAM_WORDS] = {5, 1, 0xc0000201, 200000, 1, 1, 1};

    fixture->xdr = VSF_XDR_INIT(fixture->bytes, sizeof(fixture->bytes));
    for (size_t i = 0; i < DATAGRAM_WORDS; i++)
        vsf_xdr_u32(&fixture->xdr, header[i]);
    fixture->sample = vsf_sflow_counter_begin(&fixture->xdr, 7, (VsfSflowSource){2, 1});
}

static uint32_t
word_at(const Fixture *fixture, size_t byte)
{
    uint32_t value;

    g_assert_cmpuint(byte + 4, <=, fixture->xdr.used);
    memcpy(&value, fixture->bytes + byte, sizeof(value));
    return GUINT32_FROM_BE(value);
}

/* The records that follow @at are of these formats and body sizes, and nothing else follows. */
static void
assert_records(const Fixture *fixture, size_t at, const uint32_t (*records)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(word_at(fixture, at), ==, records[i][0]);
        g_assert_cmpuint(word_at(fixture, at + 4), ==, records[i][1]);
        at += 8 + records[i][1];
    }
    g_assert_cmpuint(at, ==, fixture->xdr.used);
    g_assert_cmpuint(fixture->sample.n_records, ==, n);
}

static const VsfSflowHostCpu cpu = {0.25F, 1.5F, 2.75F, 1,  2,  3,  4,  5,  6,  7,
                                    8,     9,    10,    11, 12, 13, 14, 15, 16, 17};
static const VsfSflowHostMemory memory = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const VsfSflowHostDisk disk = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const VsfSflowVirtNet net = {1, 2, 3, 4, 5, 6, 7, 8};

static void
put_all(Fixture *fixture)
{
    VsfSflowMib2 groups;
    uint32_t *words = (uint32_t *)&groups;

    for (uint32_t i = 0; i < sizeof(groups) / sizeof(*words); i++)
        words[i] = 100 + i;
    vsf_sflow_host_cpu(&fixture->xdr, &fixture->sample, &cpu);
    vsf_sflow_host_memory(&fixture->xdr, &fixture->sample, &memory);
    vsf_sflow_host_disk(&fixture->xdr, &fixture->sample, &disk);
    vsf_sflow_host_net(&fixture->xdr, &fixture->sample, &net);
    vsf_sflow_mib2(&fixture->xdr, &fixture->sample, &groups);
    vsf_sflow_counter_end(&fixture->xdr, &fixture->sample);
}

static void
test_lengths_are_those_of_the_structures(void)
{
    static const uint32_t records[][2] = {{2003, 80}, {2004, 72},  {2005, 52}, {2006, 40},
                                          {2007, 76}, {2008, 100}, {2009, 60}, {2010, 28}};
    Fixture f;
    size_t first;

    begin(&f);
    first = f.xdr.used;
    put_all(&f);
    g_assert_false(f.xdr.overflow);
    assert_records(&f, first, records, G_N_ELEMENTS(records));
}

static void
test_the_decoder_names_what_was_written(void)
{
    static const char *const values[] = {
        "host_cpu/load_fifteen",
        "2.75",
        "host_cpu/uptime",
        "5",
        "host_cpu/cpu_sintr",
        "12",
        "host_cpu/cpu_guest_nice",
        "17",
        "host_memory/mem_shared",
        "3",
        "host_memory/swap_out",
        "11",
        "host_disk_io/part_max_used",
        "3",
        "host_disk_io/write_time",
        "9",
        "host_net_io/bytes_out",
        "5",
        "mib2_ip/ipFragCreates",
        "118",
        "mib2_icmp/icmpInMsgs",
        "119",
        "mib2_icmp/icmpOutMsgs",
        "131",
        "mib2_icmp/icmpOutAddrMaskReps",
        "143",
        "mib2_tcp/tcpInCsumErrors",
        "158",
        "mib2_udp/udpInCsumErrors",
        "165",
    };
    g_autoptr(GHashTable) told = NULL;
    Fixture f;

    begin(&f);
    put_all(&f);
    told = flatten(f.bytes, f.xdr.used, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(values); i += 2) {
        g_autofree char *path = g_strconcat("samples/0/records/", values[i], NULL);

        g_test_message("%s", path);
        g_assert_cmpstr(g_hash_table_lookup(told, path), ==, values[i + 1]);
    }
}

static void
test_a_full_buffer_is_reported(void)
{
    for (size_t size = 0; size < 64; size += 4) {
        Fixture f;

        begin(&f);
        f.xdr.size = f.xdr.used + size;
        vsf_sflow_host_cpu(&f.xdr, &f.sample, &cpu);
        g_assert_true(f.xdr.overflow);
        g_assert_cmpuint(f.xdr.used, <=, f.xdr.size);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/sflow/host/" name, func)
    ADD("lengths-are-those-of-the-structures", test_lengths_are_those_of_the_structures);
    ADD("the-decoder-names-what-was-written", test_the_decoder_names_what_was_written);
    ADD("a-full-buffer-is-reported", test_a_full_buffer_is_reported);
    return g_test_run();
}
