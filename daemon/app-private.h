/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What app.c holds, for status.c, which only reads it. */
#pragma once

#include "agent-process.h"
#include "app-vitals.h"
#include "app.h"
#include "base/log.h"
#include "beside.h"
#include "brakes.h"
#include "control/control.h"
#include "dns-store.h"
#include "index-store.h"
#include "net/dns-sd.h"
#include "net/hook-socket.h"
#include "net/links.h"
#include "ovs/alive.h"
#include "ovs/client.h"
#include "ovs/writer.h"
#include "pauses.h"
#include "poller.h"
#include "ports.h"
#include "vfs.h"
#include "virt/conn.h"

struct VsfApp {
    VsfConfig *config; /* in force: @base with @overlay */
    VsfConfig *base;   /* what files and command line say */
    VsfConfigOverlay *overlay;
    GStrv config_fixed;           /* keys of these that need a restart, NULL: none */
    gint64 config_us;             /* since when it is in force */
    const VsfReloadState *reload; /* or NULL */
    gint64 start_us;
    guint32 seed;     /* of phases: this host's; 0 until there is a poller */
    gboolean closing; /* the rooms are being taken down; the domains run on */
    VsfAppFailed failed;
    gpointer user_data;

    VsfStateDir *state_dir;
    VsfIndexStore *indexes;
    VsfGuestStore *records;
    VsfSender *sender;
    VsfDnsStore *dns_store; /* for the process */
    VsfDnsSd *dns;          /* NULL: dns-sd is off */
    char *dns_note;         /* what is in force otherwise than DNS has it, or NULL */
    VsfLogRate dns_note_rate;
    VsfBeside *beside;
    VsfOvsClient *ovs; /* NULL: off */
    char *ovs_socket;  /* of that */
    char *ovs_told;    /* what is wrong with it, as logged last */
    gboolean ovs_told_watched;
    VsfLogRate ovs_rate;
    guint ovs_timer, ovs_polling_s; /* of counter samples of its ports */
    VsfOvsWriter *ovs_writer;       /* NULL as ovs */
    VsfOvsAlive *ovs_alive;         /* the same */
    guint ovs_look_timer;
    gboolean ovs_leaving; /* ovs ends, whatever is wanted by then */
    guint ovs_leave_timer;
    VsfOvsParting *ovs_parting; /* of the last client that was given up; or NULL */
    VsfWorker *ovs_worker;      /* looks for the device of the agent address */
    GCancellable *ovs_finding;  /* NULL: it does not */
    char *ovs_device;           /* that; NULL: not known, or there is none */
    char *ovs_device_of;        /* the address that it was looked for */
    gint64 ovs_device_us;       /* when */
    gint64 ovs_nameless_us;     /* since when no collector has an address; 0: one has */
    char *ovs_refused;          /* why nothing can be written, or NULL */
    char *ovs_trouble_told;     /* as logged last */
    VsfHookSocket *hook;
    VsfControl *control;
    char *agent_socket;             /* of the agent service; NULL: nobody is asked */
    VsfAgentProcess *agent_process; /* NULL: it is not ours */
    VsfCaptureChoice *choice;       /* until there are flows, which take it */
    char *agent_address, *agent_address_reason;
    VsfSflowAddress wire; /* the same as it is sent */

    /* From here on NULL until the agent address is known. */
    VsfExporter *exporter;
    VsfLinkStatsReader *link_stats;
    VsfRegistry *registry;
    VsfFlows *flows;
    VsfCalls *stats;
    VsfAgents *agents;
    VsfGuests *guests;
    VsfBrakes *brakes;
    VsfPauses *pauses;
    VsfPoller *poller;
    VsfPorts *ports;
    VsfLinks *links;
    VsfConn *conn;
    VsfVitals *vitals;
    VsfVfs *vfs;

    gboolean links_known; /* every interface was told once */
    gint64 connection_changed_us;
    gint64 away_since_us, away_total_us; /* libvirt; 0: it is there; outages that are over */
    GHashTable *starting; /* uuid -> what was told of its start: a first sample is due when
                             its XML is here */
    guint expire_timer;
    gint64 expire_us; /* when it comes */
    guint confirm_timer;
    VsfLogRate hook_rate;
};

/* The registry may wait for something now: it is asked for it in time. */
void vsf_app_registry_changed(VsfApp *app);

/* Sets agent_address, its reason and wire; FALSE: they stay. */
gboolean vsf_app_choose_agent(VsfApp *app, const VsfConfig *config, GInetAddress *collector,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_app_warn_no_collector(const VsfConfig *config);

/* Where @base has dns-sd on: reads what DNS said last, and begins to ask. Nothing is put in force.
 */
void vsf_app_dns_start(VsfApp *app);
void vsf_app_dns_stop(VsfApp *app);
/* After another @base came that is not the same to DNS: begins anew, and puts what is known in
 * force. */
void vsf_app_dns_restart(VsfApp *app);
gboolean vsf_app_dns_is_same(const VsfConfig *one, const VsfConfig *other);
/* What DNS wants over @base; NULL: nothing, or not for this @base. The caller frees. */
VsfConfigOverlay *vsf_app_dns_overlay(VsfApp *app, const VsfConfig *base);

/* Once there are the registry and the flows. */
void vsf_app_ports_start(VsfApp *app);
void vsf_app_ports_set_config(VsfApp *app, const VsfConfig *config);

/* Once there is a configuration. */
void vsf_app_agents_start(VsfApp *app, const char *runtime_dir);
void vsf_app_agents_stop(VsfApp *app);

/* @user_data is a VsfApp. */
extern const VsfConnCallbacks vsf_app_conn_callbacks;

/* A VsfHookFunc; @app is a VsfApp. */
void vsf_app_hook_message(const char *op, const char *name, const char *xml, gsize xml_length,
                          gpointer user_data);

/* The members "beside" and "config" of that. */
void vsf_app_status_beside_member(JsonBuilder *builder, const VsfApp *app);
void vsf_app_status_config_member(JsonBuilder *builder, const VsfApp *app);
/* The members "ports_..." of "capture". */
void vsf_app_status_ports_members(JsonBuilder *builder, const VsfApp *app);
/* There is a poller. */
void vsf_app_status_uplinks_member(JsonBuilder *builder, const VsfApp *app);
/* The member "dns_sd". */
void vsf_app_status_dns_member(JsonBuilder *builder, const VsfApp *app);

/* The answer to {"request": "status"}; documented in docs/status-json.md. */
JsonNode *vsf_app_status(VsfApp *app);
