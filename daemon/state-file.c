/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state-file.h"

#include "base/order.h"
#include "base/owner.h"
#include "base/worker.h"
#include "model/state-seal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_DELAY_MS 1000 /* VMs that start together share one write */
#define RETRY_MS 10000      /* after a write that failed */
#define MAX_BYTES (128 * 1024 * 1024)

/* Which content is on the disk, for writers that overtake each other: the last
 * one does not wait for its turn on the worker. */
typedef struct {
    GMutex lock;
    guint64 newest; /* 0: none was written */
} Order;

struct VsfStateFile {
    VsfStateDir *dir;
    char *path;
    VsfStateText text;
    gpointer user_data;
    VsfWorker *writer;
    guint timer;
    gboolean dirty, writing, failed;
    gboolean untouchable; /* what is there could not be set aside */
    Order *order;         /* atomic reference box */
    guint64 last;         /* content that was made */
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
    vsf_order_take(data);
    g_mutex_clear(&((Order *)data)->lock);
}

static void
write_job_free(gpointer data)
{
    WriteJob *job = data;

    vsf_order_give(job->order);
    g_atomic_rc_box_release_full(job->order, order_clear);
    g_free(job->path);
    g_free(job->text);
    g_free(job);
}

/* Under the order's lock. The directory may have been removed meanwhile. */
static gboolean
write_newer(const WriteJob *job, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(job->path);
    gboolean entered, whole;

    if (job->number < job->order->newest)
        return TRUE;
    if (g_mkdir_with_parents(directory, 0750) != 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno), "%s: %s", directory,
                    g_strerror(errno));
        return FALSE;
    }
    entered = vsf_owner_enter(directory);
    whole = g_file_set_contents_full(job->path, job->text, (gssize)job->length,
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                     0640, error);
    vsf_owner_leave(entered);
    if (whole)
        job->order->newest = job->number;
    return whole;
}

/* Any thread. The old file stays whole until the new one is on the disk. */
static gpointer
write_file(gpointer payload, GError **error)
{
    WriteJob *job = payload;
    gboolean whole = FALSE;

    vsf_order_lock(&job->order->lock);
    whole = write_newer(job, error);
    vsf_order_unlock(&job->order->lock);
    return whole ? job : NULL;
}

static WriteJob *
write_job_new(VsfStateFile *file)
{
    WriteJob *job = g_new0(WriteJob, 1);

    job->path = g_strdup(file->path);
    job->text = file->text(&job->length, file->user_data);
    job->text = vsf_state_seal_add(job->text, &job->length);
    job->order = g_atomic_rc_box_acquire(file->order);
    job->number = ++file->last;
    return job;
}

static void
note_failure(const VsfStateFile *file, const GError *error)
{
    g_autofree char *why = g_strdup_printf("%s: %s", file->path, error->message);

    vsf_state_dir_file_failed(file->dir, why);
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
        note_failure(file, error);
    if (done)
        vsf_state_dir_file_written(file->dir, file->failed);
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
    if (file->timer == 0 && !file->writing && !file->untouchable)
        file->timer = g_timeout_add(delay_ms, write_now, file);
}

/* "indexes.1A2B3C": GLib's name for a file that it has not put in place yet. */
static gboolean
is_leftover(const char *entry, const char *name)
{
    gsize length = strlen(name);

    if (!g_str_has_prefix(entry, name) || entry[length] != '.' || strlen(entry) != length + 7)
        return FALSE;
    for (entry += length + 1; *entry != '\0'; entry++)
        if (!g_ascii_isupper(*entry) && !g_ascii_isdigit(*entry))
            return FALSE;
    return TRUE;
}

static void
remove_leftovers(const char *directory, const char *name)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *entry;

    while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, entry, NULL);

        if (is_leftover(entry, name) && g_unlink(path) == 0)
            g_debug("%s: left by a write that was interrupted; removed", path);
    }
}

VsfStateFile *
vsf_state_file_new(VsfStateDir *dir, const char *name, VsfStateText text, gpointer user_data)
{
    VsfStateFile *file = g_new0(VsfStateFile, 1);

    file->dir = dir;
    file->path = g_build_filename(vsf_state_dir_path(dir), name, NULL);
    file->text = text;
    file->user_data = user_data;
    file->order = g_atomic_rc_box_new0(Order);
    g_mutex_init(&file->order->lock);
    /* A result that is its own payload needs no free. */
    file->writer = vsf_worker_new(1, NULL);
    remove_leftovers(vsf_state_dir_path(dir), name);
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
    if ((file->dirty || file->writing) && !file->untouchable) {
        WriteJob *job = write_job_new(file);

        if (write_file(job, &error) == NULL && !file->failed) {
            note_failure(file, error);
            file->failed = TRUE;
        }
        write_job_free(job);
    }
    if (file->failed)
        vsf_state_dir_file_forgotten(file->dir);
    vsf_order_give(file->order);
    g_atomic_rc_box_release_full(file->order, order_clear);
    g_free(file->path);
    g_free(file);
}

/* Not g_file_get_contents(), which waits for ever at a pipe that has this name, and
 * takes as much as there is. NULL with *@why set, or if there is no such file. */
static char *
read_regular(const char *path, gsize *length, const char **why)
{
    int fd = g_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    g_autofree char *text = NULL;
    struct stat info = {0};
    gssize n = -1;

    if (fd < 0) {
        *why = errno == ENOENT || errno == ENOTDIR ? NULL : g_strerror(errno);
        return NULL;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        *why = "not a regular file";
    } else if (info.st_size > MAX_BYTES) {
        *why = "larger than 128 MiB";
    } else {
        text = g_malloc0((gsize)info.st_size + 1);
        n = read(fd, text, (gsize)info.st_size);
        *why = n < 0 ? g_strerror(errno) : NULL;
    }
    g_close(fd, NULL);
    *length = (gsize)MAX(n, 0);
    return n < 0 ? NULL : g_steal_pointer(&text);
}

char *
vsf_state_file_read(VsfStateFile *file, gsize *length, gboolean *whole)
{
    const char *why = NULL;
    char *text = read_regular(file->path, length, &why);

    *whole = text != NULL && vsf_state_seal_take(text, length);
    if (why != NULL)
        vsf_state_file_set_aside(file, FALSE, why, "nothing of it is used");
    return text;
}

void
vsf_state_file_set_aside(VsfStateFile *file, gboolean newer, const char *why, const char *instead)
{
    g_autofree char *aside = g_strconcat(file->path, newer ? ".newer" : ".bad", NULL);
    g_autofree char *trouble = NULL;

    if (g_rename(file->path, aside) == 0) {
        g_warning("%s: %s; kept as %s; %s", file->path, why, aside, instead);
        vsf_state_file_changed(file, TRUE);
        return;
    }
    trouble = g_strdup_printf("%s: cannot be used (%s) nor renamed to %s: %s", file->path, why,
                              aside, g_strerror(errno));
    file->untouchable = file->failed = TRUE;
    vsf_state_dir_file_failed(file->dir, trouble);
}

void
vsf_state_file_changed(VsfStateFile *file, gboolean soon)
{
    file->dirty = TRUE;
    if (soon)
        schedule_write(file, WRITE_DELAY_MS);
}
