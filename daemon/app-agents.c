/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which agent service asks the guests for us ([libvirt] agent-socket), and whether it is one of
 * our own. */
#include "app-private.h"

#include <string.h>
#include <unistd.h>

void
vsf_app_agents_start(VsfApp *app, const char *runtime_dir)
{
    const char *place = app->config->agent_socket;
    g_autofree char *program = NULL;

    if (strcmp(place, "none") == 0)
        return;
    if (strcmp(place, "auto") != 0) {
        app->agent_socket = g_strdup(place);
        return;
    }
    app->agent_socket = g_build_filename(runtime_dir, "agent.sock", NULL);
    /* As another user it could do no more than we. */
    if (geteuid() != 0)
        return;
    program = vsf_agent_process_program();
    app->agent_process = vsf_agent_process_new(program, app->agent_socket, app->config->uri);
}

void
vsf_app_agents_stop(VsfApp *app)
{
    g_clear_pointer(&app->agent_process, vsf_agent_process_free);
    g_clear_pointer(&app->agent_socket, g_free);
}
