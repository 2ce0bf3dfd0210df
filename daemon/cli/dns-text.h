/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of the status about settings from DNS. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* Nothing where DNS is not asked. */
void vsf_dns_text(GString *text, JsonObject *status);

/* What stands where no collector is known. */
const char *vsf_dns_no_collector_text(JsonObject *status);
