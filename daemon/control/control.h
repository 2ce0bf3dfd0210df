/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket, RUNTIME_DIR/control: a client sends one line of JSON,
 * {"request": "status"}, and gets one JSON document back; then the connection
 * is closed. Who may connect may ask; who may change something is for the one that answers
 * to say, who is told the client's uid. What is wrong is answered as {"error": "..."}. Bounded: 32
 * clients, 4 KiB of request, 5 s to ask and 10 s to read, 16 MiB of answers
 * that are not read; one answer is made in each turn of the main loop. Nobody
 * delays another: whoever only holds a connection, or does not read for a
 * second, makes room for who asks, and who finds no room waits outside. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "request.h"

typedef struct VsfControl VsfControl;

/* Returns a new node (the answer), or NULL with @error (its message goes to the client). */
typedef JsonNode *(*VsfControlFunc)(const VsfRequest *request, GError **error, gpointer user_data);

/* Replaces a stale socket of a daemon that is gone; G_IO_ERROR_ADDRESS_IN_USE if one
 * lives there. Mode 0660. */
VsfControl *vsf_control_new(const char *path, VsfControlFunc answer, gpointer user_data,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes everything and removes the socket. */
void vsf_control_free(VsfControl *control);

/* The bounds, so that tests need not wait for them. Before the first client. */
typedef struct {
    guint clients, ask_ms, read_ms;
    guint stall_ms;     /* a client that reads nothing for so long may be sent away */
    gsize unread_bytes; /* of all answers; above it the slowest readers go, but the last */
} VsfControlLimits;

void vsf_control_set_limits(VsfControl *control, VsfControlLimits limits);
guint vsf_control_clients(const VsfControl *control);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfControl, vsf_control_free)
