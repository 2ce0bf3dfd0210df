/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One short word for the configuration in force, so that nodes that differ stand out. */
#include "config-keys.h"

#include <string.h>

#define HASH_DIGITS 16

static int
compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *
vsf_config_hash(const VsfConfig *config)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];
        g_autofree char *value = vsf_config_key_text(key, config);

        g_ptr_array_add(lines, g_strdup_printf("%s.%s=%s\n", key->group, key->name, value));
    }
    /* Not in the table's order, which is the manual's. */
    g_ptr_array_sort(lines, compare_lines);
    for (guint i = 0; i < lines->len; i++)
        g_checksum_update(checksum, lines->pdata[i], -1);
    /* The order of these counts. */
    for (guint i = 0; i < config->rules->len; i++) {
        g_autofree char *name = vsf_config_rule_name(config->rules->pdata[i]);
        g_autofree char *text = vsf_config_rule_text(config->rules->pdata[i]);

        g_checksum_update(checksum, (const guchar *)name, -1);
        g_checksum_update(checksum, (const guchar *)text, -1);
    }
    return g_strndup(g_checksum_get_string(checksum), HASH_DIGITS);
}
