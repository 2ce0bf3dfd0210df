/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What DNS says about the configuration: kept for the next start, bounded by what the files allow,
 * and put in force over them. */
#include "app-private.h"
#include "base/event.h"
#include "dns-bounds.h"
#include "net/agent-address.h"

#include <string.h>

#define NOTE_RATE_US (300 * G_USEC_PER_SEC)

static void
note(VsfApp *app, char *text)
{
    guint held_back;

    if (text != NULL && g_strcmp0(text, app->dns_note) != 0 &&
        vsf_log_rate_allow(&app->dns_note_rate, g_get_monotonic_time(), NOTE_RATE_US, &held_back))
        g_warning("DNS-SD: not as DNS has it: %s", text);
    g_free(app->dns_note);
    app->dns_note = text;
}

/* One that this host has not is left out, or all else would be refused with it. */
static char *
usable_agent(const VsfDnsSettings *settings, char **text)
{
    const char *agent = vsf_dns_agent_address(settings);
    g_autoptr(GInetAddress) address = NULL;
    g_autofree char *reason = NULL, *before = *text;
    g_autoptr(GError) why = NULL;

    *text = NULL;
    if (agent != NULL)
        address = vsf_agent_address_choose(agent, NULL, &reason, &why);
    if (agent == NULL || address != NULL)
        *text = g_steal_pointer(&before);
    else
        *text = g_strdup_printf("%s%s%s", before != NULL ? before : "", before != NULL ? ", " : "",
                                why->message);
    return address != NULL ? g_strdup(agent) : NULL;
}

VsfConfigOverlay *
vsf_app_dns_overlay(VsfApp *app, const VsfConfig *base)
{
    const VsfDnsSettings *said = app->dns != NULL ? vsf_dns_sd_in_force(app->dns) : NULL;
    g_autoptr(VsfDnsSettings) bounded = NULL;
    g_autofree char *agent = NULL;
    char *text = NULL;
    VsfConfigOverlay overlay = {0};

    if (said == NULL || !vsf_app_dns_is_same(app->base, base))
        return NULL;
    bounded = vsf_dns_bounded(base, said, &text);
    agent = usable_agent(bounded, &text);
    note(app, text);
    overlay.agent_address = agent;
    overlay.collectors = bounded->collectors;
    overlay.has_sampling = bounded->sampling != VSF_DNS_UNSAID;
    overlay.sampling = (guint)MAX(bounded->sampling, 0);
    overlay.speeds = bounded->by_speed;
    overlay.has_polling = bounded->polling_s != VSF_DNS_UNSAID;
    overlay.polling_s = (guint)MAX(bounded->polling_s, 0);
    overlay.has_header_bytes = bounded->header_bytes != VSF_DNS_UNSAID;
    overlay.header_bytes = (guint)MAX(bounded->header_bytes, 0);
    return vsf_config_overlay_copy(&overlay);
}

static void
changed(const VsfDnsSettings *settings G_GNUC_UNUSED, gpointer user_data)
{
    VsfApp *app = user_data;
    g_autoptr(VsfConfigOverlay) overlay = vsf_app_dns_overlay(app, app->base);
    g_autoptr(GError) error = NULL;

    if (!vsf_app_set_overlay(app, overlay, &error))
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_DNS_REFUSED, NULL,
                      "DNS-SD: what it says cannot be put in force: %s; all goes on as it was",
                      error->message);
}

static void
keep(gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_dns_store_set(app->dns_store, vsf_dns_sd_latest(app->dns));
}

void
vsf_app_dns_start(VsfApp *app)
{
    static const VsfDnsSdCallbacks callbacks = {.changed = changed, .keep = keep};
    const char *domain = app->base->dns_sd_domain;
    VsfDnsSdOptions options = {.domain = domain};

    /* It is opened once, since that may wait for a disk; later ones run on the main loop. */
    if (app->dns_store == NULL)
        app->dns_store = vsf_dns_store_new(app->state_dir, domain);
    if (app->base->dns_sd == VSF_DNS_SD_OFF)
        return;
    vsf_dns_store_set_domain(app->dns_store, domain);
    options.last = vsf_dns_store_get(app->dns_store);
    app->dns = vsf_dns_sd_new(&options, &callbacks, app);
    if (options.last != NULL)
        g_message("DNS-SD: what was answered before the start is in force until DNS answers");
}

static void
stop(VsfApp *app)
{
    g_clear_pointer(&app->dns, vsf_dns_sd_free);
    g_clear_pointer(&app->dns_note, g_free);
}

void
vsf_app_dns_stop(VsfApp *app)
{
    stop(app);
    g_clear_pointer(&app->dns_store, vsf_dns_store_free);
}

gboolean
vsf_app_dns_is_same(const VsfConfig *one, const VsfConfig *other)
{
    return one->dns_sd == other->dns_sd && g_strcmp0(one->dns_sd_domain, other->dns_sd_domain) == 0;
}

void
vsf_app_dns_restart(VsfApp *app)
{
    stop(app);
    vsf_app_dns_start(app);
    if (app->dns != NULL && vsf_dns_sd_in_force(app->dns) != NULL)
        changed(NULL, app);
}
