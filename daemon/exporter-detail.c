/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporter-detail.h"

static guint64
scaled(guint64 value, guint64 unit)
{
    return value == VSF_UNKNOWN ? VSF_UNKNOWN : value / unit;
}

/* --- what the host sees ------------------------------------------------ */

static void
put_disk(VsfMetricWriter *writer, const char *group, const char *key, const VsfDiskDetail *disk)
{
    vsf_metric_number(writer, group, key, "reads", VSF_METRIC_COUNTER, disk->rd_req);
    vsf_metric_number(writer, group, key, "read_bytes", VSF_METRIC_COUNTER, disk->rd_bytes);
    vsf_metric_number(writer, group, key, "writes", VSF_METRIC_COUNTER, disk->wr_req);
    vsf_metric_number(writer, group, key, "write_bytes", VSF_METRIC_COUNTER, disk->wr_bytes);
    vsf_metric_number(writer, group, key, "flushes", VSF_METRIC_COUNTER, disk->fl_req);
    vsf_metric_number(writer, group, key, "read_latency_us", VSF_METRIC_GAUGE,
                      scaled(disk->rd_latency_ns, 1000));
    vsf_metric_number(writer, group, key, "write_latency_us", VSF_METRIC_GAUGE,
                      scaled(disk->wr_latency_ns, 1000));
    vsf_metric_number(writer, group, key, "flush_latency_us", VSF_METRIC_GAUGE,
                      scaled(disk->fl_latency_ns, 1000));
    vsf_metric_number(writer, group, key, "capacity_bytes", VSF_METRIC_GAUGE, disk->capacity);
    vsf_metric_number(writer, group, key, "physical_bytes", VSF_METRIC_GAUGE, disk->physical);
}

static void
put_nic(VsfMetricWriter *writer, const char *group, const VsfNetCounters *net)
{
    vsf_metric_number(writer, group, "", "bytes_in", VSF_METRIC_COUNTER, net->bytes_in);
    vsf_metric_number(writer, group, "", "packets_in", VSF_METRIC_COUNTER, net->packets_in);
    vsf_metric_number(writer, group, "", "errors_in", VSF_METRIC_COUNTER, net->errors_in);
    vsf_metric_number(writer, group, "", "drops_in", VSF_METRIC_COUNTER, net->drops_in);
    vsf_metric_number(writer, group, "", "bytes_out", VSF_METRIC_COUNTER, net->bytes_out);
    vsf_metric_number(writer, group, "", "packets_out", VSF_METRIC_COUNTER, net->packets_out);
    vsf_metric_number(writer, group, "", "errors_out", VSF_METRIC_COUNTER, net->errors_out);
    vsf_metric_number(writer, group, "", "drops_out", VSF_METRIC_COUNTER, net->drops_out);
}

static void
put_host(VsfMetricWriter *writer, const VsfDomainDef *def, const VsfDomainDetail *detail)
{
    vsf_metric_number(writer, "vcpu", "", "wait_ms", VSF_METRIC_COUNTER,
                      scaled(detail->vcpu_wait_ns, 1000000));
    vsf_metric_number(writer, "stuck", "", "s", VSF_METRIC_GAUGE, detail->stuck_s);
    vsf_metric_number(writer, "stale", "", "s", VSF_METRIC_GAUGE, detail->stale_s);
    for (guint i = 0; i < detail->disks->len; i++) {
        const VsfDiskDetail *disk = &g_array_index(detail->disks, VsfDiskDetail, i);

        const VsfDisk *known = vsf_domain_disk(def, disk->target);

        put_disk(writer, "disk", disk->target, disk);
        if (known != NULL)
            vsf_metric_text(writer, "disk", disk->target, "volume", vsf_domain_volume(def, known));
    }
    if (detail->n_disks_rest > 0) {
        vsf_metric_number(writer, "disks_rest", "", "count", VSF_METRIC_GAUGE,
                          detail->n_disks_rest);
        put_disk(writer, "disks_rest", "", &detail->disks_rest);
    }
    for (guint i = 0; i < detail->nics->len; i++) {
        const VsfNicDetail *nic = &g_array_index(detail->nics, VsfNicDetail, i);
        char group[16];

        g_snprintf(group, sizeof(group), "nic%u", nic->number);
        if (nic->ifindex != 0)
            vsf_metric_number(writer, group, "", "ifindex", VSF_METRIC_GAUGE, nic->ifindex);
        if (nic->number < def->nics->len)
            vsf_metric_text(writer, group, "", "port",
                            vsf_domain_port(def, def->nics->pdata[nic->number]));
        put_nic(writer, group, &nic->net);
    }
    if (detail->n_nics_rest > 0) {
        vsf_metric_number(writer, "nics_rest", "", "count", VSF_METRIC_GAUGE, detail->n_nics_rest);
        put_nic(writer, "nics_rest", &detail->nics_rest);
    }
}

