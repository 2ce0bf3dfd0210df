/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporter-detail.h"

#include <string.h>

#define NAME_MAX_BYTES 63 /* of a metric */

typedef enum { COUNTER, GAUGE } Kind;

typedef struct {
    VsfXdr *xdr;
    VsfSflowMetrics metrics;
    const char *source;
    VsfDetailSample sample;
    gpointer user_data;
} Writer;

static void
begin_sample(Writer *writer)
{
    writer->xdr->used = 0;
    writer->xdr->overflow = FALSE;
    writer->metrics = vsf_sflow_metrics_begin(writer->xdr, writer->source);
}

static void
end_sample(Writer *writer)
{
    if (vsf_sflow_metrics_end(writer->xdr, &writer->metrics))
        writer->sample(writer->xdr, writer->user_data);
}

/* "disk", "vda", "reads" -> "disk_vda_reads". What stands in the middle comes from
 * the domain's XML or is a key made of such characters. */
static void
join_name(char name[NAME_MAX_BYTES + 1], const char *group, const char *key, const char *field)
{
    g_snprintf(name, NAME_MAX_BYTES + 1, "%s%s%s%s%s", group, *key != '\0' ? "_" : "", key,
               *field != '\0' ? "_" : "", field);
    g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-", '_');
}

static gboolean
write_number(Writer *writer, const char *name, Kind kind, guint64 value)
{
    return kind == COUNTER ? vsf_sflow_metric_counter64(writer->xdr, &writer->metrics, name, value)
                           : vsf_sflow_metric_gauge64(writer->xdr, &writer->metrics, name, value);
}

static void
put_number(Writer *writer, const char *group, const char *key, const char *field, Kind kind,
           guint64 value)
{
    char name[NAME_MAX_BYTES + 1];

    if (value == VSF_UNKNOWN)
        return;
    join_name(name, group, key, field);
    if (write_number(writer, name, kind, value))
        return;
    end_sample(writer);
    begin_sample(writer);
    /* An empty sample has room for one metric of any size. */
    if (!write_number(writer, name, kind, value))
        g_assert_not_reached();
}

static void
put_text(Writer *writer, const char *group, const char *key, const char *field, const char *text)
{
    char name[NAME_MAX_BYTES + 1];

    if (text == NULL)
        return;
    join_name(name, group, key, field);
    if (vsf_sflow_metric_text(writer->xdr, &writer->metrics, name, text))
        return;
    end_sample(writer);
    begin_sample(writer);
    if (!vsf_sflow_metric_text(writer->xdr, &writer->metrics, name, text))
        g_assert_not_reached();
}

static void
put_load(Writer *writer, const char *name, double value)
{
    if (value < 0)
        return;
    if (vsf_sflow_metric_double(writer->xdr, &writer->metrics, name, value))
        return;
    end_sample(writer);
    begin_sample(writer);
    if (!vsf_sflow_metric_double(writer->xdr, &writer->metrics, name, value))
        g_assert_not_reached();
}

static guint64
scaled(guint64 value, guint64 unit)
{
    return value == VSF_UNKNOWN ? VSF_UNKNOWN : value / unit;
}

/* --- what the host sees ------------------------------------------------ */

static void
put_disk(Writer *writer, const char *group, const char *key, const VsfDiskDetail *disk)
{
    put_number(writer, group, key, "reads", COUNTER, disk->rd_req);
    put_number(writer, group, key, "read_bytes", COUNTER, disk->rd_bytes);
    put_number(writer, group, key, "writes", COUNTER, disk->wr_req);
    put_number(writer, group, key, "write_bytes", COUNTER, disk->wr_bytes);
    put_number(writer, group, key, "flushes", COUNTER, disk->fl_req);
    put_number(writer, group, key, "read_latency_us", GAUGE, scaled(disk->rd_latency_ns, 1000));
    put_number(writer, group, key, "write_latency_us", GAUGE, scaled(disk->wr_latency_ns, 1000));
    put_number(writer, group, key, "flush_latency_us", GAUGE, scaled(disk->fl_latency_ns, 1000));
    put_number(writer, group, key, "capacity_bytes", GAUGE, disk->capacity);
    put_number(writer, group, key, "physical_bytes", GAUGE, disk->physical);
}

static void
put_nic(Writer *writer, const char *group, const VsfNetCounters *net)
{
    put_number(writer, group, "", "bytes_in", COUNTER, net->bytes_in);
    put_number(writer, group, "", "packets_in", COUNTER, net->packets_in);
    put_number(writer, group, "", "errors_in", COUNTER, net->errors_in);
    put_number(writer, group, "", "drops_in", COUNTER, net->drops_in);
    put_number(writer, group, "", "bytes_out", COUNTER, net->bytes_out);
    put_number(writer, group, "", "packets_out", COUNTER, net->packets_out);
    put_number(writer, group, "", "errors_out", COUNTER, net->errors_out);
    put_number(writer, group, "", "drops_out", COUNTER, net->drops_out);
}

static void
put_host(Writer *writer, const VsfDomainDetail *detail)
{
    put_number(writer, "vcpu", "", "wait_ms", COUNTER, scaled(detail->vcpu_wait_ns, 1000000));
    put_number(writer, "stuck", "", "s", GAUGE, detail->stuck_s);
    for (guint i = 0; i < detail->disks->len; i++) {
        const VsfDiskDetail *disk = &g_array_index(detail->disks, VsfDiskDetail, i);

        put_disk(writer, "disk", disk->target, disk);
    }
    if (detail->n_disks_rest > 0) {
        put_number(writer, "disks_rest", "", "count", GAUGE, detail->n_disks_rest);
        put_disk(writer, "disks_rest", "", &detail->disks_rest);
    }
    for (guint i = 0; i < detail->nics->len; i++) {
        const VsfNicDetail *nic = &g_array_index(detail->nics, VsfNicDetail, i);
        char group[16];

        g_snprintf(group, sizeof(group), "nic%u", nic->number);
        put_number(writer, group, "", "ifindex", GAUGE, nic->ifindex);
        put_nic(writer, group, &nic->net);
    }
    if (detail->n_nics_rest > 0) {
        put_number(writer, "nics_rest", "", "count", GAUGE, detail->n_nics_rest);
        put_nic(writer, "nics_rest", &detail->nics_rest);
    }
}

