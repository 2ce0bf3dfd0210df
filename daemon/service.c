/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service.h"

#include "base/notify.h"

#include <string.h>

#define START_MS 50 /* between two looks until the daemon is up */
#define BEAT_MAX_MS 10000

struct VsfService {
    char *address;
    gboolean watched; /* the service manager wants to hear that we live */
    VsfServiceLookFunc look;
    gpointer user_data;
    guint timer, beat_ms;
    gboolean ready;     /* told */
    gboolean reloading; /* told, and not over */
    gboolean was_due;   /* at the look before */
    guint64 last_turns; /* the same */
    gboolean stalled;
    char last_status[160]; /* told last */
};

/* A turn that was due at the look before was not taken since: the loop runs, but
 * what it is here for does not. One that was stopped for long is no such case. */
static gboolean
is_stalled(VsfService *service, const VsfServiceLook *look)
{
    gboolean stalled = service->was_due && look->due && look->turns == service->last_turns;

    service->was_due = look->due;
    service->last_turns = look->turns;
    if (stalled && !service->stalled && service->watched)
        g_critical("counters: no turn is taken although one is due; the watchdog is not fed, so "
                   "that the service manager restarts the daemon; please report this");
    service->stalled = stalled;
    return stalled;
}

static void
tell(VsfService *service, const VsfServiceLook *look, gboolean alive)
{
    g_autoptr(GString) words = g_string_new(NULL);
    gboolean becomes_ready = look->up && !service->ready && !service->reloading;

    if (becomes_ready)
        g_string_append(words, "READY=1\n");
    if (alive && service->watched)
        g_string_append(words, "WATCHDOG=1\n");
    if (strcmp(look->status, service->last_status) != 0)
        g_string_append_printf(words, "STATUS=%s\n", look->status);
    if (words->len == 0)
        return;
    g_string_truncate(words, words->len - 1);
    /* What was not taken is told on the next beat. */
    if (!vsf_notify_send(service->address, words->str))
        return;
    service->ready = service->ready || becomes_ready;
    g_strlcpy(service->last_status, look->status, sizeof(service->last_status));
}

static gboolean beat(gpointer user_data);

static void
arm(VsfService *service)
{
    service->timer = g_timeout_add(
        service->ready || service->reloading ? service->beat_ms : MIN(START_MS, service->beat_ms),
        beat, service);
}

static gboolean
beat(gpointer user_data)
{
    VsfService *service = user_data;
    VsfServiceLook look = {0};

    service->look(&look, service->user_data);
    tell(service, &look, (!service->ready && !service->reloading) || !is_stalled(service, &look));
    arm(service);
    return G_SOURCE_REMOVE;
}

void
vsf_service_reloading(VsfService *service)
{
    g_autofree char *words = NULL;

    if (service == NULL || service->address == NULL || !service->ready)
        return;
    /* systemd wants to know which RELOADING= answers which signal. */
    words = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
                            g_get_monotonic_time());
    service->reloading = vsf_notify_send(service->address, words);
    service->ready = !service->reloading;
}

void
vsf_service_reloaded(VsfService *service)
{
    if (service == NULL || !service->reloading)
        return;
    service->reloading = FALSE;
    g_clear_handle_id(&service->timer, g_source_remove);
    beat(service);
}

VsfService *
vsf_service_new(const char *address, gint64 watchdog_us, VsfServiceLookFunc look,
                gpointer user_data)
{
    VsfService *service = g_new0(VsfService, 1);

    service->address = g_strdup(address);
    service->watched = watchdog_us > 0;
    service->look = look;
    service->user_data = user_data;
    service->beat_ms = BEAT_MAX_MS;
    if (service->watched)
        service->beat_ms = (guint)CLAMP(watchdog_us / 2 / 1000, 1, BEAT_MAX_MS);
    if (address != NULL)
        beat(service);
    return service;
}

void
vsf_service_free(VsfService *service)
{
    if (service == NULL)
        return;
    g_clear_handle_id(&service->timer, g_source_remove);
    vsf_notify_send(service->address, "STOPPING=1\nSTATUS=stopping");
    g_free(service->address);
    g_free(service);
}
