/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks DNS for sFlow's settings: SRV and TXT of _sflow._udp in one domain after the other, until
 * one has a collector. Blocks, for a worker, at most VSF_DNS_ASK_MAX_S. */
#pragma once

#include "dns-exchange.h"
#include "dns-sd-parse.h"

#define VSF_DNS_ASK_MAX_S 30
#define VSF_DNS_DOMAINS_MAX 6 /* of the search list that are asked */

typedef struct {
    VsfDnsOutcome outcome;
    char *domain;             /* the one that answers, or the first; NULL: there is none to ask */
    VsfDnsSettings *settings; /* with FOUND */
    gboolean has_ttl;
    guint32 ttl_s;
    char *notes; /* what was left out, or NULL */
    char *why;   /* with NONE and FAILED */
} VsfDnsRead;

/* @domain NULL: those of @servers. */
VsfDnsRead *vsf_dns_sd_ask(const VsfNameServers *servers, const char *domain);
void vsf_dns_read_free(VsfDnsRead *read);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDnsRead, vsf_dns_read_free)
