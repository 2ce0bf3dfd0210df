/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mounts.h"

#include "text.h"

#include <string.h>

#define MAJOR_RAM "1:"
#define MAJOR_LOOP "7:"

static void
mount_free(gpointer data)
{
    VsfMount *mount = data;

    g_free(mount->device);
    g_free(mount->path);
    g_free(mount->pool);
    g_free(mount);
}

/* Blanks, newlines and backslashes stand there as \040 and so on. */
static char *
unescape(VsfText word)
{
    GString *text = g_string_sized_new(word.length);

    for (gsize i = 0; i < word.length; i++) {
        const char *at = word.at + i;

        if (*at == '\\' && word.length - i > 3 && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' &&
            at[2] <= '7' && at[3] >= '0' && at[3] <= '7') {
            g_string_append_c(text, (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + at[3] - '0'));
            i += 3;
        } else {
            g_string_append_c(text, *at);
        }
    }
    return g_string_free(text, FALSE);
}

static gboolean
is_counted_type(VsfText type)
{
    static const char *const types[] = {
        "ext2", "ext3", "ext4",     "xfs",    "btrfs", "zfs",   "bcachefs", "f2fs",
        "jfs",  "vfat", "reiserfs", "nilfs2", "exfat", "msdos", "ntfs3",    "hfsplus",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
        if (vsf_text_is(type, types[i]))
            return TRUE;
    }
    return FALSE;
}

/* A dataset "tank/home" shares the free space of "tank". */
static char *
pool_of(VsfText type, VsfText source, VsfText device)
{
    gsize length = 0;

    if (!vsf_text_is(type, "zfs"))
        return g_strndup(device.at, device.length);
    while (length < source.length && source.at[length] != '/')
        length++;
    return g_strdup_printf("zfs %.*s", (int)MIN(length, 4096), source.at);
}

/* id parent major:minor root path options [fields...] - type source options. NULL if it does not
 * count. */
static VsfMount *
parse_line(VsfText line)
{
    VsfText id, word, device, path, type, source;
    VsfMount *mount;

    if (!vsf_text_word(&line, &id) || !vsf_text_word(&line, &word) ||
        !vsf_text_word(&line, &device) || !vsf_text_word(&line, &word) ||
        !vsf_text_word(&line, &path) || !vsf_text_word(&line, &word))
        return NULL;
    while (vsf_text_word(&line, &word) && !vsf_text_is(word, "-"))
        continue;
    if (!vsf_text_word(&line, &type) || !vsf_text_word(&line, &source) || !is_counted_type(type) ||
        vsf_text_begins(device, MAJOR_LOOP) || vsf_text_begins(device, MAJOR_RAM) ||
        vsf_text_begins(source, "/dev/zram"))
        return NULL;
    mount = g_new0(VsfMount, 1);
    mount->id = vsf_text_number(id);
    mount->device = g_strndup(device.at, device.length);
    mount->path = unescape(path);
    mount->pool = pool_of(type, source, device);
    return mount;
}

GPtrArray *
vsf_mounts_parse(const char *text, gsize length)
{
    GPtrArray *mounts = g_ptr_array_new_with_free_func(mount_free);
    VsfText rest = {text, length};
    VsfText line;

    while (vsf_text_line(&rest, &line)) {
        VsfMount *mount = parse_line(line);

        if (mount != NULL)
            g_ptr_array_add(mounts, mount);
    }
    return mounts;
}

typedef struct {
    guint64 used, free;
} Pool;

static gboolean
add_to_pool(GHashTable *pools, const char *name, guint64 total, guint64 free)
{
    Pool *pool = g_hash_table_lookup(pools, name);

    if (free > total)
        return FALSE;
    if (pool == NULL) {
        pool = g_new0(Pool, 1);
        g_hash_table_insert(pools, g_strdup(name), pool);
    }
    pool->free = MAX(pool->free, free);
    return g_uint64_checked_add(&pool->used, pool->used, total - free);
}

/* Hundredths of a percent; no overflow below 2^64 bytes. */
static guint64
share(guint64 used, guint64 total)
{
    if (total == 0)
        return 0;
    return used <= G_MAXUINT64 / 10000 ? used * 10000 / total
                                       : MIN(used / MAX(total / 10000, 1), 10000);
}

static VsfHostSpace
sum_of(GHashTable *pools)
{
    VsfHostSpace sum = {0};
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, pools);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Pool *pool = value;
        guint64 total = 0;

        if (!g_uint64_checked_add(&total, pool->used, pool->free) ||
            !g_uint64_checked_add(&sum.total, sum.total, total))
            return vsf_host_space_unknown();
        sum.free += pool->free; /* never above the total */
        sum.most_used = MAX(sum.most_used, share(pool->used, total));
    }
    return g_hash_table_size(pools) > 0 ? sum : vsf_host_space_unknown();
}

VsfHostSpace
vsf_mounts_space(const GPtrArray *mounts, VsfSpaceFunc ask, gpointer user_data)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) pools = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < mounts->len; i++) {
        const VsfMount *mount = g_ptr_array_index(mounts, i);
        guint64 total = 0, free = 0;

        if (g_hash_table_contains(seen, mount->device))
            continue;
        switch (ask(mount, &total, &free, user_data)) {
        case VSF_SPACE_HIDDEN:
            continue;
        case VSF_SPACE_FAILED:
            return vsf_host_space_unknown();
        case VSF_SPACE_KNOWN:
            break;
        }
        g_hash_table_add(seen, mount->device);
        if (!add_to_pool(pools, mount->pool, total, free))
            return vsf_host_space_unknown();
    }
    return sum_of(pools);
}
