/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What doctor says of the node itself. Pure. */
#pragma once

#include "finding.h"

void vsf_doctor_node(GPtrArray *findings, JsonObject *status);
