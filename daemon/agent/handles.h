/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files this service has open in guests: no other handle is read or closed, since it may be
 * another program's, of any file in the guest. Pure. */
#pragma once

#include <glib.h>

/* Of one guest; an older one is forgotten, and so stays open in the guest. */
#define VSF_AGENT_HANDLES_MAX 4
/* Guests; beyond, all are forgotten. */
#define VSF_AGENT_HANDLES_GUESTS_MAX 1024

typedef struct VsfAgentHandles VsfAgentHandles;

VsfAgentHandles *vsf_agent_handles_new(void);
void vsf_agent_handles_free(VsfAgentHandles *handles); /* takes NULL */

/* @handle is not VSF_QGA_NO_HANDLE. */
void vsf_agent_handles_add(VsfAgentHandles *handles, const char *uuid, gint64 handle);
gboolean vsf_agent_handles_has(const VsfAgentHandles *handles, const char *uuid, gint64 handle);
void vsf_agent_handles_remove(VsfAgentHandles *handles, const char *uuid, gint64 handle);
guint vsf_agent_handles_guests(const VsfAgentHandles *handles);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfAgentHandles, vsf_agent_handles_free)
