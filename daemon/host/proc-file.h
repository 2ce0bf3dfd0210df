/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads files of /proc and /sys. Any thread. */
#pragma once

#include <glib.h>

/* Up to @size bytes, not terminated; -1 if there is no such file. Allocates nothing. */
gssize vsf_proc_read(const char *path, char *buffer, gsize size);

/* The same of a file that is read again and again, by one read() of *@fd, -1 at first, which stays
 * open: to open one of a process costs more than to read it. Such a file is of the process that it
 * was opened for also when the pid is another's. *@fd is -1 again if the process is gone. */
gssize vsf_proc_read_kept(int *fd, const char *path, char *buffer, gsize size);

/* The file @root/@path, and a NUL behind it; NULL if it cannot be read. At most @most bytes of it.
 */
char *vsf_proc_read_all(const char *root, const char *path, gsize most, gsize *length);
