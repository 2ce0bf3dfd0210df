/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A listening unix socket in the file system, and one that the service manager made. */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

typedef struct {
    int fd;
    dev_t device; /* with inode: the socket file that is ours */
    ino_t inode;
} VsfListener;

/* The descriptors that the service manager hands over (sd_listen_fds(3)) begin here. */
#define VSF_LISTEN_FDS_START 3

/* How many these are. @listen_fds and @listen_pid: the variables LISTEN_FDS and LISTEN_PID, or
 * NULL; @pid: this process, as the second may mean another. Pure. */
guint vsf_listen_fds(const char *listen_fds, const char *listen_pid, gint64 pid);

/* TRUE if @fd is a unix stream socket that listens. */
gboolean vsf_listen_is_fit(int fd);

/* Replaces a socket on which nobody listens, or another user's in a directory of ours that we may
 * not ask; G_IO_ERROR_ADDRESS_IN_USE if somebody listens; never touches what is no socket. Mode
 * 0660. */
gboolean vsf_listener_open(VsfListener *listener, const char *path,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes the file only if it is still ours. */
void vsf_listener_close(VsfListener *listener, const char *path);
