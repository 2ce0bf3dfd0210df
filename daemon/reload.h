/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the configuration again when it is asked to: on a worker, since a file system may hang,
 * once for all requests that come meanwhile, and at most once a second. Main thread only. */
#pragma once

#include "config.h"

typedef struct VsfReload VsfReload;

typedef struct {
    /* A configuration from @source, or NULL with @error set. On the worker's thread. */
    VsfConfig *(*load)(gconstpointer source, GError **error);
    gconstpointer source; /* does not change, and outlives the process's threads */
    /* Takes @config and puts it in force. FALSE with @error set: nothing changed. */
    gboolean (*put)(VsfConfig *config, GError **error, gpointer user_data);
    void (*began)(gpointer user_data);
    void (*ended)(gpointer user_data); /* whatever came of it */
} VsfReloadCallbacks;

typedef struct {             /* for the status */
    guint64 good, bad;       /* so often since the daemon started */
    gint64 reading_since_us; /* monotonic; 0: it is not being read */
    gint64 ended_us;         /* monotonic, of the last one, 0: never */
    char *error;             /* why the last one changed nothing, or NULL */
} VsfReloadState;

/* @callbacks is copied. */
VsfReload *vsf_reload_new(const VsfReloadCallbacks *callbacks, gpointer user_data);
/* A file system that hangs is left behind. Takes NULL. */
void vsf_reload_free(VsfReload *reload);

void vsf_reload_request(VsfReload *reload);

/* Valid until vsf_reload_free(). */
const VsfReloadState *vsf_reload_state(const VsfReload *reload);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfReload, vsf_reload_free)
