/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is paused, for people. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* Appends one line for each thing that @answer's member "paused" says is; FALSE: nothing is. */
gboolean vsf_pause_text(GString *text, JsonObject *answer);

/* Seconds of "90s", "10m" or "1h"; FALSE if @text is not of that form, or not 1 s to 7 days. */
gboolean vsf_pause_seconds(const char *text, guint *seconds);
