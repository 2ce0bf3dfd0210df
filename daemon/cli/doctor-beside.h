/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What status and doctor say of another agent on this host. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* Lines of the status; none where no other agent was seen. */
void vsf_beside_text(GString *text, JsonObject *status);

/* The finding "beside" of the node; none where no other agent was seen. */
void vsf_beside_findings(GPtrArray *findings, JsonObject *status);
