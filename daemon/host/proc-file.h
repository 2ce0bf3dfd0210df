/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads small files of /proc without allocating. Any thread. */
#pragma once

#include <glib.h>

/* Up to @size bytes, not terminated; -1 if there is no such file. */
gssize vsf_proc_read(const char *path, char *buffer, gsize size);
