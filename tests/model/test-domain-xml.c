/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML as libvirt writes it (tests/data/domains). */
#include "domain-xml-fixture.h"

#include <string.h>

static void
test_a_plain_domain(void)
{
    static const guint8 mac[6] = {0x52, 0x54, 0, 0x6b, 0x3c, 0x58};
    g_autoptr(VsfDomainDef) def = parse_file("plain-bridge.xml");

    g_assert_cmpstr(def->uuid, ==, "6f1c0b54-7c39-4c1e-9d6e-2f0a4be0c101");
    g_assert_cmpuint(def->uuid_bytes[0], ==, 0x6f);
    g_assert_cmpuint(def->uuid_bytes[15], ==, 0x01);
    g_assert_cmpint(def->id, ==, 3);
    g_assert_cmpstr(def->name, ==, "web01");
    g_assert_cmpstr(def->title, ==, "Front end & cache");
    g_assert_null(def->nova);
    g_assert_cmpstr(def->arch, ==, "x86_64");
    g_assert_cmpuint(def->n_vcpus, ==, 2);
    g_assert_cmpuint(def->max_memory, ==, 4ull << 30);
    g_assert_cmpuint(def->memory, ==, 2ull << 30);
    g_assert_true(def->has_agent);
    g_assert_cmpint(def->agent, ==, VSF_AGENT_CONNECTED); /* the other channel is not */
    g_assert_true(def->has_balloon);
    g_assert_cmpuint(def->balloon_period_s, ==, 5);
    g_assert_false(def->monitor.agent_off);
    g_assert_cmpuint(def->monitor.sampling, ==, VSF_MONITOR_UNSET);

    g_assert_cmpuint(def->nics->len, ==, 2);
    g_assert_cmpint(nic(def, 0)->kind, ==, VSF_NIC_TAP);
    g_assert_cmpmem(nic(def, 0)->mac, 6, mac, 6);
    g_assert_cmpstr(nic(def, 0)->device, ==, "vnet0");
    g_assert_cmpstr(nic(def, 0)->bridge, ==, "virbr0");
    g_assert_cmpstr(nic(def, 0)->alias, ==, "net0");
    g_assert_cmpuint(nic(def, 0)->bandwidth_bps, ==, 8000000);
    g_assert_cmpstr(nic(def, 1)->bridge, ==, "br0");
    g_assert_cmpuint(nic(def, 1)->bandwidth_bps, ==, 0);
}

static void
test_only_the_disks_own_children_count(void)
{
    g_autoptr(VsfDomainDef) def = parse_file("plain-bridge.xml");

    g_assert_cmpuint(def->disks->len, ==, 2);
    g_assert_cmpstr(disk(def, 0)->target, ==, "vda");
    g_assert_false(disk(def, 0)->readonly); /* the backing file is */
    g_assert_false(disk(def, 0)->empty);
    g_assert_true(disk(def, 1)->removable);
    g_assert_true(disk(def, 1)->readonly);
    g_assert_true(disk(def, 1)->empty);
}

static void
test_a_macvtap_domain(void)
{
    g_autoptr(VsfDomainDef) def = parse_file("macvtap.xml");

    g_assert_cmpint(nic(def, 0)->kind, ==, VSF_NIC_MACVTAP);
    g_assert_cmpstr(nic(def, 0)->device, ==, "macvtap0");
    g_assert_null(nic(def, 0)->bridge);
    g_assert_false(def->has_agent); /* another channel is no agent */
    g_assert_cmpint(def->agent, ==, VSF_AGENT_UNKNOWN);
    g_assert_false(def->has_balloon);
    g_assert_cmpuint(def->max_memory, ==, 512ull << 20);
    g_assert_cmpuint(def->memory, ==, 512ull << 20); /* no <currentMemory>: all */
    g_assert_cmpstr(def->arch, ==, "aarch64");
}

