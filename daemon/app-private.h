/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What app.c holds, for status.c, which only reads it. */
#pragma once

#include "app-vitals.h"
#include "app.h"
#include "base/log.h"
#include "brakes.h"
#include "control/control.h"
#include "index-store.h"
#include "net/hook-socket.h"
#include "net/links.h"
#include "pauses.h"
#include "poller.h"
#include "virt/conn.h"

struct VsfApp {
    const VsfConfig *config;
    gint64 start_us;
    gboolean closing; /* the rooms are being taken down; the domains run on */
    VsfAppFailed failed;
    gpointer user_data;

    VsfStateDir *state_dir;
    VsfIndexStore *indexes;
    VsfGuestStore *records;
    VsfSender *sender;
    VsfHookSocket *hook;
    VsfControl *control;
    VsfCaptureChoice *choice; /* until there are flows, which take it */
    char *agent_address, *agent_address_reason;

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
    VsfLinks *links;
    VsfConn *conn;
    VsfVitals *vitals;

    gboolean links_known; /* every interface was told once */
    gint64 connection_changed_us;
    gint64 away_since_us, away_total_us; /* libvirt; 0: it is there; outages that are over */
    GHashTable *starting; /* uuid -> gint64 *, when its start was told: a first sample is due when
                             its XML is here */
    guint expire_timer;
    gint64 expire_us; /* when it comes */
    guint confirm_timer;
    VsfLogRate hook_rate;
};

/* The registry may wait for something now: it is asked for it in time. */
void vsf_app_registry_changed(VsfApp *app);

/* @user_data is a VsfApp. */
extern const VsfConnCallbacks vsf_app_conn_callbacks;

/* A VsfHookFunc; @app is a VsfApp. */
void vsf_app_hook_message(const char *op, const char *name, const char *xml, gsize xml_length,
                          gpointer user_data);

/* The answer to {"request": "status"}; documented in docs/status-json.md. */
JsonNode *vsf_app_status(VsfApp *app);
