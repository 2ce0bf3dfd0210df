/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table of the elements that matter and a small function for each. What is
 * not in the table is skipped by the caller with all that is in it:
 * <backingStore> and <mirror>, so that their sources are nobody's. */
#include "xml-elements.h"

#include "domain-xml.h"
#include "xml-nova.h"
#include "xml-values.h"

#include <string.h>

/* The first one counts, as for libvirt. */
static void
set_once(char **field, const char *value)
{
    if (*field == NULL && value != NULL && *value != '\0')
        *field = g_strdup(value);
}

static void
open_domain(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *id = vsf_xml_attribute(names, values, "id");
    guint64 value;

    domain->found_domain = TRUE;
    if (id != NULL && g_ascii_string_to_unsigned(id, 10, 0, G_MAXINT, &value, NULL))
        domain->def->id = (int)value;
}

static void
open_memory(VsfXmlDomain *domain, const char **names, const char **values)
{
    g_free(domain->unit);
    domain->unit = g_strdup(vsf_xml_attribute(names, values, "unit"));
}

static void
open_vcpu(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *current = vsf_xml_attribute(names, values, "current");

    if (domain->def->n_vcpus == 0 && current != NULL)
        domain->def->n_vcpus = (guint)vsf_xml_number(current, G_MAXINT);
}

static void
open_os_type(VsfXmlDomain *domain, const char **names, const char **values)
{
    set_once(&domain->def->arch, vsf_xml_attribute(names, values, "arch"));
}

/* Who may change a domain's metadata may write anything here; a value that is
 * not allowed leaves what is configured. */
static void
open_monitor(VsfXmlDomain *domain, const char **names, const char **values)
{
    VsfMonitor *monitor = &domain->def->monitor;
    const char *sampling = vsf_xml_attribute(names, values, "sampling");
    guint64 value;

    if (domain->found_monitor)
        return;
    domain->found_monitor = TRUE;
    monitor->agent_off = g_strcmp0(vsf_xml_attribute(names, values, "agent"), "off") == 0;
    if (sampling != NULL &&
        g_ascii_string_to_unsigned(sampling, 10, 0, VSF_MONITOR_SAMPLING_MAX, &value, NULL))
        monitor->sampling = (guint32)value;
}

static VsfNicKind
nic_kind(const char *type)
{
    static const struct {
        const char *type;
        VsfNicKind kind;
    } kinds[] = {
        {"bridge", VSF_NIC_TAP},           {"network", VSF_NIC_TAP},
        {"ethernet", VSF_NIC_TAP},         {"direct", VSF_NIC_MACVTAP},
        {"vhostuser", VSF_NIC_VHOST_USER}, {"hostdev", VSF_NIC_HOSTDEV},
    };

    for (guint i = 0; type != NULL && i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].kind;
    return VSF_NIC_OTHER;
}

static void
open_nic(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->def->nics->len >= VSF_DOMAIN_XML_MAX_NICS)
        return;
    domain->nic = g_new0(VsfNic, 1);
    domain->nic->kind = nic_kind(vsf_xml_attribute(names, values, "type"));
    domain->nic->type = vsf_nova_id(vsf_xml_attribute(names, values, "type"));
    g_ptr_array_add(domain->def->nics, domain->nic);
}

static void
open_nic_mac(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *address = vsf_xml_attribute(names, values, "address");

    if (domain->nic != NULL && address != NULL)
        vsf_xml_mac(address, domain->nic->mac);
}

static void
open_nic_source(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nic == NULL)
        return;
    set_once(&domain->nic->bridge, vsf_xml_attribute(names, values, "bridge"));
    if (domain->nic->kind == VSF_NIC_VHOST_USER)
        set_once(&domain->nic->socket, vsf_xml_attribute(names, values, "path"));
}

static void
open_nic_pci(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nic != NULL && domain->nic->kind == VSF_NIC_HOSTDEV &&
        g_strcmp0(vsf_xml_attribute(names, values, "type"), "pci") == 0)
        vsf_xml_pci(names, values, domain->nic->pci);
}

