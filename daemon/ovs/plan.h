/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be written into Open vSwitch's database so that its bridges send samples as we want.
 * One row of table sFlow serves all of them; it carries external_ids:virt-sflow. A row without
 * that, and a bridge that has one, is another's and never touched: each change waits, within the
 * same transaction, for the bridge to be as it was seen. A row that no bridge refers to any more
 * goes by itself. Pure; any thread. */
#pragma once

#include "snapshot.h"

#define VSF_OVS_MARK "virt-sflowd" /* external_ids:virt-sflow of our rows */

typedef struct {
    char *agent;   /* device whose first address is the agent address */
    char *targets; /* "192.0.2.1:6343 [2001:db8::1]:6343", sorted */
    guint sampling, polling_s, header_bytes;
    char **bridges; /* patterns of their names; NULL or none: all */
} VsfOvsWanted;

VsfOvsWanted *vsf_ovs_wanted_copy(const VsfOvsWanted *wanted);                     /* NULL: NULL */
void vsf_ovs_wanted_free(VsfOvsWanted *wanted);                                    /* takes NULL */
gboolean vsf_ovs_wanted_equal(const VsfOvsWanted *one, const VsfOvsWanted *other); /* NULL too */

/* "params" of "transact" (RFC 7047, section 4.1.3); NULL: all is as wanted. @wanted NULL: none of
 * our rows is to be left. The caller frees. */
char *vsf_ovs_plan(const VsfOvsSnapshot *snapshot, const VsfOvsWanted *wanted);

/* Whether it has a row of ours, and so sends samples for us. */
gboolean vsf_ovs_bridge_is_ours(const VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge);

/* The same of the bridge that @port is in. */
gboolean vsf_ovs_port_is_covered(const VsfOvsSnapshot *snapshot, const VsfOvsPort *port);

/* Whether it is to have one. */
gboolean vsf_ovs_bridge_is_wanted(const VsfOvsWanted *wanted, const VsfOvsBridge *bridge);

/* The row that the bridges which are ours have; NULL: none is. */
const VsfOvsSflow *vsf_ovs_our_row(const VsfOvsSnapshot *snapshot);
gboolean vsf_ovs_row_is_as_wanted(const VsfOvsSflow *row, const VsfOvsWanted *wanted);

/* Whose row it has: "agent eth0, targets 192.0.2.1:6343"; NULL: none, or ours. The caller frees. */
char *vsf_ovs_rival(const VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsWanted, vsf_ovs_wanted_free)
