/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads files of /proc and /sys. Any thread. */
#pragma once

#include <glib.h>

/* Up to @size bytes, not terminated; -1 if there is no such file. Allocates nothing. */
gssize vsf_proc_read(const char *path, char *buffer, gsize size);

/* The file @root/@path, and a NUL behind it; NULL if it cannot be read. At most @most bytes of it.
 */
char *vsf_proc_read_all(const char *root, const char *path, gsize most, gsize *length);
