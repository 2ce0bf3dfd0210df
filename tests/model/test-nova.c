/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nova's metadata: what is read of them, and what of tenants' text is left. */
#include "../../daemon/model/counters.h"
#include "domain-xml-fixture.h"

#include <string.h>

#define INSTANCE "<metadata><instance xmlns='http://openstack.org/xmlns/libvirt/nova/1.1'>"
#define END "</instance></metadata></domain>"
#define PORT "2d7b1d4e-9f00-4a3c-b6de-c3a1c6c6e001"

static void
test_all_of_it_is_read(void)
{
    g_autoptr(VsfDomainDef) def = parse_text(
        HEAD INSTANCE
        "<package version='26.2.2'/><name>web 1</name>"
        "<creationTime>2024-03-01 10:11:12</creationTime>"
        "<flavor name='m1.small' id='f-1'><memory>2048</memory><disk>20</disk><swap>512</swap>"
        "<ephemeral>0</ephemeral><vcpus>2</vcpus></flavor>"
        "<owner><user uuid='3a0d00000000000000000000000000ff'>ann</user>"
        "<project uuid='7b1c'>shop</project></owner>"
        "<root type='image' uuid='f0c1'/>"
        "<ports><port uuid='" PORT "'><ip type='fixed' address='10.0.0.7' ipVersion='4'/>"
        "<ip type='fixed' address='2001:db8::7' ipVersion='6'/></port></ports>" END);
    const VsfNova *nova = def->nova;
    const VsfNovaPort *port = nova->ports->pdata[0];

    g_assert_cmpstr(nova->name, ==, "web 1");
    g_assert_cmpuint(nova->created_s, ==, 1709287872); /* date -u -d '2024-03-01 10:11:12' +%s */
    g_assert_cmpstr(nova->flavor.name, ==, "m1.small");
    g_assert_cmpuint(nova->flavor.memory, ==, 2ull << 30);
    g_assert_cmpuint(nova->flavor.disk, ==, 20ull << 30);
    g_assert_cmpuint(nova->flavor.swap, ==, 512ull << 20);
    g_assert_cmpuint(nova->flavor.ephemeral, ==, 0);
    g_assert_cmpuint(nova->flavor.vcpus, ==, 2);
    g_assert_cmpstr(nova->user.id, ==, "3a0d00000000000000000000000000ff");
    g_assert_cmpstr(nova->user.name, ==, "ann");
    g_assert_cmpstr(nova->project.id, ==, "7b1c");
    g_assert_cmpstr(nova->project.name, ==, "shop");
    g_assert_cmpstr(nova->image, ==, "f0c1");
    g_assert_cmpuint(nova->ports->len, ==, 1);
    g_assert_cmpstr(port->id, ==, PORT);
    g_assert_cmpuint(port->addresses->len, ==, 2);
    g_assert_cmpstr(port->addresses->pdata[0], ==, "10.0.0.7");
    g_assert_cmpstr(port->addresses->pdata[1], ==, "2001:db8::7");
}

