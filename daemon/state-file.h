/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of the state directory, replaced atomically. A state directory that
 * cannot be read or written never stops the daemon; it is said once what that
 * means. Writes run on a worker. Main thread only. */
#pragma once

#include <glib.h>

typedef struct VsfStateFile VsfStateFile;

/* The content to write, made when it is written; the caller frees. */
typedef char *(*VsfStateText)(gsize *length, gpointer user_data);

/* STATE_DIR/NAME. @loss: what is lost without it, "VM indexes may change when
 * virt-sflowd restarts"; static. */
VsfStateFile *vsf_state_file_new(const char *state_dir, const char *name, const char *loss,
                                 VsfStateText text, gpointer user_data);

/* Writes what is not written yet, after an older write that is out, and waits for
 * both; then frees. Takes NULL. */
void vsf_state_file_free(VsfStateFile *file);

/* The content, once, before the main loop runs; NULL if there is none. */
char *vsf_state_file_read(VsfStateFile *file, gsize *length) G_GNUC_WARN_UNUSED_RESULT;

/* What was read cannot be used as it is: the file is kept for a look as
 * NAME.bad, or as NAME.newer for the way back to the release that wrote it. */
void vsf_state_file_set_aside(VsfStateFile *file, gboolean newer, const char *why);

/* The content differs: @soon, or not before something else does or at the end. */
void vsf_state_file_changed(VsfStateFile *file, gboolean soon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfStateFile, vsf_state_file_free)
