/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns with * (any bytes) and ? (one byte). Pure. */
#pragma once

#include <glib.h>

/* Bytes, not characters: a link's name need not be UTF-8, and fnmatch() would
 * ask the locale. */
gboolean vsf_glob_matches(const char *pattern, const char *name);
