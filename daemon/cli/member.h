/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of a JSON object, for people. The object may be NULL, and may come from
 * a daemon that is older or newer than this command: what is not there, null or of
 * another type is NULL, and "-" as text. The caller frees texts. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* @name may be a path: "agent/state". */
JsonNode *vsf_member(JsonObject *object, const char *name);
JsonObject *vsf_member_object(JsonObject *object, const char *name);
JsonArray *vsf_member_array(JsonObject *object, const char *name);

gboolean vsf_is_number(JsonNode *node);

char *vsf_value_text(JsonNode *node);
char *vsf_member_text(JsonObject *object, const char *name);
/* Of seconds, in one unit: "3 s", "12 min", "5 h", "41 d". */
char *vsf_age_text(JsonNode *node);
/* Of bits a second: "100M", "2.5G". */
char *vsf_speed_cell(JsonNode *node);
/* Of a number of bytes: "512 B", "1.5 GiB", "640 GiB"; at most 8 characters. */
char *vsf_bytes_text(JsonNode *node);