static void
test_nova_metadata_by_namespace(void)
{
    g_autoptr(VsfDomainDef) ovs = parse_file("nova-ovs.xml");
    g_autoptr(VsfDomainDef) old = parse_file("nova-1.0-other-prefix.xml");

    g_assert_cmpstr(ovs->name, ==, "instance-0000002a");
    g_assert_cmpstr(ovs->nova->name, ==, "web server <1>");
    g_assert_cmpstr(nic(ovs, 0)->device, ==, "tap2d7b1d4e-9f");
    g_assert_cmpstr(nic(ovs, 0)->bridge, ==, "br-int");
    g_assert_cmpstr(old->name, ==, "instance-00000001");
    g_assert_cmpstr(old->nova->name, ==, "Ubuntu <16>");
    g_assert_cmpint(nic(old, 0)->kind, ==, VSF_NIC_TAP);
    g_assert_cmpuint(old->memory, ==, 1ull << 30);
}

static void
test_a_prefix_alone_is_not_nova(void)
{
    static const char *const inside[] = {
        "<nova:instance><nova:name>x</nova:name></nova:instance>",
        "<nova:instance xmlns:nova='http://evil/'><nova:name>x</nova:name></nova:instance>",
        /* The declaration of a sibling does not reach here. */
        "<a xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/>"
        "<nova:instance><nova:name>x</nova:name></nova:instance>",
        "<q:instance xmlns:q='http://openstack.org/xmlns/libvirt/nova/1.1'>"
        "<q:name xmlns:q='http://other/'>x</q:name></q:instance>",
        "<instance><name>x</name></instance>",
    };

    for (guint i = 0; i < G_N_ELEMENTS(inside); i++) {
        g_autofree char *xml = g_strdup_printf(HEAD "<metadata>%s</metadata></domain>", inside[i]);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_true(def->nova == NULL || def->nova->name == NULL);
        g_assert_cmpstr(def->name, ==, "n");
    }
}

static void
test_every_disk_kind(void)
{
    static const struct {
        const char *target;
        VsfDiskKind kind;
        gboolean removable, readonly, empty;
    } want[] = {
        {"vda", VSF_DISK_NETWORK, FALSE, FALSE, FALSE},
        {"vdb", VSF_DISK_BLOCK, FALSE, FALSE, FALSE},
        {"sda", VSF_DISK_BLOCK, FALSE, FALSE, FALSE},
        {"vdc", VSF_DISK_VOLUME, FALSE, FALSE, FALSE},
        {"vdd", VSF_DISK_OTHER, FALSE, FALSE, FALSE},
        {"vde", VSF_DISK_VHOST_USER, FALSE, FALSE, FALSE},
        {"vdf", VSF_DISK_OTHER, FALSE, TRUE, FALSE},
        {"fda", VSF_DISK_FILE, TRUE, FALSE, TRUE},
        {"vdg", VSF_DISK_FILE, FALSE, FALSE, FALSE},
        {"vdh", VSF_DISK_FILE, FALSE, FALSE, FALSE},
    };
    g_autoptr(VsfDomainDef) def = parse_file("disks.xml");

    g_assert_cmpuint(def->disks->len, ==, G_N_ELEMENTS(want));
    for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpstr(disk(def, i)->target, ==, want[i].target);
        g_assert_cmpint(disk(def, i)->kind, ==, want[i].kind);
        g_assert_cmpint(disk(def, i)->removable, ==, want[i].removable);
        g_assert_cmpint(disk(def, i)->readonly, ==, want[i].readonly);
        g_assert_cmpint(disk(def, i)->empty, ==, want[i].empty);
    }
    g_assert_cmpuint(def->n_vcpus, ==, 8);
    g_assert_cmpuint(def->max_memory, ==, 1ull << 30); /* KiB without a unit */
}

static void
test_every_nic_kind(void)
{
    static const VsfNicKind want[] = {
        VSF_NIC_TAP,     VSF_NIC_TAP,   VSF_NIC_TAP,   VSF_NIC_MACVTAP, VSF_NIC_VHOST_USER,
        VSF_NIC_HOSTDEV, VSF_NIC_OTHER, VSF_NIC_OTHER, VSF_NIC_OTHER,   VSF_NIC_OTHER,
        VSF_NIC_OTHER,   VSF_NIC_OTHER, VSF_NIC_OTHER, VSF_NIC_OTHER,   VSF_NIC_OTHER,
    };
    g_autoptr(VsfDomainDef) def = parse_file("nics.xml");

    g_assert_cmpuint(def->nics->len, ==, G_N_ELEMENTS(want));
    for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpint(nic(def, i)->kind, ==, want[i]);
        if (i < 14)
            g_assert_cmpuint(nic(def, i)->mac[5], ==, i);
    }
    g_assert_cmpstr(nic(def, 0)->type, ==, "bridge");
    g_assert_cmpstr(nic(def, 4)->type, ==, "vhostuser");
    g_assert_cmpstr(nic(def, 4)->device, ==, "vhu0");
    g_assert_null(nic(def, 5)->device);
    g_assert_cmpstr(nic(def, 5)->pci, ==, "0000:01:00.2");
    g_assert_cmpstr(nic(def, 8)->pci, ==, "");
}

