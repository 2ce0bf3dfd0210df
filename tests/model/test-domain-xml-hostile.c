/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML at and beyond the bounds, cut short, and as no libvirt writes it. */
#include "domain-xml-fixture.h"

#include <string.h>

static void
test_sixty_four_nics_and_disks(void)
{
    g_autoptr(GString) xml = g_string_new(HEAD "<devices>");
    g_autoptr(VsfDomainDef) def = NULL;

    for (guint i = 0; i < 64; i++)
        g_string_append_printf(xml,
                               "<interface type='bridge'><mac address='52:54:00:00:01:%02x'/>"
                               "<target dev='vnet%u'/></interface>"
                               "<disk type='file'><source file='/%u'/><target dev='vd%u'/></disk>",
                               i, i, i, i);
    g_string_append(xml, "</devices></domain>");
    def = parse_text(xml->str);
    g_assert_cmpuint(def->nics->len, ==, 64);
    g_assert_cmpuint(def->disks->len, ==, 64);
    g_assert_cmpstr(nic(def, 63)->device, ==, "vnet63");
    g_assert_cmpuint(nic(def, 63)->mac[5], ==, 63);
    g_assert_cmpstr(disk(def, 63)->target, ==, "vd63");
}

static void
test_what_is_beyond_the_bounds_is_left_out(void)
{
    g_autoptr(GString) xml = g_string_new(HEAD "<devices>");
    g_autoptr(VsfDomainDef) def = NULL;

    for (guint i = 0; i < 1000; i++)
        g_string_append_printf(xml,
                               "<interface type='bridge'><target dev='vnet%u'/></interface>"
                               "<disk type='file'><source file='/'/><target dev='d%u'/></disk>",
                               i, i);
    g_string_append(xml, "</devices><title>after</title></domain>");
    def = parse_text(xml->str);
    g_assert_cmpuint(def->nics->len, ==, VSF_DOMAIN_XML_MAX_NICS);
    g_assert_cmpuint(def->disks->len, ==, VSF_DOMAIN_XML_MAX_DISKS);
    g_assert_cmpstr(nic(def, 255)->device, ==, "vnet255");
    g_assert_cmpstr(disk(def, 511)->target, ==, "d511");
    g_assert_cmpstr(def->title, ==, "after");
}

static void
test_deep_nesting_is_skipped(void)
{
    g_autoptr(GString) xml = g_string_new(HEAD "<metadata>");
    g_autoptr(VsfDomainDef) def = NULL;

    for (guint i = 0; i < 100000; i++)
        g_string_append(xml, "<a>");
    g_string_append(xml, "text");
    for (guint i = 0; i < 100000; i++)
        g_string_append(xml, "</a>");
    g_string_append(xml, "</metadata><title>after</title></domain>");
    def = parse_text(xml->str);
    g_assert_cmpstr(def->title, ==, "after");
}

static void
test_a_long_text_is_cut_between_characters(void)
{
    g_autoptr(GString) xml = g_string_new("<domain><uuid>" UUID "</uuid><name>x");
    g_autoptr(VsfDomainDef) def = NULL;

    for (guint i = 0; i < 100000; i++)
        g_string_append(xml, "\xe2\x82\xac");
    g_string_append(xml, "</name></domain>");
    def = parse_text(xml->str);
    g_assert_true(g_utf8_validate(def->name, -1, NULL));
    g_assert_cmpuint(strlen(def->name), <=, 16384);
    g_assert_cmpuint(strlen(def->name), >, 16000);
}

static void
test_a_name_of_4_kib_and_a_huge_attribute(void)
{
    g_autofree char *name = g_strnfill(4096, 'n');
    g_autofree char *huge = g_strnfill(1024 * 1024, 'h');
    g_autofree char *xml = g_strdup_printf("<domain x='%s'><name>%s</name><uuid>" UUID
                                           "</uuid><devices><interface type='%s'><target "
                                           "dev='%s'/></interface></devices></domain>",
                                           huge, name, huge, huge);
    g_autoptr(VsfDomainDef) def = parse_text(xml);

    g_assert_cmpstr(def->name, ==, name);
    g_assert_cmpint(nic(def, 0)->kind, ==, VSF_NIC_OTHER);
}

