/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections about some VMs or interfaces alone: [vm PATTERN] and [interface PATTERN]. */
#include "config-keys.h"
#include "config-scan.h"
#include "model/glob.h"

#include <net/if.h>
#include <string.h>

#define RULES_MAX 256

static const char *const words[] = {[VSF_RULE_VM] = "vm", [VSF_RULE_INTERFACE] = "interface"};

void
vsf_config_rule_free(VsfConfigRule *rule)
{
    if (rule == NULL)
        return;
    g_free(rule->pattern);
    g_free(rule);
}

char *
vsf_config_rule_name(const VsfConfigRule *rule)
{
    return g_strdup_printf("[%s %s]", words[rule->kind], rule->pattern);
}

static gpointer
copy_rule(gconstpointer data, gpointer user_data G_GNUC_UNUSED)
{
    VsfConfigRule *copy = g_memdup2(data, sizeof(*copy));

    copy->pattern = g_strdup(copy->pattern);
    return copy;
}

GPtrArray *
vsf_config_rules_copy(const GPtrArray *rules)
{
    return g_ptr_array_copy((GPtrArray *)rules, (GCopyFunc)copy_rule, NULL);
}

char *
vsf_config_rule_text(const VsfConfigRule *rule)
{
    const VsfConfigSchema *schema = vsf_config_rule_schema();
    int first = vsf_config_schema_find(schema, vsf_config_rule_group(rule->kind), "sampling");
    GString *text = g_string_new("\n");

    for (guint bit = 0; rule->set >> bit != 0; bit++) {
        const VsfConfigKey *key = &schema->keys[first + (int)bit];
        g_autofree char *value = NULL;

        if ((rule->set >> bit & 1) == 0)
            continue;
        value = vsf_config_key_text(key, rule);
        g_string_append_printf(text, "%s=%s\n", key->name, value);
    }
    return g_string_free(text, FALSE);
}

/* --- the header ------------------------------------------------------------- */

G_GNUC_PRINTF(2, 3)
static VsfGroupKind
bad(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *error = g_error_new_valist(VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, format, args);
    va_end(args);
    return VSF_GROUP_BAD;
}

static VsfGroupKind
check_pattern(VsfRuleKind kind, const char *pattern, GError **error)
{
    g_autofree char *quoted = vsf_config_quote(pattern);
    const char *example = kind == VSF_RULE_VM ? "[vm web*]" : "[interface vnet*]";

    if (*pattern == '\0')
        return bad(error, "names no %s; write %s, or [%s *] for all", words[kind], example,
                   words[kind]);
    if (*pattern == '"' || *pattern == '\'')
        return bad(error, "%s has quotes; write it without them: %s", quoted, example);
    if (kind == VSF_RULE_VM && strchr(pattern, '/') != NULL)
        return bad(error, "%s is no pattern of a domain's name; allowed are * and ?, as in %s",
                   quoted, example);
    if (kind == VSF_RULE_INTERFACE && strlen(pattern) >= IFNAMSIZ)
        return bad(error, "%s is longer than an interface name can be: 15 characters", quoted);
    if (kind == VSF_RULE_INTERFACE && strpbrk(pattern, "/:;,\"' \t") != NULL)
        return bad(error,
                   "%s is no pattern of an interface's name; allowed are * and ?, one pattern in "
                   "each section",
                   quoted);
    return VSF_GROUP_RULE;
}

static VsfConfigRule *
find(const VsfConfig *config, VsfRuleKind kind, const char *pattern)
{
    for (guint i = 0; i < config->rules->len; i++) {
        VsfConfigRule *rule = g_ptr_array_index(config->rules, i);

        if (rule->kind == kind && strcmp(rule->pattern, pattern) == 0)
            return rule;
    }
    return NULL;
}

VsfGroupKind
vsf_config_rule_open(VsfConfig *config, const char *group, VsfConfigRule **rule, GError **error)
{
    gsize length = strcspn(group, " \t");
    g_autofree char *word = g_strndup(group, length);
    g_autofree char *pattern = g_strstrip(g_strdup(group + length));
    VsfRuleKind kind = strcmp(word, words[VSF_RULE_VM]) == 0 ? VSF_RULE_VM : VSF_RULE_INTERFACE;

    if (strcmp(word, words[kind]) != 0)
        return VSF_GROUP_PLAIN;
    if (check_pattern(kind, pattern, error) == VSF_GROUP_BAD)
        return VSF_GROUP_BAD;
    *rule = find(config, kind, pattern);
    if (*rule != NULL)
        return VSF_GROUP_RULE;
    if (config->rules->len >= RULES_MAX)
        return bad(error,
                   "more than %u sections of VMs and interfaces; put names that are alike "
                   "under one pattern",
                   RULES_MAX);
    *rule = g_new0(VsfConfigRule, 1);
    (*rule)->kind = kind;
    (*rule)->pattern = g_steal_pointer(&pattern);
    g_ptr_array_add(config->rules, *rule);
    return VSF_GROUP_RULE;
}

