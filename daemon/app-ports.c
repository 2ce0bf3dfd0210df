/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical ports: which there are goes from the host's devices to the registry, and which are
 * sampled the configuration says. */
#include "app-private.h"
#include "config-keys.h"
#include "status.h"

static void
ports_found(const GArray *ports, gpointer user_data)
{
    VsfApp *app = user_data;

    vsf_registry_set_ports(app->registry, (const VsfPort *)ports->data, ports->len,
                           g_get_monotonic_time());
}

void
vsf_app_ports_start(VsfApp *app)
{
    app->ports = vsf_ports_new(NULL, ports_found, app);
    vsf_app_ports_set_config(app, app->config);
}

void
vsf_app_ports_set_config(VsfApp *app, const VsfConfig *config)
{
    static const char *const none[] = {NULL};
    gboolean wanted = config->host == VSF_HOST_ON && config->ports[0] != NULL;

    vsf_registry_set_port_patterns(
        app->registry, wanted ? (const char *const *)config->ports : none, g_get_monotonic_time());
    vsf_ports_set_wanted(app->ports, wanted);
}

static gboolean
has_port(const VsfApp *app)
{
    GHashTableIter iter;
    gpointer tap;

    g_hash_table_iter_init(&iter, vsf_registry_taps(app->registry));
    while (g_hash_table_iter_next(&iter, NULL, &tap))
        if (((const VsfTap *)tap)->role == VSF_TAP_PORT)
            return TRUE;
    return FALSE;
}

/* Why none is sampled; NULL: one is, or none is wanted. */
static const char *
trouble(const VsfApp *app)
{
    int count = vsf_ports_count(app->ports);

    if (app->config->ports[0] == NULL || has_port(app))
        return NULL;
    if (app->config->host == VSF_HOST_OFF)
        return "[host] enabled is off, and that is for ports too";
    if (count < 0)
        return "the host's devices have not answered yet";
    return count == 0 ? "this host has none" : "none that there is has such a name";
}

void
vsf_app_status_ports_members(JsonBuilder *builder, const VsfApp *app)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    int at = vsf_config_schema_find(schema, "capture", "ports");
    g_autofree char *wanted = vsf_config_key_text(&schema->keys[at], app->config);
    int count = vsf_ports_count(app->ports);

    vsf_status_text_member(builder, "ports_wanted", wanted);
    if (count < 0)
        vsf_status_text_member(builder, "ports_found", NULL);
    else
        vsf_status_int_member(builder, "ports_found", count);
    vsf_status_text_member(builder, "ports_trouble", trouble(app));
}
