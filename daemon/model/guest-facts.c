/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reduces a report of the guest agent to bounded facts, and keeps the newest of
 * each part. */
#include "guest-facts.h"

#include "fnv.h"
#include "guest-os.h"

#include <string.h>

#define KEY_TAIL 5 /* '_' and 4 hex digits */

G_STATIC_ASSERT(sizeof(((VsfGuestFacts *)NULL)->os_release) == VSF_OS_RELEASE_SIZE);

static void
filesystem_free(gpointer data)
{
    VsfGuestFilesystem *filesystem = data;

    g_free(filesystem->mount_point);
    g_free(filesystem->type);
    g_free(filesystem->device);
    g_free(filesystem);
}

VsfGuestFacts *
vsf_guest_facts_new(void)
{
    VsfGuestFacts *facts = g_new0(VsfGuestFacts, 1);

    facts->available = VSF_QGA_UNKNOWN;
    facts->filesystems = g_ptr_array_new_with_free_func(filesystem_free);
    facts->memory = (VsfQgaMemory){VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN,
                                   VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN, VSF_QGA_UNKNOWN};
    facts->load = (VsfQgaLoad){VSF_QGA_UNKNOWN_LOAD, VSF_QGA_UNKNOWN_LOAD, VSF_QGA_UNKNOWN_LOAD};
    facts->steal_ms = VSF_QGA_UNKNOWN;
    return facts;
}

void
vsf_guest_facts_free(VsfGuestFacts *facts)
{
    if (facts == NULL)
        return;
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        g_free(facts->reason[part]);
    g_ptr_array_unref(facts->filesystems);
    g_free(facts->host_name);
    g_free(facts);
}

/* Unknown if a part is, and if a lie makes it too large. */
static guint64
sum(guint64 a, guint64 b)
{
    guint64 total;

    if (a == VSF_QGA_UNKNOWN || b == VSF_QGA_UNKNOWN || !g_uint64_checked_add(&total, a, b))
        return VSF_QGA_UNKNOWN;
    return total;
}

/* --- keys of filesystems ------------------------------------------------ */

static guint
fold(guint32 hash)
{
    return (hash >> 16 ^ hash) & 0xffff;
}

static void
write_key(char *key, const char *mount_point, guint hash)
{
    guint used = 0;

    for (const char *at = mount_point; *at != '\0' && used < VSF_GUEST_KEY_MAX - KEY_TAIL; at++) {
        if (g_ascii_isalnum(*at))
            key[used++] = *at;
        else if (used > 0 && key[used - 1] != '_')
            key[used++] = '_';
    }
    if (used > 0 && key[used - 1] == '_')
        used--;
    if (used == 0)
        used = (guint)g_strlcpy(key, "root", VSF_GUEST_KEY_MAX + 1);
    g_snprintf(key + used, KEY_TAIL + 1, "_%04x", hash);
}

static gboolean
has_key(const GPtrArray *filesystems, const char *key)
{
    for (guint i = 0; i < filesystems->len; i++)
        if (strcmp(((const VsfGuestFilesystem *)filesystems->pdata[i])->key, key) == 0)
            return TRUE;
    return FALSE;
}

/* Two filesystems may have one mount point, one above the other, and mount points
 * may be made to collide. The device then makes the difference; counting on ends
 * what a guest may do on purpose, since there are more hashes than filesystems. */
static void
choose_key(const GPtrArray *others, VsfGuestFilesystem *filesystem)
{
    const char *mount_point = filesystem->mount_point;
    guint32 hash = vsf_fnv(VSF_FNV_START, mount_point, strlen(mount_point));

    write_key(filesystem->key, mount_point, fold(hash));
    if (!has_key(others, filesystem->key))
        return;
    /* With its NUL, so that the two texts cannot be shifted. */
    hash = vsf_fnv(VSF_FNV_START, mount_point, strlen(mount_point) + 1);
    hash = vsf_fnv(hash, filesystem->device, strlen(filesystem->device));
    for (guint folded = fold(hash);; folded = (folded + 1) & 0xffff) {
        write_key(filesystem->key, mount_point, folded);
        if (!has_key(others, filesystem->key))
            return;
    }
}

/* --- filesystems --------------------------------------------------------- */

static gboolean
is_counted(const VsfQgaFilesystem *filesystem)
{
    if (filesystem->read_only_type || filesystem->total_bytes == 0)
        return FALSE;
    /* What is in a loop's file is counted below it; the others are memory. */
    if (g_str_has_prefix(filesystem->name, "loop") || g_str_has_prefix(filesystem->name, "ram") ||
        g_str_has_prefix(filesystem->name, "zram"))
        return FALSE;
    /* So the agent of Windows calls a volume that is mounted nowhere. */
    return filesystem->total_bytes != VSF_QGA_UNKNOWN ||
           filesystem->used_bytes != VSF_QGA_UNKNOWN ||
           strcmp(filesystem->mount_point, "System Reserved") != 0;
}

static guint64
used_of(const VsfQgaFilesystem *filesystem)
{
    if (filesystem->used_bytes == VSF_QGA_UNKNOWN)
        return VSF_QGA_UNKNOWN;
    return MIN(filesystem->used_bytes, filesystem->total_bytes);
}

static void
keep_filesystem(VsfGuestFacts *facts, const VsfQgaFilesystem *filesystem)
{
    VsfGuestFilesystem *kept = g_new0(VsfGuestFilesystem, 1);

    kept->mount_point = g_strdup(filesystem->mount_point);
    kept->type = g_strdup(filesystem->type);
    kept->device = g_strdup(filesystem->name);
    kept->total = filesystem->total_bytes;
    kept->used = used_of(filesystem);
    choose_key(facts->filesystems, kept);
    g_ptr_array_add(facts->filesystems, kept);
}

