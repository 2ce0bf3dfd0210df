/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/links.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>

typedef union {
    struct nlmsghdr header;
    guint8 bytes[2048];
} Message;

static struct ifinfomsg *
begin(Message *message, guint16 type)
{
    struct ifinfomsg *info;

    memset(message, 0, sizeof(*message));
    mnl_nlmsg_put_header(message);
    message->header.nlmsg_type = type;
    info = mnl_nlmsg_put_extra_header(&message->header, sizeof(*info));
    info->ifi_index = 7;
    info->ifi_type = 1;
    info->ifi_flags = 0x1003;
    return info;
}

/* A tap as the kernel tells it, with attributes before and after that nobody
 * asked for. */
static VsfLinkStats final;
static gboolean has_final;

static int
parse_gone(const guint8 *message, gsize length)
{
    return vsf_link_parse_gone(message, length, &final, &has_final);
}

static void
put_tap(Message *message, guint8 tun_type)
{
    struct nlmsghdr *header = &message->header;
    struct nlattr *info, *data;

    mnl_attr_put_u32(header, IFLA_TXQLEN, 1000);
    mnl_attr_put_strz(header, IFLA_IFNAME, "vnet0");
    mnl_attr_put_u32(header, IFLA_MTU, 1450);
    mnl_attr_put_u32(header, IFLA_MASTER, 3);
    mnl_attr_put_u32(header, IFLA_LINK, 4);
    mnl_attr_put_u8(header, IFLA_CARRIER, 1);
    mnl_attr_put(header, IFLA_ADDRESS, 6, "\xfe\x54\x00\x01\x02\x03");
    info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    data = mnl_attr_nest_start(header, IFLA_INFO_DATA); /* before the kind */
    mnl_attr_put_u8(header, IFLA_TUN_TYPE, tun_type);
    mnl_attr_nest_end(header, data);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "tun");
    mnl_attr_nest_end(header, info);
    mnl_attr_put_u32(header, IFLA_GROUP, 0);
}

static gboolean
parse(const Message *message, VsfLink *link)
{
    return vsf_link_parse(message->bytes, message->header.nlmsg_len, link);
}

static void
test_a_tap_is_read_whole(void)
{
    Message message;
    VsfLink link;

    begin(&message, RTM_NEWLINK);
    put_tap(&message, IFF_TAP);
    g_assert_true(parse(&message, &link));
    g_assert_cmpint(link.ifindex, ==, 7);
    g_assert_cmpstr(link.name, ==, "vnet0");
    g_assert_cmpstr(link.kind, ==, "tun");
    g_assert_cmpuint(link.type, ==, 1);
    g_assert_cmpuint(link.flags, ==, 0x1003);
    g_assert_cmpint(link.master, ==, 3);
    g_assert_cmpint(link.lower, ==, 4);
    g_assert_cmpuint(link.mtu, ==, 1450);
    g_assert_cmpuint(link.carrier, ==, 1);
    g_assert_cmpmem(link.mac, 6, "\xfe\x54\x00\x01\x02\x03", 6);
    g_assert_false(link.tun_l3);
    g_assert_cmpint(parse_gone(message.bytes, message.header.nlmsg_len), ==, 0);
}

static void
test_a_tun_without_ethernet_is_told_apart(void)
{
    Message message;
    VsfLink link;

    begin(&message, RTM_NEWLINK);
    put_tap(&message, IFF_TUN);
    g_assert_true(parse(&message, &link));
    g_assert_true(link.tun_l3);
}

static void
test_a_port_that_leaves_its_bridge_is_no_deletion(void)
{
    Message message;
    VsfLink link;

    begin(&message, RTM_DELLINK);
    g_assert_cmpint(parse_gone(message.bytes, message.header.nlmsg_len), ==, 7);
    begin(&message, RTM_DELLINK)->ifi_family = AF_BRIDGE;
    put_tap(&message, IFF_TAP);
    g_assert_cmpint(parse_gone(message.bytes, message.header.nlmsg_len), ==, 0);
    begin(&message, RTM_NEWLINK)->ifi_family = AF_BRIDGE;
    put_tap(&message, IFF_TAP);
    g_assert_false(parse(&message, &link));
}

