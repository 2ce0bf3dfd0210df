/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state directory, and whether state can be kept there. It never stops the
 * daemon: what is wrong is said once, and stands in the status. Main thread only. */
#pragma once

#include <glib.h>

typedef struct VsfStateDir VsfStateDir;

/* Makes the directory where it is missing. */
VsfStateDir *vsf_state_dir_new(const char *path);
/* Takes NULL. After all files in it. */
void vsf_state_dir_free(VsfStateDir *dir);

const char *vsf_state_dir_path(const VsfStateDir *dir);

/* Why state cannot be kept, in words that name the file or directory; NULL if it can. */
const char *vsf_state_dir_trouble(const VsfStateDir *dir);

/* A file that could be written until now cannot. */
void vsf_state_dir_file_failed(VsfStateDir *dir, const char *why);
/* A file was written; @had_failed: for the first time after the call above. */
void vsf_state_dir_file_written(VsfStateDir *dir, gboolean had_failed);

/* One that could not be written is kept no more: the next that is ends the trouble. */
void vsf_state_dir_file_forgotten(VsfStateDir *dir);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfStateDir, vsf_state_dir_free)