/* --- what the guest says ----------------------------------------------- */

static void
put_truth(Writer *writer, const char *group, const VsfTruth *truth)
{
    put_text(writer, group, "", "source", vsf_source_name(truth->source));
    put_text(writer, group, "", "why", vsf_why_name(truth->why));
    if (truth->age_s >= 0)
        put_number(writer, group, "", "age_s", GAUGE, (guint64)truth->age_s);
}

static guint64
used(guint64 total, guint64 free)
{
    return total == VSF_UNKNOWN || free == VSF_UNKNOWN ? VSF_UNKNOWN : total - MIN(free, total);
}

static void
put_filesystems(Writer *writer, const VsfGuestFacts *facts)
{
    for (guint i = 0; i < facts->filesystems->len; i++) {
        const VsfGuestFilesystem *filesystem = facts->filesystems->pdata[i];

        put_number(writer, "fs", filesystem->key, "total_bytes", GAUGE, filesystem->total);
        put_number(writer, "fs", filesystem->key, "used_bytes", GAUGE, filesystem->used);
        put_text(writer, "fs", filesystem->key, "mount", filesystem->mount_point);
        put_text(writer, "fs", filesystem->key, "type", filesystem->type);
        put_text(writer, "fs", filesystem->key, "device", filesystem->device);
    }
    if (facts->n_rest > 0) {
        put_number(writer, "fs_rest", "", "count", GAUGE, facts->n_rest);
        put_number(writer, "fs_rest", "", "total_bytes", GAUGE, facts->rest_total);
        put_number(writer, "fs_rest", "", "used_bytes", GAUGE, facts->rest_used);
    }
}

/* Whether and when a part was known. TRUE if its values are recent enough to be sent. */
static gboolean
put_part(Writer *writer, const char *group, const VsfGuestFacts *facts, VsfQgaPart part,
         const VsfDomainDetail *detail)
{
    put_text(writer, group, "", "agent_state", vsf_qga_state_name(facts->state[part]));
    if (detail->part_age_s[part] >= 0)
        put_number(writer, group, "", "agent_age_s", GAUGE, (guint64)detail->part_age_s[part]);
    return detail->part_fresh[part];
}

/* By the source that memory has, so that the series never changes its meaning. */
static guint64
page_cache(const VsfDomainDetail *detail, const VsfGuestFacts *facts)
{
    switch (detail->memory.source) {
    case VSF_SOURCE_BALLOON:
        return detail->page_cache;
    case VSF_SOURCE_AGENT:
        return facts != NULL && detail->part_fresh[VSF_QGA_PART_MEMORY] ? facts->memory.cached
                                                                        : VSF_UNKNOWN;
    case VSF_SOURCE_UNDECIDED:
    case VSF_SOURCE_HOST:
    case VSF_N_SOURCES:
        break;
    }
    return VSF_UNKNOWN;
}

static void
put_guest(Writer *writer, const VsfDomainDetail *detail, const VsfGuestFacts *facts)
{
    if (put_part(writer, "fs", facts, VSF_QGA_PART_FILESYSTEMS, detail))
        put_filesystems(writer, facts);
    if (put_part(writer, "meminfo", facts, VSF_QGA_PART_MEMORY, detail)) {
        put_number(writer, "swap", "", "total_bytes", GAUGE, facts->memory.swap_total);
        put_number(writer, "swap", "", "used_bytes", GAUGE,
                   used(facts->memory.swap_total, facts->memory.swap_free));
    }
    if (put_part(writer, "load", facts, VSF_QGA_PART_LOAD, detail)) {
        put_load(writer, "load_1m", facts->load.one_minute);
        put_load(writer, "load_5m", facts->load.five_minutes);
        put_load(writer, "load_15m", facts->load.fifteen_minutes);
    }
    if (put_part(writer, "cpu", facts, VSF_QGA_PART_CPU_STATS, detail))
        put_number(writer, "cpu", "", "steal_ms", COUNTER, facts->steal_ms);
    put_part(writer, "os", facts, VSF_QGA_PART_OS, detail);
    put_part(writer, "host_name", facts, VSF_QGA_PART_HOST_NAME, detail);
}

void
vsf_detail_metrics(VsfXdr *xdr, const char *source, const VsfDomainDetail *detail,
                   const VsfGuestFacts *facts, VsfDetailSample sample, gpointer user_data)
{
    Writer writer = {.xdr = xdr, .source = source, .sample = sample, .user_data = user_data};

    begin_sample(&writer);
    put_truth(&writer, "memory", &detail->memory);
    put_truth(&writer, "available", &detail->available);
    put_text(&writer, "agent", "", "state", detail->agent);
    put_number(&writer, "agent", "", "latency_ms", GAUGE, detail->agent_latency_ms);
    put_number(&writer, "agent", "", "age_s", GAUGE, detail->agent_age_s);
    put_host(&writer, detail);
    put_number(&writer, "page_cache", "", "bytes", GAUGE, page_cache(detail, facts));
    if (facts != NULL)
        put_guest(&writer, detail, facts);
    end_sample(&writer);
}
