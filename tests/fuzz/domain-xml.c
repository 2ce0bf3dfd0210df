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

static void
check_text(const char *text)
{
    if (text == NULL)
        return;
    g_assert(*text != '\0' && strlen(text) <= VSF_NOVA_TEXT_MAX);
    g_assert(g_utf8_validate(text, -1, NULL));
    for (; *text != '\0'; text = g_utf8_next_char(text))
        g_assert(g_unichar_isprint(g_utf8_get_char(text)));
}

static void
check_nova(const VsfDomainDef *def)
{
    const VsfNova *nova = def->nova;

    check_text(nova->name);
    check_text(nova->flavor.name);
    check_text(nova->user.id);
    check_text(nova->user.name);
    check_text(nova->project.id);
    check_text(nova->project.name);
    check_text(nova->image);
    g_assert(nova->ports->len <= VSF_NOVA_PORTS_MAX);
    for (guint i = 0; i < nova->ports->len; i++) {
        const VsfNovaPort *port = nova->ports->pdata[i];

        g_assert(strlen(port->id) == VSF_UUID_TEXT - 1);
        g_assert(port->addresses->len <= VSF_NOVA_ADDRESSES_MAX);
        for (guint j = 0; j < port->addresses->len; j++)
            g_assert(strlen(port->addresses->pdata[j]) < 46);
    }
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
    if (def->nova != NULL)
        check_nova(def);
    for (guint i = 0; i < def->nics->len; i++) {
        const char *port = vsf_domain_port(def, def->nics->pdata[i]);

        g_assert(port == NULL || strlen(port) == VSF_UUID_TEXT - 1);
    }
    for (int mode = VSF_VM_NAME_AUTO; mode <= VSF_VM_NAME_GUEST; mode++)
        check_name(def, (VsfVmNameMode)mode);
    return 0;
}
