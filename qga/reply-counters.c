/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-get-cpustats and guest-get-diskstats. */
#include "envelope.h"
#include "field.h"
#include "reply.h"

static VsfQgaCpuStats
parse_cpu(JsonObject *entry)
{
    return (VsfQgaCpuStats){
        .cpu = vsf_qga_field_u32(entry, "cpu"),
        .user_ms = vsf_qga_field_u64(entry, "user"),
        .nice_ms = vsf_qga_field_u64(entry, "nice"),
        .system_ms = vsf_qga_field_u64(entry, "system"),
        .idle_ms = vsf_qga_field_u64(entry, "idle"),
        .iowait_ms = vsf_qga_field_u64(entry, "iowait"),
        .irq_ms = vsf_qga_field_u64(entry, "irq"),
        .softirq_ms = vsf_qga_field_u64(entry, "softirq"),
        .steal_ms = vsf_qga_field_u64(entry, "steal"),
        .guest_ms = vsf_qga_field_u64(entry, "guest"),
        .guest_nice_ms = vsf_qga_field_u64(entry, "guestnice"),
    };
}

GArray *
vsf_qga_parse_cpu_stats(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonArray) list = vsf_qga_envelope_array(reply, length, error);
    GArray *all;

    if (list == NULL)
        return NULL;
    all = g_array_new(FALSE, FALSE, sizeof(VsfQgaCpuStats));
    for (guint i = 0; i < json_array_get_length(list) && all->len < VSF_QGA_CPUS_MAX; i++) {
        JsonObject *entry = vsf_qga_element(list, i);

        if (entry != NULL && vsf_qga_field_u32(entry, "cpu") != G_MAXUINT32) {
            VsfQgaCpuStats cpu = parse_cpu(entry);

            g_array_append_val(all, cpu);
        }
    }
    return all;
}

static void
disk_free(gpointer data)
{
    VsfQgaDiskStats *disk = data;

    g_free(disk->name);
    g_free(disk);
}

/* Takes @name. */
static VsfQgaDiskStats *
parse_disk(JsonObject *entry, JsonObject *stats, char *name)
{
    VsfQgaDiskStats *disk = g_new0(VsfQgaDiskStats, 1);

    *disk = (VsfQgaDiskStats){
        .name = name,
        .major = vsf_qga_field_u32(entry, "major"),
        .minor = vsf_qga_field_u32(entry, "minor"),
        .read_ios = vsf_qga_field_u64(stats, "read-ios"),
        .read_merges = vsf_qga_field_u64(stats, "read-merges"),
        .read_sectors = vsf_qga_field_u64(stats, "read-sectors"),
        .read_ms = vsf_qga_field_u64(stats, "read-ticks"),
        .write_ios = vsf_qga_field_u64(stats, "write-ios"),
        .write_merges = vsf_qga_field_u64(stats, "write-merges"),
        .write_sectors = vsf_qga_field_u64(stats, "write-sectors"),
        .write_ms = vsf_qga_field_u64(stats, "write-ticks"),
        .discard_ios = vsf_qga_field_u64(stats, "discard-ios"),
        .discard_merges = vsf_qga_field_u64(stats, "discard-merges"),
        .discard_sectors = vsf_qga_field_u64(stats, "discard-sectors"),
        .discard_ms = vsf_qga_field_u64(stats, "discard-ticks"),
        .flush_ios = vsf_qga_field_u64(stats, "flush-ios"),
        .flush_ms = vsf_qga_field_u64(stats, "flush-ticks"),
        .in_progress = vsf_qga_field_u64(stats, "ios-pgr"),
        .total_ms = vsf_qga_field_u64(stats, "total-ticks"),
        .weighted_ms = vsf_qga_field_u64(stats, "weight-ticks"),
    };
    return disk;
}

GPtrArray *
vsf_qga_parse_disk_stats(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonArray) list = vsf_qga_envelope_array(reply, length, error);
    GPtrArray *all;

    if (list == NULL)
        return NULL;
    all = g_ptr_array_new_with_free_func(disk_free);
    for (guint i = 0; i < json_array_get_length(list) && all->len < VSF_QGA_DISK_STATS_MAX; i++) {
        JsonObject *entry = vsf_qga_element(list, i);
        JsonObject *stats = entry != NULL ? vsf_qga_field_object(entry, "stats") : NULL;
        char *name = stats != NULL ? vsf_qga_field_text(entry, "name") : NULL;

        if (name != NULL)
            g_ptr_array_add(all, parse_disk(entry, stats, name));
    }
    return all;
}
