/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fakes for guests.c: virt/agent, which answers when a test says so, and the
 * guest store, which is a table in memory. */
#pragma once

#include "../../daemon/guest-store.h"
#include "../../daemon/virt/agent.h"

void fake_guests_reset(void);

/* Questions since the reset, and what the last one wanted. */
extern guint fake_agents_asked;
extern guint32 fake_agents_wants;
extern gboolean fake_agents_had_info; /* the last one brought what guest-info said */
extern guint fake_balloon_asked;
extern gboolean fake_agents_busy; /* nothing is asked */

/* A question about @uuid is out. */
gboolean fake_agents_is_asking(const char *uuid);

/* Answers it; takes @answer. */
void fake_agents_answer(const char *uuid, VsfAgentAnswer *answer);
void fake_agents_fail(const char *uuid, GIOErrorEnum code);

/* One in which every wanted part is known, with these bytes. */
VsfAgentAnswer *fake_answer_known(guint64 available, guint64 memory_used, const char *host_name);
/* One of an agent that does not answer. */
VsfAgentAnswer *fake_answer_silent(void);

VsfGuestTable *fake_guest_table(void);
