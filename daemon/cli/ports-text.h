/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical ports that are sampled, as a table for people. Pure. */
#pragma once

#include "table.h"

/* The interfaces of @status that are none: taps; sorted by ifIndex. The caller frees the array, its
 * objects are the document's. */
GPtrArray *vsf_tap_rows(JsonObject *status);

/* Appends the table of those that are, if there are any. */
void vsf_ports_add(GString *text, JsonObject *status, VsfTableRowFunc after_row);
