/* SPDX-License-Identifier: GPL-2.0-or-later */
/* {"return": ...} or {"error": {"class": ..., "desc": ...}}: what every reply of
 * the agent is wrapped in. */
#pragma once

#include "../include/qga.h"

#include <json-glib/json-glib.h>

/* The node of "return" and all below it; the caller owns it. NULL with an error of
 * VSF_QGA_ERROR if the reply is out of bounds, no reply, or the agent's refusal. */
JsonNode *vsf_qga_envelope_open(const char *reply, gsize length,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same where "return" is an object, an array; else an error. */
JsonObject *vsf_qga_envelope_object(const char *reply, gsize length,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
JsonArray *vsf_qga_envelope_array(const char *reply, gsize length,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
