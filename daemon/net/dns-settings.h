/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What DNS may say about sampling: a value, and how it is written in TXT strings and in the
 * state file. Pure. Whatever says it is not trusted: every value is checked and bounded
 * here; what the configuration allows DNS to ask for is checked where it is put in force. */
#pragma once

#include "../model/speed.h"
#include "sender.h"

/* More than these are left out; of speeds as many as a list of them has. */
#define VSF_DNS_COLLECTORS_MAX 16

#define VSF_DNS_UNSAID (-1)

typedef struct {
    GPtrArray *collectors; /* VsfCollectorAddress, none twice; empty: nothing is to be sent */
    /* VSF_DNS_UNSAID, or 0 to G_MAXINT32. */
    gint64 sampling, polling_s, header_bytes;
    GArray *by_speed;                           /* see speed.h */
    char *agent_ip, *agent_device, *agent_cidr; /* or NULL */
} VsfDnsSettings;

VsfDnsSettings *vsf_dns_settings_new(void); /* says nothing */
VsfDnsSettings *vsf_dns_settings_copy(const VsfDnsSettings *settings);
/* Takes NULL. */
void vsf_dns_settings_free(VsfDnsSettings *settings);
/* NULL equals NULL alone. */
gboolean vsf_dns_settings_equal(const VsfDnsSettings *a, const VsfDnsSettings *b);

/* @key as in TXT records of Host sFlow, in any case: sampling, sampling.SPEED, polling,
 * headerBytes, agent, agentIP, agent.cidr, collector (IP, IP/PORT or IP/PORT/DEV, or as in the
 * configuration). txtvers is known and says nothing. The error (G_IO_ERROR) is NOT_FOUND for an
 * unknown key, else INVALID_ARGUMENT; its message says what is wrong, without key and value. */
gboolean vsf_dns_settings_set(VsfDnsSettings *settings, const char *key, const char *value,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One more, unless it is there already. */
gboolean vsf_dns_settings_add_collector(VsfDnsSettings *settings, const char *host, guint port,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "key=value" lines, which vsf_dns_settings_parse() reads. The caller frees. */
char *vsf_dns_settings_to_text(const VsfDnsSettings *settings);
VsfDnsSettings *vsf_dns_settings_parse(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The domain in which DNS is asked, with or without a dot in front. */
gboolean vsf_dns_domain_check(const char *domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDnsSettings, vsf_dns_settings_free)
