/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state-file.h"

#include "base/worker.h"

#include <errno.h>
#include <glib/gstdio.h>

#define WRITE_DELAY_MS 1000 /* VMs that start together share one write */
#define RETRY_MS 60000      /* after a write that failed */

/* Which content is on the disk, for writers that overtake each other: the last
 * one does not wait for its turn on the worker. */
typedef struct {
    GMutex lock;
    guint64 newest; /* 0: none was written */
} Order;

struct VsfStateFile {
    char *path;
    const char *loss;
    VsfStateText text;
    gpointer user_data;
    VsfWorker *writer;
    guint timer;
    gboolean dirty, writing, failed;
    Order *order; /* atomic reference box */
    guint64 last; /* content that was made */
};

typedef struct {
    char *path, *text;
    gsize length;
    Order *order;
    guint64 number;
} WriteJob;

static void
order_clear(gpointer data)
{
    g_mutex_clear(&((Order *)data)->lock);
}

static void
write_job_free(gpointer data)
{
    WriteJob *job = data;

    g_atomic_rc_box_release_full(job->order, order_clear);
    g_free(job->path);
    g_free(job->text);
    g_free(job);
}

/* Under the order's lock. */
static gboolean
write_newer(const WriteJob *job, GError **error)
{
    if (job->number < job->order->newest)
        return TRUE;
    if (!g_file_set_contents_full(job->path, job->text, (gssize)job->length,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0640, error))
        return FALSE;
    job->order->newest = job->number;
    return TRUE;
}

/* Any thread. The old file stays whole until the new one is on the disk. */
static gpointer
write_file(gpointer payload, GError **error)
{
    WriteJob *job = payload;
    gboolean whole = FALSE;

    g_mutex_lock(&job->order->lock);
    whole = write_newer(job, error);
    g_mutex_unlock(&job->order->lock);
    return whole ? job : NULL;
}

static WriteJob *
write_job_new(VsfStateFile *file)
{
    WriteJob *job = g_new0(WriteJob, 1);

    job->path = g_strdup(file->path);
    job->text = file->text(&job->length, file->user_data);
    job->order = g_atomic_rc_box_acquire(file->order);
    job->number = ++file->last;
    return job;
}

static void schedule_write(VsfStateFile *file, guint delay_ms);

static void
written(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    gboolean done = vsf_worker_finish(result, &error) != NULL;
    VsfStateFile *file = user_data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    file->writing = FALSE;
    if (!done && !file->failed)
        g_warning("%s: cannot write: %s; %s", file->path, error->message, file->loss);
    if (done && file->failed)
        g_message("%s: written again", file->path);
    file->failed = !done;
    if (!done)
        file->dirty = TRUE;
    if (file->dirty)
        schedule_write(file, done ? WRITE_DELAY_MS : RETRY_MS);
}

static gboolean
write_now(gpointer user_data)
{
    VsfStateFile *file = user_data;

    file->timer = 0;
    file->writing = TRUE;
    file->dirty = FALSE;
    vsf_worker_run(file->writer, write_file, write_job_new(file), write_job_free, NULL, written,
                   file);
    return G_SOURCE_REMOVE;
}

static void
schedule_write(VsfStateFile *file, guint delay_ms)
{
    if (file->timer == 0 && !file->writing)
        file->timer = g_timeout_add(delay_ms, write_now, file);
}

VsfStateFile *
vsf_state_file_new(const char *state_dir, const char *name, const char *loss, VsfStateText text,
                   gpointer user_data)
{
    VsfStateFile *file = g_new0(VsfStateFile, 1);

    file->path = g_build_filename(state_dir, name, NULL);
    file->loss = loss;
    file->text = text;
    file->user_data = user_data;
    file->order = g_atomic_rc_box_new0(Order);
    g_mutex_init(&file->order->lock);
    /* A result that is its own payload needs no free. */
    file->writer = vsf_worker_new(1, NULL);
    if (g_mkdir_with_parents(state_dir, 0750) != 0)
        g_warning("%s: cannot make it: %s; %s", state_dir, g_strerror(errno), loss);
    return file;
}

void
vsf_state_file_free(VsfStateFile *file)
{
    g_autoptr(GError) error = NULL;

    if (file == NULL)
        return;
    g_clear_handle_id(&file->timer, g_source_remove);
    vsf_worker_free(file->writer);
    if (file->dirty || file->writing) {
        WriteJob *job = write_job_new(file);

        if (write_file(job, &error) == NULL && !file->failed)
            g_warning("%s: cannot write: %s", file->path, error->message);
        write_job_free(job);
    }
    g_atomic_rc_box_release_full(file->order, order_clear);
    g_free(file->path);
    g_free(file);
}

char *
vsf_state_file_read(VsfStateFile *file, gsize *length)
{
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (g_file_get_contents(file->path, &text, length, &error))
        return text;
    if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_warning("%s; %s", error->message, file->loss);
    return NULL;
}

void
vsf_state_file_set_aside(VsfStateFile *file, gboolean newer, const char *why)
{
    g_autofree char *aside = g_strconcat(file->path, newer ? ".newer" : ".bad", NULL);

    if (g_rename(file->path, aside) != 0)
        g_warning("%s: %s; what can be trusted of it is used", file->path, why);
    else
        g_warning("%s: %s; kept as %s, what can be trusted of it is used", file->path, why, aside);
    vsf_state_file_changed(file, TRUE);
}

void
vsf_state_file_changed(VsfStateFile *file, gboolean soon)
{
    file->dirty = TRUE;
    if (soon)
        schedule_write(file, WRITE_DELAY_MS);
}
