/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open vSwitch's database, watched: connects to its socket, asks for the tables that concern us,
 * keeps up with their changes, and begins anew when it ends, hangs or talks nonsense. Nothing is
 * waited for: bytes are read as they come, and what may take long is a worker's. Main thread. */
#pragma once

#include "parting.h"
#include "snapshot.h"

#include <gio/gio.h>

#define VSF_OVS_SOCKET "/run/openvswitch/db.sock"

typedef struct VsfOvsClient VsfOvsClient;

typedef struct {
    guint retry_min_ms, retry_max_ms; /* from one attempt to the next, doubled each time */
    guint probe_ms;                   /* silence after which it is asked whether it lives */
    guint patience_ms;                /* silence after that until it counts as hung */
    guint first_ms;                   /* until the tables must have been told */
    guint collect_ms;                 /* changes within this time make one snapshot */
    guint counters_ms; /* between questions for counters of vhost-user interfaces; 0: none */
} VsfOvsPace;

extern const VsfOvsPace vsf_ovs_pace; /* as it is used, without counters */

typedef enum {
    VSF_OVS_AWAY,   /* no connection; see vsf_ovs_client_error() */
    VSF_OVS_ASKING, /* the tables are not told yet */
    VSF_OVS_WATCHED,
} VsfOvsState;

typedef struct {
    /* Another snapshot, or another state. */
    void (*changed)(gpointer user_data);
} VsfOvsClientCallbacks;

/* What it knows comes later, never in this call. @path and @pace are copied. */
VsfOvsClient *vsf_ovs_client_new(const char *path, const VsfOvsPace *pace,
                                 const VsfOvsClientCallbacks *callbacks, gpointer user_data);
void vsf_ovs_client_free(VsfOvsClient *client); /* takes NULL */

/* Of the last time that it was watched: bridges go on while their database is away. NULL: it never
 * was. The client's, until it changes. */
const VsfOvsSnapshot *vsf_ovs_client_snapshot(const VsfOvsClient *client);

VsfOvsState vsf_ovs_client_state(const VsfOvsClient *client);
const char *vsf_ovs_state_name(VsfOvsState state);          /* "away" ... */
gint64 vsf_ovs_client_since_us(const VsfOvsClient *client); /* monotonic, of the state */
/* Nobody listens there: what it connects to is not there, or nobody's. */
gboolean vsf_ovs_client_is_absent(const VsfOvsClient *client);
/* Why the last connection ended or none could be made; NULL: it is watched, or was not tried. */
const char *vsf_ovs_client_error(const VsfOvsClient *client);

void vsf_ovs_client_set_counters_ms(VsfOvsClient *client, guint counters_ms);

/* @trouble: NULL if all of it was done; else why it was not, or why that is not known. */
typedef void (*VsfOvsDone)(const char *trouble, gpointer user_data);

/* One at a time (asserted). @params is the text of "params" (RFC 7047, section 4.1.3). FALSE: not
 * watched, nothing happens. @done comes later, unless the client is freed before. */
gboolean vsf_ovs_client_transact(VsfOvsClient *client, const char *params, VsfOvsDone done,
                                 gpointer user_data);
gboolean vsf_ovs_client_is_transacting(const VsfOvsClient *client);

/* The same, of a client that is freed next and does nothing else before. NULL: it is not watched,
 * nothing happens. */
VsfOvsParting *vsf_ovs_client_part(VsfOvsClient *client, const char *params);
/* The same at the end of the process: waits 500 ms at most. */
void vsf_ovs_client_last_words(VsfOvsClient *client, const char *params);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsClient, vsf_ovs_client_free)
