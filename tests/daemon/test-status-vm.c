/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/status.h"

#include <string.h>

/* Stands in for daemon/vfs.c. */
static const VsfVfReading *vf_of_test;
static const VsfVfs *vfs_of_test;

const VsfVfReading *
vsf_vfs_get(const VsfVfs *vfs, const char *pci)
{
    g_assert_true(vfs == vfs_of_test);
    return strcmp(pci, "0000:81:00.2") == 0 ? vf_of_test : NULL;
}

static char *
told_with(const VsfDomain *domain, GHashTable *links, const VsfOvsSnapshot *ports,
          const VsfPollStatus *poll)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    vsf_status_vm_members(builder, domain, links, ports, vfs_of_test, poll);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

static char *
told(const VsfDomain *domain, const VsfPollStatus *poll)
{
    return told_with(domain, NULL, NULL, poll);
}

static void
add_nic(VsfDomainDef *def, VsfNicKind kind, const char *device)
{
    VsfNic *nic = g_new0(VsfNic, 1);

    nic->kind = kind;
    nic->type = g_strdup(kind == VSF_NIC_TAP ? "bridge" : NULL);
    nic->mac[5] = (guint8)def->nics->len;
    nic->device = g_strdup(device);
    g_ptr_array_add(def->nics, nic);
}

static void
test_each_nic_is_listed_with_the_interface_that_is_read(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    g_autoptr(GPtrArray) taps = g_ptr_array_new();
    VsfDomain domain = {.def = def, .taps = taps};
    VsfPollStatus poll = {.sent = vsf_domain_counters_none(), .last_poll_us = 5000000};
    VsfTap tap = {.link.ifindex = 7};
    VsfDisk *disk = g_new0(VsfDisk, 1);
    g_autofree char *text = NULL;

    *disk = (VsfDisk){.kind = VSF_DISK_NETWORK,
                      .target = g_strdup("vda"),
                      .source = g_strdup("rbd:a/b"),
                      .serial = g_strdup("S")};
    g_ptr_array_add(def->disks, disk);
    add_nic(def, VSF_NIC_VHOST_USER, NULL);
    add_nic(def, VSF_NIC_TAP, "vnet0");
    add_nic(def, VSF_NIC_TAP, "vnet1");
    add_nic(def, VSF_NIC_HOSTDEV, NULL);
    def->has_balloon = TRUE;
    def->balloon_period_s = 10;
    tap.nic = def->nics->pdata[1];
    g_ptr_array_add(taps, &tap);
    poll.sent.cpu_time_ns = 1234567890;
    poll.sent.net.bytes_in = 0;
    text = told(&domain, &poll);
    g_assert_cmpstr(
        text, ==,
        "{\"counters\":{\"vcpus\":null,\"cpu_ms\":1234,\"memory_max\":null,"
        "\"disk_capacity\":null,\"disk_allocation\":null,\"disk_read_bytes\":null,"
        "\"disk_reads\":null,\"disk_written_bytes\":null,\"disk_writes\":null,"
        "\"net_in_bytes\":0,\"net_in_packets\":null,\"net_out_bytes\":null,"
        "\"net_out_packets\":null},"
        "\"rates\":{\"over_s\":null,\"cpu_percent\":null,\"disk_read_bytes\":null,"
        "\"disk_written_bytes\":null,\"net_in_bits\":null,\"net_in_packets\":null,"
        "\"net_out_bits\":null,\"net_out_packets\":null},"
        "\"interfaces\":["
        "{\"kind\":\"vhost-user\",\"type\":null,\"mac\":\"00:00:00:00:00:00\",\"device\":null,"
        "\"port\":null,\"ifindex\":null,"
        "\"trouble\":null,\"unsampled\":\"its packets pass a switch in user "
        "space\",\"switch\":null,\"pci\":null,\"vf\":null},"
        "{\"kind\":\"tap\",\"type\":\"bridge\",\"mac\":\"00:00:00:00:00:01\",\"device\":\"vnet0\","
        "\"port\":"
        "null,\"ifindex\":7,"
        "\"trouble\":null,\"unsampled\":null,\"switch\":null,\"pci\":null,\"vf\":null},"
        "{\"kind\":\"tap\",\"type\":\"bridge\",\"mac\":\"00:00:00:00:00:02\",\"device\":\"vnet1\","
        "\"port\":"
        "null,\"ifindex\":null,"
        "\"trouble\":null,\"unsampled\":null,\"switch\":null,\"pci\":null,\"vf\":null},"
        "{\"kind\":\"hostdev\",\"type\":null,\"mac\":\"00:00:00:00:00:03\",\"device\":null,"
        "\"port\":"
        "null,\"ifindex\":null,"
        "\"trouble\":null,\"unsampled\":\"its packets pass no interface of the "
        "host\",\"switch\":null,\"pci\":null,\"vf\":null}],"
        "\"block_devices\":[{\"target\":\"vda\",\"kind\":\"network\",\"source\":\"rbd:a/b\","
        "\"serial\":\"S\",\"volume\":null,\"config_drive\":false,\"counted\":true}],"
        "\"balloon\":{\"device\":true,\"period_s\":10}}");
}

