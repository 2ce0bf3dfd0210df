/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical ports: which there are goes from the host's devices to the registry, and which are
 * sampled the configuration says. */
#include "app-private.h"

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
