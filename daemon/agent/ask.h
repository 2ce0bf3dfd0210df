/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an entry of the list becomes at libvirt. */
#pragma once

#include "../../include/agent-msg.h"
#include "../virt/calls.h"

/* A question is a VsfAgentRequest, g_free() frees it; an answer is the agent's reply, or an empty
 * text for the balloon, and g_free() frees it. Errors: as in agent-link.h. */
extern const VsfCallsOps vsf_agent_ask_libvirt;