/* A tun in layer 3, or a tunnel: neither its packets nor its counters are the NIC's. */
static void
test_what_has_the_name_of_a_tap_and_is_none_is_told(void)
{
    static VsfLink links[] = {
        {.ifindex = 7, .name = "vnet0", .kind = "tun", .type = 1, .tun_l3 = TRUE},
        {.ifindex = 8, .name = "vnet1", .kind = "ipip", .type = 768},
        {.ifindex = 9, .name = "vnet2", .kind = "tun", .type = 1},
    };
    static const char *const wanted[] = {"\"not Ethernet\"", "\"not Ethernet\"", "null"};
    g_autoptr(GHashTable) table = g_hash_table_new(NULL, NULL);
    VsfPollStatus poll = {.sent = vsf_domain_counters_none()};

    for (guint i = 0; i < G_N_ELEMENTS(links); i++)
        g_hash_table_insert(table, GINT_TO_POINTER(links[i].ifindex), &links[i]);
    for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
        g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
        g_autoptr(GPtrArray) taps = g_ptr_array_new();
        VsfDomain domain = {.def = def, .taps = taps};
        g_autofree char *text = NULL, *member = NULL;

        add_nic(def, VSF_NIC_TAP, links[i].name);
        text = told_with(&domain, table, NULL, &poll);
        member = g_strdup_printf("\"ifindex\":null,\"trouble\":%s,", wanted[i]);
        g_assert_nonnull(strstr(text, member));
    }
}

static void
test_a_virtual_function_is_told(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    g_autoptr(GPtrArray) taps = g_ptr_array_new();
    VsfDomain domain = {.def = def, .taps = taps};
    VsfPollStatus poll = {.sent = vsf_domain_counters_none()};
    VsfVfReading reading = {
        .place = {.ifindex = 4, .interface = "enp129s0f0"},
        .vf = {.number = 1, .vlan = 42, .net = vsf_net_counters_unknown()},
    };
    g_autofree char *text = NULL;

    reading.vf.net.bytes_in = 7;
    reading.vf.net.packets_out = 8;
    add_nic(def, VSF_NIC_HOSTDEV, NULL);
    g_strlcpy(((VsfNic *)def->nics->pdata[0])->pci, "0000:81:00.2", VSF_PCI_TEXT);
    vf_of_test = &reading;
    vfs_of_test = (const VsfVfs *)&reading;
    text = told(&domain, &poll);
    vf_of_test = NULL;
    vfs_of_test = NULL;
    g_assert_nonnull(strstr(text, "\"pci\":\"0000:81:00.2\",\"vf\":{\"card\":\"enp129s0f0\","
                                  "\"number\":1,\"vlan\":42,\"age_s\":null,\"in_bytes\":7,"
                                  "\"in_packets\":null,\"in_drops\":null,\"out_bytes\":null,"
                                  "\"out_packets\":8,\"out_drops\":null}}"));
}

static char *
told_of_nova(const VsfNova *nova)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    vsf_status_nova_member(builder, nova);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

