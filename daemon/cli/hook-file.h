/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files behind `virt-sflow hook`: reads programs, tells ours from others,
 * and puts one into libvirt's folder so that no half or untried one is ever
 * where libvirt would run it. */
#pragma once

#include <gio/gio.h>

typedef enum {
    VSF_HOOK_FILE_ABSENT,
    VSF_HOOK_FILE_OURS,
    VSF_HOOK_FILE_FOREIGN, /* another program, a link, a folder ... */
} VsfHookFileKind;

typedef struct {
    VsfHookFileKind kind;
    gboolean executable; /* libvirt skips a file that is not */
    GBytes *bytes;       /* of a file of ours, else NULL */
} VsfHookFile;

/* What lies at @path. FALSE with @error set if that cannot be seen. */
gboolean vsf_hook_file_inspect(const char *path, VsfHookFile *file,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_hook_file_clear(VsfHookFile *file);

/* The content of a program that carries our mark; a link is followed. */
GBytes *vsf_hook_file_read_program(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The version that @program was built as. */
char *vsf_hook_file_version(GBytes *program);

/* Writes @program beside @target's folder, without the x-bit, and syncs it;
 * sets the bit and runs it once (vsf_hook_trial); renames it to @target, whose
 * folder is made if it is not there, and syncs that. On failure @target is as
 * it was (but for a failure of the last sync) and nothing is left. */
gboolean vsf_hook_file_install(GBytes *program, const char *hooks_dir, const char *target,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes @target durably. */
gboolean vsf_hook_file_remove(const char *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes what an install that was killed has left; returns how many. */
guint vsf_hook_file_remove_strays(const char *hooks_dir);

/* Paths of what libvirt runs for a VM besides @target. */
GPtrArray *vsf_hook_file_others(const char *hooks_dir, const char *target);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfHookFile, vsf_hook_file_clear)
