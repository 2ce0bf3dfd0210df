/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a hook once, as libvirt does, to see that it would stop no VM. */
#pragma once

#include <gio/gio.h>

/* FALSE with @error set unless @program can be run, prints nothing and is gone
 * with exit status 0 within @limit_ms. The op is one that nobody knows, so
 * nothing happens but that. Blocks. */
gboolean vsf_hook_trial(const char *program, guint limit_ms,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
