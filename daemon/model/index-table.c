/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table UUID -> index and its text form:
 *
 *     virt-sflow-indexes 1
 *     <uuid> <index> <last used, seconds since the epoch>
 */
#include "index-table.h"

#include "domain.h"
#include "fnv.h"

#include <limits.h>
#include <string.h>

G_DEFINE_QUARK(vsf - index - table - error - quark, vsf_index_table_error)

#define HEADER "virt-sflow-indexes "
#define VERSION 1
#define MAX_LINE 96 /* UUID, 8 and 19 digits, two blanks */

typedef struct {
    guint8 uuid[16];
    guint32 index;
    gint64 used_s;
} Entry;

struct VsfIndexTable {
    VsfIndexKind kind;
    guint32 min, max;     /* the indexes of that kind */
    GHashTable *by_uuid;  /* Entry.uuid -> Entry, owned */
    GHashTable *by_index; /* index -> the same Entry */
};

/* The finaliser of splitmix64. */
static guint64
mix(guint64 x)
{
    x ^= x >> 30;
    x *= G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The same on every machine and in every release: after the loss of the file,
 * and on the host that a VM migrates to, its index is most likely the old one. */
static guint64
hash_uuid(const guint8 uuid[16])
{
    guint64 high, low;

    memcpy(&high, uuid, 8);
    memcpy(&low, uuid + 8, 8);
    return mix(GUINT64_FROM_BE(high) + mix(GUINT64_FROM_BE(low)));
}

guint32
vsf_index_hsflowd(const guint8 uuid[16], gboolean char_is_signed)
{
    guint32 hash = VSF_FNV_START;

    for (guint i = 0; i < 16; i++) {
        /* A byte above 127 is a negative number there, whose upper bits are ones. */
        guint32 byte = char_is_signed && uuid[i] > 127 ? 0xffffff00u | uuid[i] : uuid[i];

        hash = (hash ^ byte) * 0x01000193u;
    }
    return VSF_INDEX_HSFLOWD_MIN + hash % (VSF_INDEX_HSFLOWD_MAX - VSF_INDEX_HSFLOWD_MIN + 1);
}

static guint32
preferred_index(const VsfIndexTable *table, const guint8 uuid[16])
{
    if (table->kind == VSF_INDEX_HSFLOWD)
        return vsf_index_hsflowd(uuid, CHAR_MIN < 0);
    return table->min + (guint32)(hash_uuid(uuid) % (table->max - table->min + 1));
}

static guint
uuid_hash(gconstpointer key)
{
    return (guint)hash_uuid(key);
}

static gboolean
uuid_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, 16) == 0;
}

VsfIndexTable *
vsf_index_table_new(VsfIndexKind kind)
{
    VsfIndexTable *table = g_new0(VsfIndexTable, 1);

    table->kind = kind;
    table->min = kind == VSF_INDEX_HSFLOWD ? VSF_INDEX_HSFLOWD_MIN : VSF_INDEX_MIN;
    table->max = kind == VSF_INDEX_HSFLOWD ? VSF_INDEX_HSFLOWD_MAX : VSF_INDEX_MAX;
    table->by_uuid = g_hash_table_new_full(uuid_hash, uuid_equal, NULL, g_free);
    table->by_index = g_hash_table_new(NULL, NULL);
    return table;
}

void
vsf_index_table_free(VsfIndexTable *table)
{
    if (table == NULL)
        return;
    g_hash_table_unref(table->by_index);
    g_hash_table_unref(table->by_uuid);
    g_free(table);
}

static void
insert(VsfIndexTable *table, const guint8 uuid[16], guint32 index, gint64 used_s)
{
    Entry *entry = g_new0(Entry, 1);

    memcpy(entry->uuid, uuid, 16);
    entry->index = index;
    entry->used_s = used_s;
    g_hash_table_insert(table->by_uuid, entry->uuid, entry);
    g_hash_table_insert(table->by_index, GUINT_TO_POINTER(index), entry);
}

static void
forget(VsfIndexTable *table, Entry *entry)
{
    g_hash_table_remove(table->by_index, GUINT_TO_POINTER(entry->index));
    g_hash_table_remove(table->by_uuid, entry->uuid);
}

static void
forget_oldest(VsfIndexTable *table)
{
    GHashTableIter iter;
    gpointer value;
    Entry *oldest = NULL;

    g_hash_table_iter_init(&iter, table->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;

        if (oldest == NULL || entry->used_s < oldest->used_s)
            oldest = entry;
    }
    forget(table, oldest);
}

/* Far fewer entries than indexes, so that probing ends, and soon. */
static gboolean
is_full(const VsfIndexTable *table)
{
    return vsf_index_table_size(table) >=
           MIN(VSF_INDEX_TABLE_MAX, (table->max - table->min + 1) / 2);
}

