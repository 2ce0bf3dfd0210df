/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the configuration: which files, in which order, and the walk from the
 * scanned lines to the keys of the table. */
#include "config-keys.h"
#include "config-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024) /* bytes; a configuration is a few KiB */

G_DEFINE_QUARK(vsf - config - error, vsf_config_error)

VsfConfig *
vsf_config_new(void)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    VsfConfig *config = g_new0(VsfConfig, 1);

    for (guint i = 0; i < schema->n_keys; i++) {
        g_autoptr(GError) error = NULL;

        if (!vsf_config_key_set(&schema->keys[i], config, schema->keys[i].fallback, &error))
            g_error("default of %s: %s", schema->keys[i].name, error->message);
    }
    config->warnings = g_ptr_array_new_with_free_func(g_free);
    config->files = g_ptr_array_new_with_free_func(g_free);
    config->rules = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_config_rule_free);
    config->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return config;
}

void
vsf_config_free(VsfConfig *config)
{
    if (config == NULL)
        return;
    g_clear_pointer(&config->collectors, g_ptr_array_unref);
    g_clear_pointer(&config->speeds, g_array_unref);
    g_clear_pointer(&config->interfaces, g_strfreev);
    g_clear_pointer(&config->ports, g_strfreev);
    g_clear_pointer(&config->agent_exclude, g_strfreev);
    g_clear_pointer(&config->ovs_bridges, g_strfreev);
    g_clear_pointer(&config->warnings, g_ptr_array_unref);
    g_clear_pointer(&config->files, g_ptr_array_unref);
    g_clear_pointer(&config->rules, g_ptr_array_unref);
    g_clear_pointer(&config->places, g_hash_table_unref);
    g_free(config->agent_address);
    g_free(config->source_address);
    g_free(config->dns_sd_domain);
    g_free(config->uri);
    g_free(config->agent_socket);
    g_free(config->ovs_socket);
    g_free(config);
}

/* One pass over one file. */
typedef struct {
    VsfConfig *config;
    const VsfConfigSchema *schema;
    const char *name;
    GHashTable *set_in; /* "[group] key" -> the line that set it */
} Pass;

static gboolean
fail(const Pass *pass, const VsfConfigItem *item, GError **error, const char *what,
     const char *advice)
{
    g_autofree char *group = g_strescape(item->group, NULL);
    g_autofree char *key = item->key != NULL ? g_strescape(item->key, NULL) : NULL;

    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "%s:%u: [%s]%s%s: %s%s%s",
                pass->name, item->line, group, key != NULL ? " " : "", key != NULL ? key : "", what,
                advice != NULL ? "; " : "", advice != NULL ? advice : "");
    return FALSE;
}

static gboolean
fail_group(const Pass *pass, const VsfConfigItem *item, GError **error, const char *what,
           const char *advice)
{
    VsfConfigItem header = {.line = item->line, .group = item->group};

    return fail(pass, &header, error, what, advice);
}

/* The key's present name; a warning if the file has an old one. */
static const char *
present_name(const Pass *pass, const VsfConfigItem *item)
{
    for (guint i = 0; i < pass->schema->n_renames; i++) {
        const VsfConfigRename *rename = &pass->schema->renames[i];

        if (strcmp(rename->group, item->group) != 0 || strcmp(rename->old_name, item->key) != 0)
            continue;
        g_ptr_array_add(pass->config->warnings,
                        g_strdup_printf("%s:%u: [%s] %s is called %s now; the old name works until "
                                        "release %s",
                                        pass->name, item->line, item->group, item->key,
                                        rename->new_name, rename->removed_in));
        return rename->new_name;
    }
    return item->key;
}

