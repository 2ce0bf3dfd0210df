/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reload.h"

#include "base/event.h"
#include "base/worker.h"

#define PAUSE_US G_USEC_PER_SEC /* between two of them */
#define LONG_MS 10000           /* so long no file should take */

struct VsfReload {
    VsfReloadCallbacks callbacks;
    gpointer user_data;
    VsfWorker *worker;
    VsfReloadState state;
    gboolean again; /* asked for while it is being read */
    guint timer;    /* until it is read */
    guint long_timer;
};

static gpointer
load(gpointer payload, GError **error)
{
    const VsfReloadCallbacks *callbacks = payload;

    return callbacks->load(callbacks->source, error);
}

static gboolean
takes_long(gpointer user_data)
{
    VsfReload *reload = user_data;

    reload->long_timer = 0;
    g_warning("configuration: reading it takes longer than %d s, as on a file system that hangs; "
              "everything goes on as it is",
              LONG_MS / 1000);
    return G_SOURCE_REMOVE;
}

static void
note(VsfReload *reload, const GError *error)
{
    reload->state.reading_since_us = 0;
    reload->state.ended_us = g_get_monotonic_time();
    g_clear_pointer(&reload->state.error, g_free);
    if (error == NULL) {
        reload->state.good++;
        return;
    }
    reload->state.bad++;
    reload->state.error = g_strdup(error->message);
    vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_RELOAD_FAILED, NULL,
                  "configuration: %s; the one before stays in force (virt-sflowd --check-config "
                  "tests a new one)",
                  error->message);
}

static void
loaded(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_worker_finish(result, &error);
    VsfReload *reload = user_data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_handle_id(&reload->long_timer, g_source_remove);
    if (config != NULL && !reload->callbacks.put(config, &error, reload->user_data))
        g_assert(error != NULL);
    note(reload, error);
    reload->callbacks.ended(reload->user_data);
    if (!reload->again)
        return;
    reload->again = FALSE;
    vsf_reload_request(reload);
}

static gboolean
begin(gpointer user_data)
{
    VsfReload *reload = user_data;

    reload->timer = 0;
    reload->state.reading_since_us = g_get_monotonic_time();
    reload->long_timer = g_timeout_add(LONG_MS, takes_long, reload);
    reload->callbacks.began(reload->user_data);
    vsf_worker_run(reload->worker, load, g_memdup2(&reload->callbacks, sizeof(reload->callbacks)),
                   g_free, NULL, loaded, reload);
    return G_SOURCE_REMOVE;
}

void
vsf_reload_request(VsfReload *reload)
{
    gint64 wait_us = 0;

    if (reload->state.reading_since_us != 0) {
        /* It may have been read in part before it was changed. */
        reload->again = TRUE;
        return;
    }
    if (reload->timer != 0)
        return;
    if (reload->state.ended_us != 0)
        wait_us = MAX(reload->state.ended_us + PAUSE_US - g_get_monotonic_time(), 0);
    reload->timer = g_timeout_add((guint)((wait_us + 999) / 1000), begin, reload);
}

const VsfReloadState *
vsf_reload_state(const VsfReload *reload)
{
    return &reload->state;
}

VsfReload *
vsf_reload_new(const VsfReloadCallbacks *callbacks, gpointer user_data)
{
    VsfReload *reload = g_new0(VsfReload, 1);

    reload->callbacks = *callbacks;
    reload->user_data = user_data;
    reload->worker = vsf_worker_new(1, (GDestroyNotify)vsf_config_free);
    return reload;
}

void
vsf_reload_free(VsfReload *reload)
{
    if (reload == NULL)
        return;
    g_clear_handle_id(&reload->timer, g_source_remove);
    g_clear_handle_id(&reload->long_timer, g_source_remove);
    vsf_worker_free(reload->worker);
    g_free(reload->state.error);
    g_free(reload);
}
