/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state-dir.h"

#include "base/event.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

struct VsfStateDir {
    char *path, *trouble;
    guint n_failed; /* files in it that cannot be written */
};

static void
set_trouble(VsfStateDir *dir, const char *why)
{
    if (dir->trouble == NULL)
        vsf_log_event(
            G_LOG_LEVEL_WARNING, VSF_EVENT_STATE_TROUBLE, NULL,
            "cannot keep state: %s; all goes on, but when virt-sflowd restarts, VM indexes "
            "and what memory and disk numbers mean may change, until it can be written "
            "again; --state-dir chooses another place",
            why);
    g_free(dir->trouble);
    dir->trouble = g_strdup(why);
}

VsfStateDir *
vsf_state_dir_new(const char *path)
{
    VsfStateDir *dir = g_new0(VsfStateDir, 1);

    dir->path = g_strdup(path);
    if (g_mkdir_with_parents(path, 0750) != 0 || g_access(path, W_OK | X_OK) != 0) {
        g_autofree char *why = g_strdup_printf("%s: %s", path, g_strerror(errno));

        set_trouble(dir, why);
    }
    return dir;
}

void
vsf_state_dir_free(VsfStateDir *dir)
{
    if (dir == NULL)
        return;
    g_free(dir->path);
    g_free(dir->trouble);
    g_free(dir);
}

const char *
vsf_state_dir_path(const VsfStateDir *dir)
{
    return dir->path;
}

const char *
vsf_state_dir_trouble(const VsfStateDir *dir)
{
    return dir->trouble;
}

void
vsf_state_dir_file_failed(VsfStateDir *dir, const char *why)
{
    dir->n_failed++;
    set_trouble(dir, why);
}

void
vsf_state_dir_file_forgotten(VsfStateDir *dir)
{
    dir->n_failed--;
}

void
vsf_state_dir_file_written(VsfStateDir *dir, gboolean had_failed)
{
    if (had_failed)
        dir->n_failed--;
    if (dir->trouble == NULL || dir->n_failed > 0)
        return;
    vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_STATE_KEPT, NULL, "%s: state is kept again",
                  dir->path);
    g_clear_pointer(&dir->trouble, g_free);
}
