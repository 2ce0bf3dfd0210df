/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What flows.c (samplers: which, when, how often), flows-config.c (what is configured for each),
 * flows-room.c (when there is no room
 * for all), flows-move.c (from libpcap to eBPF when there is room) and flows-send.c (from waiting
 * packets to flow samples) share. */
#pragma once

#include "base/log.h"
#include "flows.h"
#include "model/rate-cap.h"
#include "model/talkers.h"
#include "packet-queue.h"

#define FLOW_BURST 512 /* waiting packets of one tap that end the wait at once */

typedef enum { CLOSED, OPENING, OPEN } SamplerState;

/* One tap's sampler. */
typedef struct {
    int ifindex;
    /* Until vsf_flows_tap_removed() returns, so also for what is drained then,
     * when the registry does not find it any more. */
    const VsfTap *tap;
    SamplerState state;
    gboolean has_gaps;      /* it counts by itself: readings are not for its pool */
    guint32 rate;           /* configured for it: 1 in how many packets; 0: off, but it was on */
    VsfDirection direction; /* the same */
    VsfRateCap cap;
    guint fresh;         /* picked since cap was told */
    guint64 drops_noted; /* of the handle, the same */
    char *trouble;       /* why it is not open, NULL if nothing is wrong */
    guint retry_timer, retries;
    VsfSamplePool pool;
    VsfPacketQueue *waiting;
    guint64 samples, left_out;
    guint64 overflow;            /* picked by the kernel, lost here for lack of room */
    guint64 drops, drops_before; /* of the handle that is open, and of those before it */
    guint32 last_pool;
    gint64 moved_ns; /* from libpcap to eBPF: until then it picked what the kernel did not know */
    /* From the move until then it picked nothing; G_MAXINT64: it is not over. */
    gint64 opened_ns;
    VsfFlows *flows;
} Sampler;

struct VsfFlows {
    const VsfConfig *config;
    const VsfRegistry *registry;
    VsfExporter *exporter;
    VsfLinkStatsReader *link_stats;
    VsfCapture *capture;
    VsfTalkers *talkers;
    GHashTable *samplers; /* ifindex -> Sampler */
    GHashTable *ready;    /* set of Sampler with waiting packets and a known VM */
    guint tick_timer;
    gboolean paused;    /* by an operator */
    guint cap_timer;    /* while a tap is sampled more coarsely than configured */
    guint share;        /* samples a second that one tap may have now, 0: any number */
    guint bound;        /* of all taps, beside the configured one; 0: none */
    guint64 picked;     /* on all taps */
    guint64 host_fresh; /* the same, since host_us */
    gint64 host_us;
    VsfLogRate flood_rate;
    gboolean asking; /* a reading for the waiting packets is out */
    gint64 asked_us;
    VsfLogRate overflow_rate;
    guint64 drops_gone;  /* of samplers that are no more */
    GHashTable *waiting; /* set of Sampler that found no room */
    gboolean room_told;
    VsfLogRate room_rate;
    guint move_timer;   /* while eBPF has room, and may serve one that is libpcap's */
    int moving;         /* the ifindex of one that moves when its counters are read; 0: none */
    char *trouble_told; /* why a sampler could not be opened, as logged last */
    VsfLogRate trouble_rate;
};

/* Whether it is on its interface, and that is up. */
gboolean vsf_flows_is_sampling(const Sampler *sampler);

/* NULL: there is none. */
Sampler *vsf_flows_sampler(const VsfFlows *flows, int ifindex);

/* Frames lost, over all handles that the tap had. */
guint64 vsf_flows_drops(const VsfFlows *flows, Sampler *sampler);

/* Packets of a tap whose VM is known wait: they leave soon. */
void vsf_flows_make_ready(VsfFlows *flows, Sampler *sampler);

/* A packet of @sampler was picked: whether there are too many is looked at now and then. */
void vsf_flows_count_picked(VsfFlows *flows, Sampler *sampler);

/* The rate in force. */
guint32 vsf_flows_rate(const Sampler *sampler);

/* What waits leaves now. */
void vsf_flows_send_waiting(VsfFlows *flows, Sampler *sampler);

/* Opens it if it is wanted, closed and its interface up; if there is no room for it, it
 * waits. */
void vsf_flows_open_sampler(VsfFlows *flows, Sampler *sampler);

/* @sampler found no room: says so, and has it opened when there is. */
void vsf_flows_wait_for_room(VsfFlows *flows, Sampler *sampler);

/* It waits no more, if it did. */
void vsf_flows_leave_waiting(VsfFlows *flows, Sampler *sampler);

/* Where eBPF has room: samplers that are libpcap's for lack of it move there, one by one. */
void vsf_flows_look_who_moves(VsfFlows *flows);

/* A VsfCaptureCallbacks.room. */
void vsf_flows_room_came(gpointer user_data);

/* What is configured for the tap: its VM's own metadata go before rules; a port's rate is by its
 * speed. 0: no samples. */
guint32 vsf_flows_configured_rate(const VsfFlows *flows, const VsfTap *tap);
VsfDirection vsf_flows_direction(const VsfFlows *flows, const VsfTap *tap);
VsfSide vsf_flows_side(const VsfTap *tap);

/* Brings the tap's sampler in line with what is wanted now. */
void vsf_flows_adjust(VsfFlows *flows, const VsfTap *tap);

/* Other packets count from now on: if that is another direction the sampler is closed. */
void vsf_flows_redirect(VsfFlows *flows, Sampler *sampler, VsfDirection direction);

/* Closes it, once what it holds has left; vsf_flows_adjust() opens it again. */
void vsf_flows_suspend(VsfFlows *flows, Sampler *sampler);
