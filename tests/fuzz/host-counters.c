/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's files of the whole host: what disks and interfaces say of themselves comes out of
 * drivers and firmware, and any file may end anywhere. */
#include "../../daemon/host/parse.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* A copy of just that size, so that a read past the end is seen. */
    g_autofree char *exact = g_memdup2(data, size);
    g_autofree char *name = g_strndup((const char *)data, size);
    const char *bytes = exact != NULL ? exact : "";
    g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();
    g_autoptr(GHashTable) disks = g_hash_table_new(g_str_hash, g_str_equal);
    VsfHostDisk disk;
    VsfHostLast last = vsf_host_last_none();

    g_hash_table_add(disks, (gpointer) "sda");
    g_hash_table_add(disks, (gpointer) "cciss/c0d0");
    vsf_host_parse_loadavg(bytes, size, &counters->cpu);
    for (gsize i = 0; i < G_N_ELEMENTS(counters->cpu.load); i++)
        g_assert_true(counters->cpu.load[i] == -1.0 ||
                      (isfinite(counters->cpu.load[i]) && counters->cpu.load[i] >= 0));
    vsf_host_parse_uptime(bytes, size, &counters->cpu);
    vsf_host_parse_stat(bytes, size, 100, &counters->cpu);
    vsf_host_parse_stat(bytes, size, 1024, &counters->cpu);
    vsf_host_parse_meminfo(bytes, size, &counters->memory);
    vsf_host_parse_vmstat(bytes, size, 4096, &counters->memory);
    vsf_host_parse_vmstat(bytes, size, 512, &counters->memory);
    vsf_host_is_derived_disk(name);
    disk = vsf_host_parse_diskstats(bytes, size, disks);
    /* All of it or nothing. */
    g_assert_true((disk.reads == VSF_UNKNOWN) == (disk.write_ms == VSF_UNKNOWN));
    g_assert_true((disk.reads == VSF_UNKNOWN) == (disk.bytes_read == VSF_UNKNOWN));
    counters->disk = disk;
    vsf_host_parse_snmp(bytes, size, &counters->mib);
    g_assert_false(vsf_host_counters_step_back(&last, counters));
    g_assert_false(vsf_host_counters_step_back(&last, counters));
    return 0;
}
