/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the command that VIRT_SFLOW names. */
#pragma once

#include <gio/gio.h>

typedef struct {
    char *out, *err;
    int status;
    gboolean done;
} Run;

/* Arguments up to a NULL. Our loop runs meanwhile: it may be the daemon's side. */
G_GNUC_NULL_TERMINATED
Run run_command(const char *first, ...);

void run_clear(Run *run);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)