guint32
vsf_index_table_get(VsfIndexTable *table, const guint8 uuid[16], gint64 now_s, gboolean *is_new)
{
    Entry *entry = g_hash_table_lookup(table->by_uuid, uuid);
    guint32 index;

    if (is_new != NULL)
        *is_new = entry == NULL;
    if (entry != NULL) {
        entry->used_s = MAX(entry->used_s, now_s);
        return entry->index;
    }
    if (is_full(table))
        forget_oldest(table);
    index = preferred_index(table, uuid);
    while (g_hash_table_contains(table->by_index, GUINT_TO_POINTER(index)))
        index = index == table->max ? table->min : index + 1;
    insert(table, uuid, index, MAX(now_s, 0));
    return index;
}

guint
vsf_index_table_prune(VsfIndexTable *table, gint64 before_s)
{
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, table->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;

        if (entry->used_s >= before_s)
            continue;
        g_hash_table_remove(table->by_index, GUINT_TO_POINTER(entry->index));
        g_hash_table_iter_remove(&iter);
        n++;
    }
    return n;
}

guint
vsf_index_table_size(const VsfIndexTable *table)
{
    return g_hash_table_size(table->by_uuid);
}

static int
by_uuid(gconstpointer a, gconstpointer b)
{
    return memcmp(((const Entry *)a)->uuid, ((const Entry *)b)->uuid, 16);
}

char *
vsf_index_table_to_text(const VsfIndexTable *table, gsize *length)
{
    g_autoptr(GList) entries = g_list_sort(g_hash_table_get_values(table->by_uuid), by_uuid);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, HEADER "%d\n", VERSION);
    for (const GList *at = entries; at != NULL; at = at->next) {
        const Entry *entry = at->data;
        char uuid[VSF_UUID_TEXT];

        vsf_uuid_format(entry->uuid, uuid);
        g_string_append_printf(text, "%s %u %" G_GINT64_FORMAT "\n", uuid, entry->index,
                               entry->used_s);
    }
    if (length != NULL)
        *length = text->len;
    return g_string_free(text, FALSE);
}

/* Returns what is wrong with one line, NULL if it was taken. */
static const char *
load_entry(VsfIndexTable *table, const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, " ", 4);
    guint8 uuid[16];
    guint64 index;
    gint64 used_s;

    if (g_strv_length(fields) != 3)
        return "not a UUID, an index and a time";
    if (!vsf_uuid_parse(fields[0], uuid))
        return "no valid UUID";
    if (!g_ascii_string_to_unsigned(fields[1], 10, table->min, table->max, &index, NULL))
        return "the index is out of its range";
    if (!g_ascii_string_to_signed(fields[2], 10, 0, G_MAXINT64, &used_s, NULL))
        return "no valid time";
    if (g_hash_table_contains(table->by_uuid, uuid))
        return "this UUID stands there already";
    if (g_hash_table_contains(table->by_index, GUINT_TO_POINTER((guint)index)))
        return "this index is another UUID's";
    if (is_full(table))
        return "too many entries";
    insert(table, uuid, (guint32)index, used_s);
    return NULL;
}

static gboolean
check_header(const char *line, GError **error)
{
    guint64 version;

    if (!g_str_has_prefix(line, HEADER) ||
        !g_ascii_string_to_unsigned(line + strlen(HEADER), 10, 1, G_MAXUINT, &version, NULL)) {
        g_set_error(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_SYNTAX,
                    "line 1: not a table of virt-sflow indexes");
        return FALSE;
    }
    if (version > VERSION) {
        g_set_error(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_VERSION,
                    "line 1: version %" G_GUINT64_FORMAT
                    ", written by a newer virt-sflow (this one knows up to %d)",
                    version, VERSION);
        return FALSE;
    }
    return TRUE;
}

gboolean
vsf_index_table_load(VsfIndexTable *table, const char *text, gsize length, GError **error)
{
    guint n = 0;

    do {
        const char *end = length > 0 ? memchr(text, '\n', MIN(length, MAX_LINE)) : NULL;
        gsize size = end != NULL ? (gsize)(end - text) : 0;
        char line[MAX_LINE + 1] = "";
        const char *fault = NULL;

        n++;
        if (end != NULL)
            memcpy(line, text, size);
        /* A line without its end may be the half of one. */
        if (end == NULL || strlen(line) != size)
            fault = "cut short or not text";
        else if (n > 1)
            fault = load_entry(table, line);
        else if (!check_header(line, error))
            return FALSE;
        if (fault != NULL) {
            g_set_error(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_SYNTAX, "line %u: %s",
                        n, fault);
            return FALSE;
        }
        text += size + 1;
        length -= size + 1;
    } while (length > 0);
    return TRUE;
}
