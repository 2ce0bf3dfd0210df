/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What poller.c (turns), poller-config.c (how often they come), poller-ending.c (readings before
 * the end), poller-return.c (extra turns when libvirt is back) and poller-uplinks.c (those of the
 * host's own interfaces) share. */
#pragma once

#include "base/log.h"
#include "host-poll.h"
#include "poller.h"
#include "readings.h"
#include "schedule.h"
#include "uplink-poll.h"
#include "uplinks.h"

typedef enum { ENTRY_HOST, ENTRY_UPLINKS, ENTRY_DOMAIN, ENTRY_TAP } EntryKind;

/* Something whose turn comes once per interval. */
typedef struct {
    VsfTurn turn; /* first, so that a turn is its entry */
    EntryKind kind;
    gint64 taken_us; /* when the turn under way was due */
    VsfTap *tap;
    VsfDomainPoll *poll;
    gboolean here;          /* VsfDomain.here, as it was last */
    gint64 agent_left_us;   /* monotonic, when it was watched for its end last; 0: never */
    VsfPollUrgency urgency; /* of the next turn, or of the one under way */
    VsfReader reader;       /* of interface counters; its owner is the entry */
    gboolean waits;         /* ENTRY_UPLINKS: its turn is under way */
} Entry;

struct VsfPoller {
    VsfPollContext context;
    VsfFlows *flows;
    VsfNode *node;
    VsfHostPoll *host_poll;
    VsfUplinks *uplinks;
    VsfUplinkPoll *uplink_poll;
    GHashTable *uplink_turns; /* seconds -> Entry: intervals of uplinks that are not the host's */
    VsfSchedule *schedule;
    GHashTable *domains; /* VsfDomain -> Entry */
    GHashTable *taps;    /* VsfTap -> Entry */
    VsfReadings *readings;
    guint polls_out; /* domains' turns that are under way */
    Entry host;
    gboolean host_told;    /* a sample of it left */
    guint64 turns, missed; /* taken, and skipped */
    VsfQuantiles lateness;
    VsfLogRate error_rate;
    VsfPollerGone gone;
    gpointer gone_data;
    gboolean lost;      /* it was connected before, and is not */
    GHashTable *ending; /* set of Entry: domains whose agent left, and that may follow it */
    guint ending_timer;
    gint64 back_us; /* when libvirt came back last; 0: never */
};

/* How often it has a turn, as the configuration says now, and when: by its VM. */
void vsf_poller_set_own(const VsfPoller *poller, Entry *entry);
gboolean vsf_poller_tap_has_turns(const VsfPoller *poller, VsfTap *tap);

/* What the turn is for was handed over. */
void vsf_poller_end_turn(VsfPoller *poller, Entry *entry);
void vsf_poller_entry_free(gpointer entry);

void vsf_poller_uplinks_new(VsfPoller *poller);
void vsf_poller_uplinks_free(VsfPoller *poller);
/* Another configuration, which the poller has. */
void vsf_poller_uplinks_set_config(VsfPoller *poller);
/* A turn of such an interval begins, and ends by itself. */
void vsf_poller_uplinks_due(VsfPoller *poller, Entry *entry);
/* The host's own turn brought @counters, or NULL. */
void vsf_poller_tell_uplinks(VsfPoller *poller, const VsfHostCounters *counters);

/* Taps have their turns with their VM's, where both have the same interval. @keep: before that also
 * as they were planned; else only those that had one before, since others are late for nothing. */
void vsf_poller_join_taps(VsfPoller *poller, const Entry *entry, gboolean keep);

/* A call about a VM that had hung has its answer; @poller is a VsfPoller. */
void vsf_poller_answered_late(gpointer poller);

/* While libvirt is just back: a VM whose turn is over and lacks its numbers still, and one that
 * came while it was away. */
void vsf_poller_again_if_back(VsfPoller *poller, Entry *entry);
void vsf_poller_added_if_back(VsfPoller *poller, Entry *entry);

/* The domain's agent is back, or the domain is gone. */
void vsf_poller_ending_forget(VsfPoller *poller, Entry *entry);
