/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu-process.h"

#include "base/descriptors.h"
#include "host/proc-file.h"
#include "host/vcpu.h"

#include <unistd.h>

/* A hotplugged vCPU has no event; its thread is found at least so soon. */
#define THREADS_INTERVAL_US (120 * G_USEC_PER_SEC)
#define BOOT_ID_SIZE 40
/* Until all of /proc is read again for one that was not there; twice as long each time. */
#define WALK_AGAIN_US (15 * G_USEC_PER_SEC)
#define WALK_AGAIN_MAX_US (300 * G_USEC_PER_SEC)

struct VsfQemuProcess {
    VsfWorker *finder;
    VsfQemuSearched searched;
    gpointer user_data;
    GCancellable *cancel; /* of the searches that are out, when this is freed */

    char boot[BOOT_ID_SIZE];
    int pid;
    guint64 start_ticks;
    GArray *files; /* int, kept or -1: its /proc/PID/stat */
    char *run;
    gboolean finding; /* a search for the pid is out */
    gint64 walk_us;   /* from then on a search reads all of /proc */
    gint64 again_us;  /* how long it does not after the last miss */
    gboolean ended;   /* the process that was known is gone, and no other was found */
    gboolean stopped;
    gint64 read_us;

    GArray *threads;      /* of the vCPUs, NULL until looked for */
    GArray *thread_files; /* int, kept or -1: of the first of them */
    gboolean looking;
    gint64 looked_us;
};

static void
read_boot_id(char id[BOOT_ID_SIZE])
{
    gssize length = vsf_proc_read("/proc/sys/kernel/random/boot_id", id, BOOT_ID_SIZE - 1);

    id[MAX(length, 0)] = '\0';
    g_strchomp(id);
}

/* --- files that are kept ------------------------------------------------ */

static guint n_kept;

static GArray *
files_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(int));
}

static void
let_go(GArray *files)
{
    for (guint i = 0; i < files->len; i++)
        if (g_array_index(files, int, i) >= 0)
            close(g_array_index(files, int, i));
    n_kept -= files->len;
    g_array_set_size(files, 0);
}

/* Room for up to @n, instead of those before. */
static void
make_room(GArray *files, guint n)
{
    guint max = vsf_descriptors_kept_max(vsf_descriptors_limit());
    int closed = -1;

    let_go(files);
    for (; files->len < n && n_kept < max; n_kept++)
        g_array_append_val(files, closed);
}

/* --- the search -------------------------------------------------------- */

typedef struct {
    VsfQemuProcess *qemu; /* of the main thread */
    char *uuid, *name;
    gboolean walk;
} Search;

static void
search_free(gpointer data)
{
    Search *search = data;

    g_free(search->uuid);
    g_free(search->name);
    g_free(search);
}

/* On a worker. All results are arrays of int, so that the worker can free one
 * that nobody takes. This one has the pid, 0 if there is none. */
static gpointer
find_pid(gpointer payload, GError **error G_GNUC_UNUSED)
{
    const Search *search = payload;
    GArray *found = g_array_new(FALSE, FALSE, sizeof(int));
    int pid = vsf_process_find(search->uuid, search->name, search->walk);

    return g_array_append_val(found, pid);
}

static void
pid_found(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) found = vsf_worker_finish(result, &error);
    VsfQemuProcess *qemu = user_data;
    VsfProcess process;
    int pid;

    if (found == NULL) /* cancelled */
        return;
    pid = g_array_index(found, int, 0);
    qemu->finding = FALSE;
    if (pid > 0 && vsf_process_read(pid, NULL, &process)) {
        make_room(qemu->files, 1);
        let_go(qemu->thread_files);
        qemu->pid = pid;
        qemu->start_ticks = process.start_ticks;
        qemu->ended = FALSE;
        qemu->looked_us = 0;
        qemu->walk_us = qemu->again_us = 0;
        g_free(qemu->run);
        qemu->run = g_strdup_printf("%s/%" G_GUINT64_FORMAT, qemu->boot, process.start_ticks);
    }
    qemu->searched(qemu->user_data);
}

/* One that finds sets both to 0. */
static gboolean
is_walk_due(VsfQemuProcess *qemu)
{
    gint64 now_us = g_get_monotonic_time();

    if (now_us < qemu->walk_us)
        return FALSE;
    qemu->again_us = CLAMP(2 * qemu->again_us, WALK_AGAIN_US, WALK_AGAIN_MAX_US);
    qemu->walk_us = now_us + qemu->again_us;
    return TRUE;
}

void
vsf_qemu_process_find(VsfQemuProcess *qemu, const VsfDomainDef *def, gboolean anew)
{
    Search *search;

    if (anew)
        qemu->walk_us = qemu->again_us = 0;
    if (qemu->finding)
        return;
    qemu->finding = TRUE;
    search = g_new0(Search, 1);
    search->uuid = g_strdup(def->uuid);
    search->name = g_strdup(def->name);
    search->walk = is_walk_due(qemu);
    vsf_worker_run(qemu->finder, find_pid, search, search_free, qemu->cancel, pid_found, qemu);
}

