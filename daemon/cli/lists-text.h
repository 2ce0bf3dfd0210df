/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of the status document (docs/status-json.md) as tables for people, and a single VM: 80
 * columns but for what gives a reason, safe for a terminal. Pure. The caller frees. */
#pragma once

#include <json-glib/json-glib.h>

char *vsf_vms_text(JsonObject *status);
char *vsf_taps_text(JsonObject *status);
char *vsf_collectors_text(JsonObject *status);

/* @vm: one of @status's. */
char *vsf_vm_text(JsonObject *status, JsonObject *vm);

/* The array @name of @status, sorted by @sort_member of its objects (NULL: as it is); empty where
 * the daemon does not tell. */
JsonNode *vsf_list_json(JsonObject *status, const char *name, const char *sort_member);