static void
test_what_is_not_there_is_unknown(void)
{
    g_autoptr(VsfDomainDef) def = parse_text(HEAD INSTANCE END);
    g_autoptr(VsfDomainDef) none = parse_text(HEAD "</domain>");
    const VsfNova *nova = def->nova;

    g_assert_null(none->nova);
    g_assert_null(nova->name);
    g_assert_null(nova->flavor.name);
    g_assert_null(nova->user.id);
    g_assert_null(nova->project.name);
    g_assert_null(nova->image);
    g_assert_cmpuint(nova->created_s, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(nova->flavor.vcpus, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(nova->flavor.memory, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(nova->flavor.disk, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(nova->ports->len, ==, 0);
}

static void
test_of_several_the_first_counts(void)
{
    g_autoptr(VsfDomainDef) def = parse_text(
        HEAD "<metadata>"
             "<i xmlns='http://openstack.org/xmlns/libvirt/nova/1.1'/>"
             "<instance xmlns='http://openstack.org/xmlns/libvirt/nova/1.1'><name>one</name>"
             "<name>other</name><flavor name='a'><vcpus>1</vcpus><vcpus>9</vcpus></flavor>"
             "<flavor name='b'><disk>3</disk></flavor></instance>"
             "<instance xmlns='http://openstack.org/xmlns/libvirt/nova/1.0'><name>two</name>"
             "<owner><user uuid='u'>x</user></owner><ports><port uuid='" PORT
             "'><ip address='10.0.0.1'/></port></ports></instance></metadata></domain>");

    g_assert_cmpstr(def->nova->name, ==, "one");
    g_assert_cmpstr(def->nova->flavor.name, ==, "a");
    g_assert_cmpuint(def->nova->flavor.vcpus, ==, 1);
    g_assert_null(def->nova->user.id);
    g_assert_cmpuint(def->nova->ports->len, ==, 0);
}

static void
test_values_that_are_none_are_absent(void)
{
    g_autoptr(VsfDomainDef) def = parse_text(
        HEAD INSTANCE
        "<name> \t </name><creationTime>yesterday</creationTime>"
        "<flavor><memory>-1</memory><disk>99999999999</disk><vcpus>two</vcpus></flavor>"
        "<owner><user uuid='a b'/><project uuid=''/></owner><root type='snapshot' uuid='x'/>"
        "<ports><port uuid='no'><ip address='10.0.0.1'/></port><port uuid='" PORT
        "'><ip address='fe80::1%25eth0'/><ip address='fe80::1%eth0'/><ip address='here'/><ip/>"
        "</port></ports>" END);
    const VsfNovaPort *port;

    g_assert_null(def->nova->name);
    g_assert_cmpuint(def->nova->created_s, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(def->nova->flavor.memory, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(def->nova->flavor.disk, ==, VSF_NOVA_UNKNOWN);
    g_assert_cmpuint(def->nova->flavor.vcpus, ==, VSF_NOVA_UNKNOWN);
    g_assert_null(def->nova->user.id);
    g_assert_null(def->nova->project.id);
    g_assert_null(def->nova->image);
    g_assert_cmpuint(def->nova->ports->len, ==, 1);
    port = def->nova->ports->pdata[0];
    g_assert_cmpuint(port->addresses->len, ==, 0);
}

static void
test_ports_and_addresses_are_bounded(void)
{
    g_autoptr(GString) xml = g_string_new(HEAD INSTANCE "<ports>");
    g_autoptr(VsfDomainDef) def = NULL;

    for (guint i = 0; i < 1000; i++) {
        g_string_append_printf(xml, "<port uuid='00000000-0000-0000-0000-%012x'>", i);
        for (guint j = 0; j < 100; j++)
            g_string_append_printf(xml, "<ip address='10.0.0.%u'/>", j);
        g_string_append(xml, "</port>");
    }
    g_string_append(xml, "</ports>" END);
    def = parse_text(xml->str);
    g_assert_cmpuint(def->nova->ports->len, ==, VSF_NOVA_PORTS_MAX);
    for (guint i = 0; i < VSF_NOVA_PORTS_MAX; i++) {
        const VsfNovaPort *port = def->nova->ports->pdata[i];

        g_assert_cmpuint(port->addresses->len, ==, VSF_NOVA_ADDRESSES_MAX);
    }
}

static void
test_text_of_tenants_can_be_shown(void)
{
    static const struct {
        const char *raw, *want;
    } cases[] = {
        {"web 1", "web 1"},
        {"  web\n\t1  ", "web 1"},
        {"a\x1b[31mb\x7f", "a [31mb"},
        {"a\xc2\x9b"
         "b",
         "a b"}, /* CSI of C1 */
        {"a\xe2\x80\xae"
         "b",
         "a b"}, /* right-to-left override */
        {"a\xe2\x80\xa8"
         "b",
         "a b"}, /* line separator */
        {"a\xff\xfe"
         "b\xc3",
         "a b"}, /* not UTF-8 */
        {"J\xc3\xbcrgen \xf0\x9f\x98\x80", "J\xc3\xbcrgen \xf0\x9f\x98\x80"},
        {"<b>&\"'", "<b>&\"'"},
        {"\x01\x02", NULL},
        {"", NULL},
        {NULL, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = vsf_nova_text(cases[i].raw);

        g_assert_cmpstr(text, ==, cases[i].want);
    }
}

static void
test_a_long_text_is_cut_between_characters(void)
{
    g_autoptr(GString) raw = g_string_new(NULL);
    g_autofree char *text = NULL;

    for (guint i = 0; i < 100; i++)
        g_string_append(raw, "\xe2\x82\xac\xc3\xbc");
    text = vsf_nova_text(raw->str);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_cmpuint(strlen(text), <=, VSF_NOVA_TEXT_MAX);
    g_assert_cmpuint(strlen(text), >, VSF_NOVA_TEXT_MAX - 3);
}

static void
test_ids_are_words(void)
{
    g_autofree char *longest = g_strnfill(VSF_NOVA_ID_MAX, 'f');
    g_autofree char *longer = g_strnfill(VSF_NOVA_ID_MAX + 1, 'f');
    const struct {
        const char *raw, *want;
    } cases[] = {
        {PORT, PORT},       {"default.x_1-a", "default.x_1-a"},
        {longest, longest}, {longer, NULL},
        {"a b", NULL},      {"a/b", NULL},
        {"\xc3\xbc", NULL}, {"", NULL},
        {"a\nb", NULL},     {NULL, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *id = vsf_nova_id(cases[i].raw);

        g_assert_cmpstr(id, ==, cases[i].want);
    }
}

static void
test_times_are_of_utc(void)
{
    static const struct {
        const char *text;
        guint64 want;
    } cases[] = {
        {"1970-01-01 00:00:00", 0},
        {"\n 2000-02-29 23:59:59 ", 951868799},
        {"2001-02-29 00:00:00", VSF_NOVA_UNKNOWN},
        {"1969-12-31 23:59:59", VSF_NOVA_UNKNOWN},
        {"2024-03-01T10:11:12", VSF_NOVA_UNKNOWN},
        {"2024-03-01 10:11:12Z", VSF_NOVA_UNKNOWN},
        {"2024-03-01 10:11", VSF_NOVA_UNKNOWN},
        {"2024-13-01 10:11:12", VSF_NOVA_UNKNOWN},
        {"+024-03-01 10:11:12", VSF_NOVA_UNKNOWN},
        {"", VSF_NOVA_UNKNOWN},
        {NULL, VSF_NOVA_UNKNOWN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(vsf_nova_time(cases[i].text), ==, cases[i].want);
}

/* The device, the virtualport's interfaceid, and which port that is. */
static void
test_a_nics_port_is_known_by_its_device_or_virtualport(void)
{
    static const struct {
        const char *device, *interfaceid, *want;
    } cases[] = {
        {"tap2d7b1d4e-9f", NULL, PORT},
        {"vhu2d7b1d4e-9f", NULL, PORT},
        {"tap2d7b1d4e-9e", NULL, NULL},
        {"tap2d7b1d4e-9", NULL, NULL},
        {"tap2d7b1d4e-9f0", NULL, NULL},
        {"qvo2d7b1d4e-9f", NULL, NULL},
        {"tapaaaaaaaa-aa", NULL, NULL}, /* two begin so */
        {"vnet0", "2D7B1D4E-9F00-4A3C-B6DE-C3A1C6C6E001", PORT},
        {"tap2d7b1d4e-9f", "00000000-0000-0000-0000-000000000001",
         "00000000-0000-0000-0000-000000000001"},
        {"vnet0", "port-1", NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *port = cases[i].interfaceid == NULL
                                    ? g_strdup("")
                                    : g_strdup_printf("<virtualport type='openvswitch'><parameters "
                                                      "interfaceid='%s'/></virtualport>",
                                                      cases[i].interfaceid);
        g_autofree char *xml = g_strdup_printf(
            HEAD
            "<devices><interface type='bridge'><target dev='%s'/>%s</interface></devices>" INSTANCE
            "<ports><port uuid='" PORT "'/><port uuid='" PORT "'/>"
            "<port uuid='aaaaaaaa-aaaa-4a3c-b6de-c3a1c6c6e001'/>"
            "<port uuid='aaaaaaaa-aaab-4a3c-b6de-c3a1c6c6e001'/></ports>" END,
            cases[i].device, port);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpstr(vsf_domain_port(def, nic(def, 0)), ==, cases[i].want);
    }
}

static void
test_a_disks_source_serial_and_volume(void)
{
    static const struct {
        const char *inside, *source, *serial, *volume;
        gboolean config_drive;
    } cases[] = {
        {"<source file='/a/disk'/><serial>" PORT "</serial>", "/a/disk", PORT, PORT, FALSE},
        {"<source file='/a/disk.config'/>", "/a/disk.config", NULL, NULL, TRUE},
        {"<source dev='/dev/vg/x_disk.config'/>", "/dev/vg/x_disk.config", NULL, NULL, TRUE},
        {"<source file='/a/mydisk.config'/>", "/a/mydisk.config", NULL, NULL, FALSE},
        {"<source protocol='nbd'><host name='h' port='1'/></source>", "nbd", NULL, NULL, FALSE},
        {"<source protocol='https' name='i' query='token=x'/>", "https:i", NULL, NULL, FALSE},
        {"<source pool='p' volume='v'/><serial> S\n1 </serial>", "p/v", "S 1", NULL, FALSE},
        {"<source pool='p'/>", NULL, NULL, NULL, FALSE},
        {"<source startupPolicy='optional'/>", NULL, NULL, NULL, FALSE},
        {"<backingStore><source file='/b/disk.config'/></backingStore><source file='/a'/>", "/a",
         NULL, NULL, FALSE},
        {"<serial>a</serial><serial>b</serial>", NULL, "a", NULL, FALSE},
        /* Cinder's ids are in lower case and with dashes. */
        {"<serial>2D7B1D4E-9F00-4A3C-B6DE-C3A1C6C6E001</serial>", NULL,
         "2D7B1D4E-9F00-4A3C-B6DE-C3A1C6C6E001", NULL, FALSE},
        {"<serial>2d7b1d4e9f004a3cb6dec3a1c6c6e001</serial>", NULL,
         "2d7b1d4e9f004a3cb6dec3a1c6c6e001", NULL, FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(HEAD "<devices><disk>%s<target dev='vda'/></disk>"
                                                    "</devices>" INSTANCE END,
                                               cases[i].inside);
        g_autoptr(VsfDomainDef) def = parse_text(xml);
        const VsfDisk *found = vsf_domain_disk(def, "vda");

        g_assert_cmpstr(found->source, ==, cases[i].source);
        g_assert_cmpstr(found->serial, ==, cases[i].serial);
        g_assert_cmpstr(vsf_domain_volume(def, found), ==, cases[i].volume);
        g_assert_cmpint(found->config_drive, ==, cases[i].config_drive);
        g_assert_null(vsf_domain_disk(def, "vdb"));
    }
}

static void
test_without_nova_a_serial_is_no_volume(void)
{
    g_autoptr(VsfDomainDef)
        def = parse_text(HEAD "<devices><disk><serial>" PORT "</serial></disk></devices></domain>");

    g_assert_cmpstr(disk(def, 0)->serial, ==, PORT);
    g_assert_null(vsf_domain_volume(def, disk(def, 0)));
    g_assert_null(vsf_domain_disk(def, "vda"));
}

/* Somebody's data may be on a disk that is called so, wherever its metadata stand. */
static void
test_without_nova_a_name_is_no_config_drive(void)
{
    static const struct {
        const char *metadata;
        gboolean config_drive;
    } cases[] = {
        {"", FALSE},
        {"<metadata><instance xmlns='http://openstack.org/'/></metadata>", FALSE},
        {"<metadata><instance xmlns='http://openstack.org/xmlns/libvirt/nova/1.0'/></metadata>",
         TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases) * 2; i++) {
        const char *metadata = cases[i / 2].metadata;
        g_autofree char *xml = g_strdup_printf(
            HEAD "%s<devices><disk type='file'><source file='/srv/db_disk.config'/>"
                 "<target dev='vda'/></disk></devices>%s</domain>",
            i % 2 == 0 ? metadata : "", i % 2 == 0 ? "" : metadata);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpint(disk(def, 0)->config_drive, ==, cases[i / 2].config_drive);
        g_assert_cmpint(vsf_disk_is_counted(disk(def, 0)), ==, !cases[i / 2].config_drive);
    }
}

/* libvirt knows the device of vhost-user by Open vSwitch alone, and leaves it out else. */
static void
test_a_vhost_user_port_is_known_by_its_socket(void)
{
    static const struct {
        const char *type, *path, *want;
    } cases[] = {
        {"vhostuser", "/run/openvswitch/vhu2d7b1d4e-9f", PORT},
        {"vhostuser", "/vhu2d7b1d4e-9f", PORT},
        {"vhostuser", "/run/vhu2d7b1d4e-9f/x", NULL},
        {"vhostuser", "/run/vhu2d7b1d4e-9f/", NULL},
        {"vhostuser", "vhu", NULL},
        {"bridge", "/run/openvswitch/vhu2d7b1d4e-9f", NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            HEAD "<devices><interface type='%s'><source type='unix' "
                 "path='%s' mode='server'/></interface></devices>" INSTANCE
                 "<ports><port uuid='" PORT "'/></ports>" END,
            cases[i].type, cases[i].path);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpstr(vsf_domain_port(def, nic(def, 0)), ==, cases[i].want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/nova/all-of-it-is-read", test_all_of_it_is_read);
    g_test_add_func("/model/nova/what-is-not-there-is-unknown", test_what_is_not_there_is_unknown);
    g_test_add_func("/model/nova/of-several-the-first-counts", test_of_several_the_first_counts);
    g_test_add_func("/model/nova/values-that-are-none-are-absent",
                    test_values_that_are_none_are_absent);
    g_test_add_func("/model/nova/ports-and-addresses-are-bounded",
                    test_ports_and_addresses_are_bounded);
    g_test_add_func("/model/nova/text-of-tenants-can-be-shown", test_text_of_tenants_can_be_shown);
    g_test_add_func("/model/nova/a-long-text-is-cut-between-characters",
                    test_a_long_text_is_cut_between_characters);
    g_test_add_func("/model/nova/ids-are-words", test_ids_are_words);
    g_test_add_func("/model/nova/times-are-of-utc", test_times_are_of_utc);
    g_test_add_func("/model/nova/a-nics-port-is-known-by-its-device-or-virtualport",
                    test_a_nics_port_is_known_by_its_device_or_virtualport);
    g_test_add_func("/model/nova/a-disks-source-serial-and-volume",
                    test_a_disks_source_serial_and_volume);
    g_test_add_func("/model/nova/without-nova-a-serial-is-no-volume",
                    test_without_nova_a_serial_is_no_volume);
    g_test_add_func("/model/nova/without-nova-a-name-is-no-config-drive",
                    test_without_nova_a_name_is_no_config_drive);
    g_test_add_func("/model/nova/a-vhost-user-port-is-known-by-its-socket",
                    test_a_vhost_user_port_is_known_by_its_socket);
    return g_test_run();
}
