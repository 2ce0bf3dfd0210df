/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-exports.h"

#include "hsflowd-file.h"
#include "hsflowd-values.h"

#include <string.h>

#define DEFAULT_POLLING_S 30

static gboolean
is_named(const VsfHsflowdSetting *setting, const char *name)
{
    return g_ascii_strcasecmp(setting->name, name) == 0;
}

static gboolean
number(const char *file, const VsfHsflowdSetting *setting, guint max, guint *value, GError **error)
{
    g_autoptr(GError) why = NULL;
    guint64 read;

    if (setting->value != NULL && vsf_hsflowd_number(setting->value, 0, max, &read, &why)) {
        *value = (guint)read;
        return TRUE;
    }
    g_set_error(error, VSF_HSFLOWD_ERROR, VSF_HSFLOWD_ERROR_VALUE, "%s:%u: %s %s", file,
                setting->line, setting->name, why != NULL ? why->message : "has no value");
    return FALSE;
}

/* One that is no regular expression here is left out: Host sFlow may take it, but whatever it
 * matches is not known then. */
static void
add_pattern(VsfHsflowdExports *exports, const char *text)
{
    GRegex *pattern = g_regex_new(text, G_REGEX_RAW, 0, NULL);

    if (pattern != NULL)
        g_ptr_array_add(exports->patterns, pattern);
}

/* pcap { dev = vnet0 }, pcap { dev.pattern = ^vnet }, dent { switchport = ^vnet.* }: other blocks
 * have none of these. */
static void
take_block(VsfHsflowdExports *exports, const VsfHsflowdSetting *block)
{
    exports->watches_vms |= is_named(block, "kvm");
    for (guint i = 0; i < block->inner->len; i++) {
        const VsfHsflowdSetting *inner = g_ptr_array_index(block->inner, i);

        if (inner->value == NULL)
            continue;
        if (is_named(block, "pcap") && is_named(inner, "dev"))
            g_ptr_array_add(exports->devices, g_strdup(inner->value));
        else if ((is_named(block, "pcap") && is_named(inner, "dev.pattern")) ||
                 is_named(inner, "switchport"))
            add_pattern(exports, inner->value);
    }
}

static gboolean
take(VsfHsflowdExports *exports, const char *file, const VsfHsflowdSetting *setting, GError **error)
{
    if (setting->inner != NULL)
        take_block(exports, setting);
    else if (is_named(setting, "subAgentId"))
        return number(file, setting, 199999, &exports->sub_agent_id, error);
    else if (is_named(setting, "polling") || is_named(setting, "counterPollingInterval"))
        return number(file, setting, 300, &exports->polling_s, error);
    return TRUE;
}

VsfHsflowdExports *
vsf_hsflowd_exports_parse(const char *name, const char *text, gsize length, GError **error)
{
    g_autoptr(VsfHsflowdExports) exports = g_new0(VsfHsflowdExports, 1);
    gboolean unclosed;
    g_autoptr(GPtrArray) file = vsf_hsflowd_file_parse(name, text, length, &unclosed, error);

    exports->sub_agent_id = VSF_HSFLOWD_SUB_AGENT;
    exports->polling_s = DEFAULT_POLLING_S;
    exports->devices = g_ptr_array_new_with_free_func(g_free);
    exports->patterns = g_ptr_array_new_with_free_func((GDestroyNotify)g_regex_unref);
    for (guint i = 0; file != NULL && i < file->len; i++)
        if (!take(exports, name, g_ptr_array_index(file, i), error))
            return NULL;
    return file != NULL ? g_steal_pointer(&exports) : NULL;
}

void
vsf_hsflowd_exports_free(VsfHsflowdExports *exports)
{
    if (exports == NULL)
        return;
    g_clear_pointer(&exports->devices, g_ptr_array_unref);
    g_clear_pointer(&exports->patterns, g_ptr_array_unref);
    g_free(exports);
}

gboolean
vsf_hsflowd_exports_device(const VsfHsflowdExports *exports, const char *device)
{
    for (guint i = 0; i < exports->devices->len; i++)
        if (strcmp(exports->devices->pdata[i], device) == 0)
            return TRUE;
    for (guint i = 0; i < exports->patterns->len; i++)
        if (g_regex_match(exports->patterns->pdata[i], device, 0, NULL))
            return TRUE;
    return FALSE;
}
