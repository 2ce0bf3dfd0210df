/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index-store.h"

#include "state-file.h"

struct VsfIndexStore {
    VsfIndexTable *table;
    VsfStateFile *file;
};

static char *
table_text(gsize *length, gpointer user_data)
{
    return vsf_index_table_to_text(((VsfIndexStore *)user_data)->table, length);
}

/* An index that is lost is most likely given out again: it follows from the UUID. */
static void
load(VsfIndexStore *store)
{
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    gboolean whole = FALSE;
    g_autofree char *text = vsf_state_file_read(store->file, &length, &whole);

    if (text == NULL)
        return;
    if (vsf_index_table_load(store->table, text, length, &error) && whole)
        return;
    vsf_state_file_set_aside(
        store->file, g_error_matches(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_VERSION),
        error != NULL ? error->message : VSF_STATE_NOT_WHOLE,
        "the lines before that are used, other VMs have the index that follows from their UUID");
}

VsfIndexStore *
vsf_index_store_new(VsfStateDir *dir, VsfIndexKind kind)
{
    VsfIndexStore *store = g_new0(VsfIndexStore, 1);

    store->table = vsf_index_table_new(kind);
    store->file = vsf_state_file_new(dir, kind == VSF_INDEX_HSFLOWD ? "indexes-hsflowd" : "indexes",
                                     table_text, store);
    load(store);
    return store;
}

void
vsf_index_store_free(VsfIndexStore *store)
{
    if (store == NULL)
        return;
    vsf_state_file_free(store->file);
    vsf_index_table_free(store->table);
    g_free(store);
}

guint32
vsf_index_store_get(VsfIndexStore *store, const guint8 uuid[16])
{
    gboolean is_new = FALSE;
    guint32 index = vsf_index_table_get(store->table, uuid, g_get_real_time() / G_USEC_PER_SEC,
                                        &is_new);

    /* The time of last use goes out with the next new entry, or at the end. */
    vsf_state_file_changed(store->file, is_new);
    return index;
}
