/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decoded sFlow datagram as JSON; docs/receive-json.md has its shape. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdint.h>

/* Always an object. @from: who sent it, or NULL; @time_ns: when it came, since
 * the epoch, or 0. A malformed datagram has the member "error" beside what
 * could be read. */
JsonNode *vsf_json_sink_datagram(const uint8_t *data, size_t size, const char *from,
                                 gint64 time_ns);
