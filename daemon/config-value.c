/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the configuration: from text to a key's field, by the key's type. */
#include "config-keys.h"
#include "config-scan.h"

#include <net/if.h>
#include <string.h>

static gboolean
refuse(GError **error, const VsfConfigKey *key, const char *text, const char *what)
{
    g_autofree char *quoted = vsf_config_quote(text);
    g_autofree char *allowed = vsf_config_key_allowed(key);
    const char *hint = "";

    if (text[0] == '"' || text[0] == '\'')
        hint = " (write it without quotes)";
    else if (strstr(text, " #") != NULL)
        hint = " (a comment needs a line of its own)";
    g_set_error(error, VSF_CONFIG_ERROR, VSF_CONFIG_ERROR_INVALID, "%s %s; allowed is %s%s", quoted,
                what, allowed, hint);
    return FALSE;
}

char *
vsf_config_key_allowed(const VsfConfigKey *key)
{
    if (key->type == VSF_KEY_NUMBER)
        return g_strdup_printf("%u to %u%s%s", key->min, key->max, key->zero != NULL ? " or " : "",
                               key->zero != NULL ? key->zero : "");
    if (key->type == VSF_KEY_WORD) {
        GString *words = g_string_new(NULL);

        for (guint i = 0; key->words[i] != NULL; i++)
            g_string_append_printf(words, "%s%s",
                                   i == 0                      ? ""
                                   : key->words[i + 1] == NULL ? " or "
                                                               : ", ",
                                   key->words[i]);
        return g_string_free(words, FALSE);
    }
    return g_strdup(key->form);
}

static gboolean
set_number(const VsfConfigKey *key, guint *field, const char *text, GError **error)
{
    guint64 number;
    g_autoptr(GError) why = NULL;

    if (g_strcmp0(key->zero, text) == 0) {
        *field = 0;
        return TRUE;
    }
    if (g_ascii_string_to_unsigned(text, 10, key->min, key->max, &number, &why)) {
        *field = (guint)number;
        return TRUE;
    }
    if (g_error_matches(why, G_NUMBER_PARSER_ERROR, G_NUMBER_PARSER_ERROR_OUT_OF_BOUNDS))
        return refuse(error, key, text, "is out of range");
    return refuse(error, key, text, "is no whole number");
}

static gboolean
set_word(const VsfConfigKey *key, guint *field, const char *text, GError **error)
{
    const char *near_miss;

    for (guint i = 0; key->words[i] != NULL; i++) {
        if (strcmp(key->words[i], text) == 0) {
            *field = i;
            return TRUE;
        }
    }
    near_miss = vsf_config_near_miss(text, key->words);
    if (near_miss != NULL) {
        g_autofree char *what = g_strdup_printf("is unknown, did you mean %s?", near_miss);

        return refuse(error, key, text, what);
    }
    return refuse(error, key, text, "is unknown");
}

static gboolean
set_text(const VsfConfigKey *key, char **field, const char *text, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (*text == '\0') {
        if (!key->optional)
            return refuse(error, key, text, "is empty");
        g_clear_pointer(field, g_free);
        return TRUE;
    }
    if (!key->check(text, &why))
        return refuse(error, key, text, why->message);
    g_free(*field);
    *field = g_strdup(text);
    return TRUE;
}

static gboolean
set_patterns(const VsfConfigKey *key, GStrv *field, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit_set(text, " \t\n\r,", -1);
    g_autoptr(GStrvBuilder) patterns = g_strv_builder_new();
    guint n = 0;

    for (guint i = 0; parts[i] != NULL; i++) {
        if (parts[i][0] == '\0')
            continue;
        if (strlen(parts[i]) >= IFNAMSIZ)
            return refuse(error, key, parts[i], "is longer than an interface name can be");
        if (strpbrk(parts[i], "/:[];\"'") != NULL)
            return refuse(error, key, parts[i], "is no interface pattern");
        g_strv_builder_add(patterns, parts[i]);
        n++;
    }
    if (n == 0)
        return refuse(error, key, text, "names no interface (sampling = 0 turns samples off)");
    g_strfreev(*field);
    *field = g_strv_builder_end(patterns);
    return TRUE;
}

static gboolean
set_ports(const VsfConfigKey *key, GStrv *field, const char *text, GError **error)
{
    g_auto(GStrv) patterns = NULL;

    if (strcmp(text, "uplinks") == 0)
        text = "*";
    if (strcmp(text, "off") == 0)
        patterns = g_new0(char *, 1);
    else if (!set_patterns(key, &patterns, text, error))
        return FALSE;
    for (guint i = 0; patterns[i] != NULL; i++)
        if (strcmp(patterns[i], "off") == 0 || strcmp(patterns[i], "uplinks") == 0)
            return refuse(error, key, text, "has a word among patterns");
    g_strfreev(*field);
    *field = g_steal_pointer(&patterns);
    return TRUE;
}

/* "1G=1000", of which nothing behind the sign means as if never set; "" is none. */
static gboolean
set_speed(const VsfConfigKey *key, GArray **field, const char *text, GError **error)
{
    const char *sign = strchr(text, '=');
    g_autofree char *speed = NULL, *value = NULL;
    guint sampling = 0;

    if (*field == NULL)
        *field = vsf_speed_rates_new();
    if (sign == NULL)
        return TRUE;
    speed = g_strndup(text, (gsize)(sign - text));
    value = g_strstrip(g_strdup(sign + 1));
    if (*value == '\0') {
        vsf_speed_rates_unset(*field, vsf_speed_parse(speed));
        return TRUE;
    }
    return set_number(key, &sampling, value, error) &&
           (vsf_speed_rates_set(*field, vsf_speed_parse(speed), sampling) ||
            refuse(error, key, value, "is of one speed too many: 16 is all that there may be"));
}

