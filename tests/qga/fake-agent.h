/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent made of recorded replies, with a clock that only moves when it is
 * asked something. */
#pragma once

#include "../../include/qga.h"

typedef struct {
    const char *folder;  /* replies that no line below replaces; else those of 7.2 */
    GHashTable *replies; /* "guest-get-fsinfo" -> reply; "" = no answer at all */
    GHashTable *costs;   /* "guest-get-fsinfo" -> ms it takes */
    GPtrArray *asked;    /* the names, in order */
    GArray *timeouts_s;  /* of each */
    guint n_open;        /* files opened and not closed */
    gint64 now_us;
    VsfQgaPlan plan; /* wants all, 2 s each, 10 s in all */
} FakeAgent;

FakeAgent *fake_agent_new(const char *folder);
void fake_agent_free(FakeAgent *agent);

void fake_agent_reply(FakeAgent *agent, const char *command, const char *reply);
void fake_agent_cost(FakeAgent *agent, const char *command, guint ms);

/* Runs the plan. */
VsfQgaReport *fake_agent_inspect(FakeAgent *agent);

/* The names asked so far, with one space between them, and forgets them. */
char *fake_agent_asked(FakeAgent *agent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeAgent, fake_agent_free)
