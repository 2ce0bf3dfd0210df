/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "records.h"

#include "frame.h"

#include <string.h>

typedef enum {
    U32,
    U64,
    FLOAT,
    TEXT,
    UUID, /* 16 bytes */
} FieldType;

typedef struct {
    const char *name;
    FieldType type;
} Field;

typedef struct {
    VsfRecordKind kind;
    uint32_t format;
    const char *name;
    const Field *fields;
    size_t n_fields;
    size_t n_optional; /* of the last fields: later agents send them */
    /* For what is no plain list of fields. */
    gboolean (*decode)(VsfReader *reader);
} Record;

static const Field if_counters[] = {
    {"ifIndex", U32},
    {"ifType", U32},
    {"ifSpeed", U64},
    {"ifDirection", U32},
    {"ifStatus", U32},
    {"ifInOctets", U64},
    {"ifInUcastPkts", U32},
    {"ifInMulticastPkts", U32},
    {"ifInBroadcastPkts", U32},
    {"ifInDiscards", U32},
    {"ifInErrors", U32},
    {"ifInUnknownProtos", U32},
    {"ifOutOctets", U64},
    {"ifOutUcastPkts", U32},
    {"ifOutMulticastPkts", U32},
    {"ifOutBroadcastPkts", U32},
    {"ifOutDiscards", U32},
    {"ifOutErrors", U32},
    {"ifPromiscuousMode", U32},
};
static const Field port_name[] = {{"name", TEXT}};
static const Field extended_switch[] = {
    {"src_vlan", U32}, {"src_priority", U32}, {"dst_vlan", U32}, {"dst_priority", U32}};
static const Field timestamp[] = {{"ns", U64}};
static const Field extended_entities[] = {
    {"src_class", U32}, {"src_index", U32}, {"dst_class", U32}, {"dst_index", U32}};
static const Field host_descr[] = {{"hostname", TEXT},
                                   {"uuid", UUID},
                                   {"machine_type", U32},
                                   {"os_name", U32},
                                   {"os_release", TEXT}};
