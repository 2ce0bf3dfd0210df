/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-store.h"

#include "state-file.h"

#include <string.h>

#define HEAD "virt-sflow dns-sd "
#define VERSION 1
#define DOMAIN_KEY "domain="
#define UNKNOWN "nothing-known\n" /* which is not what DNS says when it takes all back */

struct VsfDnsStore {
    char *domain;
    VsfDnsSettings *settings;
    VsfStateFile *file;
};

char *
vsf_dns_store_to_text(const char *domain, const VsfDnsSettings *settings)
{
    g_autofree char *said = settings != NULL ? vsf_dns_settings_to_text(settings)
                                             : g_strdup(UNKNOWN);

    return g_strdup_printf(HEAD "%d\n" DOMAIN_KEY "%s\n%s", VERSION, domain != NULL ? domain : "",
                           said);
}

VsfDnsSettings *
vsf_dns_store_parse(const char *domain, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "\n", 3); /* version, domain, settings */
    guint64 version = 0;

    if (g_strv_length(parts) != 3 || !g_str_has_prefix(parts[0], HEAD) ||
        !g_ascii_string_to_unsigned(parts[0] + strlen(HEAD), 10, 1, G_MAXUINT32, &version, NULL)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "not written by virt-sflow");
        return NULL;
    }
    if (version > VERSION) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                            "written by a newer release");
        return NULL;
    }
    if (!g_str_has_prefix(parts[1], DOMAIN_KEY) ||
        strcmp(parts[1] + strlen(DOMAIN_KEY), domain != NULL ? domain : "") != 0)
        return NULL;
    if (strcmp(parts[2], UNKNOWN) == 0)
        return NULL;
    return vsf_dns_settings_parse(parts[2], error);
}

static char *
store_text(gsize *length, gpointer user_data)
{
    const VsfDnsStore *store = user_data;
    char *text = vsf_dns_store_to_text(store->domain, store->settings);

    *length = strlen(text);
    return text;
}

/* A part of an answer would be another answer. */
static void
load(VsfDnsStore *store)
{
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    gboolean whole = FALSE;
    g_autofree char *text = vsf_state_file_read(store->file, &length, &whole);

    if (text == NULL)
        return;
    if (whole && strlen(text) == length)
        store->settings = vsf_dns_store_parse(store->domain, text, &error);
    if (whole && error == NULL)
        return;
    vsf_state_file_set_aside(store->file,
                             g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED),
                             error != NULL ? error->message : VSF_STATE_NOT_WHOLE,
                             "the files' settings are in force until DNS answers");
}

VsfDnsStore *
vsf_dns_store_new(VsfStateDir *dir, const char *domain)
{
    VsfDnsStore *store = g_new0(VsfDnsStore, 1);

    store->domain = g_strdup(domain);
    store->file = vsf_state_file_new(dir, "dns-sd", store_text, store);
    load(store);
    return store;
}

void
vsf_dns_store_free(VsfDnsStore *store)
{
    if (store == NULL)
        return;
    vsf_state_file_free(store->file);
    vsf_dns_settings_free(store->settings);
    g_free(store->domain);
    g_free(store);
}

void
vsf_dns_store_set_domain(VsfDnsStore *store, const char *domain)
{
    if (g_strcmp0(store->domain, domain) == 0)
        return;
    g_free(store->domain);
    store->domain = g_strdup(domain);
    g_clear_pointer(&store->settings, vsf_dns_settings_free);
    vsf_state_file_changed(store->file, TRUE);
}

const VsfDnsSettings *
vsf_dns_store_get(const VsfDnsStore *store)
{
    return store->settings;
}

void
vsf_dns_store_set(VsfDnsStore *store, const VsfDnsSettings *settings)
{
    VsfDnsSettings *copy = vsf_dns_settings_copy(settings);

    vsf_dns_settings_free(store->settings);
    store->settings = copy;
    vsf_state_file_changed(store->file, TRUE);
}
