/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hook's socket, RUNTIME_DIR/hook: takes the datagrams that the libvirt
 * hook sends, and only root's (SO_PASSCRED). */
#pragma once

#include <gio/gio.h>

typedef struct VsfHookSocket VsfHookSocket;

/* @op: "start", "stopped" ...; @name: the domain's; @xml NULL if the message
 * had none. Valid during the call; does not free the socket. @name is UTF-8. */
typedef void (*VsfHookFunc)(const char *op, const char *name, const char *xml, gsize xml_length,
                            gpointer user_data);

typedef struct {
    guint64 received, malformed, refused; /* refused: not root's */
} VsfHookSocketCounts;

/* Replaces a stale socket file; G_IO_ERROR_ADDRESS_IN_USE if another process
 * listens there. The file has mode 0600 and goes away with the socket. @message
 * runs on the default main context, for at most four messages a dispatch. */
VsfHookSocket *vsf_hook_socket_new(const char *path, VsfHookFunc message, gpointer user_data,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_hook_socket_free(VsfHookSocket *socket);
VsfHookSocketCounts vsf_hook_socket_counts(const VsfHookSocket *socket);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfHookSocket, vsf_hook_socket_free)