static const Field host_parent[] = {{"class", U32}, {"index", U32}};
static const Field host_cpu[] = {
    {"load_one", FLOAT}, {"load_five", FLOAT}, {"load_fifteen", FLOAT}, {"proc_run", U32},
    {"proc_total", U32}, {"cpu_num", U32},     {"cpu_speed", U32},      {"uptime", U32},
    {"cpu_user", U32},   {"cpu_nice", U32},    {"cpu_system", U32},     {"cpu_idle", U32},
    {"cpu_wio", U32},    {"cpu_intr", U32},    {"cpu_sintr", U32},      {"interrupts", U32},
    {"contexts", U32},   {"cpu_steal", U32},   {"cpu_guest", U32},      {"cpu_guest_nice", U32},
};
static const Field host_memory[] = {
    {"mem_total", U64},  {"mem_free", U64},   {"mem_shared", U64}, {"mem_buffers", U64},
    {"mem_cached", U64}, {"swap_total", U64}, {"swap_free", U64},  {"page_in", U32},
    {"page_out", U32},   {"swap_in", U32},    {"swap_out", U32},
};
static const Field host_disk_io[] = {
    {"disk_total", U64}, {"disk_free", U64},     {"part_max_used", U32},
    {"reads", U32},      {"bytes_read", U64},    {"read_time", U32},
    {"writes", U32},     {"bytes_written", U64}, {"write_time", U32},
};
/* Also virt_net_io: the same fields. */
static const Field net_io[] = {
    {"bytes_in", U64},  {"pkts_in", U32},  {"errs_in", U32},  {"drops_in", U32},
    {"bytes_out", U64}, {"pkts_out", U32}, {"errs_out", U32}, {"drops_out", U32},
};
static const Field mib2_ip[] = {
    {"ipForwarding", U32},      {"ipDefaultTTL", U32},   {"ipInReceives", U32},
    {"ipInHdrErrors", U32},     {"ipInAddrErrors", U32}, {"ipForwDatagrams", U32},
    {"ipInUnknownProtos", U32}, {"ipInDiscards", U32},   {"ipInDelivers", U32},
    {"ipOutRequests", U32},     {"ipOutDiscards", U32},  {"ipOutNoRoutes", U32},
    {"ipReasmTimeout", U32},    {"ipReasmReqds", U32},   {"ipReasmOKs", U32},
    {"ipReasmFails", U32},      {"ipFragOKs", U32},      {"ipFragFails", U32},
    {"ipFragCreates", U32},
};
static const Field mib2_icmp[] = {
    {"icmpInMsgs", U32},          {"icmpInErrors", U32},         {"icmpInDestUnreachs", U32},
    {"icmpInTimeExcds", U32},     {"icmpInParamProbs", U32},     {"icmpInSrcQuenchs", U32},
    {"icmpInRedirects", U32},     {"icmpInEchos", U32},          {"icmpInEchoReps", U32},
    {"icmpInTimestamps", U32},    {"icmpInAddrMasks", U32},      {"icmpInAddrMaskReps", U32},
    {"icmpOutMsgs", U32},         {"icmpOutErrors", U32},        {"icmpOutDestUnreachs", U32},
    {"icmpOutTimeExcds", U32},    {"icmpOutParamProbs", U32},    {"icmpOutSrcQuenchs", U32},
    {"icmpOutRedirects", U32},    {"icmpOutEchos", U32},         {"icmpOutEchoReps", U32},
    {"icmpOutTimestamps", U32},   {"icmpOutTimestampReps", U32}, {"icmpOutAddrMasks", U32},
    {"icmpOutAddrMaskReps", U32},
};
static const Field mib2_tcp[] = {
    {"tcpRtoAlgorithm", U32}, {"tcpRtoMin", U32},      {"tcpRtoMax", U32},
    {"tcpMaxConn", U32},      {"tcpActiveOpens", U32}, {"tcpPassiveOpens", U32},
    {"tcpAttemptFails", U32}, {"tcpEstabResets", U32}, {"tcpCurrEstab", U32},
    {"tcpInSegs", U32},       {"tcpOutSegs", U32},     {"tcpRetransSegs", U32},
    {"tcpInErrs", U32},       {"tcpOutRsts", U32},     {"tcpInCsumErrors", U32},
};
static const Field mib2_udp[] = {
    {"udpInDatagrams", U32},  {"udpNoPorts", U32},      {"udpInErrors", U32},
    {"udpOutDatagrams", U32}, {"udpRcvbufErrors", U32}, {"udpSndbufErrors", U32},
    {"udpInCsumErrors", U32},
};
static const Field virt_node[] = {
    {"mhz", U32}, {"cpus", U32}, {"memory", U64}, {"memory_free", U64}, {"num_domains", U32}};
static const Field virt_cpu[] = {{"state", U32}, {"cpuTime", U32}, {"nrVirtCpu", U32}};
static const Field virt_memory[] = {{"memory", U64}, {"maxMemory", U64}};
static const Field virt_disk_io[] = {
    {"capacity", U64}, {"allocation", U64}, {"available", U64}, {"rd_req", U32},
    {"rd_bytes", U64}, {"wr_req", U32},     {"wr_bytes", U64},  {"errs", U32},
};

static gboolean decode_sampled_header(VsfReader *reader);
static gboolean decode_host_adapters(VsfReader *reader);

#define FIELDS(table) table, G_N_ELEMENTS(table)

