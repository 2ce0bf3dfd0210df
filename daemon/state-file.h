/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of the state directory, replaced atomically and sealed, so that half a
 * file is known as such. What cannot be read or written never stops the daemon.
 * Writes run on a worker. Main thread only. */
#pragma once

#include "state-dir.h"

typedef struct VsfStateFile VsfStateFile;

/* Why a file is set aside that has no other fault. */
#define VSF_STATE_NOT_WHOLE "cut short, or changed since it was written"

/* The content to write, made when it is written; the caller frees. */
typedef char *(*VsfStateText)(gsize *length, gpointer user_data);

/* NAME in @dir, which is used until the file is freed. What writes that a kill or a
 * power cut interrupted left there is removed. */
VsfStateFile *vsf_state_file_new(VsfStateDir *dir, const char *name, VsfStateText text,
                                 gpointer user_data);

/* Writes what is not written yet, after an older write that is out, and waits for
 * both; then frees. Takes NULL. */
void vsf_state_file_free(VsfStateFile *file);

/* The content, once, before the main loop runs, NUL behind it; NULL if there is none. *@whole:
 * FALSE if it was cut short or changed since it was written; then it is to be set aside. What
 * cannot be read at all is set aside here. The caller frees. */
char *vsf_state_file_read(VsfStateFile *file, gsize *length,
                          gboolean *whole) G_GNUC_WARN_UNUSED_RESULT;

/* What was read cannot be used as it is, @why, and a warning says what is done instead,
 * @instead: the file is kept for a look as NAME.bad, or as NAME.newer for the way back to the
 * release that wrote it. One that cannot be renamed stays as it is, and is not written. */
void vsf_state_file_set_aside(VsfStateFile *file, gboolean newer, const char *why,
                              const char *instead);

/* The content differs: @soon, or not before something else does or at the end. */
void vsf_state_file_changed(VsfStateFile *file, gboolean soon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfStateFile, vsf_state_file_free)
