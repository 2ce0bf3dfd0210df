/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "node.h"

#include "proc-file.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HOSTNAME_MAX 63 /* as for VMs: Ganglia's and others' limit for a name */
#define UNKNOWN_MHZ G_MAXUINT32
/* Some files of /proc and /sys are long on big machines; what is asked of them
 * stands in front. */
#define MEMINFO_BYTES 4096
#define CPUINFO_BYTES (1024 * 1024)

/* A file's bytes, at most @size of them, NUL-terminated; NULL if unreadable. */
static char *
read_head(const char *path, gsize size, gsize *length)
{
    g_autofree char *text = g_malloc(size + 1);
    gssize used = vsf_proc_read(path, text, size);

    if (used < 0)
        return NULL;
    text[used] = '\0';
    *length = (gsize)used;
    return g_steal_pointer(&text);
}

/* meminfo's unit is KiB, whatever "kB" says. */
static gboolean
kib_line(VsfText line, const char *key, guint64 *bytes)
{
    VsfText value;
    guint64 kib = 0;

    return vsf_text_value(line, key, &value) && vsf_text_digits(value, &kib) &&
           g_uint64_checked_mul(bytes, kib, 1024);
}

gboolean
vsf_node_parse_meminfo(const char *text, gsize length, guint64 *total, guint64 *available)
{
    VsfText rest = {text, length};
    VsfText line;
    guint64 mem_total = 0, mem_free = 0, mem_available = 0, value = 0;
    gboolean has_available = FALSE;

    while (vsf_text_line(&rest, &line)) {
        if (kib_line(line, "MemTotal", &value))
            mem_total = value;
        else if (kib_line(line, "MemFree", &value))
            mem_free = value;
        else if (kib_line(line, "MemAvailable", &value)) {
            mem_available = value;
            has_available = TRUE;
        }
    }
    if (mem_total == 0)
        return FALSE;
    *total = mem_total;
    *available = MIN(has_available ? mem_available : mem_free, mem_total);
    return TRUE;
}

/* x86 writes "cpu MHz", s390 "cpu MHz static", power "clock : 3425.000000MHz",
 * arm nothing at all. */
guint32
vsf_node_parse_mhz(const char *text, gsize length)
{
    static const char *const keys[] = {"cpu MHz", "cpu MHz static", "clock"};
    VsfText rest = {text, length};
    VsfText line;
    guint64 highest = 0;

    while (vsf_text_line(&rest, &line)) {
        for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
            VsfText value;
            guint64 mhz = 0;

            if (vsf_text_value(line, keys[i], &value) && vsf_text_digits(value, &mhz) &&
                mhz < UNKNOWN_MHZ)
                highest = MAX(highest, mhz);
        }
    }
    return highest > 0 ? (guint32)highest : UNKNOWN_MHZ;
}

gboolean
vsf_node_parse_uuid(const char *text, guint8 bytes[16])
{
    guint8 read[16] = {0};
    guint n = 0;
    guint8 any = 0, all = 0xff;

    for (; *text != '\0' && !g_ascii_isspace(*text); text++) {
        int digit = g_ascii_xdigit_value(*text);

        if (*text == '-')
            continue;
        if (digit < 0 || n == 32)
            return FALSE;
        read[n / 2] = (guint8)(read[n / 2] << 4 | digit);
        n++;
    }
    for (guint i = 0; i < sizeof(read); i++) {
        any |= read[i];
        all &= read[i];
    }
    if (n != 32 || any == 0 || all == 0xff)
        return FALSE;
    memcpy(bytes, read, sizeof(read));
    return TRUE;
}

char *
vsf_node_sanitise_hostname(const char *raw)
{
    GString *name = g_string_new(NULL);

    for (const char *at = raw; *at != '\0' && name->len < HOSTNAME_MAX; at++) {
        gboolean plain = g_ascii_isalnum(*at) || strchr("._-", *at) != NULL;

        g_string_append_c(name, plain ? *at : '_');
    }
    if (name->len == 0)
        g_string_append(name, "localhost");
    return g_string_free(name, FALSE);
}

static void
read_uuid(guint8 bytes[16])
{
    static const char *const paths[] = {"/sys/class/dmi/id/product_uuid", "/etc/machine-id"};

    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        gsize length = 0;
        g_autofree char *text = read_head(paths[i], 64, &length);

        if (text != NULL && vsf_node_parse_uuid(text, bytes))
            return;
    }
}

/* The nominal top speed where the kernel knows it, else what cpuinfo shows now. */
static guint32
read_mhz(void)
{
    gsize length = 0;
    guint64 khz = 0;
    g_autofree char *cpufreq = read_head("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
                                         32, &length);
    g_autofree char *cpuinfo = NULL;

    if (cpufreq != NULL && vsf_text_digits((VsfText){cpufreq, length}, &khz) && khz >= 1000 &&
        khz / 1000 < UNKNOWN_MHZ)
        return (guint32)(khz / 1000);
    cpuinfo = read_head("/proc/cpuinfo", CPUINFO_BYTES, &length);
    return cpuinfo != NULL ? vsf_node_parse_mhz(cpuinfo, length) : UNKNOWN_MHZ;
}

static void
read_memory(VsfNode *node)
{
    gsize length = 0;
    g_autofree char *text = read_head("/proc/meminfo", MEMINFO_BYTES, &length);

    if (text != NULL)
        vsf_node_parse_meminfo(text, length, &node->memory, &node->memory_free);
}

static guint32
count_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n > 0 ? (guint32)n : 1;
}

VsfNode *
vsf_node_read(void)
{
    VsfNode *node = g_new0(VsfNode, 1);
    struct utsname name;

    if (uname(&name) == 0) {
        node->hostname = vsf_node_sanitise_hostname(name.nodename);
        g_strlcpy(node->arch, name.machine, sizeof(node->arch));
        g_strlcpy(node->os_release, name.release, sizeof(node->os_release));
    } else {
        node->hostname = vsf_node_sanitise_hostname("");
    }
    read_uuid(node->uuid);
    node->cpus = count_cpus();
    node->mhz = read_mhz();
    read_memory(node);
    return node;
}

/* On a machine without cpufreq the speed comes from /proc/cpuinfo, which is
 * long (and slow to make) with many CPUs: what was read at the start stays. */
void
vsf_node_refresh(VsfNode *node, const VsfHostCounters *counters)
{
    const VsfHostMemory *memory = counters != NULL ? &counters->memory : NULL;

    if (counters != NULL && counters->cpu.cpus != VSF_UNKNOWN)
        node->cpus = (guint32)MIN(counters->cpu.cpus, G_MAXUINT32);
    else
        node->cpus = count_cpus();
    if (memory != NULL && memory->total != VSF_UNKNOWN && memory->available != VSF_UNKNOWN) {
        node->memory = memory->total;
        node->memory_free = MIN(memory->available, memory->total);
    } else {
        read_memory(node);
    }
}

void
vsf_node_free(VsfNode *node)
{
    if (node == NULL)
        return;
    g_free(node->hostname);
    g_free(node);
}