static void
open_nic_target(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nic != NULL)
        set_once(&domain->nic->device, vsf_xml_attribute(names, values, "dev"));
}

static void
open_nic_alias(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->nic != NULL)
        set_once(&domain->nic->alias, vsf_xml_attribute(names, values, "name"));
}

static void
open_nic_port(VsfXmlDomain *domain, const char **names, const char **values)
{
    guint8 bytes[16];
    char id[VSF_UUID_TEXT];

    if (domain->nic == NULL ||
        !vsf_uuid_parse(vsf_xml_attribute(names, values, "interfaceid"), bytes))
        return;
    vsf_uuid_format(bytes, id);
    set_once(&domain->nic->port, id);
}

/* Kilobytes per second, of 1000 bytes: libvirt hands it to tc as "kbps". A
 * limit that does not fit in 64 bits is none. */
static void
open_nic_limit(VsfXmlDomain *domain, const char **names, const char **values)
{
    guint64 bps = vsf_xml_number(vsf_xml_attribute(names, values, "average"), G_MAXUINT64);

    if (domain->nic != NULL && g_uint64_checked_mul(&bps, bps, 8000))
        domain->nic->bandwidth_bps = MAX(domain->nic->bandwidth_bps, bps);
}

static VsfDiskKind
disk_kind(const char *type)
{
    static const struct {
        const char *type;
        VsfDiskKind kind;
    } kinds[] = {
        {"file", VSF_DISK_FILE},
        {"block", VSF_DISK_BLOCK},
        {"network", VSF_DISK_NETWORK},
        {"volume", VSF_DISK_VOLUME},
        {"vhostuser", VSF_DISK_VHOST_USER},
    };

    for (guint i = 0; type != NULL && i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].kind;
    return VSF_DISK_OTHER;
}

static void
open_disk(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *device = vsf_xml_attribute(names, values, "device");

    if (domain->def->disks->len >= VSF_DOMAIN_XML_MAX_DISKS)
        return;
    domain->disk = g_new0(VsfDisk, 1);
    domain->disk->kind = disk_kind(vsf_xml_attribute(names, values, "type"));
    domain->disk->removable = device != NULL &&
                              (strcmp(device, "cdrom") == 0 || strcmp(device, "floppy") == 0);
    domain->disk->empty = TRUE;
    g_ptr_array_add(domain->def->disks, domain->disk);
}

/* nova calls it disk.config in an instance's folder, and UUID_disk.config in a pool. */
static gboolean
is_config_drive(const char *name)
{
    return g_strcmp0(name, "disk.config") == 0 ||
           (name != NULL &&
            (g_str_has_suffix(name, "/disk.config") || g_str_has_suffix(name, "_disk.config")));
}

/* Without query and host, which may hold a secret. */
static void
set_source(VsfDisk *disk, const char **names, const char **values)
{
    const char *file = vsf_xml_attribute(names, values, "file"),
               *dev = vsf_xml_attribute(names, values, "dev"),
               *name = vsf_xml_attribute(names, values, "name"),
               *protocol = vsf_xml_attribute(names, values, "protocol"),
               *pool = vsf_xml_attribute(names, values, "pool"),
               *volume = vsf_xml_attribute(names, values, "volume");
    const char *plain = file != NULL ? file : dev;
    g_autofree char *joined = NULL;

    if (disk->source != NULL)
        return;
    if (plain == NULL && protocol != NULL)
        joined = name != NULL ? g_strconcat(protocol, ":", name, NULL) : g_strdup(protocol);
    else if (plain == NULL && pool != NULL && volume != NULL)
        joined = g_strconcat(pool, "/", volume, NULL);
    disk->source = vsf_nova_text(plain != NULL ? plain : joined);
    disk->config_drive = is_config_drive(plain) || is_config_drive(name);
}

/* An empty drive may still have a <source startupPolicy='optional'/>. */
static void
open_disk_source(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->disk == NULL)
        return;
    for (guint i = 0; names[i] != NULL; i++)
        if (*values[i] != '\0' && strcmp(names[i], "startupPolicy") != 0 &&
            strcmp(names[i], "index") != 0)
            domain->disk->empty = FALSE;
    set_source(domain->disk, names, values);
}

