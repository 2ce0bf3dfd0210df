/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the status document (docs/status-json.md) says of guest agents, and of the
 * numbers that come from inside the guests: for people within 80 columns, but for
 * lines that give a reason. Safe for a terminal. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* What is missing, null or of another type is shown as "-". The caller frees. */
char *vsf_agents_text(JsonObject *status);

/* Who would be asked if asking is on, and what for. */
char *vsf_agents_plan_text(JsonObject *status);

/* An array of the VMs, by name: uuid, name, domain, agent, memory, disk; or uuid,
 * name, plan. What the daemon does not tell is null. */
JsonNode *vsf_agents_json(JsonObject *status, gboolean plan);

/* Appends how asking stands, nothing where the daemon does not tell. */
void vsf_agents_summary(GString *text, JsonObject *status);
