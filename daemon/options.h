/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of virt-sflowd. */
#pragma once

#include "config.h"

typedef struct {
    char *config_file; /* or NULL */
    char *uri;         /* or NULL */
    char *runtime_dir, *state_dir;
    char **collectors; /* as given, or NULL */
    gboolean check_config, debug, version;
} VsfOptions;

/* Fills @options, which is all zero; prints and exits for --help. */
gboolean vsf_options_parse(VsfOptions *options, int *argc, char ***argv,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reads the files, and puts what the command line says in the place of what they say. Any
 * thread. @again: it was read before, so that a pipe would say nothing now. */
VsfConfig *vsf_options_load(const VsfOptions *options, gboolean again,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_options_clear(VsfOptions *options);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfOptions, vsf_options_clear)
