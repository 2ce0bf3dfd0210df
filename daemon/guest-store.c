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

VsfGuestStore *
vsf_guest_store_new(const char *state_dir)
{
    VsfGuestStore *store = g_new0(VsfGuestStore, 1);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    store->table = vsf_guest_table_new();
    store->file = vsf_state_file_new(
        state_dir, "guests",
        "what memory and disk numbers mean may change when virt-sflowd restarts", table_text,
        store);
    text = vsf_state_file_read(store->file, &length);
    if (text != NULL && !vsf_guest_table_load(store->table, text, length, &error))
        vsf_state_file_set_aside(
            store->file,
            g_error_matches(error, VSF_GUEST_TABLE_ERROR, VSF_GUEST_TABLE_ERROR_VERSION),
            error->message);
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