char *
vsf_config_advise_rule_key(VsfRuleKind kind, const char *name)
{
    const VsfConfigSchema *all = vsf_config_schema();
    g_autofree char *advice = NULL;

    if (name[0] == ';')
        return g_strdup("comments begin with #");
    advice = vsf_config_advise_key(vsf_config_rule_schema(), vsf_config_rule_group(kind), name);
    for (guint i = 0; i < all->n_keys; i++)
        if (strcmp(all->keys[i].name, name) == 0 && !g_str_has_prefix(advice, "it belongs"))
            return g_strdup_printf("it belongs in [%s] and is for all; here %s", all->keys[i].group,
                                   strstr(advice, "allowed are"));
    return g_steal_pointer(&advice);
}

/* --- which one counts --------------------------------------------------------- */

/* A domain's name is UTF-8; a link's need not be. */
static gboolean
matches(const VsfConfigRule *rule, const char *name)
{
    return rule->kind == VSF_RULE_VM ? g_pattern_match_simple(rule->pattern, name)
                                     : vsf_glob_matches(rule->pattern, name);
}

/* The section that counts, if it sets @key. */
static const VsfConfigRule *
rule_for(const VsfConfig *config, VsfRuleKind kind, const char *name, VsfRuleKey key)
{
    for (guint i = 0; name != NULL && i < config->rules->len; i++) {
        const VsfConfigRule *rule = g_ptr_array_index(config->rules, i);

        if (rule->kind == kind && matches(rule, name))
            return (rule->set & 1u << key) != 0 ? rule : NULL;
    }
    return NULL;
}

static const VsfConfigRule *
tap_rule(const VsfConfig *config, const char *vm, const char *interface, VsfRuleKey key)
{
    const VsfConfigRule *rule = rule_for(config, VSF_RULE_INTERFACE, interface, key);

    return rule != NULL ? rule : rule_for(config, VSF_RULE_VM, vm, key);
}

guint
vsf_config_sampling(const VsfConfig *config, const char *vm, const char *interface)
{
    const VsfConfigRule *rule = tap_rule(config, vm, interface, VSF_RULE_SAMPLING);

    return rule != NULL ? rule->sampling : config->sampling;
}

guint
vsf_config_port_sampling(const VsfConfig *config, const char *interface, guint64 bits_per_second)
{
    const VsfConfigRule *rule = rule_for(config, VSF_RULE_INTERFACE, interface, VSF_RULE_SAMPLING);

    return rule != NULL ? rule->sampling
                        : vsf_speed_sampling(config->speeds, config->sampling, bits_per_second);
}

guint
vsf_config_tap_polling_s(const VsfConfig *config, const char *vm, const char *interface)
{
    const VsfConfigRule *rule = tap_rule(config, vm, interface, VSF_RULE_POLLING);

    return rule != NULL ? rule->polling_s : config->polling_s;
}

VsfDirection
vsf_config_direction(const VsfConfig *config, const char *vm, const char *interface)
{
    const VsfConfigRule *rule = tap_rule(config, vm, interface, VSF_RULE_DIRECTION);

    return rule != NULL ? rule->direction : config->direction;
}

guint
vsf_config_vm_polling_s(const VsfConfig *config, const char *vm)
{
    const VsfConfigRule *rule = rule_for(config, VSF_RULE_VM, vm, VSF_RULE_POLLING);

    return rule != NULL ? rule->polling_s : config->polling_s;
}

VsfGuestAgent
vsf_config_agent(const VsfConfig *config, const char *vm)
{
    const VsfConfigRule *rule = rule_for(config, VSF_RULE_VM, vm, VSF_RULE_AGENT);

    return rule != NULL ? rule->agent : config->agent;
}

gboolean
vsf_config_agent_is_off_by_rule(const VsfConfig *config, const char *vm)
{
    const VsfConfigRule *rule = rule_for(config, VSF_RULE_VM, vm, VSF_RULE_AGENT);

    return rule != NULL && rule->agent == VSF_GUEST_AGENT_OFF;
}
