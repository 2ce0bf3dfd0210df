/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-store.h"

#include "state-file.h"

struct VsfGuestStore {
    VsfGuestTable *table;
    VsfStateFile *file;
};

static gint64
now_s(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

static char *
table_text(gsize *length, gpointer user_data)
{
    return vsf_guest_table_to_text(((VsfGuestStore *)user_data)->table, now_s(), length);
}

/* Of a file that was cut, a part is worse than nothing: an entry without its second
 * half is valid, but says something else. */
static void
load(VsfGuestStore *store)
{
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    gboolean whole = FALSE;
    g_autofree char *text = vsf_state_file_read(store->file, &length, &whole);

    if (text == NULL || (vsf_guest_table_load(store->table, text, length, &error) && whole))
        return;
    vsf_guest_table_free(store->table);
    store->table = vsf_guest_table_new();
    vsf_state_file_set_aside(
        store->file, g_error_matches(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_VERSION),
        error != NULL ? error->message : VSF_STATE_NOT_WHOLE,
        "what memory and disk numbers mean is chosen anew for each VM");
}

VsfGuestStore *
vsf_guest_store_new(VsfStateDir *dir)
{
    VsfGuestStore *store = g_new0(VsfGuestStore, 1);

    store->table = vsf_guest_table_new();
    store->file = vsf_state_file_new(dir, "guests", table_text, store);
    load(store);
    return store;
}

void
vsf_guest_store_free(VsfGuestStore *store)
{
    if (store == NULL)
        return;
    vsf_state_file_free(store->file);
    vsf_guest_table_free(store->table);
    g_free(store);
}

const VsfGuestRecord *
vsf_guest_store_get(VsfGuestStore *store, const char *uuid, const char *run)
{
    const VsfGuestRecord *record = vsf_guest_table_get(store->table, uuid, run, now_s());

    /* The time of last use goes out with the next choice, or at the end. */
    if (record != NULL)
        vsf_state_file_changed(store->file, FALSE);
    return record;
}

void
vsf_guest_store_set(VsfGuestStore *store, const char *uuid, const VsfGuestRecord *record)
{
    vsf_guest_table_set(store->table, uuid, record, now_s());
    vsf_state_file_changed(store->file, TRUE);
}

void
vsf_guest_store_remove(VsfGuestStore *store, const char *uuid)
{
    /* No harm is done where it stays in the file. */
    if (vsf_guest_table_remove(store->table, uuid))
        vsf_state_file_changed(store->file, FALSE);
}
