/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the service manager (systemd) hears: that the daemon is up, how it fares in one
 * line, that it stops, and, for as long as the main loop makes progress, that it lives.
 * A loop that hangs, or whose turns stand still, is silent, and so is restarted.
 * Without a service manager nothing happens. Main thread only. */
#pragma once

#include <glib.h>

/* What is looked at on every beat. */
typedef struct {
    gboolean up;      /* samplers and sender are; libvirt need not be */
    guint64 turns;    /* of counters, taken so far */
    gboolean due;     /* by now another is */
    char status[160]; /* one line for systemctl status */
} VsfServiceLook;

/* Fills in @look, which is all zero. */
typedef void (*VsfServiceLookFunc)(VsfServiceLook *look, gpointer user_data);

typedef struct VsfService VsfService;

/* @address: NOTIFY_SOCKET, copied; NULL: there is no service manager. @watchdog_us: how
 * often it wants to hear of us at least, 0: it does not (vsf_notify_watchdog_us()).
 * Looks at once, and then until vsf_service_free(). */
VsfService *vsf_service_new(const char *address, gint64 watchdog_us, VsfServiceLookFunc look,
                            gpointer user_data);

/* The configuration is read again, and that is over. Takes NULL; nothing is said before the
 * daemon is up. */
void vsf_service_reloading(VsfService *service);
void vsf_service_reloaded(VsfService *service);

/* Says that the daemon stops. Takes NULL. */
void vsf_service_free(VsfService *service);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfService, vsf_service_free)
