/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One VM and what guests.c knows of it; virt/agent, the store and the clock are fakes. */
#pragma once

#include "../../daemon/guests.h"
#include "fake-guests.h"
#include "fake-poll.h"

#define GUESTS_UUID "01010101-0101-0101-0101-010101010101"
#define GUESTS_FIRST_MS 3500 /* an agent that came is asked within that */

typedef struct {
    VsfConfig *config;
    VsfGuests *guests;
    VsfDomain domain;
    guint n_named, n_balloon_set;
} Fixture;

void guests_set_up(Fixture *fixture, gconstpointer user_data);
void guests_tear_down(Fixture *fixture, gconstpointer user_data);

/* The XML of a VM whose UUID is @byte, sixteen times. */
VsfDomainDef *guests_def_new(guint8 byte);

/* A daemon starts and finds the VM running; it ends. */
void guests_start_daemon(Fixture *fixture);
void guests_stop_daemon(Fixture *fixture);

/* The agent is there, and was asked; again: later than it may be asked at the soonest. */
void guests_agent_comes(Fixture *fixture);
void guests_agent_comes_again(Fixture *fixture);

VsfGuestStatus guests_status_of(Fixture *fixture);

/* A turn of counters: what would be sent. */
void guests_tell_now(Fixture *fixture, VsfDomainDetail *detail);
void guests_assert_told(Fixture *fixture, guint64 memory, guint64 available);
