/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many file descriptors the process may have (RLIMIT_NOFILE). */
#pragma once

#include <glib.h>

/* Raises the soft limit to the hard one, at most to 65536; once, at the start. Nothing
 * here uses select(), for which the soft limit of 1024 is kept low. */
void vsf_descriptors_raise(void);

/* The soft limit. */
guint vsf_descriptors_limit(void);

/* How many of so many may be files that are kept open only since that is cheaper than to open
 * them again and again; none where there are few. */
guint vsf_descriptors_kept_max(guint limit);
