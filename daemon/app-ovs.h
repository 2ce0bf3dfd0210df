/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Open vSwitch says of the ports of our VMs: given to those rooms that send it, and shown in
 * the status. Main thread. */
#pragma once

#include "app.h"
#include "model/registry.h"
#include "ovs/client.h"

#include <json-glib/json-glib.h>

/* As the configuration in force wants it: watched, or not. */
void vsf_app_ovs_set_config(VsfApp *app);
void vsf_app_ovs_stop(VsfApp *app);

/* @tap came, or has another name. */
void vsf_app_ovs_tap(const VsfApp *app, VsfTap *tap);

/* NULL: nothing is known. */
const VsfOvsSnapshot *vsf_app_ovs_snapshot(const VsfApp *app);

/* The member "ovs" of the status. */
void vsf_app_status_ovs_member(JsonBuilder *builder, const VsfApp *app);
