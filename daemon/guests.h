/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of every guest from the inside: when its agent is asked, what
 * came back, which source its memory and disk numbers have, and what of that
 * outlives the daemon. Decides timing and manners; virt/agent does the asking.
 * Main thread only. */
#pragma once

#include "config.h"
#include "guest-store.h"
#include "model/agent-manners.h"
#include "model/domain-detail.h"
#include "model/registry.h"
#include "virt/agent.h"

typedef struct VsfGuests VsfGuests;

typedef struct {
    /* The guest's own host name came or changed; vsf_guests_host_name() has it. */
    void (*named)(VsfDomain *domain, gpointer user_data);
    /* The balloon's period was set: the XML differs now, and no event tells. */
    void (*balloon_set)(VsfDomain *domain, gpointer user_data);
} VsfGuestsCallbacks;

/* Everything is used until vsf_guests_free(), @config until another one is set. */
VsfGuests *vsf_guests_new(const VsfConfig *config, VsfAgents *agents, VsfGuestStore *store,
                          const VsfGuestsCallbacks *callbacks, gpointer user_data);
void vsf_guests_free(VsfGuests *guests);

/* Instead of the one before. What is known of each agent, its failures and quarantine go on, and
 * so does the source that a run's numbers have. */
void vsf_guests_set_config(VsfGuests *guests, const VsfConfig *config);

/* The registry's news; changed: XML, state or name. */
void vsf_guests_domain_added(VsfGuests *guests, VsfDomain *domain);
void vsf_guests_domain_changed(VsfGuests *guests, VsfDomain *domain);
void vsf_guests_domain_removed(VsfGuests *guests, VsfDomain *domain);

/* AGENT_LIFECYCLE; unknown UUIDs are ignored. Corrects the domain's definition, until its XML
 * is read again. */
void vsf_guests_agent_event(VsfGuests *guests, const char *uuid, gboolean connected);

/* The connection to libvirt came or went; it starts as gone. */
void vsf_guests_connected(VsfGuests *guests, gboolean connected);

/* Paused: no agent is asked and no balloon's period set; a conversation that is out ends. What is
 * known goes stale, and time that passes so is no patience with an agent that could
 * not answer: no source is chosen for its want. */
void vsf_guests_pause(VsfGuests *guests, gboolean paused);

/* How words begin that name a run by libvirt's id, for want of its process. */
#define VSF_GUEST_RUN_BY_ID "id/"

/* Which run of the domain it is, in a word that is the same after a restart of the
 * daemon: what an earlier one chose for it is taken up, and from now on choices are
 * made. The first word counts, but one of the process replaces one by id. */
void vsf_guests_run_known(VsfGuests *guests, const VsfDomain *domain, const char *run);

/* It ended, and not only our look at it: what was chosen for it is forgotten. Before
 * vsf_guests_domain_removed(). */
void vsf_guests_run_ended(VsfGuests *guests, const VsfDomain *domain);

/* What libvirt told this time; NULL and FALSE: nothing. Fills in the sources, values and
 * the agent's part of @detail. @host_available: as vsf_truth_available() wants it. */
void vsf_guests_tell(VsfGuests *guests, const VsfDomain *domain, const VsfBalloon *balloon,
                     guint64 host_available, gboolean has_statistics, VsfDomainDetail *detail);

/* NULL: the agent was never spoken to in this run. */
const VsfGuestFacts *vsf_guests_facts(const VsfGuests *guests, const VsfDomain *domain);
const char *vsf_guests_host_name(const VsfGuests *guests, const char *uuid);

typedef struct { /* for the status; texts are owned by the guest */
    VsfAgentPlan plan;
    const char *state;
    const char *trouble, *version; /* or NULL */
    gint64 answered_us;            /* monotonic, 0 = never */
    gint64 latency_us;
    guint failures;
    gint64 retry_us; /* monotonic, 0: not left alone */
    guint64 requests;
    gboolean balloon_set;
    VsfTruth memory, available; /* as told last */
} VsfGuestStatus;

gboolean vsf_guests_status(const VsfGuests *guests, const VsfDomain *domain,
                           VsfGuestStatus *status);

typedef struct {                /* over all guests */
    guint failing, quarantined; /* agents that are left alone at the moment */
    guint64 failures;           /* turns that failed since the daemon started */
} VsfGuestTotals;

VsfGuestTotals vsf_guests_totals(const VsfGuests *guests);

/* Why libvirt does not let us ask agents; NULL if it does, as far as is known. */
const char *vsf_guests_trouble(const VsfGuests *guests);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfGuests, vsf_guests_free)
