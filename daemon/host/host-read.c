/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host-read.h"

#include "interfaces.h"
#include "mounts.h"
#include "parse.h"
#include "proc-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* More than any of these files has: thousands of disks, mounts, CPUs and interrupts. */
#define FILE_MAX (4 * 1024 * 1024)

static void
read_cpu(const char *root, VsfHostCpu *cpu)
{
    gsize length = 0;
    long ticks_per_s = sysconf(_SC_CLK_TCK);
    g_autofree char *loadavg = vsf_proc_read_all(root, "proc/loadavg", FILE_MAX, &length);
    g_autofree char *uptime = NULL;
    g_autofree char *stat = NULL;

    if (loadavg != NULL)
        vsf_host_parse_loadavg(loadavg, length, cpu);
    uptime = vsf_proc_read_all(root, "proc/uptime", FILE_MAX, &length);
    if (uptime != NULL)
        vsf_host_parse_uptime(uptime, length, cpu);
    stat = vsf_proc_read_all(root, "proc/stat", FILE_MAX, &length);
    if (stat != NULL && ticks_per_s > 0)
        vsf_host_parse_stat(stat, length, (guint64)ticks_per_s, cpu);
}

static void
read_memory(const char *root, VsfHostMemory *memory)
{
    gsize length = 0;
    long page_size = sysconf(_SC_PAGESIZE);
    g_autofree char *meminfo = vsf_proc_read_all(root, "proc/meminfo", FILE_MAX, &length);
    g_autofree char *vmstat = NULL;

    if (meminfo != NULL)
        vsf_host_parse_meminfo(meminfo, length, memory);
    vmstat = vsf_proc_read_all(root, "proc/vmstat", FILE_MAX, &length);
    if (vmstat != NULL && page_size > 0)
        vsf_host_parse_vmstat(vmstat, length, (guint64)page_size, memory);
}

/* It lies on others, which count what it does. */
static gboolean
has_slaves(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "slaves", NULL);
    g_autoptr(GDir) slaves = g_dir_open(path, 0, NULL);

    return slaves != NULL && g_dir_read_name(slaves) != NULL;
}

static gboolean
is_hidden(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "hidden", NULL);
    char hidden = '0';

    return vsf_proc_read(path, &hidden, 1) == 1 && hidden == '1';
}

/* Names of the whole disks as diskstats has them: sysfs has '!' where they have a '/'. */
static GHashTable *
list_disks(const char *root)
{
    GHashTable *disks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *all = g_strconcat(root, "/sys/block", NULL);
    g_autoptr(GDir) folder = g_dir_open(all, 0, NULL);
    const char *name;

    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(all, name, NULL);

        if (!vsf_host_is_derived_disk(name) && !has_slaves(path) && !is_hidden(path))
            g_hash_table_add(disks, g_strdelimit(g_strdup(name), "!", '/'));
    }
    return disks;
}

static guint64
set_of(GHashTable *disks)
{
    GHashTableIter iter;
    gpointer name;
    guint64 set = 0;

    g_hash_table_iter_init(&iter, disks);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        set = vsf_host_set_with(set, g_str_hash(name));
    return set;
}

static void
read_disks(const char *root, VsfHostCounters *counters)
{
    gsize length = 0;
    g_autoptr(GHashTable) disks = list_disks(root);
    g_autofree char *diskstats = vsf_proc_read_all(root, "proc/diskstats", FILE_MAX, &length);

    if (diskstats != NULL)
        counters->disk = vsf_host_parse_diskstats(diskstats, length, disks);
    if (counters->disk.reads != VSF_UNKNOWN)
        counters->disk_set = set_of(disks);
}

static void
read_mib(const char *root, VsfHostMib *mib)
{
    gsize length = 0;
    g_autofree char *snmp = vsf_proc_read_all(root, "proc/net/snmp", FILE_MAX, &length);

    if (snmp != NULL)
        vsf_host_parse_snmp(snmp, length, mib);
}

VsfHostCounters *
vsf_host_read(const char *root)
{
    VsfHostCounters *counters = vsf_host_counters_new();

    read_cpu(root, &counters->cpu);
    read_memory(root, &counters->memory);
    read_disks(root, counters);
    read_mib(root, &counters->mib);
    vsf_interfaces_read(root, counters);
    return counters;
}

/* --- space --------------------------------------------------------------- */

/* TRUE if what @fd lies on is that mount, and not one that was mounted over it. Linux 5.8 says so.
 */
static gboolean
is_of_mount(int fd, guint64 id)
{
    struct statx answer;

    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &answer) != 0 ||
           (answer.stx_mask & STATX_MNT_ID) == 0 || answer.stx_mnt_id == id;
}

static VsfSpaceAnswer
ask_kernel(const VsfMount *mount, guint64 *total, guint64 *free, gpointer user_data G_GNUC_UNUSED)
{
    struct statvfs space;
    int fd = open(mount->path, O_PATH | O_CLOEXEC);
    VsfSpaceAnswer answer = VSF_SPACE_FAILED;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EPERM
                   ? VSF_SPACE_HIDDEN
                   : VSF_SPACE_FAILED;
    if (!is_of_mount(fd, mount->id))
        answer = VSF_SPACE_HIDDEN;
    else if (fstatvfs(fd, &space) == 0 &&
             g_uint64_checked_mul(total, space.f_blocks, space.f_frsize) &&
             g_uint64_checked_mul(free, space.f_bavail, space.f_frsize))
        answer = VSF_SPACE_KNOWN;
    close(fd);
    return answer;
}

VsfHostSpace
vsf_host_read_space(void)
{
    gsize length = 0;
    g_autofree char *text = vsf_proc_read_all("", "proc/self/mountinfo", FILE_MAX, &length);
    g_autoptr(GPtrArray) mounts = NULL;

    if (text == NULL)
        return vsf_host_space_unknown();
    mounts = vsf_mounts_parse(text, length);
    return vsf_mounts_space(mounts, ask_kernel, NULL);
}
