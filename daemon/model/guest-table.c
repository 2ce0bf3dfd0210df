/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A key file: one group for the format, one for each UUID. */
#include "guest-table.h"

#include <string.h>

#define FORMAT_GROUP "virt-sflow guests"
#define VERSION 1
#define MAX_BYTES (64 * 1024 * 1024)

G_DEFINE_QUARK(vsf - guest - table - error - quark, vsf_guest_table_error)

struct VsfGuestTable {
    GHashTable *entries; /* uuid -> Entry */
};

typedef struct {
    VsfGuestRecord record;
    gboolean in_use; /* a run that is on: as good as read just now */
} Entry;

VsfGuestTable *
vsf_guest_table_new(void)
{
    VsfGuestTable *table = g_new0(VsfGuestTable, 1);

    table->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return table;
}

void
vsf_guest_table_free(VsfGuestTable *table)
{
    if (table == NULL)
        return;
    g_hash_table_unref(table->entries);
    g_free(table);
}

guint
vsf_guest_table_size(const VsfGuestTable *table)
{
    return g_hash_table_size(table->entries);
}

const VsfGuestRecord *
vsf_guest_table_get(VsfGuestTable *table, const char *uuid, const char *run, gint64 now_s)
{
    Entry *entry = g_hash_table_lookup(table->entries, uuid);

    if (entry == NULL || strcmp(entry->record.run, run) != 0)
        return NULL;
    entry->record.used_s = MAX(entry->record.used_s, now_s);
    entry->in_use = TRUE;
    return &entry->record;
}

static gboolean
is_older(const Entry *entry, const Entry *other)
{
    if (entry->in_use != other->in_use)
        return other->in_use;
    return entry->record.used_s < other->record.used_s;
}

static void
forget_oldest(VsfGuestTable *table)
{
    GHashTableIter iter;
    gpointer key, value, oldest = NULL;
    const Entry *oldest_entry = NULL;

    g_hash_table_iter_init(&iter, table->entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (oldest_entry == NULL || is_older(value, oldest_entry)) {
            oldest = key;
            oldest_entry = value;
        }
    }
    if (oldest != NULL)
        g_hash_table_remove(table->entries, oldest);
}

static void
put(VsfGuestTable *table, const char *uuid, const Entry *entry)
{
    if (vsf_guest_table_size(table) >= VSF_GUEST_TABLE_MAX &&
        !g_hash_table_contains(table->entries, uuid))
        forget_oldest(table);
    g_hash_table_insert(table->entries, g_strdup(uuid), g_memdup2(entry, sizeof(*entry)));
}

void
vsf_guest_table_set(VsfGuestTable *table, const char *uuid, const VsfGuestRecord *record,
                    gint64 now_s)
{
    Entry entry = {.record = *record, .in_use = TRUE};

    entry.record.used_s = now_s;
    put(table, uuid, &entry);
}

gboolean
vsf_guest_table_remove(VsfGuestTable *table, const char *uuid)
{
    return g_hash_table_remove(table->entries, uuid);
}

/* --- text -------------------------------------------------------------- */

static void
add_source(GKeyFile *file, const char *uuid, const char *key, VsfSource source)
{
    if (vsf_source_name(source) != NULL)
        g_key_file_set_string(file, uuid, key, vsf_source_name(source));
}

static void
add_record(GKeyFile *file, const char *uuid, const VsfGuestRecord *record, gint64 used_s)
{
    g_key_file_set_value(file, uuid, "run", record->run); /* raw, as it is read */
    add_source(file, uuid, "memory", record->choice.memory);
    add_source(file, uuid, "disk", record->choice.disk);
    if (record->quarantines > 0) {
        g_key_file_set_int64(file, uuid, "quarantined-until", record->quarantined_until_s);
        g_key_file_set_uint64(file, uuid, "quarantines", record->quarantines);
    }
    g_key_file_set_int64(file, uuid, "used", used_s);
}