static void
test_messages_without_the_links_state_are_left_out(void)
{
    Message message;
    VsfLink link;

    begin(&message, RTM_NEWLINK);
    put_tap(&message, IFF_TAP);
    mnl_attr_put_u32(&message.header, IFLA_WIRELESS, 1);
    g_assert_false(parse(&message, &link));
    begin(&message, RTM_NEWLINK);
    g_assert_false(parse(&message, &link)); /* no name */
    begin(&message, RTM_NEWLINK);
    mnl_attr_put_strz(&message.header, IFLA_IFNAME, "");
    g_assert_false(parse(&message, &link));
    begin(&message, RTM_NEWLINK)->ifi_index = 0;
    put_tap(&message, IFF_TAP);
    g_assert_false(parse(&message, &link));
    begin(&message, RTM_NEWADDR);
    put_tap(&message, IFF_TAP);
    g_assert_false(parse(&message, &link));
}

static void
test_a_name_is_any_bytes_and_always_ends(void)
{
    Message message;
    VsfLink link;

    begin(&message, RTM_NEWLINK);
    mnl_attr_put(&message.header, IFLA_IFNAME, 40, "0123456789abcdefghijklmnopqrstuvwxyz....");
    g_assert_true(parse(&message, &link));
    g_assert_cmpstr(link.name, ==, "0123456789abcde");
    begin(&message, RTM_NEWLINK);
    mnl_attr_put(&message.header, IFLA_IFNAME, 6, "\xff\xfe\n\x01%");
    g_assert_true(parse(&message, &link));
    g_assert_cmpstr(link.name, ==, "\xff\xfe\n\x01%");
}

/* Within IFLA_LINKINFO: @kind and one attribute of it, and the same of the bridge or bond
 * that it is a port of. */
static void
put_kind(Message *message, const char *kind, guint16 type, const void *value, gsize size,
         const char *port_kind, guint16 port_type, guint8 port_value)
{
    struct nlmsghdr *header = &message->header;
    struct nlattr *info, *data;

    begin(message, RTM_NEWLINK);
    mnl_attr_put_strz(header, IFLA_IFNAME, "x");
    info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, kind);
    data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    mnl_attr_put(header, type, size, value);
    mnl_attr_nest_end(header, data);
    mnl_attr_put_strz(header, IFLA_INFO_SLAVE_KIND, port_kind);
    data = mnl_attr_nest_start(header, IFLA_INFO_SLAVE_DATA);
    mnl_attr_put_u8(header, port_type, port_value);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, info);
}

static void
test_what_keeps_ports_apart_is_read(void)
{
    static const guint8 yes = 1, no = 0;
    static const guint32 vepa = MACVLAN_MODE_VEPA, bridge = MACVLAN_MODE_BRIDGE;
    static const struct {
        const char *kind;
        guint16 type;
        const void *value;
        gsize size;
        const char *port_kind;
        guint16 port_type;
        guint8 port_value;
        gboolean vlan_filtering, isolated, macvlan_bridge;
    } cases[] = {
        {"bridge", IFLA_BR_VLAN_FILTERING, &yes, 1, "", 0, 0, TRUE, FALSE, FALSE},
        {"bridge", IFLA_BR_VLAN_FILTERING, &no, 1, "", 0, 0, FALSE, FALSE, FALSE},
        {"bridge", IFLA_BR_VLAN_FILTERING, &yes, 0, "", 0, 0, FALSE, FALSE, FALSE},
        /* The same number of another kind. */
        {"veth", IFLA_BR_VLAN_FILTERING, &yes, 1, "", 0, 0, FALSE, FALSE, FALSE},
        {"tun", IFLA_TUN_OWNER, &bridge, 4, "bridge", IFLA_BRPORT_ISOLATED, 1, FALSE, TRUE, FALSE},
        {"tun", IFLA_TUN_OWNER, &bridge, 4, "bridge", IFLA_BRPORT_ISOLATED, 0, FALSE, FALSE, FALSE},
        {"tun", IFLA_TUN_OWNER, &bridge, 4, "bond", IFLA_BRPORT_ISOLATED, 1, FALSE, FALSE, FALSE},
        {"macvtap", IFLA_MACVLAN_MODE, &bridge, 4, "", 0, 0, FALSE, FALSE, TRUE},
        {"macvtap", IFLA_MACVLAN_MODE, &vepa, 4, "", 0, 0, FALSE, FALSE, FALSE},
        {"macvtap", IFLA_MACVLAN_MODE, &bridge, 2, "", 0, 0, FALSE, FALSE, FALSE},
        {"vxlan", IFLA_MACVLAN_MODE, &bridge, 4, "", 0, 0, FALSE, FALSE, FALSE},
    };
    Message message;
    VsfLink link;

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        put_kind(&message, cases[i].kind, cases[i].type, cases[i].value, cases[i].size,
                 cases[i].port_kind, cases[i].port_type, cases[i].port_value);
        g_assert_true(parse(&message, &link));
        g_assert_cmpint(link.vlan_filtering, ==, cases[i].vlan_filtering);
        g_assert_cmpint(link.isolated, ==, cases[i].isolated);
        g_assert_cmpint(link.macvlan_bridge, ==, cases[i].macvlan_bridge);
    }
}

