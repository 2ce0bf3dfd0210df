/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of OVSDB's columns (RFC 7047, section 5.1) out of JSON. What is not of the kind that is
 * asked for is as what is not there: columns of a later schema are no errors. Pure; any thread. */
#pragma once

#include <json-glib/json-glib.h>

#define VSF_OVS_TEXT_MAX 255 /* bytes; a longer one is as none */

/* The column of a row, NULL: it is not there. */
JsonNode *vsf_ovs_column(JsonObject *row, const char *name);

/* The one string, "optional string" included; NULL: none. The row's. */
const char *vsf_ovs_text(JsonNode *node);

/* The one integer, or @otherwise. */
gint64 vsf_ovs_integer(JsonNode *node, gint64 otherwise);

/* The UUID of the one reference; NULL: none. The row's. */
const char *vsf_ovs_uuid(JsonNode *node);

/* All references, strings or integers of a set. @func gets each element. */
typedef void (*VsfOvsElement)(JsonNode *element, gpointer user_data);
void vsf_ovs_each(JsonNode *node, VsfOvsElement func, gpointer user_data);

/* The value of a key of a map; NULL: none. The row's. */
JsonNode *vsf_ovs_map_value(JsonNode *node, const char *key);
