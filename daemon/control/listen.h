/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A listening unix socket in the file system. */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

typedef struct {
    int fd;
    dev_t device; /* with inode: the socket file that is ours */
    ino_t inode;
} VsfListener;

/* Replaces a socket on which nobody listens; G_IO_ERROR_ADDRESS_IN_USE if
 * somebody does; never touches what is no socket. Mode 0660. */
gboolean vsf_listener_open(VsfListener *listener, const char *path,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes the file only if it is still ours. */
void vsf_listener_close(VsfListener *listener, const char *path);
