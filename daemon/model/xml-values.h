/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values inside a domain's XML. For xml-elements.c alone. */
#pragma once

#include "domain.h"

#include <glib.h>

/* A decimal number up to @max, blanks around it allowed; 0, the unknown, for
 * what is no number or too large. @text may be NULL. */
guint64 vsf_xml_number(const char *text, guint64 max);

/* Bytes. @unit is one of libvirt's (virScaleInteger): b, k or KiB, KB, M ...;
 * NULL is KiB. 0 if it is no size or does not fit. */
guint64 vsf_xml_size(const char *text, const char *unit);

/* The attribute's value, owned by @values, or NULL. Both lists are NULL-terminated, of one
 * length. */
const char *vsf_xml_attribute(const char **names, const char **values, const char *name);

/* The attributes domain, bus, slot and function (libvirt writes 0x81, and takes 129) as
 * "0000:81:00.2"; @pci is untouched if they are none. */
void vsf_xml_pci(const char **names, const char **values, char pci[VSF_PCI_TEXT]);

/* Six groups of one or two hex digits with colons; @mac is untouched if it is
 * none. */
void vsf_xml_mac(const char *text, guint8 mac[6]);
