/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The example that is installed, written from the table of keys. */
#include "config-keys.h"

#include <string.h>

static const char rules_help[] =
    "\n"
    "# Sections for some VMs or interfaces alone: patterns with * and ? of the domain's name, or\n"
    "# of the interface's. Of each kind the first that matches counts, in the order in which the\n"
    "# files have them, and what it does not set is as above. For a tap, its interface's section\n"
    "# goes before its VM's, and what the VM's own metadata want before both.\n"
    "#\n"
    "# [vm db*]              sampling, polling, direction, agent\n"
    "# sampling = 128\n"
    "# agent = off\n"
    "#\n"
    "# [interface macvtap*]  sampling, polling, direction\n"
    "# direction = in\n"
    "#\n"
    "# [interface eno*]       the host's own interfaces too: how often their counters are sent\n"
    "# polling = 5\n";

char *
vsf_config_example(void)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    GString *text = g_string_new(
        "# virt-sflow.conf: what virt-sflowd samples, polls and sends.\n"
        "#\n"
        "# Every key stands here with its default. Files in conf.d/ are read after this one,\n"
        "# in the order of their names, and replace its values. virt-sflowd --check-config\n"
        "# tests what is written here; virt-sflow.conf(5) explains it.\n");
    const char *group = "";

    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];
        g_auto(GStrv) help = g_strsplit(key->help, "\n", -1);
        g_autofree char *allowed = vsf_config_key_allowed(key);

        if (strcmp(group, key->group) != 0)
            g_string_append_printf(text, "\n[%s]\n", key->group);
        group = key->group;
        g_string_append_c(text, '\n');
        for (guint j = 0; help[j] != NULL; j++)
            g_string_append_printf(text, "# %s\n", help[j]);
        g_string_append_printf(text, "# Allowed: %s.%s\n", allowed,
                               key->fixed ? " A change needs a restart." : "");
        g_string_append_printf(text, "#%s =%s%s\n",
                               key->type == VSF_KEY_SPEEDS ? "sampling.10G" : key->name,
                               *key->fallback != '\0' ? " " : "", key->fallback);
    }
    g_string_append(text, rules_help);
    return g_string_free(text, FALSE);
}
