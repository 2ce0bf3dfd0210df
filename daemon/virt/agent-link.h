/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How requests reach guest agents: the seam that tests replace. Behind it lies a process of its
 * own, virt-sflow-agent, which alone may write to libvirt (agent-client.c). */
#pragma once

#include "agent.h"

typedef struct {
    VsfCallsOps calls; /* its call is vsf_agent_call() */
    /* On a thread: the agent's whole reply to one request; the caller frees it with g_free().
     * NULL with @error set: of domain VSF_QGA_ERROR, the agent's own refusal; G_IO_ERROR,
     * it was not asked, and that is not its fault (see vsf_agents_ask()); any other, it
     * does not answer. */
    char *(*send)(gpointer link, const char *uuid, const char *request, int timeout_s,
                  GError **error);
    gboolean (*set_balloon_period)(gpointer link, const char *uuid, int period_s, GError **error);
} VsfAgentOps;

/* A VsfCallsOps.call: a conversation, or the balloon's period. Returns a VsfAgentAnswer. */
gpointer vsf_agent_call(gpointer link, const char *uuid, gpointer question, GError **error);
/* Of that question. */
void vsf_agent_question_free(gpointer question);

/* The real thing: a link is a connection to the service. */
extern const VsfAgentOps vsf_agent_service;

/* @ops is static; @place is what its open() takes. vsf_agents_new() is this with
 * vsf_agent_service. */
VsfAgents *vsf_agents_new_with(const VsfAgentOps *ops, const char *place, int timeout_s);
