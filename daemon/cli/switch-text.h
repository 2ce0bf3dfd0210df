/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What status and lists say of Open vSwitch. Pure. */
#pragma once

#include <json-glib/json-glib.h>

/* A VsfTableRowFunc: the port of a switch that @interface is in; nothing where none is known. */
void vsf_switch_text(GString *text, JsonObject *interface);

/* Lines of the status; none where there is no Open vSwitch. */
void vsf_ovs_text(GString *text, JsonObject *status);
