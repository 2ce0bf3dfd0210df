/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection to OVSDB's Unix socket: bytes in and out, never waited for. Main thread. */
#pragma once

#include <gio/gio.h>

typedef struct VsfOvsStream VsfOvsStream;

typedef struct {
    /* Something came; whole messages may wait. */
    void (*heard)(gpointer user_data);
    /* It is over, and why; @stream may be freed in it. */
    void (*ended)(const GError *error, gpointer user_data);
} VsfOvsStreamCallbacks;

/* NULL with @error set, whose text begins with @path. */
VsfOvsStream *vsf_ovs_stream_new(const char *path, const VsfOvsStreamCallbacks *callbacks,
                                 gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_ovs_stream_free(VsfOvsStream *stream); /* takes NULL */

/* Instead of those before. */
void vsf_ovs_stream_set_callbacks(VsfOvsStream *stream, const VsfOvsStreamCallbacks *callbacks,
                                  gpointer user_data);

/* As soon as it goes. A peer that takes nothing ends the stream when 4 MiB wait. */
void vsf_ovs_stream_send(VsfOvsStream *stream, const char *text);

/* The next whole message, or NULL. The caller's. */
GBytes *vsf_ovs_stream_take(VsfOvsStream *stream);

/* Takes all that wait. TRUE: one of them answers the request @id, or looks like it. */
gboolean vsf_ovs_stream_take_reply(VsfOvsStream *stream, const char *id);

/* Whole messages wait. */
gboolean vsf_ovs_stream_has_message(const VsfOvsStream *stream);

/* Reads no more, or again: who does not take messages away need not have more of them. */
void vsf_ovs_stream_hold(VsfOvsStream *stream, gboolean hold);

/* Sends what waits and then @text, and waits at most @timeout_ms for a reply to the request @id: a
 * server that can no longer tell us of a change may hang up before it reads what we sent. For the
 * end of the process alone. */
void vsf_ovs_stream_last_words(VsfOvsStream *stream, const char *text, const char *id,
                               int timeout_ms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsStream, vsf_ovs_stream_free)