static void
open_disk_target(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (domain->disk != NULL)
        set_once(&domain->disk->target, vsf_xml_attribute(names, values, "dev"));
}

static void
open_disk_readonly(VsfXmlDomain *domain, const char **names G_GNUC_UNUSED,
                   const char **values G_GNUC_UNUSED)
{
    if (domain->disk != NULL)
        domain->disk->readonly = TRUE;
}

static void
open_balloon(VsfXmlDomain *domain, const char **names, const char **values)
{
    if (g_strcmp0(vsf_xml_attribute(names, values, "model"), "none") != 0)
        domain->def->has_balloon = TRUE;
}

static void
open_balloon_stats(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *period = vsf_xml_attribute(names, values, "period");

    if (period != NULL)
        domain->def->balloon_period_s = (guint)vsf_xml_number(period, G_MAXINT);
}

static void
open_channel(VsfXmlDomain *domain, const char **names, const char **values)
{
    domain->agent = g_strcmp0(vsf_xml_attribute(names, values, "type"), "unix") == 0;
}

static void
open_channel_target(VsfXmlDomain *domain, const char **names, const char **values)
{
    const char *state = vsf_xml_attribute(names, values, "state");

    if (!domain->agent || g_strcmp0(vsf_xml_attribute(names, values, "type"), "virtio") != 0 ||
        g_strcmp0(vsf_xml_attribute(names, values, "name"), "org.qemu.guest_agent.0") != 0)
        return;
    domain->def->has_agent = TRUE;
    if (g_strcmp0(state, "connected") == 0)
        domain->def->agent = VSF_AGENT_CONNECTED;
    else if (g_strcmp0(state, "disconnected") == 0)
        domain->def->agent = VSF_AGENT_DISCONNECTED;
}

static const VsfXmlRule rules[] = {
    {VSF_XML_ROOT, VSF_SPACE_NONE, "domain", VSF_XML_DOMAIN, open_domain, FALSE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "name", VSF_XML_NAME, NULL, TRUE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "uuid", VSF_XML_UUID, NULL, TRUE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "title", VSF_XML_TITLE, NULL, TRUE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "memory", VSF_XML_MEMORY, open_memory, TRUE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "currentMemory", VSF_XML_CURRENT_MEMORY, open_memory, TRUE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "vcpu", VSF_XML_VCPU, open_vcpu, TRUE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "os", VSF_XML_OS, NULL, FALSE},
    {VSF_XML_OS, VSF_SPACE_NONE, "type", VSF_XML_OS_TYPE, open_os_type, FALSE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "metadata", VSF_XML_METADATA, NULL, FALSE},
    {VSF_XML_METADATA, VSF_SPACE_MONITOR, "monitor", VSF_XML_MONITOR, open_monitor, FALSE},
    {VSF_XML_DOMAIN, VSF_SPACE_NONE, "devices", VSF_XML_DEVICES, NULL, FALSE},
    {VSF_XML_DEVICES, VSF_SPACE_NONE, "interface", VSF_XML_NIC, open_nic, FALSE},
    {VSF_XML_NIC, VSF_SPACE_NONE, "mac", VSF_XML_NIC_MAC, open_nic_mac, FALSE},
    {VSF_XML_NIC, VSF_SPACE_NONE, "source", VSF_XML_NIC_SOURCE, open_nic_source, FALSE},
    {VSF_XML_NIC_SOURCE, VSF_SPACE_NONE, "address", VSF_XML_NIC_PCI, open_nic_pci, FALSE},
    {VSF_XML_NIC, VSF_SPACE_NONE, "target", VSF_XML_NIC_TARGET, open_nic_target, FALSE},
    {VSF_XML_NIC, VSF_SPACE_NONE, "alias", VSF_XML_NIC_ALIAS, open_nic_alias, FALSE},
    {VSF_XML_NIC, VSF_SPACE_NONE, "virtualport", VSF_XML_NIC_VIRTUALPORT, NULL, FALSE},
    {VSF_XML_NIC_VIRTUALPORT, VSF_SPACE_NONE, "parameters", VSF_XML_NIC_PORT, open_nic_port, FALSE},
    {VSF_XML_NIC, VSF_SPACE_NONE, "bandwidth", VSF_XML_NIC_BANDWIDTH, NULL, FALSE},
    {VSF_XML_NIC_BANDWIDTH, VSF_SPACE_NONE, "inbound", VSF_XML_NIC_LIMIT, open_nic_limit, FALSE},
    {VSF_XML_NIC_BANDWIDTH, VSF_SPACE_NONE, "outbound", VSF_XML_NIC_LIMIT, open_nic_limit, FALSE},
    {VSF_XML_DEVICES, VSF_SPACE_NONE, "disk", VSF_XML_DISK, open_disk, FALSE},
    {VSF_XML_DISK, VSF_SPACE_NONE, "source", VSF_XML_DISK_SOURCE, open_disk_source, FALSE},
    {VSF_XML_DISK, VSF_SPACE_NONE, "target", VSF_XML_DISK_TARGET, open_disk_target, FALSE},
    {VSF_XML_DISK, VSF_SPACE_NONE, "serial", VSF_XML_DISK_SERIAL, NULL, TRUE},
    {VSF_XML_DISK, VSF_SPACE_NONE, "readonly", VSF_XML_DISK_READONLY, open_disk_readonly, FALSE},
    {VSF_XML_DEVICES, VSF_SPACE_NONE, "memballoon", VSF_XML_BALLOON, open_balloon, FALSE},
    {VSF_XML_BALLOON, VSF_SPACE_NONE, "stats", VSF_XML_BALLOON_STATS, open_balloon_stats, FALSE},
    {VSF_XML_DEVICES, VSF_SPACE_NONE, "channel", VSF_XML_CHANNEL, open_channel, FALSE},
    {VSF_XML_CHANNEL, VSF_SPACE_NONE, "target", VSF_XML_CHANNEL_TARGET, open_channel_target, FALSE},
};

