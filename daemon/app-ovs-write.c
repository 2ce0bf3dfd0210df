/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [ovs] mode = configure: what is to stand in Open vSwitch's database, as the configuration in
 * force, the collectors' addresses and the host's have it. With any other mode nothing of ours is
 * to be there, so that what a killed daemon left goes. */
#include "app-ovs.h"
#include "app-private.h"
#include "base/worker.h"
#include "net/agent-address.h"

#include <string.h>

#define LOOK_S 5
#define END_US (500 * (gint64)1000)
#define DEVICE_US (60 * G_USEC_PER_SEC) /* the host may be renumbered */
#define NAMES_US (5 * G_USEC_PER_SEC)   /* collectors' names may take as long to have addresses */

static void
refuse(VsfApp *app, const char *why)
{
    if (g_strcmp0(app->ovs_refused, why) == 0)
        return;
    g_free(app->ovs_refused);
    app->ovs_refused = g_strdup(why);
}

/* --- the device ----------------------------------------------------------------- */

static gpointer
find_device(gpointer payload, GError **error)
{
    return vsf_agent_address_device(payload, error);
}

static void
device_found(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfApp *app = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *device = vsf_worker_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_object(&app->ovs_finding);
    g_free(app->ovs_device);
    app->ovs_device = g_steal_pointer(&device);
    refuse(app, error != NULL ? error->message : NULL);
    vsf_app_ovs_write(app);
}

/* Of the agent address; asked again now and then. */
static void
look_for_device(VsfApp *app)
{
    gint64 now_us = g_get_monotonic_time();
    gboolean other = g_strcmp0(app->ovs_device_of, app->agent_address) != 0;

    if (app->ovs_finding != NULL || (!other && now_us - app->ovs_device_us < DEVICE_US))
        return;
    if (app->ovs_worker == NULL)
        app->ovs_worker = vsf_worker_new(1, g_free);
    g_free(app->ovs_device_of);
    app->ovs_device_of = g_strdup(app->agent_address);
    app->ovs_device_us = now_us;
    if (other)
        g_clear_pointer(&app->ovs_device, g_free);
    app->ovs_finding = g_cancellable_new();
    vsf_worker_run(app->ovs_worker, find_device, g_strdup(app->agent_address), g_free,
                   app->ovs_finding, device_found, app);
}

/* --- what is wanted -------------------------------------------------------------- */

static gint
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of collectors whose address is known; one that wants a device is not for the switch, which cannot
 * be told one. */
static char *
targets_of(const VsfApp *app)
{
    g_autoptr(GPtrArray) statuses = vsf_sender_status(app->sender);
    g_autoptr(GPtrArray) texts = g_ptr_array_new();

    for (guint i = 0; i < statuses->len; i++) {
        const VsfCollectorStatus *status = statuses->pdata[i];

        if (status->address != NULL && strchr(status->text, '%') == NULL)
            g_ptr_array_add(texts, status->address);
    }
    g_ptr_array_sort(texts, compare_texts);
    g_ptr_array_add(texts, NULL);
    return g_strjoinv(" ", (char **)texts->pdata);
}

static gboolean
may_have_targets(const VsfConfig *config)
{
    for (guint i = 0; i < config->collectors->len; i++)
        if (((const VsfCollectorAddress *)config->collectors->pdata[i])->device == NULL)
            return TRUE;
    return FALSE;
}

/* A row stays as it is while new collectors' names are looked up, but not for longer: those that it
 * names may be collectors no more. */
static gboolean
waits_for_names(VsfApp *app, const char *targets, gint64 now_us)
{
    if (targets[0] != '\0' || !may_have_targets(app->config)) {
        app->ovs_nameless_us = 0;
        return FALSE;
    }
    if (app->ovs_nameless_us == 0)
        app->ovs_nameless_us = now_us;
    return now_us - app->ovs_nameless_us < NAMES_US;
}