static void
test_hostile_text_is_a_syntax_error(void)
{
    static const char *const cases[] = {
        "",
        "   ",
        "not XML",
        "<domain>",
        "<domain><name>\xff\xfe</name></domain>",
        "<domain><name>\xc3</name></domain>",
        HEAD "<title><![CDATA[\xb6]]></title></domain>",
        HEAD "<title><![CDATA[\xb6]]></title>< uuid",
        "<domain id='1' <name/>",
        "<domain></network>",
        "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><domain><name>&b;</name></domain>",
        "<domain><name>&undefined;</name></domain>",
        "<domain><name>&#0;</name></domain>",
        "<domain><name>&#xffffffff;</name></domain>",
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_domain_xml_parse(cases[i], -1, &error));
        g_assert_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_SYNTAX);
    }
}

static void
test_a_nul_in_the_text_is_a_syntax_error(void)
{
    static const char xml[] = "<domain><name>a\0b</name></domain>";
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_domain_xml_parse(xml, sizeof(xml) - 1, &error));
    g_assert_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_SYNTAX);
}

static void
test_the_error_is_short_and_clean(void)
{
    g_autofree char *huge = g_strnfill(1024 * 1024, 'h');
    g_autofree char *xml = g_strdup_printf("<domain><%s></x\n></domain>", huge);
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_domain_xml_parse(xml, -1, &error));
    g_assert_cmpuint(strlen(error->message), <, 300);
    g_assert_null(strchr(error->message, '\n'));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void
test_too_large_is_refused_unread(void)
{
    g_autofree char *filler = g_strnfill(VSF_DOMAIN_XML_MAX_BYTES, ' ');
    g_autofree char *xml = g_strconcat(HEAD "</domain>", filler, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_domain_xml_parse(xml, -1, &error));
    g_assert_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_SYNTAX);
}

/* Cut anywhere it is an error, and nothing is read past the end. */
static void
test_cut_at_every_byte(void)
{
    gsize length;
    g_autofree char *text = read_file("nova-ovs.xml", &length);

    while (length > 0 && g_ascii_isspace(text[length - 1]))
        length--;
    for (gsize cut = 0; cut < length; cut++) {
        g_autofree char *part = g_memdup2(text, cut);
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_domain_xml_parse(part != NULL ? part : "", (gssize)cut, &error));
        g_assert_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_SYNTAX);
    }
}

static void
test_only_the_first_root_counts(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfDomainDef)
        def = vsf_domain_xml_parse(HEAD "</domain><domain><name>other</name></domain>", -1, &error);

    if (def != NULL)
        g_assert_cmpstr(def->name, ==, "n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/domain-xml/hostile/sixty-four-nics-and-disks",
                    test_sixty_four_nics_and_disks);
    g_test_add_func("/model/domain-xml/hostile/what-is-beyond-the-bounds-is-left-out",
                    test_what_is_beyond_the_bounds_is_left_out);
    g_test_add_func("/model/domain-xml/hostile/deep-nesting-is-skipped",
                    test_deep_nesting_is_skipped);
    g_test_add_func("/model/domain-xml/hostile/a-long-text-is-cut-between-characters",
                    test_a_long_text_is_cut_between_characters);
    g_test_add_func("/model/domain-xml/hostile/a-name-of-4-kib-and-a-huge-attribute",
                    test_a_name_of_4_kib_and_a_huge_attribute);
    g_test_add_func("/model/domain-xml/hostile/hostile-text-is-a-syntax-error",
                    test_hostile_text_is_a_syntax_error);
    g_test_add_func("/model/domain-xml/hostile/a-nul-in-the-text-is-a-syntax-error",
                    test_a_nul_in_the_text_is_a_syntax_error);
    g_test_add_func("/model/domain-xml/hostile/the-error-is-short-and-clean",
                    test_the_error_is_short_and_clean);
    g_test_add_func("/model/domain-xml/hostile/too-large-is-refused-unread",
                    test_too_large_is_refused_unread);
    g_test_add_func("/model/domain-xml/hostile/cut-at-every-byte", test_cut_at_every_byte);
    g_test_add_func("/model/domain-xml/hostile/only-the-first-root-counts",
                    test_only_the_first_root_counts);
    return g_test_run();
}