/* --- reading ----------------------------------------------------------- */

VsfQemuLife
vsf_qemu_process_read(VsfQemuProcess *qemu, VsfProcess *process)
{
    *process = (VsfProcess){.state = '?'};
    qemu->stopped = FALSE;
    if (qemu->pid == 0)
        return qemu->ended ? VSF_QEMU_GONE : VSF_QEMU_UNKNOWN;
    if (!vsf_process_read(qemu->pid,
                          qemu->files->len > 0 ? &g_array_index(qemu->files, int, 0) : NULL,
                          process) ||
        process->start_ticks != qemu->start_ticks)
        *process = (VsfProcess){.state = '?'};
    if (process->state == '?' || process->state == 'Z' || process->state == 'X') {
        qemu->pid = 0;
        qemu->ended = TRUE;
        let_go(qemu->files);
        let_go(qemu->thread_files);
        return VSF_QEMU_GONE;
    }
    qemu->read_us = g_get_monotonic_time();
    qemu->stopped = process->state == 'T' || process->state == 't';
    return VSF_QEMU_ALIVE;
}

int
vsf_qemu_process_pid(const VsfQemuProcess *qemu)
{
    return qemu->pid;
}

gboolean
vsf_qemu_process_is_stopped(const VsfQemuProcess *qemu)
{
    return qemu->stopped;
}

gint64
vsf_qemu_process_read_us(const VsfQemuProcess *qemu)
{
    return qemu->read_us;
}

const char *
vsf_qemu_process_run(const VsfQemuProcess *qemu)
{
    return qemu->run;
}

const char *
vsf_qemu_process_boot(const VsfQemuProcess *qemu)
{
    return qemu->boot;
}

/* --- vCPU threads ------------------------------------------------------ */

static gpointer
find_threads(gpointer payload, GError **error G_GNUC_UNUSED)
{
    return vsf_vcpu_find(GPOINTER_TO_INT(payload));
}

static void
threads_found(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    GArray *threads = vsf_worker_finish(result, &error);
    VsfQemuProcess *qemu = user_data;

    if (threads == NULL) /* cancelled */
        return;
    qemu->looking = FALSE;
    g_clear_pointer(&qemu->threads, g_array_unref);
    qemu->threads = threads;
    make_room(qemu->thread_files, threads->len);
}

static void
look_for_threads(VsfQemuProcess *qemu, gint64 now_us)
{
    if (qemu->looking)
        return;
    qemu->looking = TRUE;
    qemu->looked_us = now_us;
    vsf_worker_run(qemu->finder, find_threads, GINT_TO_POINTER(qemu->pid), NULL, qemu->cancel,
                   threads_found, qemu);
}

guint64
vsf_qemu_process_vcpu_wait_ns(VsfQemuProcess *qemu, guint64 n_vcpus)
{
    gint64 now_us = g_get_monotonic_time();
    guint64 wait_ns = G_MAXUINT64;
    gboolean known;

    if (qemu->pid == 0)
        return G_MAXUINT64;
    known = qemu->threads != NULL &&
            vsf_vcpu_wait(qemu->pid, qemu->threads, qemu->thread_files, &wait_ns);
    if (qemu->looked_us == 0 || now_us - qemu->looked_us >= THREADS_INTERVAL_US ||
        (qemu->threads != NULL && (!known || (qemu->threads->len > 1 && n_vcpus != G_MAXUINT64 &&
                                              qemu->threads->len != n_vcpus))))
        look_for_threads(qemu, now_us);
    return known ? wait_ns : G_MAXUINT64;
}

/* --- up and down ------------------------------------------------------- */

VsfWorker *
vsf_qemu_finder_new(void)
{
    return vsf_worker_new(1, (GDestroyNotify)g_array_unref);
}

VsfQemuProcess *
vsf_qemu_process_new(VsfWorker *finder, VsfQemuSearched searched, gpointer user_data)
{
    VsfQemuProcess *qemu = g_new0(VsfQemuProcess, 1);

    qemu->finder = finder;
    qemu->searched = searched;
    qemu->user_data = user_data;
    qemu->cancel = g_cancellable_new();
    qemu->files = files_new();
    qemu->thread_files = files_new();
    read_boot_id(qemu->boot);
    return qemu;
}

void
vsf_qemu_process_free(VsfQemuProcess *qemu)
{
    if (qemu == NULL)
        return;
    g_cancellable_cancel(qemu->cancel);
    g_object_unref(qemu->cancel);
    let_go(qemu->files);
    let_go(qemu->thread_files);
    g_array_unref(qemu->files);
    g_array_unref(qemu->thread_files);
    g_clear_pointer(&qemu->threads, g_array_unref);
    g_free(qemu->run);
    g_free(qemu);
}
