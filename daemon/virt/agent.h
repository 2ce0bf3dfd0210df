/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks guest agents through the agent service, which alone may write to libvirt (agent-msg.h);
 * nothing but this room's files knows how the requests travel. libvirt is asked by
 * virDomainQemuAgentCommand with a timeout of its own per request. Never
 * virDomainAgentSetResponseTimeout (it is shared with fsfreeze), never virDomainGetGuestInfo (it
 * blocks for ever by default). At most VSF_AGENT_THREADS conversations at a time; replies are
 * parsed on those threads. Main thread only. */
#pragma once

#include "../model/guest-facts.h"
#include "calls.h"

#define VSF_AGENT_THREADS 4

typedef struct {
    gboolean answered;    /* the agent spoke: no error, or one of its own */
    GError *not_asked;    /* it was not asked to the end, which is not its fault: then nothing
                             else here counts but open_handle */
    gboolean frozen;      /* the guest's filesystems are frozen: no failure, nothing learned */
    VsfQgaInfo *info;     /* learned in this conversation, else NULL; may be stolen */
    VsfGuestFacts *facts; /* never NULL */
    char *trouble;        /* why the conversation ended early, one line; NULL if it did not */
    gint64 open_handle;   /* for the next conversation of this agent connection */
    guint n_requests;
    gint64 slowest_us; /* of the requests */
    gint64 took_us;    /* all of it, on its thread */
} VsfAgentAnswer;

void vsf_agent_answer_free(VsfAgentAnswer *answer);

typedef struct VsfAgents VsfAgents;

/* @uri: libvirt's, for which the service must ask. @path: its socket, NULL: nobody is asked.
 * @timeout_s: of one request. A conversation may take five times that, 10 s at least. */
VsfAgents *vsf_agents_new(const char *uri, const char *path, int timeout_s);
/* Of requests that are made from now on. */
void vsf_agents_set_timeout(VsfAgents *agents, int timeout_s);
/* No callback comes any more; hung calls are left behind. Takes NULL. */
void vsf_agents_free(VsfAgents *agents);

/* One conversation; @done gets a VsfAgentAnswer, or NULL with @error set if the agent was
 * not asked at all: G_IO_ERROR_BUSY (every thread hangs), G_IO_ERROR_READ_ONLY (libvirt
 * or the service lets us ask nobody), G_IO_ERROR_CONNECTION_REFUSED (there is no service),
 * G_IO_ERROR_PERMISSION_DENIED (it lets us, but not this domain), G_IO_ERROR_NOT_CONNECTED (libvirt
 * is away, or the domain is not running), or another of libvirt's. @wants: VSF_QGA_WANT() bits.
 * @info: what guest-info said on this agent connection, NULL: it is asked for first; copied. FALSE:
 * nothing is asked (a call for this domain is out, or every thread hangs). */
gboolean vsf_agents_ask(VsfAgents *agents, const char *uuid, guint32 wants, const VsfQgaInfo *info,
                        gint64 open_handle, VsfCallsFunc done, gpointer user_data);

/* Sets the balloon's collection period of the running domain; @done gets NULL with @error
 * set if that failed. FALSE as above. */
gboolean vsf_agents_set_balloon_period(VsfAgents *agents, const char *uuid, int period_s,
                                       VsfCallsFunc done, gpointer user_data);

/* Calls that are out; and those past their deadline. */
guint vsf_agents_running(const VsfAgents *agents);
guint vsf_agents_stuck(const VsfAgents *agents);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfAgents, vsf_agents_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfAgentAnswer, vsf_agent_answer_free)