/* A name may hold anything but a slash and a line's end. */
static gboolean
set_names(const VsfConfigKey *key, GStrv *field, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit_set(text, " \t\n\r,", -1);
    g_autoptr(GStrvBuilder) patterns = g_strv_builder_new();

    for (guint i = 0; parts[i] != NULL; i++) {
        if (strpbrk(parts[i], "/\"'") != NULL)
            return refuse(error, key, parts[i], "is no pattern of a VM's name");
        if (parts[i][0] != '\0')
            g_strv_builder_add(patterns, parts[i]);
    }
    g_strfreev(*field);
    *field = g_strv_builder_end(patterns);
    return TRUE;
}

static gboolean
is_same(gconstpointer a, gconstpointer b)
{
    return vsf_collector_address_equal(a, b);
}

static gboolean
set_collectors(const VsfConfigKey *key, GPtrArray **field, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit_set(text, " \t\n\r,", -1);
    g_autoptr(GPtrArray)
        list = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_collector_address_free);

    for (guint i = 0; parts[i] != NULL; i++) {
        g_autoptr(GError) why = NULL;
        VsfCollectorAddress *address;

        if (parts[i][0] == '\0')
            continue;
        address = vsf_collector_address_parse(parts[i], &why);
        if (address == NULL)
            return refuse(error, key, parts[i], why->message);
        /* Twice the same would double everything that a collector adds up. */
        if (g_ptr_array_find_with_equal_func(list, address, is_same, NULL)) {
            vsf_collector_address_free(address);
            return refuse(error, key, parts[i], "is listed twice");
        }
        g_ptr_array_add(list, address);
    }
    g_clear_pointer(field, g_ptr_array_unref);
    *field = g_steal_pointer(&list);
    return TRUE;
}

gboolean
vsf_config_key_set(const VsfConfigKey *key, gpointer owner, const char *text, GError **error)
{
    gpointer field = G_STRUCT_MEMBER_P(owner, key->offset);
    /* GKeyFile keeps blanks at the end of a value; nobody means them. */
    g_autofree char *value = g_strstrip(g_strdup(text));

    switch (key->type) {
    case VSF_KEY_NUMBER:
        return set_number(key, field, value, error);
    case VSF_KEY_WORD:
        return set_word(key, field, value, error);
    case VSF_KEY_TEXT:
        return set_text(key, field, value, error);
    case VSF_KEY_PATTERNS:
        return set_patterns(key, field, value, error);
    case VSF_KEY_NAMES:
        return set_names(key, field, value, error);
    case VSF_KEY_COLLECTORS:
        return set_collectors(key, field, value, error);
    case VSF_KEY_PORTS:
        return set_ports(key, field, value, error);
    case VSF_KEY_SPEEDS:
        return set_speed(key, field, value, error);
    }
    g_assert_not_reached();
}

/* --- and back ------------------------------------------------------------- */

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

static char *
ports_text(const GStrv patterns)
{
    if (patterns[0] == NULL)
        return g_strdup("off");
    if (patterns[1] == NULL && strcmp(patterns[0], "*") == 0)
        return g_strdup("uplinks");
    return g_strjoinv(" ", patterns);
}

static char *
speeds_text(const GArray *rates)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < rates->len; i++) {
        const VsfSpeedRate *rate = &g_array_index(rates, VsfSpeedRate, i);
        g_autofree char *speed = vsf_speed_text(rate->bits_per_second);

        g_string_append_printf(text, "%s%s=%u", i > 0 ? " " : "", speed, rate->sampling);
    }
    return g_string_free(text, FALSE);
}

char *
vsf_config_key_text(const VsfConfigKey *key, gconstpointer owner)
{
    gconstpointer field = G_STRUCT_MEMBER_P(owner, key->offset);

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
    case VSF_KEY_PORTS:
        return ports_text(*(const GStrv *)field);
    case VSF_KEY_SPEEDS:
        return speeds_text(*(GArray *const *)field);
    }
    g_assert_not_reached();
}

static gpointer
copy_collector(gconstpointer address, gpointer data G_GNUC_UNUSED)
{
    return vsf_collector_address_copy(address);
}

GPtrArray *
vsf_config_collectors_copy(const GPtrArray *collectors)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_collector_address_free);

    g_ptr_array_extend(list, (GPtrArray *)collectors, copy_collector, NULL);
    return list;
}

void
vsf_config_key_copy(const VsfConfigKey *key, VsfConfig *to, const VsfConfig *from)
{
    gpointer field = G_STRUCT_MEMBER_P(to, key->offset);
    gconstpointer source = G_STRUCT_MEMBER_P(from, key->offset);

    switch (key->type) {
    case VSF_KEY_NUMBER:
    case VSF_KEY_WORD:
        *(guint *)field = *(const guint *)source;
        break;
    case VSF_KEY_TEXT:
        g_free(*(char **)field);
        *(char **)field = g_strdup(*(char *const *)source);
        break;
    case VSF_KEY_PATTERNS:
    case VSF_KEY_PORTS:
    case VSF_KEY_NAMES:
        g_strfreev(*(GStrv *)field);
        *(GStrv *)field = g_strdupv(*(const GStrv *)source);
        break;
    case VSF_KEY_COLLECTORS:
        g_clear_pointer((GPtrArray **)field, g_ptr_array_unref);
        *(GPtrArray **)field = vsf_config_collectors_copy(*(GPtrArray *const *)source);
        break;
    case VSF_KEY_SPEEDS:
        g_clear_pointer((GArray **)field, g_array_unref);
        *(GArray **)field = vsf_speed_rates_copy(*(GArray *const *)source);
        break;
    }
}