static const VsfXmlRule *
find_rule(const VsfXmlRule *table, guint n, VsfXmlNode parent, VsfXmlSpace space, const char *name)
{
    for (guint i = 0; i < n; i++)
        if (table[i].parent == parent && table[i].space == space &&
            strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const VsfXmlRule *
vsf_xml_rule(VsfXmlNode parent, VsfXmlSpace space, const char *name)
{
    guint n_nova;
    const VsfXmlRule *nova = vsf_xml_nova_rules(&n_nova);

    if (space == VSF_SPACE_NOVA)
        return find_rule(nova, n_nova, parent, space, name);
    return find_rule(rules, G_N_ELEMENTS(rules), parent, space, name);
}

void
vsf_xml_close(VsfXmlDomain *domain, VsfXmlNode node, const char *text)
{
    VsfDomainDef *def = domain->def;

    if (node == VSF_XML_NAME)
        set_once(&def->name, text);
    else if (node == VSF_XML_UUID)
        set_once(&domain->uuid, text);
    else if (node == VSF_XML_TITLE)
        set_once(&def->title, text);
    else if (node == VSF_XML_MEMORY && def->max_memory == 0)
        def->max_memory = vsf_xml_size(text, domain->unit);
    else if (node == VSF_XML_CURRENT_MEMORY && def->memory == 0)
        def->memory = vsf_xml_size(text, domain->unit);
    else if (node == VSF_XML_VCPU && def->n_vcpus == 0)
        def->n_vcpus = (guint)vsf_xml_number(text, G_MAXINT);
    else if (node == VSF_XML_NIC)
        domain->nic = NULL;
    else if (node == VSF_XML_DISK)
        domain->disk = NULL;
    else if (node == VSF_XML_DISK_SERIAL && domain->disk != NULL && domain->disk->serial == NULL)
        domain->disk->serial = vsf_nova_text(text);
    else if (node == VSF_XML_CHANNEL)
        domain->agent = FALSE;
    else
        vsf_xml_nova_close(domain, node, text);
}
