/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The libvirt hook's hints: a domain that starts is known, with its XML, before
 * libvirt tells. */
#include "app-private.h"
#include "model/domain-xml.h"

#include <string.h>

#define HOOK_CONFIRM_S 15 /* libvirt must know a domain that only the hook announced */

/* A domain that only the hook announced is asked for: its start may have
 * failed without an event. */
static gboolean
confirm_announced(gpointer user_data)
{
    VsfApp *app = user_data;
    GHashTableIter iter;
    gpointer value;
    gint64 now_us = g_get_monotonic_time();
    gboolean waiting = FALSE;

    g_hash_table_iter_init(&iter, vsf_registry_domains(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfDomain *domain = value;

        if (domain->state != VSF_STATE_UNKNOWN)
            continue;
        /* One that was announced just now may not be there yet. */
        if (now_us - domain->since_us < HOOK_CONFIRM_S * G_USEC_PER_SEC / 2)
            waiting = TRUE;
        else
            vsf_conn_fetch(app->conn, domain->def->uuid);
    }
    if (!waiting)
        app->confirm_timer = 0;
    return waiting;
}

void
vsf_app_hook_message(const char *op, const char *name, const char *xml, gsize xml_length,
                     gpointer user_data)
{
    VsfApp *app = user_data;
    g_autoptr(GError) error = NULL;
    VsfDomainDef *def;
    gint64 now_us = g_get_monotonic_time();
    guint held_back;

    if (strcmp(op, "start") != 0 || xml == NULL || app->conn == NULL)
        return;
    def = vsf_domain_xml_parse(xml, (gssize)xml_length, &error);
    if (def == NULL) {
        if (vsf_log_rate_allow(&app->hook_rate, now_us, 60 * G_USEC_PER_SEC, &held_back)) {
            g_autofree char *shown = g_strescape(name, NULL);

            g_warning("hook: %.100s: %s; libvirt's events will tell", shown, error->message);
        }
        return;
    }
    vsf_registry_domain_seen(app->registry, def, VSF_STATE_UNKNOWN, 0, now_us, now_us);
    vsf_app_registry_changed(app);
    if (app->confirm_timer == 0)
        app->confirm_timer = g_timeout_add_seconds(HOOK_CONFIRM_S, confirm_announced, app);
}