/* A copy of its own size, so that a sanitizer sees a read behind the end; not
 * aligned, as bytes from anywhere are not. */
static void
test_cut_messages_are_refused_and_never_read_behind_their_end(void)
{
    Message message;
    VsfLink link, untouched;

    memset(&untouched, 0x5a, sizeof(untouched));
    begin(&message, RTM_NEWLINK);
    put_tap(&message, IFF_TAP);
    for (gsize length = 0; length < message.header.nlmsg_len; length++) {
        g_autofree guint8 *copy = g_malloc(length + 1);

        memcpy(copy + 1, message.bytes, length);
        link = untouched;
        g_assert_false(vsf_link_parse(copy + 1, length, &link));
        g_assert_cmpmem(&link, sizeof(link), &untouched, sizeof(untouched));
        g_assert_cmpint(parse_gone(copy + 1, length), ==, 0);
    }
}

static void
test_attributes_that_lie_about_their_length_end_the_reading(void)
{
    static const guint16 lengths[] = {0, 1, 3, 2000, G_MAXUINT16};
    Message message;
    VsfLink link;

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        struct nlattr *attr;

        begin(&message, RTM_NEWLINK);
        mnl_attr_put_strz(&message.header, IFLA_IFNAME, "vnet0");
        attr = mnl_nlmsg_get_payload_tail(&message.header);
        mnl_attr_put_u32(&message.header, IFLA_MTU, 1450);
        attr->nla_len = lengths[i];
        g_assert_true(parse(&message, &link));
        g_assert_cmpuint(link.mtu, ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/link-parse/a-tap-is-read-whole", test_a_tap_is_read_whole);
    g_test_add_func("/net/link-parse/a-tun-without-ethernet-is-told-apart",
                    test_a_tun_without_ethernet_is_told_apart);
    g_test_add_func("/net/link-parse/a-port-that-leaves-its-bridge-is-no-deletion",
                    test_a_port_that_leaves_its_bridge_is_no_deletion);
    g_test_add_func("/net/link-parse/messages-without-the-links-state-are-left-out",
                    test_messages_without_the_links_state_are_left_out);
    g_test_add_func("/net/link-parse/a-name-is-any-bytes-and-always-ends",
                    test_a_name_is_any_bytes_and_always_ends);
    g_test_add_func("/net/link-parse/what-keeps-ports-apart-is-read",
                    test_what_keeps_ports_apart_is_read);
    g_test_add_func("/net/link-parse/cut-messages-are-refused",
                    test_cut_messages_are_refused_and_never_read_behind_their_end);
    g_test_add_func("/net/link-parse/attributes-that-lie-end-the-reading",
                    test_attributes_that_lie_about_their_length_end_the_reading);
    return g_test_run();
}