static void
take_filesystems(VsfGuestFacts *facts, const VsfQgaFilesystems *all)
{
    guint64 total = 0, used = 0;
    guint n = 0;

    for (guint i = 0; i < all->filesystems->len; i++) {
        const VsfQgaFilesystem *filesystem = all->filesystems->pdata[i];

        if (!is_counted(filesystem))
            continue;
        n++;
        total = sum(total, filesystem->total_bytes);
        used = sum(used, used_of(filesystem));
        if (facts->filesystems->len < VSF_GUEST_FILESYSTEMS_MAX) {
            keep_filesystem(facts, filesystem);
            continue;
        }
        facts->n_rest++;
        facts->rest_total = sum(facts->rest_total, filesystem->total_bytes);
        facts->rest_used = sum(facts->rest_used, used_of(filesystem));
    }
    /* Less than all would be a lie. */
    if (n > 0 && all->n_left_out == 0 && total != VSF_QGA_UNKNOWN && used != VSF_QGA_UNKNOWN)
        facts->available = total - used;
}

/* --- a report ------------------------------------------------------------ */

static void
take_steal(VsfGuestFacts *facts, const GArray *cpus)
{
    facts->steal_ms = cpus->len > 0 ? 0 : VSF_QGA_UNKNOWN;
    for (guint i = 0; i < cpus->len; i++)
        facts->steal_ms = sum(facts->steal_ms, g_array_index(cpus, VsfQgaCpuStats, i).steal_ms);
}

static void
take_part(VsfGuestFacts *facts, const VsfQgaReport *report, VsfQgaPart part)
{
    switch (part) {
    case VSF_QGA_PART_FILESYSTEMS:
        take_filesystems(facts, report->filesystems);
        break;
    case VSF_QGA_PART_MEMORY:
        facts->memory = *report->memory;
        break;
    case VSF_QGA_PART_OS:
        facts->os_name = vsf_guest_os_name(report->os);
        vsf_guest_os_release(report->os, facts->os_release);
        break;
    case VSF_QGA_PART_HOST_NAME:
        facts->host_name = g_strdup(report->host_name);
        break;
    case VSF_QGA_PART_LOAD:
        facts->load = *report->load;
        break;
    case VSF_QGA_PART_CPU_STATS:
        take_steal(facts, report->cpu_stats);
        break;
    case VSF_QGA_PART_DISK_STATS:
    case VSF_QGA_PART_INTERFACES:
    case VSF_QGA_N_PARTS:
        break; /* nothing of them is exported */
    }
}

VsfGuestFacts *
vsf_guest_facts_of_report(const VsfQgaReport *report, guint32 wants, gint64 now_us)
{
    VsfGuestFacts *facts = vsf_guest_facts_new();

    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        facts->state[part] = report->state[part];
        facts->reason[part] = g_strdup(report->reason[part]);
        /* The conversation ended before it came to this one. */
        if (report->error != NULL && report->state[part] == VSF_QGA_STATE_NOT_ASKED &&
            (wants & VSF_QGA_WANT(part)) != 0) {
            facts->state[part] = report->ended;
            facts->reason[part] = g_strdup(report->error->message);
        }
        if (report->state[part] != VSF_QGA_STATE_KNOWN)
            continue;
        facts->known_us[part] = now_us;
        take_part(facts, report, (VsfQgaPart)part);
    }
    return facts;
}

/* --- the newest of each part --------------------------------------------- */

#define SWAP(a, b)               \
    G_STMT_START                 \
    {                            \
        gpointer swap_was = (a); \
        (a) = (b);               \
        (b) = swap_was;          \
    }                            \
    G_STMT_END

static void
merge_values(VsfGuestFacts *known, VsfGuestFacts *newer, VsfQgaPart part)
{
    switch (part) {
    case VSF_QGA_PART_FILESYSTEMS:
        known->available = newer->available;
        SWAP(known->filesystems, newer->filesystems);
        known->n_rest = newer->n_rest;
        known->rest_total = newer->rest_total;
        known->rest_used = newer->rest_used;
        break;
    case VSF_QGA_PART_MEMORY:
        known->memory = newer->memory;
        break;
    case VSF_QGA_PART_OS:
        known->os_name = newer->os_name;
        memcpy(known->os_release, newer->os_release, sizeof(known->os_release));
        break;
    case VSF_QGA_PART_HOST_NAME:
        SWAP(known->host_name, newer->host_name);
        break;
    case VSF_QGA_PART_LOAD:
        known->load = newer->load;
        break;
    case VSF_QGA_PART_CPU_STATS:
        known->steal_ms = newer->steal_ms;
        break;
    case VSF_QGA_PART_DISK_STATS:
    case VSF_QGA_PART_INTERFACES:
    case VSF_QGA_N_PARTS:
        break;
    }
}

void
vsf_guest_facts_merge(VsfGuestFacts *known, VsfGuestFacts *newer)
{
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++) {
        if (newer->state[part] == VSF_QGA_STATE_NOT_ASKED)
            continue;
        known->state[part] = newer->state[part];
        SWAP(known->reason[part], newer->reason[part]);
        if (newer->state[part] != VSF_QGA_STATE_KNOWN)
            continue;
        known->known_us[part] = newer->known_us[part];
        merge_values(known, newer, (VsfQgaPart)part);
    }
}
