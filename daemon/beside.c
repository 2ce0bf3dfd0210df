/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "beside.h"

#include "base/worker.h"
#include "host/proc-file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "hsflowd"
#define PID_FILE "/run/hsflowd.pid"
#define FIRST_LOOK_MS 5000 /* at most; others may start at the same moment */
#define LOOK_S 60
#define CMDLINE_MAX 4096
#define FILE_MAX ((gsize)256 * 1024) /* as VSF_HSFLOWD_FILE_MAX; one more is too many */

struct VsfBeside {
    VsfWorker *worker;
    guint timer;
    VsfBesideLook *look; /* NULL: none is there */
};

static void
look_free(gpointer data)
{
    VsfBesideLook *look = data;

    if (look == NULL)
        return;
    g_free(look->config);
    g_free(look->trouble);
    vsf_hsflowd_exports_free(look->exports);
    vsf_hsflowd_says_free(look->says);
    g_free(look);
}

/* --- on the worker ----------------------------------------------------- */

static gboolean
is_it(int pid)
{
    char path[64], name[sizeof(PROGRAM) + 1];
    gssize n;

    g_snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    n = vsf_proc_read(path, name, sizeof(name));
    return n == sizeof(PROGRAM) && memcmp(name, PROGRAM "\n", sizeof(PROGRAM)) == 0;
}

/* The pid file first, which a foreground one (in a container, say) does not write; 0: none. */
static int
find_process(void)
{
    char text[16] = {0};
    g_autoptr(GDir) processes = NULL;
    const char *name;
    int pid = 0;

    if (vsf_proc_read(PID_FILE, text, sizeof(text) - 1) > 0)
        pid = atoi(text);
    if (pid > 0 && is_it(pid))
        return pid;
    processes = g_dir_open("/proc", 0, NULL);
    while (processes != NULL && (name = g_dir_read_name(processes)) != NULL) {
        pid = atoi(name);
        if (pid > 0 && is_it(pid))
            return pid;
    }
    return 0;
}

/* NULL with errno's word in *@why (if not NULL). */
static char *
read_file(const char *path, gsize *length, char **why)
{
    g_autofree char *text = g_malloc(FILE_MAX + 2);
    gssize n = path[0] == '/' ? vsf_proc_read(path, text, FILE_MAX + 1) : -1;

    if (n < 0) {
        if (why != NULL)
            *why = path[0] == '/' ? g_strdup_printf("%s: %s", path, g_strerror(errno))
                                  : g_strdup_printf("%s: is no absolute path", path);
        return NULL;
    }
    text[n] = '\0';
    *length = (gsize)n;
    return g_steal_pointer(&text);
}

static void
read_config(VsfBesideLook *look)
{
    gsize length;
    g_autofree char *text = read_file(look->config, &length, &look->trouble);
    g_autoptr(GError) error = NULL;

    if (text == NULL)
        return;
    look->exports = vsf_hsflowd_exports_parse(look->config, text, length, &error);
    if (look->exports == NULL)
        look->trouble = g_strdup(error->message);
}

static gpointer
look_for_it(gpointer payload G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    VsfBesideLook *look = g_new0(VsfBesideLook, 1);
    g_autofree char *output = NULL, *text = NULL;
    char path[64], cmdline[CMDLINE_MAX];
    gssize n;
    gsize length;

    look->pid = find_process();
    if (look->pid == 0)
        return look;
    g_snprintf(path, sizeof(path), "/proc/%d/cmdline", look->pid);
    n = vsf_proc_read(path, cmdline, sizeof(cmdline));
    vsf_hsflowd_options(cmdline, (gsize)MAX(n, 0), &look->config, &output);
    read_config(look);
    text = read_file(output, &length, NULL);
    if (text != NULL)
        look->says = vsf_hsflowd_says_parse(text, length);
    return look;
}

/* --- on the main loop -------------------------------------------------- */

static void
looked(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    VsfBesideLook *look = vsf_worker_finish(result, &error);
    VsfBeside *beside = user_data;
    int before;

    if (look == NULL)
        return;
    before = beside->look != NULL ? beside->look->pid : 0;
    g_clear_pointer(&beside->look, look_free);
    if (look->pid != 0)
        beside->look = g_steal_pointer(&look);
    if (beside->look != NULL && beside->look->pid != before)
        g_message("Host sFlow runs on this host as well (pid %d): virt-sflow doctor says what both "
                  "export",
                  beside->look->pid);
    look_free(look);
}

static gboolean
look_again(gpointer user_data)
{
    VsfBeside *beside = user_data;

    /* A file system that hangs keeps the one thread that there is. */
    if (vsf_worker_pending(beside->worker) == 0)
        vsf_worker_run(beside->worker, look_for_it, NULL, NULL, NULL, looked, beside);
    beside->timer = g_timeout_add_seconds(LOOK_S, look_again, beside);
    return G_SOURCE_REMOVE;
}

VsfBeside *
vsf_beside_new(void)
{
    VsfBeside *beside = g_new0(VsfBeside, 1);

    beside->worker = vsf_worker_new(1, look_free);
    beside->timer = g_timeout_add((guint)g_random_int_range(0, FIRST_LOOK_MS), look_again, beside);
    return beside;
}

void
vsf_beside_free(VsfBeside *beside)
{
    if (beside == NULL)
        return;
    g_clear_handle_id(&beside->timer, g_source_remove);
    vsf_worker_free(beside->worker);
    look_free(beside->look);
    g_free(beside);
}

const VsfBesideLook *
vsf_beside_look(const VsfBeside *beside)
{
    return beside->look;
}
