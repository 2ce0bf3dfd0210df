/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent and the system are: guest-info, -osinfo, -host-name, -load. */
#include "envelope.h"
#include "field.h"
#include "reply.h"
#include "request.h"

#include <string.h>

/* What an agent still runs while it holds the filesystems frozen. */
static const char *const safe_while_frozen[] = {
    "guest-ping",
    "guest-info",
    "guest-sync",
    "guest-sync-delimited",
    "guest-fsfreeze-status",
    "guest-fsfreeze-thaw",
    NULL,
};

/* One entry of the list. @n_unsafe counts what a frozen agent would not run. */
static void
take_command(VsfQgaInfo *info, JsonObject *entry, guint *n_unsafe, gboolean *can_thaw)
{
    const char *name = vsf_qga_field_raw_text(entry, "name");
    gboolean enabled = vsf_qga_field_is_true(entry, "enabled");
    VsfQgaCommand command;

    if (name == NULL)
        return;
    if (enabled && !g_strv_contains(safe_while_frozen, name))
        (*n_unsafe)++;
    if (enabled && strcmp(name, "guest-fsfreeze-thaw") == 0)
        *can_thaw = TRUE;
    command = vsf_qga_command_of_name(name);
    if (command == VSF_QGA_N_COMMANDS)
        return;
    info->listed |= 1u << command;
    if (enabled)
        info->enabled |= 1u << command;
    else
        info->enabled &= ~(1u << command);
}

VsfQgaInfo *
vsf_qga_parse_info(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonObject) result = vsf_qga_envelope_object(reply, length, error);
    g_autoptr(VsfQgaInfo) info = NULL;
    gboolean can_thaw = FALSE;
    guint n_unsafe = 0;
    JsonArray *list;

    if (result == NULL)
        return NULL;
    list = vsf_qga_field_array(result, "supported_commands");
    info = g_new0(VsfQgaInfo, 1);
    info->version = vsf_qga_field_text(result, "version");
    if (info->version == NULL)
        info->version = g_strdup("unknown");
    for (guint i = 0; list != NULL && i < json_array_get_length(list); i++) {
        JsonObject *entry = vsf_qga_element(list, i);

        if (entry != NULL)
            take_command(info, entry, &n_unsafe, &can_thaw);
    }
    info->frozen = can_thaw && n_unsafe == 0;
    return g_steal_pointer(&info);
}

gboolean
vsf_qga_info_may(const VsfQgaInfo *info, VsfQgaCommand command)
{
    return (info->enabled & 1u << command) != 0;
}

VsfQgaInfo *
vsf_qga_info_copy(const VsfQgaInfo *info)
{
    VsfQgaInfo *copy = info != NULL ? g_memdup2(info, sizeof(*info)) : NULL;

    if (copy != NULL)
        copy->version = g_strdup(info->version);
    return copy;
}

void
vsf_qga_info_free(VsfQgaInfo *info)
{
    if (info == NULL)
        return;
    g_free(info->version);
    g_free(info);
}

VsfQgaOs *
vsf_qga_parse_os(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonObject) result = vsf_qga_envelope_object(reply, length, error);
    VsfQgaOs *os;

    if (result == NULL)
        return NULL;
    os = g_new0(VsfQgaOs, 1);
    os->id = vsf_qga_field_text(result, "id");
    os->name = vsf_qga_field_text(result, "name");
    os->pretty_name = vsf_qga_field_text(result, "pretty-name");
    os->version = vsf_qga_field_text(result, "version");
    os->version_id = vsf_qga_field_text(result, "version-id");
    os->variant = vsf_qga_field_text(result, "variant");
    os->variant_id = vsf_qga_field_text(result, "variant-id");
    os->kernel_release = vsf_qga_field_text(result, "kernel-release");
    os->kernel_version = vsf_qga_field_text(result, "kernel-version");
    os->machine = vsf_qga_field_text(result, "machine");
    return os;
}

void
vsf_qga_os_free(VsfQgaOs *os)
{
    if (os == NULL)
        return;
    g_free(os->id);
    g_free(os->name);
    g_free(os->pretty_name);
    g_free(os->version);
    g_free(os->version_id);
    g_free(os->variant);
    g_free(os->variant_id);
    g_free(os->kernel_release);
    g_free(os->kernel_version);
    g_free(os->machine);
    g_free(os);
}

char *
vsf_qga_parse_host_name(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonObject) result = vsf_qga_envelope_object(reply, length, error);
    char *name;

    if (result == NULL)
        return NULL;
    name = vsf_qga_field_text(result, "host-name");
    if (name == NULL)
        g_set_error_literal(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED,
                            "the guest agent's reply has no host name");
    return name;
}

VsfQgaLoad *
vsf_qga_parse_load(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonObject) result = vsf_qga_envelope_object(reply, length, error);
    VsfQgaLoad *load;

    if (result == NULL)
        return NULL;
    load = g_new0(VsfQgaLoad, 1);
    load->one_minute = vsf_qga_field_load(result, "load1m");
    load->five_minutes = vsf_qga_field_load(result, "load5m");
    load->fifteen_minutes = vsf_qga_field_load(result, "load15m");
    return load;
}