/* NICs whose packets pass no interface of the host. */
static void
put_hostdevs(VsfMetricWriter *writer, const VsfDomainDef *def, const VsfHostdevs *hostdevs)
{
    for (guint i = 0, n = 0; i < def->nics->len && n < VSF_DETAIL_NICS_MAX; i++) {
        const VsfNic *nic = def->nics->pdata[i];
        const VsfNetCounters *net;
        char group[16];

        if (nic->pci[0] == '\0')
            continue;
        n++;
        g_snprintf(group, sizeof(group), "nic%u", i);
        vsf_metric_text(writer, group, "", "pci", nic->pci);
        net = hostdevs->counters(nic->pci, hostdevs->user_data);
        if (net != NULL)
            put_nic(writer, group, net);
    }
}

/* --- what the cloud says ------------------------------------------------ */

static void
put_nova(VsfMetricWriter *writer, const VsfNova *nova)
{
    vsf_metric_text(writer, "nova", "", "name", nova->name);
    vsf_metric_number(writer, "nova", "", "created_s", VSF_METRIC_GAUGE, nova->created_s);
    vsf_metric_text(writer, "nova", "", "flavor", nova->flavor.name);
    vsf_metric_number(writer, "nova_flavor", "", "vcpus", VSF_METRIC_GAUGE, nova->flavor.vcpus);
    vsf_metric_number(writer, "nova_flavor", "", "memory_bytes", VSF_METRIC_GAUGE,
                      nova->flavor.memory);
    vsf_metric_number(writer, "nova_flavor", "", "disk_bytes", VSF_METRIC_GAUGE, nova->flavor.disk);
    vsf_metric_text(writer, "nova_project", "", "id", nova->project.id);
    vsf_metric_text(writer, "nova_project", "", "name", nova->project.name);
    vsf_metric_text(writer, "nova_user", "", "id", nova->user.id);
    vsf_metric_text(writer, "nova_user", "", "name", nova->user.name);
    vsf_metric_text(writer, "nova", "", "image", nova->image);
}

/* --- what the guest says ----------------------------------------------- */

static void
put_truth(VsfMetricWriter *writer, const char *group, const VsfTruth *truth)
{
    vsf_metric_text(writer, group, "", "source", vsf_source_name(truth->source));
    vsf_metric_text(writer, group, "", "why", vsf_why_name(truth->why));
    if (truth->age_s >= 0)
        vsf_metric_number(writer, group, "", "age_s", VSF_METRIC_GAUGE, (guint64)truth->age_s);
}

static guint64
used(guint64 total, guint64 free)
{
    return total == VSF_UNKNOWN || free == VSF_UNKNOWN ? VSF_UNKNOWN : total - MIN(free, total);
}

