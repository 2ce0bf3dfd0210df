/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of Open vSwitch's database that concern us, kept up by its updates (RFC 7047, sections
 * 4.1.5 and 4.1.6; vswitch.ovsschema), and what they mean as a snapshot. Pure; one thread at a
 * time. */
#pragma once

#include "message.h"
#include "snapshot.h"

/* Bytes of all texts of all rows; 65,536 ports have some 12 MiB. */
#define VSF_OVS_KEPT_MAX (32 * 1024 * 1024)

typedef struct VsfOvsDb VsfOvsDb;

VsfOvsDb *vsf_ovs_db_new(void);
VsfOvsDb *vsf_ovs_db_ref(VsfOvsDb *db); /* any thread */
void vsf_ovs_db_unref(VsfOvsDb *db);    /* takes NULL; any thread */

/* "params" of the requests. The caller's. */
char *vsf_ovs_db_monitor_params(void);
/* Counters of vhost-user interfaces alone: of all others the kernel knows, and 10,000 of them
 * change every 5 s. */
char *vsf_ovs_db_counters_params(void);

/* @updates: <table-updates>. FALSE with @error (G_IO_ERROR_INVALID_DATA: it is none; _NO_SPACE:
 * too many rows, or too large ones): what the database holds is not known any more. */
gboolean vsf_ovs_db_update(VsfOvsDb *db, JsonNode *updates,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @reply: to vsf_ovs_db_counters_params(). */
void vsf_ovs_db_counters(VsfOvsDb *db, const VsfOvsMessage *reply, gint64 read_us);

/* As it is now; the caller's. */
VsfOvsSnapshot *vsf_ovs_db_snapshot(const VsfOvsDb *db);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsDb, vsf_ovs_db_unref)
