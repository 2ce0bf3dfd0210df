/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <string.h>

static const char *const names[] = {
    [VSF_QGA_COMMAND_INFO] = "guest-info",
    [VSF_QGA_COMMAND_FSINFO] = "guest-get-fsinfo",
    [VSF_QGA_COMMAND_DISKSTATS] = "guest-get-diskstats",
    [VSF_QGA_COMMAND_CPUSTATS] = "guest-get-cpustats",
    [VSF_QGA_COMMAND_OSINFO] = "guest-get-osinfo",
    [VSF_QGA_COMMAND_HOST_NAME] = "guest-get-host-name",
    [VSF_QGA_COMMAND_INTERFACES] = "guest-network-get-interfaces",
    [VSF_QGA_COMMAND_LOAD] = "guest-get-load",
    [VSF_QGA_COMMAND_FILE_OPEN] = "guest-file-open",
    [VSF_QGA_COMMAND_FILE_READ] = "guest-file-read",
    [VSF_QGA_COMMAND_FILE_CLOSE] = "guest-file-close",
};

G_STATIC_ASSERT(G_N_ELEMENTS(names) == VSF_QGA_N_COMMANDS);

const char *
vsf_qga_command_name(VsfQgaCommand command)
{
    g_assert(command < VSF_QGA_N_COMMANDS);
    return names[command];
}

VsfQgaCommand
vsf_qga_command_of_name(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return VSF_QGA_N_COMMANDS;
}

char *
vsf_qga_request(VsfQgaCommand command, gint64 handle)
{
    const char *name = vsf_qga_command_name(command);

    switch (command) {
    case VSF_QGA_COMMAND_FILE_OPEN:
        return g_strdup_printf("{\"execute\":\"%s\",\"arguments\":"
                               "{\"path\":\"/proc/meminfo\",\"mode\":\"r\"}}",
                               name);
    case VSF_QGA_COMMAND_FILE_READ:
        return g_strdup_printf("{\"execute\":\"%s\",\"arguments\":"
                               "{\"handle\":%" G_GINT64_FORMAT ",\"count\":%d}}",
                               name, handle, VSF_QGA_MEMINFO_BYTES);
    case VSF_QGA_COMMAND_FILE_CLOSE:
        return g_strdup_printf("{\"execute\":\"%s\",\"arguments\":"
                               "{\"handle\":%" G_GINT64_FORMAT "}}",
                               name, handle);
    default:
        return g_strdup_printf("{\"execute\":\"%s\"}", name);
    }
}
