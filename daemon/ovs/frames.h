/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream of JSON objects that nothing separates, as OVSDB's JSON-RPC is (RFC 7047, section 4),
 * cut into messages. It looks at braces and strings alone, never twice at a byte; what a message
 * says is not judged. Pure; any one thread. */
#pragma once

#include <gio/gio.h>

typedef struct VsfOvsFrames VsfOvsFrames;

/* @bytes_max: of all that is in here: messages that nobody took, and a beginning of one. */
VsfOvsFrames *vsf_ovs_frames_new(gsize bytes_max);
void vsf_ovs_frames_free(VsfOvsFrames *frames); /* takes NULL */

/* Behind what came before. FALSE with @error (G_IO_ERROR_INVALID_DATA: what follows cannot be the
 * beginning of an object, or is nested deeper than any message; _NO_SPACE: too much): then
 * the stream is lost, and each later call fails; whole messages from before can still be taken. */
gboolean vsf_ovs_frames_add(VsfOvsFrames *frames, const char *data, gsize size,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The next message, from its '{' to its '}'; NULL: there is no whole one. The caller's. */
GBytes *vsf_ovs_frames_take(VsfOvsFrames *frames);

/* Bytes of messages that nobody took. */
gsize vsf_ovs_frames_waiting(const VsfOvsFrames *frames);

/* A message began that has not ended. */
gboolean vsf_ovs_frames_is_amid(const VsfOvsFrames *frames);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsFrames, vsf_ovs_frames_free)
