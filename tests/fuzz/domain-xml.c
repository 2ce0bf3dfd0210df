/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML, and the names that are made of what it holds. */
#include "../../daemon/model/domain-xml.h"
#include "../../daemon/model/vm-name.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_name(const VsfDomainDef *def, VsfVmNameMode mode)
{
    g_autofree char *name = vsf_vm_name(def, mode, def->title);

    g_assert(*name != '\0' && strlen(name) <= VSF_VM_NAME_MAX);
    for (const char *at = name; *at != '\0'; at++)
        g_assert(g_ascii_isalnum(*at) || strchr("._-", *at) != NULL);
    g_assert(*name != '.' && *name != '-');
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfDomainDef) def = NULL;
    guint8 bytes[16];

    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    def = vsf_domain_xml_parse((const char *)data, (gssize)size, &error);
    if (def == NULL) {
        g_assert(error != NULL && g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_assert(error == NULL);
    g_assert(def->name != NULL && g_utf8_validate(def->name, -1, NULL));
    g_assert(vsf_uuid_parse(def->uuid, bytes) && memcmp(bytes, def->uuid_bytes, 16) == 0);
    g_assert(def->id >= -1);
    g_assert(def->nics->len <= VSF_DOMAIN_XML_MAX_NICS);
    g_assert(def->disks->len <= VSF_DOMAIN_XML_MAX_DISKS);
    g_assert(def->monitor.sampling <= VSF_MONITOR_SAMPLING_MAX ||
             def->monitor.sampling == VSF_MONITOR_UNSET);
    g_assert(def->has_agent || def->agent == VSF_AGENT_UNKNOWN);
    for (int mode = VSF_VM_NAME_AUTO; mode <= VSF_VM_NAME_GUEST; mode++)
        check_name(def, (VsfVmNameMode)mode);
    return 0;
}
