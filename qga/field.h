/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One member of an object that a guest wrote: its value if it is there, of the
 * right type and possible, else unknown. */
#pragma once

#include "../include/qga.h"
#include "text.h"

#include <json-glib/json-glib.h>

/* NULL if there is no such member, or no string. */
const char *vsf_qga_field_raw_text(JsonObject *object, const char *name);
char *vsf_qga_field_text(JsonObject *object, const char *name);

/* VSF_QGA_UNKNOWN and G_MAXUINT32 if unknown. */
guint64 vsf_qga_field_u64(JsonObject *object, const char *name);
guint32 vsf_qga_field_u32(JsonObject *object, const char *name);

/* Integer or not; VSF_QGA_UNKNOWN_LOAD unless finite and not negative. */
double vsf_qga_field_load(JsonObject *object, const char *name);

/* TRUE only for the word true. */
gboolean vsf_qga_field_is_true(JsonObject *object, const char *name);

/* NULL if unknown; owned by @object. */
JsonObject *vsf_qga_field_object(JsonObject *object, const char *name);
JsonArray *vsf_qga_field_array(JsonObject *object, const char *name);

/* NULL unless the element is an object. */
JsonObject *vsf_qga_element(JsonArray *array, guint index);
