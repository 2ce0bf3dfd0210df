/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Open vSwitch's database said at one moment: an immutable value, counted by reference, that
 * any thread may read. Texts are as the database has them (tenants choose none of them, but
 * whoever may write there does): at most 255 bytes, of any kind. */
#pragma once

#include <glib.h>

#define VSF_OVS_UNKNOWN G_MAXUINT64

/* One interface that is in a port of a bridge. */
typedef struct {
    const char *name; /* as the kernel has it too, if it knows it */
    const char *port; /* another name if the port is a bond */
    const char *bridge;
    const char *type;         /* "" (the kernel's), "internal", "dpdkvhostuserclient" ... */
    const char *vlan_mode;    /* or NULL */
    const char *trunks;       /* "1,7,20-29": VLANs that pass with their tag; NULL: not limited */
    const char *iface_id;     /* external_ids: Neutron's port; or NULL */
    const char *attached_mac; /* external_ids; or NULL */
    gint64 ofport;   /* OpenFlow's number; -1: the interface could not be opened, or none */
    gboolean up;     /* its link is */
    guint32 ifindex; /* 0: not known */
    int tag;         /* VLAN of frames that have no tag; -1: none */
} VsfOvsPort;

typedef struct {
    const char *uuid, *name;
    const char *sflow; /* UUID of its row in table sFlow, NULL: none */
} VsfOvsBridge;

typedef struct {
    const char *uuid;
    const char *agent;                /* or NULL */
    const char *mark;                 /* external_ids:virt-sflow: whose it is; or NULL */
    const char *targets;              /* sorted, blanks between */
    gint64 sampling, polling, header; /* -1: not set */
} VsfOvsSflow;

/* Of the switch: rx is what it received from the interface, so what a guest there sent. */
typedef struct {
    guint64 rx_packets, tx_packets, rx_bytes, tx_bytes;
    guint64 rx_errors, tx_errors, rx_dropped, tx_dropped; /* each VSF_OVS_UNKNOWN if not told */
} VsfOvsCounters;

typedef struct VsfOvsSnapshot VsfOvsSnapshot;

VsfOvsSnapshot *vsf_ovs_snapshot_ref(VsfOvsSnapshot *snapshot);
void vsf_ovs_snapshot_unref(VsfOvsSnapshot *snapshot); /* takes NULL */

/* All take NULL, a snapshot of nothing; what they return is the snapshot's. */

const char *vsf_ovs_snapshot_version(const VsfOvsSnapshot *snapshot); /* or NULL */
guint vsf_ovs_snapshot_n_ports(const VsfOvsSnapshot *snapshot);
const VsfOvsPort *vsf_ovs_snapshot_port(const VsfOvsSnapshot *snapshot, guint i);
const VsfOvsPort *vsf_ovs_snapshot_by_name(const VsfOvsSnapshot *snapshot, const char *name);

/* The port of the kernel's interface of that name and number: a row may have outlived its
 * interface, whose name another one has now. NULL: none. */
const VsfOvsPort *vsf_ovs_snapshot_of_link(const VsfOvsSnapshot *snapshot, const char *name,
                                           int ifindex);

guint vsf_ovs_snapshot_n_bridges(const VsfOvsSnapshot *snapshot);
const VsfOvsBridge *vsf_ovs_snapshot_bridge(const VsfOvsSnapshot *snapshot, guint i);
guint vsf_ovs_snapshot_n_sflows(const VsfOvsSnapshot *snapshot);
const VsfOvsSflow *vsf_ovs_snapshot_sflow(const VsfOvsSnapshot *snapshot, guint i);
const VsfOvsSflow *vsf_ovs_snapshot_sflow_by_uuid(const VsfOvsSnapshot *snapshot, const char *uuid);

/* Interfaces that a guest's memory is the other end of, which the kernel does not know. */
gboolean vsf_ovs_port_is_vhost_user(const VsfOvsPort *port);
gboolean vsf_ovs_snapshot_has_vhost_user(const VsfOvsSnapshot *snapshot);

/* Of a vhost-user interface, if they were read at @since_us (monotonic) or later; NULL: not. */
const VsfOvsCounters *vsf_ovs_snapshot_counters(const VsfOvsSnapshot *snapshot, const char *name,
                                                gint64 since_us);

/* --- for who makes it ----------------------------------------------------- */

VsfOvsSnapshot *vsf_ovs_snapshot_new(const char *version);
/* Texts are copied. A second one of the same name is left out. */
void vsf_ovs_snapshot_add_port(VsfOvsSnapshot *snapshot, const VsfOvsPort *port);
void vsf_ovs_snapshot_add_bridge(VsfOvsSnapshot *snapshot, const VsfOvsBridge *bridge);
void vsf_ovs_snapshot_add_sflow(VsfOvsSnapshot *snapshot, const VsfOvsSflow *sflow);
/* @counters: name -> VsfOvsCounters, never changed any more; NULL: none. */
void vsf_ovs_snapshot_set_counters(VsfOvsSnapshot *snapshot, GHashTable *counters, gint64 read_us);
/* After the last one was added: it is immutable from now on. */
void vsf_ovs_snapshot_seal(VsfOvsSnapshot *snapshot);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsSnapshot, vsf_ovs_snapshot_unref)
