/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status document (docs/status-json.md) as text for people: 80 columns,
 * and nothing in it that a terminal obeys, since names of VMs and interfaces
 * are others' input. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* What is missing, null or of another type is shown as "-". The caller frees. */
char *vsf_status_text(JsonObject *status);
