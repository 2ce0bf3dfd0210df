/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/diskstats. Which of its lines are disks, the caller knows from /sys. */
#include "parse.h"
#include "text.h"

#include <string.h>

#define SECTOR 512 /* of diskstats, whatever the disk's own are */

/* "md127": the prefix and nothing but digits after it. */
static gboolean
is_numbered(const char *name, const char *prefix)
{
    if (!g_str_has_prefix(name, prefix))
        return FALSE;
    name += strlen(prefix);
    return g_ascii_isdigit(*name) && strspn(name, "0123456789") == strlen(name);
}

/* nvme0c1n1: one controller's path to nvme0n1, which counts the same again. */
static gboolean
is_nvme_path(const char *name)
{
    const char *at;

    if (!g_str_has_prefix(name, "nvme"))
        return FALSE;
    at = name + strlen("nvme");
    at += strspn(at, "0123456789");
    return *at == 'c';
}

gboolean
vsf_host_is_derived_disk(const char *name)
{
    static const char *const prefixes[] = {"loop", "ram", "zram",   "dm-", "md", "md_d",
                                           "drbd", "zd",  "bcache", "sr",  "fd"};

    for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (is_numbered(name, prefixes[i]))
            return TRUE;
    }
    return is_nvme_path(name);
}

static gboolean
add(guint64 *sum, guint64 value)
{
    return value != VSF_UNKNOWN && g_uint64_checked_add(sum, *sum, value) && *sum != VSF_UNKNOWN;
}

static gboolean
add_sectors(guint64 *sum, guint64 sectors)
{
    guint64 bytes = 0;

    return sectors != VSF_UNKNOWN && g_uint64_checked_mul(&bytes, sectors, SECTOR) &&
           add(sum, bytes);
}

/* Reads, merged ones, sectors, milliseconds, and the same of writes; more follow. */
static gboolean
add_line(VsfText line, VsfHostDisk *sum)
{
    guint64 columns[8];
    VsfText word;

    for (gsize i = 0; i < G_N_ELEMENTS(columns); i++) {
        if (!vsf_text_word(&line, &word))
            return FALSE;
        columns[i] = vsf_text_number(word);
    }
    return add(&sum->reads, columns[0]) && add_sectors(&sum->bytes_read, columns[2]) &&
           add(&sum->read_ms, columns[3]) && add(&sum->writes, columns[4]) &&
           add_sectors(&sum->bytes_written, columns[6]) && add(&sum->write_ms, columns[7]);
}

static gboolean
is_one_of(GHashTable *disks, VsfText word)
{
    char name[64];

    if (word.length >= sizeof(name))
        return FALSE;
    memcpy(name, word.at, word.length);
    name[word.length] = '\0';
    return g_hash_table_contains(disks, name);
}

VsfHostDisk
vsf_host_parse_diskstats(const char *text, gsize length, GHashTable *disks)
{
    static const VsfHostDisk unknown = {VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN,
                                        VSF_UNKNOWN, VSF_UNKNOWN, VSF_UNKNOWN};
    VsfHostDisk sum = {0};
    VsfText rest = {text, length};
    VsfText line, major, minor, name;

    while (vsf_text_line(&rest, &line)) {
        if (!vsf_text_word(&line, &major) || !vsf_text_word(&line, &minor) ||
            !vsf_text_word(&line, &name) || !is_one_of(disks, name))
            continue;
        if (!add_line(line, &sum))
            return unknown;
    }
    return rest.length > 0 || g_hash_table_size(disks) == 0 ? unknown : sum;
}