static void
test_what_nova_says_is_told(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    g_autofree char *none = told_of_nova(NULL), *empty = NULL, *text = NULL;
    VsfNovaPort *port = g_new0(VsfNovaPort, 1);

    g_assert_cmpstr(none, ==, "{\"nova\":null}");
    def->nova = vsf_nova_new();
    empty = told_of_nova(def->nova);
    g_assert_cmpstr(empty, ==,
                    "{\"nova\":{\"name\":null,\"created\":null,\"flavor\":{\"name\":null,"
                    "\"vcpus\":null,\"memory\":null,\"disk\":null,\"ephemeral\":null,"
                    "\"swap\":null},\"project\":{\"id\":null,\"name\":null},"
                    "\"user\":{\"id\":null,\"name\":null},\"image\":null,\"ports\":[]}}");
    def->nova->name = g_strdup("web \"1\"");
    def->nova->created_s = 1709287872;
    def->nova->flavor.name = g_strdup("m1");
    def->nova->flavor.vcpus = 2;
    def->nova->flavor.memory = 1 << 20;
    def->nova->flavor.disk = 0;
    def->nova->project.id = g_strdup("7b1c");
    def->nova->project.name = g_strdup("shop");
    def->nova->image = g_strdup("f0c1");
    port->id = g_strdup("2d7b1d4e-9f00-4a3c-b6de-c3a1c6c6e001");
    port->addresses = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(port->addresses, g_strdup("10.0.0.7"));
    g_ptr_array_add(def->nova->ports, port);
    text = told_of_nova(def->nova);
    g_assert_cmpstr(text, ==,
                    "{\"nova\":{\"name\":\"web \\\"1\\\"\",\"created\":\"2024-03-01T10:11:12Z\","
                    "\"flavor\":{\"name\":\"m1\",\"vcpus\":2,\"memory\":1048576,\"disk\":0,"
                    "\"ephemeral\":null,\"swap\":null},"
                    "\"project\":{\"id\":\"7b1c\",\"name\":\"shop\"},"
                    "\"user\":{\"id\":null,\"name\":null},\"image\":\"f0c1\","
                    "\"ports\":[{\"id\":\"2d7b1d4e-9f00-4a3c-b6de-c3a1c6c6e001\","
                    "\"addresses\":[\"10.0.0.7\"]}]}}");
}

/* A tap by its number, and a port without an interface of the kernel's by its name. */
static void
test_port_of_a_switch_is_told(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    g_autoptr(GPtrArray) taps = g_ptr_array_new();
    VsfDomain domain = {.def = def, .taps = taps};
    VsfPollStatus poll = {.sent = vsf_domain_counters_none()};
    VsfTap tap = {.link = {.ifindex = 7, .name = "vnet0"}},
           other = {.link = {.ifindex = 9, .name = "vnet1"}};
    g_autoptr(VsfOvsSnapshot) ports = vsf_ovs_snapshot_new(NULL);
    g_autofree char *text = NULL;

    vsf_ovs_snapshot_add_port(ports, &(VsfOvsPort){.name = "vnet0",
                                                   .port = "vnet0",
                                                   .bridge = "br-int",
                                                   .type = "",
                                                   .ofport = 3,
                                                   .ifindex = 7,
                                                   .tag = 5,
                                                   .iface_id = "p-1"});
    vsf_ovs_snapshot_add_port(
        ports, &(VsfOvsPort){
                   .name = "vnet1", .port = "vnet1", .bridge = "br-int", .type = "", .ifindex = 8});
    vsf_ovs_snapshot_add_port(ports, &(VsfOvsPort){.name = "vhu1",
                                                   .port = "vhu1",
                                                   .bridge = "br-dpdk",
                                                   .trunks = "1-3",
                                                   .type = "dpdkvhostuserclient",
                                                   .ofport = -1,
                                                   .tag = -1});
    vsf_ovs_snapshot_add_bridge(ports, &(VsfOvsBridge){"u1", "br-int", "s1"});
    vsf_ovs_snapshot_add_bridge(ports, &(VsfOvsBridge){"u2", "br-dpdk", "s2"});
    vsf_ovs_snapshot_add_sflow(ports,
                               &(VsfOvsSflow){.uuid = "s1", .mark = VSF_OVS_MARK, .targets = ""});
    vsf_ovs_snapshot_add_sflow(ports, &(VsfOvsSflow){.uuid = "s2", .targets = ""});
    vsf_ovs_snapshot_seal(ports);
    add_nic(def, VSF_NIC_TAP, "vnet0");
    add_nic(def, VSF_NIC_TAP, "vnet1");
    add_nic(def, VSF_NIC_VHOST_USER, "vhu1");
    add_nic(def, VSF_NIC_VHOST_USER, "vnet0");
    tap.nic = def->nics->pdata[0];
    other.nic = def->nics->pdata[1];
    g_ptr_array_add(taps, &tap);
    g_ptr_array_add(taps, &other);
    text = told_with(&domain, NULL, ports, &poll);
    g_assert_nonnull(strstr(
        text,
        "\"device\":\"vnet0\",\"port\":null,\"ifindex\":7,\"trouble\":null,\"unsampled\":null,"
        "\"switch\":{\"bridge\":\"br-int\",\"port\":\"vnet0\","
        "\"type\":\"\",\"ofport\":3,\"vlan\":5,\"vlan_mode\":null,"
        "\"trunks\":null,\"iface_id\":\"p-1\",\"samples\":true},"));
    g_assert_nonnull(strstr(
        text,
        "\"device\":\"vnet1\",\"port\":null,\"ifindex\":9,\"trouble\":null,\"unsampled\":null,"
        "\"switch\":null,"));
    g_assert_nonnull(strstr(
        text, "\"device\":\"vhu1\",\"port\":null,\"ifindex\":null,\"trouble\":"
              "null,\"unsampled\":\"its packets pass a switch in user space\","
              "\"switch\":{\"bridge\":\"br-dpdk\",\"port\":\"vhu1\","
              "\"type\":\"dpdkvhostuserclient\",\"ofport\":null,\"vlan\":null,"
              "\"vlan_mode\":null,\"trunks\":\"1-3\",\"iface_id\":null,\"samples\":false},"));
    g_assert_nonnull(strstr(text,
                            "\"kind\":\"vhost-user\",\"type\":null,\"mac\":\"00:00:00:00:00:03\","
                            "\"device\":\"vnet0\",\"port\":null,\"ifindex\":null,\"trouble\":null,"
                            "\"unsampled\":\"its packets pass a switch in user space\","
                            "\"switch\":null,"));
}

