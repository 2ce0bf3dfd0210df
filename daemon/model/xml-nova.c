/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each element of nova's metadata sets. Of several of one name the first counts. */
#include "xml-nova.h"

#include "xml-values.h"

#include <string.h>

#define MIB (1024ull * 1024)
#define GIB (1024 * MIB)

static void
open_instance(VsfXmlDomain *domain, const char **names G_GNUC_UNUSED,
              const char **values G_GNUC_UNUSED)
{
    if (domain->def->nova == NULL)
        domain->nova = domain->def->nova = vsf_nova_new();
}

/* Takes @value. */
static void
set_once(char **field, char *value)
{
    if (*field == NULL)
        *field = value;
    else
        g_free(value);
}

static void
open_flavor(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nova != NULL)
        set_once(&domain->nova->flavor.name,
                 vsf_nova_text(vsf_xml_attribute(names, values, "name")));
}

static void
open_user(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nova != NULL)
        set_once(&domain->nova->user.id, vsf_nova_id(vsf_xml_attribute(names, values, "uuid")));
}

static void
open_project(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nova != NULL)
        set_once(&domain->nova->project.id, vsf_nova_id(vsf_xml_attribute(names, values, "uuid")));
}

static void
open_root(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nova != NULL && g_strcmp0(vsf_xml_attribute(names, values, "type"), "image") == 0)
        set_once(&domain->nova->image, vsf_nova_id(vsf_xml_attribute(names, values, "uuid")));
}

static void
open_port(VsfXmlDomain *domain, const char **names, const char **values)
{
    guint8 bytes[16];
    char id[VSF_UUID_TEXT];
    VsfNovaPort *port;

    domain->nova_port = NULL;
    if (domain->nova == NULL || domain->nova->ports->len >= VSF_NOVA_PORTS_MAX ||
        !vsf_uuid_parse(vsf_xml_attribute(names, values, "uuid"), bytes))
        return;
    vsf_uuid_format(bytes, id);
    port = g_new0(VsfNovaPort, 1);
    port->id = g_strdup(id);
    port->addresses = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(domain->nova->ports, port);
    domain->nova_port = port;
}

static void
open_address(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *address = vsf_xml_attribute(names, values, "address");

    /* GLib takes "fe80::1%anything" too. */
    if (domain->nova_port == NULL || address == NULL ||
        domain->nova_port->addresses->len >= VSF_NOVA_ADDRESSES_MAX ||
        strchr(address, '%') != NULL || !g_hostname_is_ip_address(address))
        return;
    g_ptr_array_add(domain->nova_port->addresses, g_strdup(address));
}

static const VsfXmlRule rules[] = {
    {VSF_XML_METADATA, VSF_SPACE_NOVA, "instance", VSF_XML_NOVA, open_instance, FALSE},
    {VSF_XML_NOVA, VSF_SPACE_NOVA, "name", VSF_XML_NOVA_NAME, NULL, TRUE},
    {VSF_XML_NOVA, VSF_SPACE_NOVA, "creationTime", VSF_XML_NOVA_CREATED, NULL, TRUE},
    {VSF_XML_NOVA, VSF_SPACE_NOVA, "flavor", VSF_XML_NOVA_FLAVOR, open_flavor, FALSE},
    {VSF_XML_NOVA_FLAVOR, VSF_SPACE_NOVA, "memory", VSF_XML_NOVA_MEMORY, NULL, TRUE},
    {VSF_XML_NOVA_FLAVOR, VSF_SPACE_NOVA, "disk", VSF_XML_NOVA_DISK, NULL, TRUE},
    {VSF_XML_NOVA_FLAVOR, VSF_SPACE_NOVA, "swap", VSF_XML_NOVA_SWAP, NULL, TRUE},
    {VSF_XML_NOVA_FLAVOR, VSF_SPACE_NOVA, "ephemeral", VSF_XML_NOVA_EPHEMERAL, NULL, TRUE},
    {VSF_XML_NOVA_FLAVOR, VSF_SPACE_NOVA, "vcpus", VSF_XML_NOVA_VCPUS, NULL, TRUE},
    {VSF_XML_NOVA, VSF_SPACE_NOVA, "owner", VSF_XML_NOVA_OWNER, NULL, FALSE},
    {VSF_XML_NOVA_OWNER, VSF_SPACE_NOVA, "user", VSF_XML_NOVA_USER, open_user, TRUE},
    {VSF_XML_NOVA_OWNER, VSF_SPACE_NOVA, "project", VSF_XML_NOVA_PROJECT, open_project, TRUE},
    {VSF_XML_NOVA, VSF_SPACE_NOVA, "root", VSF_XML_NOVA_ROOT, open_root, FALSE},
    {VSF_XML_NOVA, VSF_SPACE_NOVA, "ports", VSF_XML_NOVA_PORTS, NULL, FALSE},
    {VSF_XML_NOVA_PORTS, VSF_SPACE_NOVA, "port", VSF_XML_NOVA_PORT, open_port, FALSE},
    {VSF_XML_NOVA_PORT, VSF_SPACE_NOVA, "ip", VSF_XML_NOVA_IP, open_address, FALSE},
};

const VsfXmlRule *
vsf_xml_nova_rules(guint *n_rules)
{
    *n_rules = G_N_ELEMENTS(rules);
    return rules;
}

/* A count of @unit; here 0 is a number, unlike elsewhere in the XML. */
static void
set_count(guint64 *field, const char *text, guint64 unit)
{
    g_autofree char *copy = g_strstrip(g_strdup(text));
    guint64 value;

    if (*field == VSF_NOVA_UNKNOWN &&
        g_ascii_string_to_unsigned(copy, 10, 0, G_MAXINT64 / unit, &value, NULL))
        *field = value * unit;
}

void
vsf_xml_nova_close(VsfXmlDomain *domain, VsfXmlNode node, const char *text)
{
    VsfNova *nova = domain->nova;

    if (nova == NULL)
        return;
    if (node == VSF_XML_NOVA)
        domain->nova = NULL;
    else if (node == VSF_XML_NOVA_PORT)
        domain->nova_port = NULL;
    else if (node == VSF_XML_NOVA_NAME)
        set_once(&nova->name, vsf_nova_text(text));
    else if (node == VSF_XML_NOVA_CREATED && nova->created_s == VSF_NOVA_UNKNOWN)
        nova->created_s = vsf_nova_time(text);
    else if (node == VSF_XML_NOVA_USER)
        set_once(&nova->user.name, vsf_nova_text(text));
    else if (node == VSF_XML_NOVA_PROJECT)
        set_once(&nova->project.name, vsf_nova_text(text));
    else if (node == VSF_XML_NOVA_VCPUS)
        set_count(&nova->flavor.vcpus, text, 1);
    else if (node == VSF_XML_NOVA_MEMORY)
        set_count(&nova->flavor.memory, text, MIB);
    else if (node == VSF_XML_NOVA_SWAP)
        set_count(&nova->flavor.swap, text, MIB);
    else if (node == VSF_XML_NOVA_DISK)
        set_count(&nova->flavor.disk, text, GIB);
    else if (node == VSF_XML_NOVA_EPHEMERAL)
        set_count(&nova->flavor.ephemeral, text, GIB);
}
