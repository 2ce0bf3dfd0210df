/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-xml-fixture.h"

char *
read_file(const char *name, gsize *length)
{
    g_autofree char *path = g_build_filename(VSF_TEST_DATA, "domains", name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, length, &error);
    g_assert_no_error(error);
    return text;
}

VsfDomainDef *
parse_file(const char *name)
{
    gsize length;
    g_autofree char *text = read_file(name, &length);
    g_autoptr(GError) error = NULL;
    VsfDomainDef *def = vsf_domain_xml_parse(text, (gssize)length, &error);

    g_assert_no_error(error);
    g_assert_nonnull(def);
    return def;
}

VsfDomainDef *
parse_text(const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfDomainDef *def = vsf_domain_xml_parse(text, -1, &error);

    g_assert_no_error(error);
    return def;
}

const VsfNic *
nic(const VsfDomainDef *def, guint i)
{
    g_assert_cmpuint(i, <, def->nics->len);
    return g_ptr_array_index(def->nics, i);
}

const VsfDisk *
disk(const VsfDomainDef *def, guint i)
{
    g_assert_cmpuint(i, <, def->disks->len);
    return g_ptr_array_index(def->disks, i);
}
