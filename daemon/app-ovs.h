/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Open vSwitch says of the ports of our VMs: given to those rooms that send it, and shown in
 * the status. Main thread. */
#pragma once

#include "app.h"
#include "model/registry.h"
#include "ovs/client.h"

#include <json-glib/json-glib.h>

/* Of app-ovs-write.c, for app-ovs.c: begins once there is a client; tells the writer what is wanted
 * now; ends, and takes away what is ours, while there still is one. */
void vsf_app_ovs_write_start(VsfApp *app);
void vsf_app_ovs_write(VsfApp *app);
void vsf_app_ovs_write_stop(VsfApp *app);
/* FALSE: to be asked again, since it is not known yet what is ours there; for @patience_us at
 * most. */
gboolean vsf_app_ovs_may_stop(VsfApp *app, gint64 patience_us);
/* Of app-ovs.c, for app-ovs-write.c: the writer has looked. */
void vsf_app_ovs_looked(VsfApp *app);
/* Why not all bridges that are wanted send samples for us; NULL: they do, or need not. */
const char *vsf_app_ovs_trouble(const VsfApp *app);

/* As the configuration in force wants it: watched, or not. */
void vsf_app_ovs_set_config(VsfApp *app);
void vsf_app_ovs_stop(VsfApp *app);

/* @tap came, or has another name. TRUE: who samples it is another now. */
gboolean vsf_app_ovs_tap(const VsfApp *app, VsfTap *tap);

/* NULL: nothing is known. */
const VsfOvsSnapshot *vsf_app_ovs_snapshot(const VsfApp *app);

/* The member "ovs" of the status. */
void vsf_app_status_ovs_member(JsonBuilder *builder, const VsfApp *app);
