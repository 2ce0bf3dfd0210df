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

static char *
collectors_text(const GPtrArray *collectors)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < collectors->len; i++) {
        const VsfCollectorAddress *address = g_ptr_array_index(collectors, i);
        g_autofree char *host = g_ascii_strdown(address->host, -1);

        g_string_append_printf(text, "[%s]:%u%%%s ", host, address->port,
                               address->device != NULL ? address->device : "");
    }
    return g_string_free(text, FALSE);
}

/* Of what was understood, however it was written; only addresses are as written. */
static char *
value_text(const VsfConfigKey *key, const VsfConfig *config)
{
    gconstpointer field = G_STRUCT_MEMBER_P(config, key->offset);

    switch (key->type) {
    case VSF_KEY_NUMBER:
        return g_strdup_printf("%u", *(const guint *)field);
    case VSF_KEY_WORD:
        return g_strdup(key->words[*(const guint *)field]);
    case VSF_KEY_TEXT:
        return g_strdup(*(char *const *)field != NULL ? *(char *const *)field : "");
    case VSF_KEY_PATTERNS:
    case VSF_KEY_NAMES:
        return g_strjoinv(" ", *(const GStrv *)field);
    case VSF_KEY_COLLECTORS:
        return collectors_text(*(GPtrArray *const *)field);
    }
    g_assert_not_reached();
}

char *
vsf_config_hash(const VsfConfig *config)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];
        g_autofree char *value = value_text(key, config);

        g_ptr_array_add(lines, g_strdup_printf("%s.%s=%s\n", key->group, key->name, value));
    }
    /* Not in the table's order, which is the manual's. */
    g_ptr_array_sort(lines, compare_lines);
    for (guint i = 0; i < lines->len; i++)
        g_checksum_update(checksum, lines->pdata[i], -1);
    return g_strndup(g_checksum_get_string(checksum), HASH_DIGITS);
}