char *
vsf_guest_table_to_text(const VsfGuestTable *table, gint64 now_s, gsize *length)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GList)
        uuids = g_list_sort(g_hash_table_get_keys(table->entries), (GCompareFunc)strcmp);

    g_key_file_set_integer(file, FORMAT_GROUP, "version", VERSION);
    for (const GList *at = uuids; at != NULL; at = at->next) {
        const Entry *entry = g_hash_table_lookup(table->entries, at->data);
        gint64 used_s = entry->in_use ? MAX(entry->record.used_s, now_s) : entry->record.used_s;

        if (used_s >= now_s - VSF_GUEST_TABLE_KEPT_S)
            add_record(file, at->data, &entry->record, used_s);
    }
    return g_key_file_to_data(file, length, NULL);
}

static gint64
number(GKeyFile *file, const char *group, const char *key)
{
    g_autofree char *text = g_key_file_get_value(file, group, key, NULL);
    gint64 value = 0;

    if (text == NULL || !g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &value, NULL))
        return 0;
    return value;
}

/* FALSE: what is there is no source. */
static gboolean
source(GKeyFile *file, const char *group, const char *key, VsfSource *source)
{
    g_autofree char *text = g_key_file_get_value(file, group, key, NULL);

    return text == NULL || vsf_source_of_name(text, source);
}

static gboolean
is_run(const char *text)
{
    if (text == NULL || *text == '\0' || strlen(text) > VSF_GUEST_RUN_MAX)
        return FALSE;
    for (; *text != '\0'; text++)
        if (!g_ascii_isgraph(*text))
            return FALSE;
    return TRUE;
}

static gboolean
load_record(VsfGuestTable *table, GKeyFile *file, const char *group)
{
    g_autofree char *run = g_key_file_get_value(file, group, "run", NULL);
    Entry entry = {0};
    VsfGuestRecord *record = &entry.record;
    guint8 bytes[16];
    char uuid[VSF_UUID_TEXT];

    *record = (VsfGuestRecord){
        .quarantined_until_s = number(file, group, "quarantined-until"),
        .quarantines = (guint)MIN(number(file, group, "quarantines"), 1000),
        .used_s = number(file, group, "used"),
    };
    if (!vsf_uuid_parse(group, bytes) || !is_run(run) ||
        !source(file, group, "memory", &record->choice.memory) ||
        !source(file, group, "disk", &record->choice.disk) ||
        record->choice.disk == VSF_SOURCE_BALLOON /* which knows nothing of disks */)
        return FALSE;
    g_strlcpy(record->run, run, sizeof(record->run));
    vsf_uuid_format(bytes, uuid);
    put(table, uuid, &entry);
    return TRUE;
}

static GKeyFile *
read_file(const char *text, gsize length, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    gint64 version;

    if (length > MAX_BYTES) {
        g_set_error_literal(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_SYNTAX,
                            "larger than 64 MiB");
        return NULL;
    }
    /* GLib's words quote the line, whatever is in it: nothing for a log. */
    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, NULL)) {
        g_set_error_literal(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_SYNTAX,
                            "cut short or not text");
        return NULL;
    }
    version = number(file, FORMAT_GROUP, "version");
    if (version == VERSION)
        return g_steal_pointer(&file);
    if (version == 0)
        g_set_error_literal(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_SYNTAX,
                            "not a table of virt-sflow guests");
    else
        g_set_error(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_VERSION,
                    "version %" G_GINT64_FORMAT
                    ", written by a newer virt-sflow (this one knows up to %d)",
                    version, VERSION);
    return NULL;
}

gboolean
vsf_guest_table_load(VsfGuestTable *table, const char *text, gsize length, GError **error)
{
    g_autoptr(GKeyFile) file = read_file(text, length, error);
    g_auto(GStrv) groups = file != NULL ? g_key_file_get_groups(file, NULL) : NULL;
    gboolean fault = FALSE;

    if (file == NULL)
        return FALSE;
    for (guint i = 0; groups[i] != NULL; i++) {
        if (strcmp(groups[i], FORMAT_GROUP) != 0 && !load_record(table, file, groups[i]))
            fault = TRUE;
    }
    if (!fault)
        return TRUE;
    g_set_error_literal(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_SYNTAX,
                        "a group is no VM's");
    return FALSE;
}
