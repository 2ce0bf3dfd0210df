/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML from tests/data/domains or a test's own text, and what is read of it. */
#pragma once

#include "../../daemon/model/domain-xml.h"

#define UUID "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aa"
#define HEAD "<domain id='1'><name>n</name><uuid>" UUID "</uuid>"

char *read_file(const char *name, gsize *length);
VsfDomainDef *parse_file(const char *name);
VsfDomainDef *parse_text(const char *text);

const VsfNic *nic(const VsfDomainDef *def, guint i);
const VsfDisk *disk(const VsfDomainDef *def, guint i);