static const Record records[] = {
    {VSF_RECORDS_FLOW, 1, "sampled_header", NULL, 0, 0, decode_sampled_header},
    {VSF_RECORDS_FLOW, 1001, "extended_switch", FIELDS(extended_switch)},
    {VSF_RECORDS_FLOW, 1043, "timestamp", FIELDS(timestamp)},
    {VSF_RECORDS_FLOW, 2210, "extended_entities", FIELDS(extended_entities)},
    {VSF_RECORDS_COUNTER, 1, "if_counters", FIELDS(if_counters)},
    {VSF_RECORDS_COUNTER, 1005, "port_name", FIELDS(port_name)},
    {VSF_RECORDS_COUNTER, 2000, "host_descr", FIELDS(host_descr)},
    {VSF_RECORDS_COUNTER, 2001, "host_adapters", NULL, 0, 0, decode_host_adapters},
    {VSF_RECORDS_COUNTER, 2002, "host_parent", FIELDS(host_parent)},
    {VSF_RECORDS_COUNTER, 2003, "host_cpu", FIELDS(host_cpu), 3},
    {VSF_RECORDS_COUNTER, 2004, "host_memory", FIELDS(host_memory)},
    {VSF_RECORDS_COUNTER, 2005, "host_disk_io", FIELDS(host_disk_io)},
    {VSF_RECORDS_COUNTER, 2006, "host_net_io", FIELDS(net_io)},
    {VSF_RECORDS_COUNTER, 2007, "mib2_ip", FIELDS(mib2_ip)},
    {VSF_RECORDS_COUNTER, 2008, "mib2_icmp", FIELDS(mib2_icmp)},
    {VSF_RECORDS_COUNTER, 2009, "mib2_tcp", FIELDS(mib2_tcp)},
    {VSF_RECORDS_COUNTER, 2010, "mib2_udp", FIELDS(mib2_udp)},
    {VSF_RECORDS_COUNTER, 2100, "virt_node", FIELDS(virt_node)},
    {VSF_RECORDS_COUNTER, 2101, "virt_cpu", FIELDS(virt_cpu)},
    {VSF_RECORDS_COUNTER, 2102, "virt_memory", FIELDS(virt_memory)},
    {VSF_RECORDS_COUNTER, 2103, "virt_disk_io", FIELDS(virt_disk_io)},
    {VSF_RECORDS_COUNTER, 2104, "virt_net_io", FIELDS(net_io)},
};

static gboolean
decode_float(VsfReader *reader, const char *name)
{
    uint32_t bits;
    float value;

    if (!vsf_reader_u32(reader, name, &bits))
        return FALSE;
    memcpy(&value, &bits, sizeof(value));
    if (value == -1.0F)
        reader->sink->unknown(reader->user_data, name);
    else
        vsf_reader_tell_float(reader, name, value);
    return TRUE;
}

static gboolean
decode_uuid(VsfReader *reader, const char *name)
{
    static const uint8_t zero[16];
    const uint8_t *at;
    char text[37];
    char *to = text;

    if (!vsf_reader_fixed(reader, name, sizeof(zero), &at))
        return FALSE;
    if (memcmp(at, zero, sizeof(zero)) == 0) {
        reader->sink->unknown(reader->user_data, name);
        return TRUE;
    }
    for (int i = 0; i < 16; i++) {
        gboolean dash = i == 4 || i == 6 || i == 8 || i == 10;

        to += g_snprintf(to, 4, dash ? "-%02x" : "%02x", at[i]);
    }
    vsf_reader_tell_text(reader, name, text);
    return TRUE;
}

static gboolean
decode_field(VsfReader *reader, const Field *field)
{
    const uint8_t *bytes;
    uint32_t u32;
    uint64_t u64;

    switch (field->type) {
    case U32:
        if (!vsf_reader_u32(reader, field->name, &u32))
            return FALSE;
        vsf_reader_tell_integer(reader, field->name, u32, UINT32_MAX);
        return TRUE;
    case U64:
        if (!vsf_reader_u64(reader, field->name, &u64))
            return FALSE;
        vsf_reader_tell_integer(reader, field->name, u64, UINT64_MAX);
        return TRUE;
    case FLOAT:
        return decode_float(reader, field->name);
    case UUID:
        return decode_uuid(reader, field->name);
    case TEXT:
        if (!vsf_reader_opaque(reader, field->name, &bytes, &u32))
            return FALSE;
        reader->sink->text(reader->user_data, field->name, (const char *)bytes, u32);
        return TRUE;
    }
    g_assert_not_reached();
}

