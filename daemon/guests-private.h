/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests.c (turns), guests-balloon.c (the balloon's period), guests-config.c (what is
 * configured) and guests-tell.c (numbers, memory of runs) share. */
#pragma once

#include "base/event.h"
#include "guests.h"

typedef struct {
    VsfDomain *domain;
    char run[VSF_GUEST_RUN_MAX + 1]; /* "": not known yet */
    VsfGuestChoice choice;
    VsfAgentPlan plan;
    VsfAgentManners manners;

    /* Of the agent connection. */
    VsfQgaInfo *info;
    gint64 open_handle;
    /* Of the run. */
    VsfGuestFacts *facts; /* NULL until the agent was spoken to */
    char *version, *trouble;
    guint64 requests, n_failures;
    guint32 wants; /* of the question that is out */
    gboolean asking;
    gint64 logged_us;   /* when a failure was told last */
    gboolean is_logged; /* the one that goes on was */
    gint64 denied_us;   /* when libvirt did not let us ask this one; 0: it does */

    gint64 paused_before_us; /* vsf_guests_paused_us() when the run became known */

    gboolean balloon_asking, balloon_set, balloon_failed;
    gint64 balloon_retry_us;
    VsfTruth memory, available; /* told last */
} Guest;

/* VSF_GUEST_LOG(WARNING, AGENT_QUARANTINED, guest, FORMAT, ...) */
#define VSF_GUEST_LOG(level, event, guest, ...)                             \
    vsf_log_event(G_LOG_LEVEL_##level, VSF_EVENT_##event,                   \
                  &(VsfLogAbout){.domain_uuid = (guest)->domain->def->uuid, \
                                 .domain = (guest)->domain->def->name},     \
                  __VA_ARGS__)

struct VsfGuests {
    const VsfConfig *config;
    VsfAgents *agents;
    VsfGuestStore *store;
    const VsfGuestsCallbacks *callbacks;
    gpointer user_data;
    GHashTable *by_uuid; /* uuid -> Guest */
    gboolean connected;
    guint64 failures_gone; /* of guests that are no more */
    gboolean paused;       /* by an operator */
    gint64 paused_us;      /* all that was before the pause that is on */
    gint64 paused_at_us;   /* when that began */
    guint timer;
    gint64 armed_us;            /* when it comes */
    char *refused;              /* why we may ask nobody */
    gint64 refused_us;          /* when that was tried for last */
    gint64 refused_patience_us; /* from then on until one of them is asked again */
};

/* NULL: there is none. */
Guest *vsf_guests_find(const VsfGuests *guests, const char *uuid);

/* The configuration lets this VM's agent be asked, if nothing of its own speaks against it. */
gboolean vsf_guests_is_on(const VsfGuests *guests, const Guest *guest);

VsfAgentPlan vsf_guests_plan(const VsfGuests *guests, const VsfDomain *domain);
VsfAgentTerms vsf_guests_terms(const VsfGuests *guests);

/* Something of @guest changed. A timer that comes too early does no harm. */
void vsf_guests_arm(VsfGuests *guests, const Guest *guest);

/* What an outcome says of the permission to ask: @error NULL: an answer came. @guest: whose agent
 * was asked; NULL: none. */
void vsf_guests_note_permission(VsfGuests *guests, Guest *guest, const GError *error);

/* When the balloon's period is to be set; -1: never as things are. */
gint64 vsf_guests_balloon_due_us(const VsfGuests *guests, const Guest *guest);
void vsf_guests_set_balloon(VsfGuests *guests, Guest *guest, gint64 now_us);

/* What is due, of all guests, may be so at other times than before. */
void vsf_guests_arm_all(VsfGuests *guests);

/* How long asking was paused, all together. */
gint64 vsf_guests_paused_us(const VsfGuests *guests, gint64 now_us);

/* How long the run is known; where something inside the guest may still answer, time in
 * which it could not, since asking was paused, does not count. */
gint64 vsf_guests_known_for_s(const VsfGuests *guests, const Guest *guest, gboolean agent_possible,
                              gint64 now_us);

/* Writes down what must outlive the daemon, if the run is known. */
void vsf_guests_remember(VsfGuests *guests, const Guest *guest);
