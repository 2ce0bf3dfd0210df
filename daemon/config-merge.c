/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration after another: copies, what a second source wants, and differences. */
#include "config-keys.h"

#include <string.h>

static void
copy_texts(GPtrArray *to, const GPtrArray *from)
{
    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(to, g_strdup(from->pdata[i]));
}

VsfConfig *
vsf_config_copy(const VsfConfig *config)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    VsfConfig *copy = vsf_config_new();
    GHashTableIter iter;
    gpointer name, place;

    for (guint i = 0; i < schema->n_keys; i++)
        vsf_config_key_copy(&schema->keys[i], copy, config);
    g_ptr_array_unref(copy->rules);
    copy->rules = vsf_config_rules_copy(config->rules);
    copy_texts(copy->warnings, config->warnings);
    copy_texts(copy->files, config->files);
    g_hash_table_iter_init(&iter, config->places);
    while (g_hash_table_iter_next(&iter, &name, &place))
        g_hash_table_insert(copy->places, g_strdup(name), g_strdup(place));
    return copy;
}

VsfConfigOverlay *
vsf_config_overlay_copy(const VsfConfigOverlay *overlay)
{
    VsfConfigOverlay *copy = g_memdup2(overlay, sizeof(*overlay));

    copy->agent_address = g_strdup(overlay->agent_address);
    if (overlay->speeds != NULL)
        copy->speeds = vsf_speed_rates_copy(overlay->speeds);
    if (overlay->collectors != NULL)
        copy->collectors = vsf_config_collectors_copy(overlay->collectors);
    return copy;
}

void
vsf_config_overlay_free(VsfConfigOverlay *overlay)
{
    if (overlay == NULL)
        return;
    g_clear_pointer(&overlay->collectors, g_ptr_array_unref);
    g_clear_pointer(&overlay->speeds, g_array_unref);
    g_free(overlay->agent_address);
    g_free(overlay);
}

/* A full list makes room by its slowest: what the overlay wants counts, all of it. */
static void
take_speed(GArray *speeds, const VsfSpeedRate *rate, const GArray *wanted)
{
    guint at = 0;

    if (vsf_speed_rates_set(speeds, rate->bits_per_second, rate->sampling))
        return;
    while (vsf_speed_rates_has(wanted, g_array_index(speeds, VsfSpeedRate, at).bits_per_second))
        at++;
    g_array_remove_index(speeds, at);
    vsf_speed_rates_set(speeds, rate->bits_per_second, rate->sampling);
}

VsfConfig *
vsf_config_overlay(const VsfConfig *config, const VsfConfigOverlay *overlay)
{
    VsfConfig *merged = vsf_config_copy(config);

    if (overlay == NULL)
        return merged;
    if (overlay->has_sampling)
        merged->sampling = overlay->sampling;
    for (guint i = 0; overlay->speeds != NULL && i < overlay->speeds->len; i++)
        take_speed(merged->speeds, &g_array_index(overlay->speeds, VsfSpeedRate, i),
                   overlay->speeds);
    if (overlay->has_polling)
        merged->polling_s = overlay->polling_s;
    if (overlay->has_header_bytes)
        merged->header_bytes = overlay->header_bytes;
    if (overlay->agent_address != NULL) {
        g_free(merged->agent_address);
        merged->agent_address = g_strdup(overlay->agent_address);
    }
    if (overlay->collectors != NULL) {
        g_ptr_array_unref(merged->collectors);
        merged->collectors = vsf_config_collectors_copy(overlay->collectors);
    }
    return merged;
}

static gboolean
differs(const VsfConfigKey *key, const VsfConfig *one, const VsfConfig *other)
{
    g_autofree char *text = vsf_config_key_text(key, one);
    g_autofree char *other_text = vsf_config_key_text(key, other);

    return strcmp(text, other_text) != 0;
}

static void
add_name(GStrvBuilder *names, const VsfConfigKey *key)
{
    g_autofree char *name = g_strdup_printf("[%s] %s", key->group, key->name);

    g_strv_builder_add(names, name);
}

GStrv
vsf_config_keep_fixed(VsfConfig *config, const VsfConfig *in_force)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (guint i = 0; i < schema->n_keys; i++) {
        const VsfConfigKey *key = &schema->keys[i];

        if (!key->fixed || !differs(key, config, in_force))
            continue;
        add_name(names, key);
        vsf_config_key_copy(key, config, in_force);
    }
    return g_strv_builder_end(names);
}

/* name -> what it says */
static GHashTable *
rules_by_name(const VsfConfig *config)
{
    GHashTable *rules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < config->rules->len; i++)
        g_hash_table_insert(rules, vsf_config_rule_name(config->rules->pdata[i]),
                            vsf_config_rule_text(config->rules->pdata[i]));
    return rules;
}

/* The names of the rules of @config that @others has not, and unless @only_absent those that it
 * has with other words. FALSE: there is none. */
static gboolean
add_rules(GStrvBuilder *names, const VsfConfig *config, GHashTable *others, gboolean only_absent)
{
    gboolean found = FALSE;

    for (guint i = 0; i < config->rules->len; i++) {
        g_autofree char *name = vsf_config_rule_name(config->rules->pdata[i]);
        g_autofree char *text = vsf_config_rule_text(config->rules->pdata[i]);
        const char *other = g_hash_table_lookup(others, name);

        if (other != NULL && (only_absent || strcmp(other, text) == 0))
            continue;
        g_strv_builder_add(names, name);
        found = TRUE;
    }
    return found;
}

static gboolean
same_order(const VsfConfig *one, const VsfConfig *other)
{
    if (one->rules->len != other->rules->len)
        return FALSE;
    for (guint i = 0; i < one->rules->len; i++) {
        g_autofree char *name = vsf_config_rule_name(one->rules->pdata[i]);
        g_autofree char *other_name = vsf_config_rule_name(other->rules->pdata[i]);

        if (strcmp(name, other_name) != 0)
            return FALSE;
    }
    return TRUE;
}

GStrv
vsf_config_changes(const VsfConfig *before, const VsfConfig *after)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_autoptr(GHashTable) old_rules = rules_by_name(before);
    g_autoptr(GHashTable) new_rules = rules_by_name(after);
    gboolean added, removed;

    for (guint i = 0; i < schema->n_keys; i++)
        if (differs(&schema->keys[i], before, after))
            add_name(names, &schema->keys[i]);
    added = add_rules(names, after, old_rules, FALSE);
    removed = add_rules(names, before, new_rules, TRUE);
    if (!added && !removed && !same_order(before, after))
        g_strv_builder_add(names, "order of the [vm] and [interface] sections");
    return g_strv_builder_end(names);
}

const char *
vsf_config_place(const VsfConfig *config, const char *group, const char *key)
{
    g_autofree char *name = g_strdup_printf("[%s] %s", group, key);

    return g_hash_table_lookup(config->places, name);
}
