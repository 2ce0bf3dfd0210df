/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the running daemon over its control socket. */
#pragma once

#include <json-glib/json-glib.h>

#define VSF_RUNTIME_DIR "/run/virt-sflow"

/* The object that answers @request (a line with its newline; docs/status-json.md), or NULL with
 * @error, whose message is a whole one for people that a terminal can take. @runtime_dir:
 * where the daemon's sockets are; NULL: VSF_RUNTIME_DIR. *@text: the document as it came;
 * the caller frees. Blocks, for at most 10 s at each step; may ask several times. */
JsonNode *vsf_control_client_ask(const char *runtime_dir, const char *request, char **text,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for the status. */
JsonNode *vsf_control_client_status(const char *runtime_dir, char **text,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The document in @answer (of @length bytes, with a NUL behind them), or NULL with
 * @error if it is none, if it is beyond what a daemon says, or if it is the daemon's
 * own {"error": ...}: the message is safe for a terminal. Pure. */
JsonNode *vsf_control_client_parse(const char *answer, gsize length,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
