/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-bounds.h"

#include "config-keys.h"

#include <string.h>

static void
tell(GString *notes, const char *key, gint64 said, gint64 is)
{
    if (said != is)
        g_string_append_printf(notes, "%s%s %" G_GINT64_FORMAT " counts as %" G_GINT64_FORMAT,
                               notes->len > 0 ? ", " : "", key, said, is);
}

/* @min 0: that of the key; otherwise 0 turns off, which DNS always may. */
static gint64
bound(const char *key_name, gint64 said, guint min)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    const VsfConfigKey *key = &schema->keys[vsf_config_schema_find(schema, "sflow", key_name)];

    if (said == VSF_DNS_UNSAID || (said == 0 && min > 0))
        return said;
    return CLAMP(said, MAX(min, key->min), key->max);
}

static void
bound_number(GString *notes, const char *key_name, gint64 *number, guint min)
{
    gint64 said = *number;

    *number = bound(key_name, said, min);
    tell(notes, key_name, said, *number);
}

VsfDnsSettings *
vsf_dns_bounded(const VsfConfig *config, const VsfDnsSettings *said, char **note)
{
    VsfDnsSettings *bounded = vsf_dns_settings_copy(said);
    GString *notes = g_string_new(NULL);

    bound_number(notes, "sampling", &bounded->sampling, config->dns_min_sampling);
    for (guint i = 0; i < bounded->by_speed->len; i++) {
        VsfSpeedRate *speed = &g_array_index(bounded->by_speed, VsfSpeedRate, i);
        gint64 is = bound("sampling", speed->sampling, config->dns_min_sampling);

        tell(notes, "sampling by speed", speed->sampling, is);
        speed->sampling = (guint)is;
    }
    bound_number(notes, "polling", &bounded->polling_s, config->dns_min_polling_s);
    bound_number(notes, "header-bytes", &bounded->header_bytes, 0);
    if (strcmp(config->agent_address, "auto") != 0 && vsf_dns_agent_address(bounded) != NULL) {
        g_string_append_printf(notes, "%sagent-address is configured here",
                               notes->len > 0 ? ", " : "");
        g_clear_pointer(&bounded->agent_ip, g_free);
        g_clear_pointer(&bounded->agent_device, g_free);
        g_clear_pointer(&bounded->agent_cidr, g_free);
    }
    if (note != NULL)
        *note = notes->len > 0 ? g_strdup(notes->str) : NULL;
    g_string_free(notes, TRUE);
    return bounded;
}

const char *
vsf_dns_agent_address(const VsfDnsSettings *settings)
{
    if (settings->agent_ip != NULL)
        return settings->agent_ip;
    return settings->agent_device != NULL ? settings->agent_device : settings->agent_cidr;
}
