/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elements of a domain's XML that matter: which, where, and what each sets.
 * For domain-xml.c alone, which walks the XML. */
#pragma once

#include "domain.h"

typedef enum {
    VSF_SPACE_NONE, /* libvirt's own elements, and whatever is not known */
    VSF_SPACE_NOVA,
    VSF_SPACE_MONITOR, /* VSF_MONITOR_NAMESPACE */
} VsfXmlSpace;

typedef enum {
    VSF_XML_SKIP, /* not ours: nothing below is looked at */
    VSF_XML_ROOT,
    VSF_XML_DOMAIN,
    VSF_XML_NAME,
    VSF_XML_UUID,
    VSF_XML_TITLE,
    VSF_XML_MEMORY,
    VSF_XML_CURRENT_MEMORY,
    VSF_XML_VCPU,
    VSF_XML_OS,
    VSF_XML_OS_TYPE,
    VSF_XML_METADATA,
    VSF_XML_NOVA,
    VSF_XML_NOVA_NAME,
    VSF_XML_NOVA_CREATED,
    VSF_XML_NOVA_FLAVOR,
    VSF_XML_NOVA_MEMORY,
    VSF_XML_NOVA_DISK,
    VSF_XML_NOVA_SWAP,
    VSF_XML_NOVA_EPHEMERAL,
    VSF_XML_NOVA_VCPUS,
    VSF_XML_NOVA_OWNER,
    VSF_XML_NOVA_USER,
    VSF_XML_NOVA_PROJECT,
    VSF_XML_NOVA_ROOT,
    VSF_XML_NOVA_PORTS,
    VSF_XML_NOVA_PORT,
    VSF_XML_NOVA_IP,
    VSF_XML_MONITOR,
    VSF_XML_DEVICES,
    VSF_XML_NIC,
    VSF_XML_NIC_MAC,
    VSF_XML_NIC_SOURCE,
    VSF_XML_NIC_TARGET,
    VSF_XML_NIC_PCI,
    VSF_XML_NIC_ALIAS,
    VSF_XML_NIC_VIRTUALPORT,
    VSF_XML_NIC_PORT,
    VSF_XML_NIC_BANDWIDTH,
    VSF_XML_NIC_LIMIT,
    VSF_XML_DISK,
    VSF_XML_DISK_SOURCE,
    VSF_XML_DISK_TARGET,
    VSF_XML_DISK_SERIAL,
    VSF_XML_DISK_READONLY,
    VSF_XML_BALLOON,
    VSF_XML_BALLOON_STATS,
    VSF_XML_CHANNEL,
    VSF_XML_CHANNEL_TARGET,
} VsfXmlNode;

/* What the elements write to. */
typedef struct {
    VsfDomainDef *def;
    gboolean found_domain, found_monitor;
    char *uuid;             /* raw */
    char *unit;             /* of the <memory> or <currentMemory> that is open */
    VsfNic *nic;            /* open <interface>, owned by def->nics; NULL if beyond the bound */
    VsfDisk *disk;          /* the same for <disk> */
    VsfNova *nova;          /* open <instance>, owned by def; NULL if it is not the first */
    VsfNovaPort *nova_port; /* open <port> of that, NULL if beyond the bound */
    gboolean agent;         /* the open <channel> is of the agent's type */
} VsfXmlDomain;

/* @names and @values are NULL-terminated and of one length. */
typedef void (*VsfXmlOpen)(VsfXmlDomain *domain, const char **names, const char **values);

typedef struct {
    VsfXmlNode parent;
    VsfXmlSpace space;
    const char *name;
    VsfXmlNode node;
    VsfXmlOpen open; /* or NULL */
    gboolean wants_text;
} VsfXmlRule;

/* The rule for the element @name (with its prefix in VSF_SPACE_NONE, without
 * it elsewhere) below @parent, NULL if it is to be skipped. */
const VsfXmlRule *vsf_xml_rule(VsfXmlNode parent, VsfXmlSpace space, const char *name);

/* The end of an element; @text is all the text in it. */
void vsf_xml_close(VsfXmlDomain *domain, VsfXmlNode node, const char *text);