static gboolean
decode_fields(VsfReader *reader, const Record *record)
{
    for (size_t i = 0; i < record->n_fields; i++) {
        /* All optional fields are words. */
        gboolean optional = i >= record->n_fields - record->n_optional;

        if (optional && vsf_reader_left(reader) < 4)
            return TRUE;
        if (!decode_field(reader, &record->fields[i]))
            return FALSE;
    }
    return TRUE;
}

static gboolean
decode_sampled_header(VsfReader *reader)
{
    static const Field frame_length = {"frame_length", U32};
    static const Field stripped = {"stripped", U32};
    const uint8_t *header;
    uint32_t protocol, length;

    if (!vsf_reader_u32(reader, "protocol", &protocol))
        return FALSE;
    vsf_reader_tell_integer(reader, "protocol", protocol, UINT32_MAX);
    if (!decode_field(reader, &frame_length) || !decode_field(reader, &stripped) ||
        !vsf_reader_opaque(reader, "header", &header, &length))
        return FALSE;
    reader->sink->bytes(reader->user_data, "header", header, length);
    vsf_frame_tell(reader, protocol, header, length);
    return TRUE;
}

static gboolean
decode_adapter(VsfReader *reader)
{
    static const Field if_index = {"ifIndex", U32};
    const uint8_t *mac;
    uint32_t n_macs;

    if (!decode_field(reader, &if_index) || !vsf_reader_count(reader, "MACs", 8, &n_macs))
        return FALSE;
    reader->sink->begin_array(reader->user_data, "macs");
    for (uint32_t i = 0; i < n_macs; i++) {
        if (vsf_reader_fixed(reader, "MAC", 8, &mac)) /* counted, so it is there */
            vsf_reader_tell_mac(reader, NULL, mac);
    }
    reader->sink->end_array(reader->user_data);
    return TRUE;
}

static gboolean
decode_host_adapters(VsfReader *reader)
{
    gboolean ok = TRUE;
    uint32_t n;

    if (!vsf_reader_count(reader, "adapters", 8, &n))
        return FALSE;
    reader->sink->begin_array(reader->user_data, "adapters");
    for (uint32_t i = 0; ok && i < n; i++) {
        reader->sink->begin_object(reader->user_data, NULL);
        ok = decode_adapter(reader);
        reader->sink->end_object(reader->user_data);
    }
    reader->sink->end_array(reader->user_data);
    return ok;
}

static const Record *
find_record(VsfRecordKind kind, uint32_t format)
{
    for (gsize i = 0; i < G_N_ELEMENTS(records); i++) {
        if (records[i].kind == kind && records[i].format == format)
            return &records[i];
    }
    return NULL;
}

static gboolean
decode_record(VsfReader *reader, VsfRecordKind kind)
{
    const Record *record;
    gboolean ok = TRUE;
    uint32_t format;
    size_t outer;
    char name[32];

    if (!vsf_reader_u32(reader, "record format", &format))
        return FALSE;
    record = find_record(kind, format);
    if (record != NULL)
        g_strlcpy(name, record->name, sizeof(name));
    else
        g_snprintf(name, sizeof(name), "%u:%u", format >> 12, format & 0xfff);
    if (!vsf_reader_enter(reader, name, &outer))
        return FALSE;
    reader->context = name;
    reader->sink->begin_object(reader->user_data, name);
    if (record == NULL)
        reader->sink->integer(reader->user_data, "length", vsf_reader_left(reader));
    else if (record->decode != NULL)
        ok = record->decode(reader);
    else
        ok = decode_fields(reader, record);
    reader->sink->end_object(reader->user_data);
    reader->context = NULL;
    vsf_reader_leave(reader, outer);
    return ok;
}

gboolean
vsf_records_decode(VsfReader *reader, VsfRecordKind kind)
{
    gboolean ok = TRUE;
    uint32_t n;

    if (!vsf_reader_count(reader, "records", 8, &n))
        return FALSE;
    reader->sink->begin_object(reader->user_data, "records");
    for (uint32_t i = 0; ok && i < n; i++)
        ok = decode_record(reader, kind);
    reader->sink->end_object(reader->user_data);
    return ok;
}