/* Sets @key of @owner, once per file. @name: "[group] key". */
static gboolean
set_key(Pass *pass, const VsfConfigItem *item, const char *name, const VsfConfigKey *key,
        gpointer owner, GError **error)
{
    guint line = GPOINTER_TO_UINT(g_hash_table_lookup(pass->set_in, name));
    g_autofree char *value = NULL;
    g_autoptr(GError) why = NULL;

    if (line != 0) {
        g_autofree char *advice = g_strdup_printf("line %u has it too, keep one", line);

        return fail(pass, item, error, "given twice", advice);
    }
    g_hash_table_insert(pass->set_in, g_strdup(name), GUINT_TO_POINTER(item->line));
    if (key->type == VSF_KEY_SPEEDS)
        value = g_strdup_printf("%s=%s", strchr(name, '.') + 1, item->value);
    if (!vsf_config_key_set(key, owner, value != NULL ? value : item->value, &why))
        return fail(pass, item, error, why->message, NULL);
    g_hash_table_replace(pass->config->places, g_strdup(name),
                         g_strdup_printf("%s:%u", pass->name, item->line));
    return TRUE;
}

static gboolean
apply_rule_key(Pass *pass, const VsfConfigItem *item, VsfConfigRule *rule, GError **error)
{
    const VsfConfigSchema *schema = vsf_config_rule_schema();
    const char *group = vsf_config_rule_group(rule->kind);
    int first = vsf_config_schema_find(schema, group, "sampling");
    int at = vsf_config_schema_find(schema, group, item->key);
    g_autofree char *rule_name = vsf_config_rule_name(rule);
    g_autofree char *name = g_strdup_printf("%s %s", rule_name, item->key);

    if (at < 0) {
        g_autofree char *advice = vsf_config_advise_rule_key(rule->kind, item->key);

        return fail(pass, item, error, "unknown key", advice);
    }
    if (!set_key(pass, item, name, &schema->keys[at], rule, error))
        return FALSE;
    rule->set |= 1u << (at - first);
    return TRUE;
}

static gboolean
apply_key(Pass *pass, const VsfConfigItem *item, GError **error)
{
    int at = vsf_config_schema_find(pass->schema, item->group, present_name(pass, item));
    g_autofree char *own = NULL, *name = NULL, *advice = NULL;

    if (at < 0) {
        advice = item->key[0] == ';' ? g_strdup("comments begin with #")
                                     : vsf_config_advise_key(pass->schema, item->group, item->key);
        return fail(pass, item, error, "unknown key", advice);
    }
    own = vsf_config_key_name(&pass->schema->keys[at], item->key);
    name = g_strdup_printf("[%s] %s", item->group, own);
    return set_key(pass, item, name, &pass->schema->keys[at], pass->config, error);
}

static gboolean
apply_item(Pass *pass, const VsfConfigItem *item, GError **error)
{
    g_autofree char *advice = NULL;
    g_autoptr(GError) why = NULL;
    VsfConfigRule *rule = NULL;

    if (g_str_has_prefix(item->group, "x-"))
        return TRUE;
    if (vsf_config_rule_open(pass->config, item->group, &rule, &why) == VSF_GROUP_BAD)
        return fail_group(pass, item, error, why->message, NULL);
    if (rule == NULL && !vsf_config_schema_has_group(pass->schema, item->group)) {
        advice = vsf_config_advise_group(pass->schema, item->group);
        return fail_group(pass, item, error, "unknown group", advice);
    }
    if (item->key == NULL)
        return TRUE;
    if (strchr(item->key, '[') != NULL)
        return fail(pass, item, error, "keys have no translations here",
                    "write it without the bracket");
    return rule != NULL ? apply_rule_key(pass, item, rule, error) : apply_key(pass, item, error);
}

gboolean
vsf_config_apply(VsfConfig *config, const VsfConfigSchema *schema, const char *name,
                 const char *text, gsize length, GError **error)
{
    g_autoptr(GHashTable) set_in = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Pass pass = {config, schema, name, set_in};
    g_auto(VsfConfigScan) scan = {0};

    if (!vsf_config_scan_init(&scan, name, text, length, error))
        return FALSE;
    for (;;) {
        g_auto(VsfConfigItem) item = {0};
        VsfScanResult result = vsf_config_scan_next(&scan, &item, error);

        if (result != VSF_SCAN_ITEM)
            return result == VSF_SCAN_END;
        if (!apply_item(&pass, &item, error))
            return FALSE;
    }
}

