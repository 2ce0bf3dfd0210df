/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/status.h"

#include <string.h>

static char *
told_with(const VsfDomain *domain, GHashTable *links, const VsfOvsSnapshot *ports,
          const VsfPollStatus *poll)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    vsf_status_vm_members(builder, domain, links, ports, poll);
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
    g_autofree char *text = NULL;

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
        "{\"kind\":\"vhost-user\",\"mac\":\"00:00:00:00:00:00\",\"device\":null,\"ifindex\":null,"
        "\"trouble\":null,\"switch\":null},"
        "{\"kind\":\"tap\",\"mac\":\"00:00:00:00:00:01\",\"device\":\"vnet0\",\"ifindex\":7,"
        "\"trouble\":null,\"switch\":null},"
        "{\"kind\":\"tap\",\"mac\":\"00:00:00:00:00:02\",\"device\":\"vnet1\",\"ifindex\":null,"
        "\"trouble\":null,\"switch\":null},"
        "{\"kind\":\"hostdev\",\"mac\":\"00:00:00:00:00:03\",\"device\":null,\"ifindex\":null,"
        "\"trouble\":null,\"switch\":null}],"
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
    g_assert_nonnull(strstr(text, "\"device\":\"vnet0\",\"ifindex\":7,\"trouble\":null,"
                                  "\"switch\":{\"bridge\":\"br-int\",\"port\":\"vnet0\","
                                  "\"type\":\"\",\"ofport\":3,\"vlan\":5,\"vlan_mode\":null,"
                                  "\"trunks\":null,\"iface_id\":\"p-1\",\"samples\":true}}"));
    g_assert_nonnull(strstr(text, "\"device\":\"vnet1\",\"ifindex\":9,\"trouble\":null,"
                                  "\"switch\":null}"));
    g_assert_nonnull(strstr(
        text, "\"device\":\"vhu1\",\"ifindex\":null,\"trouble\":null,"
              "\"switch\":{\"bridge\":\"br-dpdk\",\"port\":\"vhu1\","
              "\"type\":\"dpdkvhostuserclient\",\"ofport\":null,\"vlan\":null,"
              "\"vlan_mode\":null,\"trunks\":\"1-3\",\"iface_id\":null,\"samples\":false}}"));
    g_assert_nonnull(strstr(text, "\"kind\":\"vhost-user\",\"mac\":\"00:00:00:00:00:03\","
                                  "\"device\":\"vnet0\",\"ifindex\":null,\"trouble\":null,"
                                  "\"switch\":null}"));
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
    g_test_add_func("/daemon/status-vm/port-of-a-switch-is-told", test_port_of_a_switch_is_told);
    g_test_add_func("/daemon/status-vm/rates-are-of-the-last-two-turns",
                    test_rates_are_of_the_last_two_turns);
    return g_test_run();
}
