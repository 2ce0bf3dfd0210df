/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libvirt tells, and what follows from it for the registry, the polls and
 * the guests. */
#include "app-private.h"
#include "base/event.h"
#include "model/lifecycle.h"

#define AGENT_BY_CHANNEL 2 /* virConnectDomainEventAgentLifecycleReason: not by the VM's start */

static void
connection_changed(gboolean connected, const char *why, gpointer user_data)
{
    VsfApp *app = user_data;

    app->connection_changed_us = g_get_monotonic_time();
    if (connected)
        app->away_total_us += app->connection_changed_us - app->away_since_us;
    if (connected)
        app->away_since_us = 0;
    else if (app->away_since_us == 0)
        app->away_since_us = app->connection_changed_us;
    vsf_poller_connected(app->poller, connected);
    vsf_guests_connected(app->guests, connected);
    if (connected)
        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_LIBVIRT_CONNECTED, NULL,
                      "libvirt: connected to %s: %s", app->config->uri,
                      vsf_conn_describe(app->conn));
    else
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_LIBVIRT_LOST, NULL,
                      "libvirt: %s: %s; packets and host-side counters go on, trying again",
                      app->config->uri, why);
}

static void
take_facts(VsfApp *app, VsfDomainFacts *facts, gint64 asked_us)
{
    vsf_registry_domain_seen(app->registry, g_steal_pointer(&facts->def), facts->state,
                             facts->reason, asked_us, g_get_monotonic_time());
    vsf_app_registry_changed(app);
}

typedef struct {
    gint64 told_us;
    gboolean arrives; /* by migration */
} Start;

/* Its start was told: the first sample is due, now that its XML is here. */
static void
first_sample(VsfApp *app, const char *uuid)
{
    VsfDomain *domain = vsf_registry_by_uuid(app->registry, uuid);
    const Start *start = g_hash_table_lookup(app->starting, uuid);

    if (start != NULL && domain != NULL) {
        if (!start->arrives)
            vsf_registry_domain_began(app->registry, domain);
        vsf_poller_domain_now(app->poller, domain, VSF_POLL_FIRST);
    }
    g_hash_table_remove(app->starting, uuid);
}

static gboolean
is_before(gpointer uuid G_GNUC_UNUSED, gpointer start, gpointer asked_us)
{
    return ((const Start *)start)->told_us < *(const gint64 *)asked_us;
}

static void
domains_listed(GPtrArray *facts, const char *const *unreadable, gint64 asked_us, gpointer user_data)
{
    VsfApp *app = user_data;
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) uuids = NULL;

    for (guint i = 0; i < facts->len; i++)
        g_strv_builder_add(builder, ((VsfDomainFacts *)facts->pdata[i])->def->uuid);
    for (guint i = 0; unreadable != NULL && unreadable[i] != NULL; i++)
        g_strv_builder_add(builder, unreadable[i]);
    uuids = g_strv_builder_end(builder);

    /* The gone first: their interfaces' names may be another's by now. */
    vsf_registry_reconcile(app->registry, (const char *const *)uuids, asked_us);
    for (guint i = 0; i < facts->len; i++)
        take_facts(app, facts->pdata[i], asked_us);
    /* A start whose own question failed, or whose answer is still to come. */
    for (guint i = 0; uuids[i] != NULL; i++)
        first_sample(app, uuids[i]);
    /* The rest of them ended while libvirt was away, and nobody told. */
    g_hash_table_foreach_remove(app->starting, is_before, &asked_us);
}

static void
domain_fetched(const char *uuid, VsfDomainFacts *facts, gint64 asked_us, gpointer user_data)
{
    VsfApp *app = user_data;

    if (facts->def != NULL)
        take_facts(app, facts, asked_us);
    else
        vsf_registry_domain_not_running(app->registry, uuid, asked_us);
    first_sample(app, uuid);
}

/* A run that an earlier event or the hook made known has its first sample at
 * once: a libvirtd that just came up may take a second to answer. */
static void
run_began(VsfApp *app, const char *uuid, int id, int state, int reason, gboolean arrives)
{
    VsfDomain *domain = vsf_registry_by_uuid(app->registry, uuid);
    gint64 now_us = g_get_monotonic_time();
    Start start = {.told_us = now_us, .arrives = arrives};

    if (domain != NULL && id > 0 && domain->def->id == id) {
        vsf_registry_domain_state(app->registry, uuid, state, reason, now_us);
        vsf_poller_domain_now(app->poller, domain, VSF_POLL_FIRST);
    } else {
        g_hash_table_replace(app->starting, g_strdup(uuid), g_memdup2(&start, sizeof(start)));
    }
    vsf_conn_fetch(app->conn, uuid);
}

static void
lifecycle_event(const char *uuid, int id, int event, int detail, gpointer user_data)
{
    VsfApp *app = user_data;
    int state = VSF_STATE_UNKNOWN, reason = 0;
    gint64 now_us = g_get_monotonic_time();
    VsfAction action = vsf_lifecycle_action(event, detail, &state, &reason);
    VsfDomain *domain;

    g_debug("%s: libvirt event %d, detail %d", uuid, event, detail);
    switch (action) {
    case VSF_ACTION_NONE:
        break;
    case VSF_ACTION_FETCH:
    case VSF_ACTION_ARRIVE:
        run_began(app, uuid, id, state, reason, action == VSF_ACTION_ARRIVE);
        break;
    case VSF_ACTION_STATE:
        /* Most events do not tell the state's reason: libvirt does. */
        if (!vsf_registry_domain_state(app->registry, uuid, state, reason, now_us) || reason == 0)
            vsf_conn_fetch(app->conn, uuid);
        break;
    case VSF_ACTION_LAST:
        vsf_registry_domain_state(app->registry, uuid, state, reason, now_us);
        domain = vsf_registry_by_uuid(app->registry, uuid);
        if (domain != NULL)
            vsf_poller_domain_now(app->poller, domain, VSF_POLL_LAST);
        break;
    case VSF_ACTION_GONE:
        /* A stop and a start may follow each other so fast that the new run is
         * known before the old one's end: then libvirt is asked which it is. */
        if (!vsf_registry_domain_gone(app->registry, uuid, now_us))
            vsf_conn_fetch(app->conn, uuid);
        vsf_app_registry_changed(app);
        break;
    }
}

static void
domain_xml_changed(const char *uuid, const char *what, gpointer user_data)
{
    VsfApp *app = user_data;

    g_debug("%s: %s", uuid, what);
    vsf_conn_fetch(app->conn, uuid);
}

/* Also the first event of a run, long before STARTED: its XML is worth a look. That
 * of a known one says the same again, for an event that was overtaken. */
static void
agent_changed(const char *uuid, int state, int reason, gpointer user_data)
{
    VsfApp *app = user_data;
    const VsfDomain *domain = vsf_registry_by_uuid(app->registry, uuid);

    vsf_guests_agent_event(app->guests, uuid, state == 1);
    if (domain != NULL && reason == AGENT_BY_CHANNEL)
        vsf_poller_agent(app->poller, domain, state == 1);
    vsf_conn_fetch(app->conn, uuid);
}

const VsfConnCallbacks vsf_app_conn_callbacks = {
    .connected = connection_changed,
    .listed = domains_listed,
    .fetched = domain_fetched,
    .lifecycle = lifecycle_event,
    .changed = domain_xml_changed,
    .agent = agent_changed,
};