VsfConfig *
vsf_config_parse(const char *name, const char *text, gsize length, GError **error)
{
    g_autoptr(VsfConfig) config = vsf_config_new();

    if (!vsf_config_apply(config, vsf_config_schema(), name, text, length, error))
        return NULL;
    return g_steal_pointer(&config);
}

/* The whole file, at most FILE_MAX bytes, so that /dev/zero ends too. errno tells on NULL. */
static char *
read_bounded(const char *path, gsize *length)
{
    g_autofree char *text = g_malloc(FILE_MAX + 1);
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    gssize n = 0;
    gsize used = 0;

    if (fd < 0)
        return NULL;
    do {
        n = read(fd, text + used, FILE_MAX + 1 - used);
        if (n > 0)
            used += (gsize)n;
    } while (used <= FILE_MAX && (n > 0 || (n < 0 && errno == EINTR)));
    if (used > FILE_MAX) {
        errno = EFBIG;
        n = -1;
    }
    g_close(fd, NULL); /* keeps errno when it succeeds */
    if (n < 0)
        return NULL;
    *length = used;
    return g_steal_pointer(&text);
}

static gboolean
read_file(VsfConfig *config, const char *path, gboolean may_be_absent, GError **error)
{
    gsize length = 0;
    g_autofree char *text = read_bounded(path, &length);

    if (text == NULL) {
        int reason = errno;

        if (may_be_absent && reason == ENOENT)
            return TRUE;
        g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_READ, "%s: cannot be read: %s", path,
                    reason == EFBIG ? "larger than 1 MiB" : g_strerror(reason));
        return FALSE;
    }
    g_ptr_array_add(config->files, g_strdup(path));
    return vsf_config_apply(config, vsf_config_schema(), path, text, length, error);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean
read_folder(VsfConfig *config, const char *folder, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &why);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    if (dir == NULL) {
        if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return TRUE;
        g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_READ, "%s: cannot be read: %s",
                    folder, why->message);
        return FALSE;
    }
    while ((name = g_dir_read_name(dir)) != NULL)
        if (name[0] != '.' && g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);

        if (!read_file(config, path, FALSE, error))
            return FALSE;
    }
    return TRUE;
}

VsfConfig *
vsf_config_load_from(const char *file, const char *folder, GError **error)
{
    g_autoptr(VsfConfig) config = vsf_config_new();

    if (!read_file(config, file, folder != NULL, error) ||
        (folder != NULL && !read_folder(config, folder, error)))
        return NULL;
    /* Over all files, the last one's value counts. */
    if (config->polling_s > 60)
        g_ptr_array_add(config->warnings,
                        g_strdup_printf("[sflow] polling: at %u s some collectors take a source "
                                        "for dead; at most 60 is safe",
                                        config->polling_s));
    return g_steal_pointer(&config);
}

VsfConfig *
vsf_config_load(const char *file, GError **error)
{
    if (file != NULL)
        return vsf_config_load_from(file, NULL, error);
    return vsf_config_load_from(VSF_CONFIG_FILE, VSF_CONFIG_DIR, error);
}

gboolean
vsf_config_set_collectors(VsfConfig *config, const char *const *texts, GError **error)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    int at = vsf_config_schema_find(schema, "sflow", "collectors");
    g_autofree char *joined = g_strjoinv(" ", (char **)texts);
    g_autoptr(GError) why = NULL;

    /* Most likely a variable that is not set: to send nowhere is not what was meant. */
    if (joined[strspn(joined, " \t\r\n,")] == '\0') {
        g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID,
                    "--collector: is empty; HOST, HOST:PORT or [V6]:PORT is allowed");
        return FALSE;
    }
    if (vsf_config_key_set(&schema->keys[at], config, joined, &why))
        return TRUE;
    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "--collector: %s", why->message);
    return FALSE;
}

gboolean
vsf_config_set_uri(VsfConfig *config, const char *uri, GError **error)
{
    const VsfConfigSchema *schema = vsf_config_schema();
    int at = vsf_config_schema_find(schema, "libvirt", "uri");
    g_autoptr(GError) why = NULL;

    if (vsf_config_key_set(&schema->keys[at], config, uri, &why))
        return TRUE;
    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "--uri: %s", why->message);
    return FALSE;
}
