/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What doctor says of Open vSwitch. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* The finding "ovs" of the node; none where there is no Open vSwitch. */
void vsf_ovs_findings(GPtrArray *findings, JsonObject *status);
