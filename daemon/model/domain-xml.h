/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses libvirt's domain XML. Pure; any thread. */
#pragma once

#include "domain.h"

#define VSF_DOMAIN_XML_ERROR (vsf_domain_xml_error_quark())
GQuark vsf_domain_xml_error_quark(void);

typedef enum {
    VSF_DOMAIN_XML_ERROR_SYNTAX,  /* not well-formed, not UTF-8, or too large */
    VSF_DOMAIN_XML_ERROR_CONTENT, /* no <domain>, no name, no valid UUID */
} VsfDomainXmlError;

/* Bounds that a hostile XML cannot pass; what lies beyond is left out. */
#define VSF_DOMAIN_XML_MAX_BYTES (4 * 1024 * 1024)
#define VSF_DOMAIN_XML_MAX_NICS 256
#define VSF_DOMAIN_XML_MAX_DISKS 512
#define VSF_DOMAIN_XML_MAX_DEPTH 64

/* @length is in bytes, -1 for a NUL-terminated text. The caller owns the
 * result. Unknown elements are skipped; a NIC or disk of a kind that is not
 * known is listed as OTHER, never an error. Metadata is
 * found by its namespace, whatever prefix the XML gives it: VSF_MONITOR_NAMESPACE,
 * of several the first; nova's is any that begins with
 * http://openstack.org/xmlns/libvirt/nova/. */
VsfDomainDef *vsf_domain_xml_parse(const char *xml, gssize length,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
