/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elements of nova's metadata: for xml-elements.c alone. */
#pragma once

#include "xml-elements.h"

/* The rules of all that lies below <instance>, which is among them. */
const VsfXmlRule *vsf_xml_nova_rules(guint *n_rules);

/* The end of one of these elements. */
void vsf_xml_nova_close(VsfXmlDomain *domain, VsfXmlNode node, const char *text);