static void
test_an_inactive_domain_has_no_id(void)
{
    g_autoptr(VsfDomainDef) def = parse_file("inactive.xml");

    g_assert_cmpint(def->id, ==, -1);
    g_assert_cmpstr(def->uuid, ==, "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0ae");
    g_assert_cmpuint(def->max_memory, ==, 2000000000);
    g_assert_null(nic(def, 0)->device);
}

static void
test_memory_units(void)
{
    static const struct {
        const char *unit, *text;
        guint64 want;
    } cases[] = {
        {"b", "7", 7},
        {"bytes", " 7\n", 7},
        {"KB", "7", 7000},
        {"k", "7", 7168},
        {"KiB", "7", 7168},
        {"MB", "7", 7000000},
        {"M", "7", 7ull << 20},
        {"MiB", "7", 7ull << 20},
        {"GB", "7", 7000000000},
        {"G", "7", 7ull << 30},
        {"GiB", "7", 7ull << 30},
        {"TB", "7", 7000000000000},
        {"T", "7", 7ull << 40},
        {"tib", "7", 7ull << 40},
        {"PiB", "7", 7ull << 50},
        {"EiB", "7", 7ull << 60},
        {"EiB", "16", 0}, /* 2^64 */
        {"", "7", 7168},
        {"furlong", "7", 0},
        {"Kx", "7", 0},
        {"KiB", "-1", 0},
        {"KiB", "seven", 0},
        {"KiB", "99999999999999999999", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(HEAD "<memory unit='%s'>%s</memory></domain>",
                                               cases[i].unit, cases[i].text);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpuint(def->max_memory, ==, cases[i].want);
    }
}

static void
test_values_that_are_none(void)
{
    g_autoptr(VsfDomainDef) def = parse_text(
        "<domain id='99999999999'><name>n</name><uuid>" UUID "</uuid>"
        "<vcpu current='-3'>many</vcpu><devices>"
        "<interface type='bridge'><mac address='52:54:00'/><mac/><target dev=''/>"
        "<bandwidth><inbound average='18446744073709551615'/></bandwidth></interface>"
        "<interface type='bridge'><mac address='5:4:3:2:1:f'/></interface>"
        "<interface type='bridge'><mac address='52:54:00:00:00:00:00'/></interface>"
        "<channel type='unix'/><channel><target type='virtio' name='org.qemu.guest_agent.0'/>"
        "</channel><channel type='unix'><target name='org.qemu.guest_agent.0'/></channel>"
        "</devices></domain>");
    static const guint8 zero[6], odd[6] = {5, 4, 3, 2, 1, 15};

    g_assert_cmpint(def->id, ==, -1);
    g_assert_cmpuint(def->n_vcpus, ==, 0);
    g_assert_cmpmem(nic(def, 0)->mac, 6, zero, 6);
    g_assert_null(nic(def, 0)->device);
    g_assert_cmpuint(nic(def, 0)->bandwidth_bps, ==, 0);
    g_assert_cmpmem(nic(def, 1)->mac, 6, odd, 6);
    g_assert_cmpmem(nic(def, 2)->mac, 6, zero, 6);
    g_assert_false(def->has_agent);
}

static void
test_pci_addresses_of_nics(void)
{
    static const struct {
        const char *attributes, *want;
    } cases[] = {
        {"type='pci' domain='0x0000' bus='0x81' slot='0x1f' function='0x7'", "0000:81:1f.7"},
        {"type='pci' domain='65535' bus='129' slot='0' function='2'", "ffff:81:00.2"},
        {"type='pci' bus='0x0A' slot='0x02' function='0'", "0000:0a:02.0"},
        {"type='pci' domain='0' bus='0x100' slot='0' function='0'", ""},
        {"type='pci' domain='0' bus='0' slot='0x20' function='0'", ""},
        {"type='pci' domain='0' bus='0' slot='0' function='8'", ""},
        {"type='pci' domain='0' bus='0' slot='0'", ""},
        {"type='pci' domain='0' bus='../..' slot='0' function='0'", ""},
        {"type='usb' bus='1' slot='0' function='0'", ""},
        {"domain='0' bus='1' slot='0' function='0'", ""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            HEAD "<devices><interface type='hostdev'><source><address %s/></source>"
                 "<address type='pci' domain='0' bus='9' slot='9' function='1'/></interface>"
                 "<interface type='bridge'><source><address type='pci' bus='1' slot='0' "
                 "function='0'/></source></interface></devices></domain>",
            cases[i].attributes);
        g_autoptr(VsfDomainDef) def = parse_text(xml);

        g_assert_cmpstr(nic(def, 0)->pci, ==, cases[i].want);
        g_assert_cmpstr(nic(def, 1)->pci, ==, "");
    }
}

static void
test_what_is_missing_is_named(void)
{
    static const struct {
        const char *xml, *message;
    } cases[] = {
        {"<domain><uuid>" UUID "</uuid></domain>", "domain XML: no name"},
        {"<domain><name/><uuid>" UUID "</uuid></domain>", "domain XML: no name"},
        {"<domain><name>n</name></domain>", "domain XML: no valid UUID"},
        {"<domain><name>n</name><uuid>" UUID "0</uuid></domain>", "domain XML: no valid UUID"},
        {"<network><name>n</name><uuid>" UUID "</uuid></network>", "domain XML: no <domain>"},
        {"<x>" HEAD "</domain></x>", "domain XML: no <domain>"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vsf_domain_xml_parse(cases[i].xml, -1, &error));
        g_assert_error(error, VSF_DOMAIN_XML_ERROR, VSF_DOMAIN_XML_ERROR_CONTENT);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_uuid_text_forms(void)
{
    static const char *const bad[] = {"",
                                      "9d3b1f0a",
                                      "9d3b1f0a-",
                                      "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0a",
                                      "9d3b1f0a-50f6-4b22-a3c1-d1f9f0a7e0aaa",
                                      "9d3b1f0a-50f64b22-a3c1-d1f9f0a7e0aa",
                                      "9d3b1f0a50f64b22a3c1d1f9f0a7e0ag"};
    guint8 bytes[16], again[16];
    char text[VSF_UUID_TEXT];

    g_assert_true(vsf_uuid_parse("9D3B1F0A50F64B22A3C1D1F9F0A7E0AA", bytes));
    vsf_uuid_format(bytes, text);
    g_assert_cmpstr(text, ==, UUID);
    g_assert_true(vsf_uuid_parse(text, again));
    g_assert_cmpmem(bytes, 16, again, 16);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(vsf_uuid_parse(bad[i], again));
    g_assert_false(vsf_uuid_parse(NULL, again));
    g_assert_cmpmem(bytes, 16, again, 16);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/domain-xml/a-plain-domain", test_a_plain_domain);
    g_test_add_func("/model/domain-xml/only-the-disks-own-children-count",
                    test_only_the_disks_own_children_count);
    g_test_add_func("/model/domain-xml/a-macvtap-domain", test_a_macvtap_domain);
    g_test_add_func("/model/domain-xml/nova-metadata-by-namespace",
                    test_nova_metadata_by_namespace);
    g_test_add_func("/model/domain-xml/a-prefix-alone-is-not-nova",
                    test_a_prefix_alone_is_not_nova);
    g_test_add_func("/model/domain-xml/every-disk-kind", test_every_disk_kind);
    g_test_add_func("/model/domain-xml/every-nic-kind", test_every_nic_kind);
    g_test_add_func("/model/domain-xml/an-inactive-domain-has-no-id",
                    test_an_inactive_domain_has_no_id);
    g_test_add_func("/model/domain-xml/memory-units", test_memory_units);
    g_test_add_func("/model/domain-xml/values-that-are-none", test_values_that_are_none);
    g_test_add_func("/model/domain-xml/pci-addresses-of-nics", test_pci_addresses_of_nics);
    g_test_add_func("/model/domain-xml/what-is-missing-is-named", test_what_is_missing_is_named);
    g_test_add_func("/model/domain-xml/uuid-text-forms", test_uuid_text_forms);
    return g_test_run();
}
