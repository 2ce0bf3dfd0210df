/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status document (docs/status-json.md) as text for people: 80 columns,
 * and nothing in it that a terminal obeys, since names of VMs and interfaces
 * are others' input. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* What is missing, null or of another type is shown as "-". The caller frees. */
char *vsf_status_text(JsonObject *status);

/* Appends @text cut or padded to @width columns; 0: whole. Characters that are
 * not printable, directional marks too, are shown as \x.. */
void vsf_status_cell(GString *line, const char *text, guint width, gboolean to_the_right);
