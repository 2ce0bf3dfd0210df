/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-sd-ask.h"

#include <arpa/nameser.h>

#define SERVICE "_sflow._udp."

void
vsf_dns_read_free(VsfDnsRead *read)
{
    if (read == NULL)
        return;
    g_free(read->domain);
    vsf_dns_settings_free(read->settings);
    g_free(read->notes);
    g_free(read->why);
    g_free(read);
}

static VsfDnsOutcome
ask_one(const VsfNameServers *servers, const char *name, int type, gint64 deadline_us,
        VsfDnsRecords *records, GError **error)
{
    g_autoptr(GBytes) message = vsf_dns_ask(servers, name, type, deadline_us, error);
    const guint8 *bytes;
    gsize size;

    if (message == NULL)
        return VSF_DNS_FAILED;
    bytes = g_bytes_get_data(message, &size);
    return vsf_dns_records_read(records, bytes, size, name, type, error);
}

/* Half an answer is none: settings would go back and forth with each lost packet. Without SRV
 * records the TXT record may still name a collector. */
static VsfDnsOutcome
ask_both(const VsfNameServers *servers, const char *name, gint64 deadline_us,
         VsfDnsRecords *records, VsfDnsSettings **settings, GError **error)
{
    g_autoptr(GError) why = NULL;
    VsfDnsOutcome outcome = ask_one(servers, name, ns_t_srv, deadline_us, records, &why);

    if (outcome != VSF_DNS_FAILED) {
        g_autoptr(GError) why_txt = NULL;

        if (ask_one(servers, name, ns_t_txt, deadline_us, records, &why_txt) == VSF_DNS_FAILED) {
            g_propagate_error(error, g_steal_pointer(&why_txt));
            return VSF_DNS_FAILED;
        }
        outcome = vsf_dns_records_settings(records, settings, why == NULL ? &why : NULL);
    }
    if (outcome != VSF_DNS_FOUND)
        g_propagate_error(error, g_steal_pointer(&why));
    return outcome;
}

/* FALSE: the next domain may have what this one has not. */
static gboolean
ask_domain(const VsfNameServers *servers, const char *domain, gint64 deadline_us, VsfDnsRead *read)
{
    g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
    g_autoptr(VsfDnsSettings) settings = NULL;
    g_autofree char *name = g_strconcat(SERVICE, domain + (*domain == '.'), NULL);
    g_autoptr(GError) error = NULL;
    gboolean is_first = read->domain == NULL;

    read->outcome = ask_both(servers, name, deadline_us, records, &settings, &error);
    if (read->outcome == VSF_DNS_NONE && !is_first)
        return FALSE;
    g_free(read->domain);
    read->domain = g_strdup(domain + (*domain == '.'));
    read->settings = g_steal_pointer(&settings);
    read->has_ttl = records->has_ttl;
    read->ttl_s = records->ttl_s;
    g_free(read->notes);
    read->notes = vsf_dns_records_notes(records);
    g_free(read->why);
    read->why = error != NULL ? g_strdup(error->message) : NULL;
    return read->outcome != VSF_DNS_NONE;
}

VsfDnsRead *
vsf_dns_sd_ask(const VsfNameServers *servers, const char *domain)
{
    VsfDnsRead *read = g_new0(VsfDnsRead, 1);
    gint64 deadline_us = g_get_monotonic_time() + VSF_DNS_ASK_MAX_S * G_USEC_PER_SEC;

    read->outcome = VSF_DNS_FAILED;
    if (domain != NULL) {
        ask_domain(servers, domain, deadline_us, read);
        return read;
    }
    for (guint i = 0; servers->search[i] != NULL && i < VSF_DNS_DOMAINS_MAX; i++)
        if (ask_domain(servers, servers->search[i], deadline_us, read))
            return read;
    if (read->domain == NULL)
        read->why = g_strdup("this host has no search domain; set [sflow] dns-sd-domain");
    return read;
}