static void
put_filesystems(VsfMetricWriter *writer, const VsfGuestFacts *facts)
{
    for (guint i = 0; i < facts->filesystems->len; i++) {
        const VsfGuestFilesystem *filesystem = facts->filesystems->pdata[i];

        vsf_metric_number(writer, "fs", filesystem->key, "total_bytes", VSF_METRIC_GAUGE,
                          filesystem->total);
        vsf_metric_number(writer, "fs", filesystem->key, "used_bytes", VSF_METRIC_GAUGE,
                          filesystem->used);
        vsf_metric_text(writer, "fs", filesystem->key, "mount", filesystem->mount_point);
        vsf_metric_text(writer, "fs", filesystem->key, "type", filesystem->type);
        vsf_metric_text(writer, "fs", filesystem->key, "device", filesystem->device);
    }
    if (facts->n_rest > 0) {
        vsf_metric_number(writer, "fs_rest", "", "count", VSF_METRIC_GAUGE, facts->n_rest);
        vsf_metric_number(writer, "fs_rest", "", "total_bytes", VSF_METRIC_GAUGE,
                          facts->rest_total);
        vsf_metric_number(writer, "fs_rest", "", "used_bytes", VSF_METRIC_GAUGE, facts->rest_used);
    }
}

/* Whether and when a part was known. TRUE if its values are recent enough to be sent. */
static gboolean
put_part(VsfMetricWriter *writer, const char *group, const VsfGuestFacts *facts, VsfQgaPart part,
         const VsfDomainDetail *detail)
{
    vsf_metric_text(writer, group, "", "agent_state", vsf_qga_state_name(facts->state[part]));
    if (detail->part_age_s[part] >= 0)
        vsf_metric_number(writer, group, "", "agent_age_s", VSF_METRIC_GAUGE,
                          (guint64)detail->part_age_s[part]);
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
put_guest(VsfMetricWriter *writer, const VsfDomainDetail *detail, const VsfGuestFacts *facts)
{
    if (put_part(writer, "fs", facts, VSF_QGA_PART_FILESYSTEMS, detail))
        put_filesystems(writer, facts);
    if (put_part(writer, "meminfo", facts, VSF_QGA_PART_MEMORY, detail)) {
        vsf_metric_number(writer, "swap", "", "total_bytes", VSF_METRIC_GAUGE,
                          facts->memory.swap_total);
        vsf_metric_number(writer, "swap", "", "used_bytes", VSF_METRIC_GAUGE,
                          used(facts->memory.swap_total, facts->memory.swap_free));
    }
    if (put_part(writer, "load", facts, VSF_QGA_PART_LOAD, detail)) {
        vsf_metric_real(writer, "load_1m", facts->load.one_minute);
        vsf_metric_real(writer, "load_5m", facts->load.five_minutes);
        vsf_metric_real(writer, "load_15m", facts->load.fifteen_minutes);
    }
    if (put_part(writer, "cpu", facts, VSF_QGA_PART_CPU_STATS, detail))
        vsf_metric_number(writer, "cpu", "", "steal_ms", VSF_METRIC_COUNTER, facts->steal_ms);
    put_part(writer, "os", facts, VSF_QGA_PART_OS, detail);
    put_part(writer, "host_name", facts, VSF_QGA_PART_HOST_NAME, detail);
}

void
vsf_detail_metrics(VsfXdr *xdr, const VsfDomainDef *def, const VsfDomainDetail *detail,
                   const VsfGuestFacts *facts, const VsfHostdevs *hostdevs, VsfMetricSample sample,
                   gpointer user_data)
{
    VsfMetricWriter writer;

    vsf_metric_writer_begin(&writer, xdr, def->uuid, sample, user_data);
    put_truth(&writer, "memory", &detail->memory);
    put_truth(&writer, "available", &detail->available);
    vsf_metric_text(&writer, "agent", "", "state", detail->agent);
    vsf_metric_number(&writer, "agent", "", "latency_ms", VSF_METRIC_GAUGE,
                      detail->agent_latency_ms);
    vsf_metric_number(&writer, "agent", "", "age_s", VSF_METRIC_GAUGE, detail->agent_age_s);
    put_host(&writer, def, detail);
    if (hostdevs->counters != NULL)
        put_hostdevs(&writer, def, hostdevs);
    if (def->nova != NULL)
        put_nova(&writer, def->nova);
    vsf_metric_number(&writer, "page_cache", "", "bytes", VSF_METRIC_GAUGE,
                      page_cache(detail, facts));
    if (facts != NULL)
        put_guest(&writer, detail, facts);
    vsf_metric_writer_end(&writer);
}