void
vsf_app_ovs_write(VsfApp *app)
{
    const VsfConfig *config = app->config;
    VsfOvsWanted wanted = {.sampling = vsf_flows_are_paused(app->flows) ? 0 : config->sampling,
                           .polling_s = config->polling_s,
                           .header_bytes = config->header_bytes,
                           .bridges = config->ovs_bridges};
    g_autofree char *targets = NULL;
    gint64 now_us = g_get_monotonic_time();

    if (config->ovs_mode != VSF_OVS_CONFIGURE) {
        refuse(app, NULL);
        vsf_ovs_writer_want(app->ovs_writer, NULL, now_us);
        return;
    }
    look_for_device(app);
    if (app->ovs_device == NULL && app->ovs_refused == NULL)
        return; /* in a moment */
    targets = targets_of(app);
    if (app->ovs_device != NULL && waits_for_names(app, targets, now_us))
        return;
    if (app->ovs_device != NULL)
        refuse(app,
               config->collectors->len == 0 || may_have_targets(config)
                   ? NULL
                   : "no collector is without %DEV, which the switch cannot be told: give one");
    wanted.agent = app->ovs_device;
    wanted.targets = targets;
    vsf_ovs_writer_want(app->ovs_writer,
                        app->ovs_device != NULL && targets[0] != '\0' ? &wanted : NULL, now_us);
}

const char *
vsf_app_ovs_trouble(const VsfApp *app)
{
    if (app->ovs_refused != NULL)
        return app->ovs_refused;
    return app->ovs_writer != NULL ? vsf_ovs_writer_trouble(app->ovs_writer) : NULL;
}

static gboolean
look(gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_ovs_writer_set_dead(app->ovs_writer, vsf_ovs_alive_is_dead(app->ovs_alive));
    vsf_app_ovs_write(app);
    vsf_ovs_writer_look(app->ovs_writer, g_get_monotonic_time());
    vsf_app_ovs_looked(app);
    return G_SOURCE_CONTINUE;
}

void
vsf_app_ovs_write_start(VsfApp *app)
{
    app->ovs_writer = vsf_ovs_writer_new(app->ovs);
    app->ovs_alive = vsf_ovs_alive_new(app->ovs_socket);
    vsf_ovs_writer_set_dead(app->ovs_writer, vsf_ovs_alive_is_dead(app->ovs_alive));
    app->ovs_look_timer = g_timeout_add_seconds(LOOK_S, look, app);
}

gboolean
vsf_app_ovs_may_stop(VsfApp *app, gint64 patience_us)
{
    return app->ovs_writer == NULL ||
           vsf_ovs_writer_may_leave(app->ovs_writer, g_get_monotonic_time(), patience_us);
}

gboolean
vsf_app_may_end(VsfApp *app)
{
    return vsf_app_ovs_may_stop(app, END_US);
}

/* At the daemon's end nobody runs the main loop any more. */
static void
take_away(VsfApp *app)
{
    g_autofree char *params = app->ovs_writer != NULL ? vsf_ovs_writer_leave(app->ovs_writer)
                                                      : NULL;

    g_clear_pointer(&app->ovs_parting, vsf_ovs_parting_free);
    if (params == NULL)
        return;
    if (app->closing)
        vsf_ovs_client_last_words(app->ovs, params);
    else
        app->ovs_parting = vsf_ovs_client_part(app->ovs, params);
}

void
vsf_app_ovs_write_stop(VsfApp *app)
{
    g_clear_handle_id(&app->ovs_look_timer, g_source_remove);
    take_away(app);
    if (app->ovs_finding != NULL)
        g_cancellable_cancel(app->ovs_finding);
    g_clear_object(&app->ovs_finding);
    g_clear_pointer(&app->ovs_alive, vsf_ovs_alive_free);
    g_clear_pointer(&app->ovs_worker, vsf_worker_free);
    g_clear_pointer(&app->ovs_device, g_free);
    g_clear_pointer(&app->ovs_device_of, g_free);
    g_clear_pointer(&app->ovs_refused, g_free);
}
