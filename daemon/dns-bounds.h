/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration lets DNS ask for. Pure. */
#pragma once

#include "config.h"
#include "net/dns-settings.h"

/* What of @said may be put in force beside @config, which is that of the files: numbers within
 * [sflow] dns-min-sampling, dns-min-polling and what each key allows; an agent address only where
 * agent-address is auto. *@note, if not NULL, is one line about what is otherwise than DNS has
 * it, or NULL; the caller frees both. */
VsfDnsSettings *vsf_dns_bounded(const VsfConfig *config, const VsfDnsSettings *said, char **note);

/* As agent-address has it: agentIP, else agent, else agent.cidr; NULL: says none. */
const char *vsf_dns_agent_address(const VsfDnsSettings *settings);
