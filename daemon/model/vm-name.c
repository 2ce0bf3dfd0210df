/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses and sanitises the exported name of a domain. */
#include "vm-name.h"

#include <string.h>

#define SUFFIX_LENGTH 9 /* "-" and the first 8 of the UUID */

/* Only what is safe in a file name, a URL and XML is kept; a run of anything
 * else becomes one dash. Leading dots and dashes go too: collectors make
 * folders ("..") and arguments ("-rf") of names. Says whether all of @raw was
 * kept as it was, and fits. */
static gboolean
sanitise(const char *raw, GString *clean, gsize limit)
{
    gboolean kept = TRUE;

    for (const char *at = raw; *at != '\0'; at++) {
        gboolean safe = g_ascii_isalnum(*at) || strchr("._-", *at) != NULL;

        if (clean->len == limit)
            return FALSE;
        kept = kept && safe;
        if (clean->len == 0 && !g_ascii_isalnum(*at) && *at != '_') {
            kept = FALSE;
            continue;
        }
        if (safe)
            g_string_append_c(clean, *at);
        else if (clean->str[clean->len - 1] != '-')
            g_string_append_c(clean, '-');
    }
    return kept && clean->len > 0;
}

static const char *
pick(const VsfDomainDef *def, VsfVmNameMode mode, const char *guest_name)
{
    const char *name = NULL;

    if (mode == VSF_VM_NAME_AUTO || mode == VSF_VM_NAME_NOVA)
        name = def->nova != NULL ? def->nova->name : NULL;
    else if (mode == VSF_VM_NAME_TITLE)
        name = def->title;
    else if (mode == VSF_VM_NAME_GUEST)
        name = guest_name;
    return name != NULL && *name != '\0' ? name : def->name;
}

char *
vsf_vm_name(const VsfDomainDef *def, VsfVmNameMode mode, const char *guest_name)
{
    const char *raw = pick(def, mode, guest_name);
    g_autoptr(GString) clean = g_string_sized_new(VSF_VM_NAME_MAX + 1);
    /* Display names are not unique, so always suffixed. */
    gboolean display = def->nova != NULL && raw == def->nova->name;

    if (raw == NULL)
        raw = "";
    if (sanitise(raw, clean, VSF_VM_NAME_MAX) && !display)
        return g_strdup(clean->str);
    g_string_truncate(clean, MIN(clean->len, VSF_VM_NAME_MAX - SUFFIX_LENGTH));
    while (clean->len > 0 && clean->str[clean->len - 1] == '-')
        g_string_truncate(clean, clean->len - 1);
    if (clean->len == 0)
        g_string_append(clean, "vm");
    g_string_append_printf(clean, "-%.8s", def->uuid);
    return g_strdup(clean->str);
}
