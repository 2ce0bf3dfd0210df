/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of DNS: whatever they hold, what is understood of it is bounded, and comes back from
 * its own
 * text; and so is what the state file holds. The first byte says how much of the rest is the answer
 * about SRV; what follows is that about TXT. */
#include "../../daemon/net/dns-sd-parse.h"

#include <arpa/nameser.h>
#include <string.h>

#define NAME "_sflow._udp.example.test"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_settings(const VsfDnsSettings *settings)
{
    g_assert(settings->collectors->len > 0);
    g_assert(settings->collectors->len <= VSF_DNS_COLLECTORS_MAX);
    g_assert(settings->by_speed->len <= VSF_SPEEDS_MAX);
}

/* As they stand in the state file. */
static void
check_text(const VsfDnsSettings *settings)
{
    g_autofree char *text = vsf_dns_settings_to_text(settings);
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfDnsSettings) again = vsf_dns_settings_parse(text, &error);

    g_assert_no_error(error);
    g_assert(vsf_dns_settings_equal(settings, again));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(VsfDnsRecords) records = vsf_dns_records_new();
    g_autoptr(VsfDnsSettings) settings = NULL, from_text = NULL;
    g_autofree char *notes = NULL, *text = NULL;
    g_autofree guint8 *srv = NULL, *txt = NULL;
    gsize srv_size;
    gboolean truncated;
    int code;

    if (size == 0)
        return 0;
    /* Blocks of their own, so that a byte too many is seen. */
    srv_size = (size - 1) * data[0] / 255;
    srv = g_memdup2(data + 1, srv_size);
    txt = g_memdup2(data + 1 + srv_size, size - 1 - srv_size);
    vsf_dns_is_answer(srv, srv_size, txt, size - 1 - srv_size, &code, &truncated);
    vsf_dns_records_read(records, srv, srv_size, NAME, ns_t_srv, NULL);
    vsf_dns_records_read(records, txt, size - 1 - srv_size, NAME, ns_t_txt, NULL);
    if (vsf_dns_records_settings(records, &settings, NULL) == VSF_DNS_FOUND) {
        check_settings(settings);
        check_text(settings);
    } else {
        g_assert(settings == NULL);
    }
    text = g_strndup((const char *)data, size);
    from_text = vsf_dns_settings_parse(text, NULL);
    if (from_text != NULL)
        check_text(from_text);
    notes = vsf_dns_records_notes(records);
    g_assert(notes == NULL || (strlen(notes) < 2048 && g_str_is_ascii(notes)));
    return 0;
}