static void
test_an_interface_that_is_not_there_is_told(void)
{
    static const struct {
        VsfNicKind kind;
        const char *device, *wanted;
    } nics[] = {
        {VSF_NIC_TAP, "vnet0", "null"}, /* no pattern of ours, say */
        {VSF_NIC_TAP, "vnet1", "\"not there\""},
        {VSF_NIC_MACVTAP, "macvtap0", "\"not there\""},
        {VSF_NIC_TAP, NULL, "null"},
        {VSF_NIC_VHOST_USER, "vhu0", "null"},
    };
    VsfLink link = {.ifindex = 9, .name = "vnet0", .kind = "tun", .type = 1};
    g_autoptr(GHashTable) table = g_hash_table_new(NULL, NULL);
    VsfPollStatus poll = {.sent = vsf_domain_counters_none()};

    g_hash_table_insert(table, GINT_TO_POINTER(9), &link);
    for (guint i = 0; i < G_N_ELEMENTS(nics); i++) {
        g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
        g_autoptr(GPtrArray) taps = g_ptr_array_new();
        VsfDomain domain = {.def = def, .taps = taps};
        g_autofree char *text = NULL, *member = NULL;

        add_nic(def, nics[i].kind, nics[i].device);
        text = told_with(&domain, table, NULL, &poll);
        member = g_strdup_printf("\"ifindex\":null,\"trouble\":%s,", nics[i].wanted);
        g_assert_nonnull(strstr(text, member));
    }
}

static void
test_rates_are_of_the_last_two_turns(void)
{
    g_autoptr(VsfDomainDef) def = vsf_domain_def_new();
    g_autoptr(GPtrArray) taps = g_ptr_array_new();
    VsfDomain domain = {.def = def, .taps = taps};
    VsfPollStatus poll = {.sent = vsf_domain_counters_none(),
                          .before = vsf_domain_counters_none(),
                          .last_poll_us = 7000000,
                          .before_us = 3000000};
    g_autofree char *text = NULL;

    poll.before.cpu_time_ns = 1000000000;
    poll.sent.cpu_time_ns = 3000000000;
    poll.before.net.bytes_in = 100;
    poll.sent.net.bytes_in = 1100;
    poll.before.net.bytes_out = 100; /* went back */
    poll.sent.net.bytes_out = 99;
    poll.sent.net.packets_in = 99; /* was not known */
    text = told(&domain, &poll);
    g_assert_nonnull(strstr(text, "\"rates\":{\"over_s\":4.0,\"cpu_percent\":50.0,"
                                  "\"disk_read_bytes\":null,\"disk_written_bytes\":null,"
                                  "\"net_in_bits\":2000.0,\"net_in_packets\":null,"
                                  "\"net_out_bits\":null,\"net_out_packets\":null}"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/daemon/status-vm/each-nic-is-listed-with-the-interface-that-is-read",
                    test_each_nic_is_listed_with_the_interface_that_is_read);
    g_test_add_func("/status-vm/what-has-the-name-of-a-tap-and-is-none-is-told",
                    test_what_has_the_name_of_a_tap_and_is_none_is_told);
    g_test_add_func("/daemon/status-vm/a-virtual-function-is-told",
                    test_a_virtual_function_is_told);
    g_test_add_func("/daemon/status-vm/what-nova-says-is-told", test_what_nova_says_is_told);
    g_test_add_func("/daemon/status-vm/port-of-a-switch-is-told", test_port_of_a_switch_is_told);
    g_test_add_func("/daemon/status-vm/an-interface-that-is-not-there-is-told",
                    test_an_interface_that_is_not_there_is_told);
    g_test_add_func("/daemon/status-vm/rates-are-of-the-last-two-turns",
                    test_rates_are_of_the_last_two_turns);
    return g_test_run();
}
