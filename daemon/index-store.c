/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index-store.h"

#include "base/worker.h"

#include <errno.h>
#include <glib/gstdio.h>

#define WRITE_DELAY_MS 1000 /* VMs that start together share one write */
#define RETRY_MS 60000      /* after a write that failed */

struct VsfIndexStore {
    VsfIndexTable *table;
    char *path;
    VsfWorker *writer;
    guint timer;
    gboolean dirty, writing, failed;
};

typedef struct {
    char *path, *text;
    gsize length;
} WriteJob;

static void
write_job_free(gpointer data)
{
    WriteJob *job = data;

    g_free(job->path);
    g_free(job->text);
    g_free(job);
}

/* Any thread. The old file stays whole until the new one is on the disk. */
static gpointer
write_file(gpointer payload, GError **error)
{
    WriteJob *job = payload;

    if (!g_file_set_contents_full(job->path, job->text, (gssize)job->length,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0640, error))
        return NULL;
    return job;
}

static WriteJob *
write_job_new(const VsfIndexStore *store)
{
    WriteJob *job = g_new0(WriteJob, 1);

    job->path = g_strdup(store->path);
    job->text = vsf_index_table_to_text(store->table, &job->length);
    return job;
}

static void schedule_write(VsfIndexStore *store, guint delay_ms);

static void
written(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    gboolean done = vsf_worker_finish(result, &error) != NULL;
    VsfIndexStore *store = user_data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    store->writing = FALSE;
    if (!done && !store->failed)
        g_warning("%s: cannot write: %s; VM indexes may change when virt-sflowd restarts",
                  store->path, error->message);
    if (done && store->failed)
        g_message("%s: written again", store->path);
    store->failed = !done;
    if (!done)
        store->dirty = TRUE;
    if (store->dirty)
        schedule_write(store, done ? WRITE_DELAY_MS : RETRY_MS);
}

static gboolean
write_now(gpointer user_data)
{
    VsfIndexStore *store = user_data;

    store->timer = 0;
    store->writing = TRUE;
    store->dirty = FALSE;
    vsf_worker_run(store->writer, write_file, write_job_new(store), write_job_free, NULL, written,
                   store);
    return G_SOURCE_REMOVE;
}

static void
schedule_write(VsfIndexStore *store, guint delay_ms)
{
    if (store->timer == 0 && !store->writing)
        store->timer = g_timeout_add(delay_ms, write_now, store);
}

/* Whatever is wrong with the file, it is kept for a look, and the file of a
 * newer release for the way back to it. */
static void
set_aside(const char *path, const GError *error)
{
    gboolean newer = g_error_matches(error, VSF_INDEX_TABLE_ERROR, VSF_INDEX_TABLE_ERROR_VERSION);
    g_autofree char *aside = g_strconcat(path, newer ? ".newer" : ".bad", NULL);

    if (g_rename(path, aside) != 0)
        g_warning("%s: %s; what can be trusted of it is used", path, error->message);
    else
        g_warning("%s: %s; kept as %s, what can be trusted of it is used", path, error->message,
                  aside);
}

VsfIndexStore *
vsf_index_store_new(const char *state_dir)
{
    VsfIndexStore *store = g_new0(VsfIndexStore, 1);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    store->table = vsf_index_table_new();
    store->path = g_build_filename(state_dir, "indexes", NULL);
    /* A result that is its own payload needs no free. */
    store->writer = vsf_worker_new(1, NULL);
    if (g_mkdir_with_parents(state_dir, 0750) != 0)
        g_warning("%s: cannot make it: %s; VM indexes may change when virt-sflowd restarts",
                  state_dir, g_strerror(errno));
    if (!g_file_get_contents(store->path, &text, &length, &error)) {
        if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            g_warning("%s; VM indexes start anew", error->message);
        return store;
    }
    if (!vsf_index_table_load(store->table, text, length, &error)) {
        set_aside(store->path, error);
        store->dirty = TRUE;
    }
    if (store->dirty)
        schedule_write(store, WRITE_DELAY_MS);
    return store;
}

void
vsf_index_store_free(VsfIndexStore *store)
{
    g_autoptr(GError) error = NULL;

    if (store == NULL)
        return;
    g_clear_handle_id(&store->timer, g_source_remove);
    vsf_worker_free(store->writer);
    if (store->dirty || store->writing) {
        WriteJob *job = write_job_new(store);

        if (write_file(job, &error) == NULL && !store->failed)
            g_warning("%s: cannot write: %s", store->path, error->message);
        write_job_free(job);
    }
    vsf_index_table_free(store->table);
    g_free(store->path);
    g_free(store);
}

guint32
vsf_index_store_get(VsfIndexStore *store, const guint8 uuid[16])
{
    gboolean is_new = FALSE;
    guint32 index = vsf_index_table_get(store->table, uuid, g_get_real_time() / G_USEC_PER_SEC,
                                        &is_new);

    /* The time of last use goes out with the next new entry, or at the end. */
    store->dirty = TRUE;
    if (is_new)
        schedule_write(store, WRITE_DELAY_MS);
    return index;
}
