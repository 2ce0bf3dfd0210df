/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of virtual functions, as rtnl_fill_vfinfo() of the kernel writes them. */
#include "../../daemon/net/link-vfs.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

typedef union {
    struct nlmsghdr header;
    guint8 bytes[65536];
} Message;

static void
begin(Message *message)
{
    struct ifinfomsg *info;

    memset(message, 0, sizeof(*message));
    mnl_nlmsg_put_header(message);
    message->header.nlmsg_type = RTM_NEWLINK;
    info = mnl_nlmsg_put_extra_header(&message->header, sizeof(*info));
    info->ifi_index = 4;
    mnl_attr_put_strz(&message->header, IFLA_IFNAME, "enp129s0f0");
    mnl_attr_put_u32(&message->header, IFLA_NUM_VF, 2);
}

static void
put_vf(Message *message, guint32 number, guint64 base)
{
    struct nlmsghdr *header = &message->header;
    struct ifla_vf_mac mac = {.vf = number, .mac = {0xfa, 0x16, 0x3e, 0, 0, (guint8)number}};
    struct ifla_vf_vlan vlan = {.vf = number, .vlan = 40 + number};
    struct nlattr *vf = mnl_attr_nest_start(header, IFLA_VF_INFO), *stats;

    mnl_attr_put(header, IFLA_VF_MAC, sizeof(mac), &mac);
    mnl_attr_put(header, IFLA_VF_VLAN, sizeof(vlan), &vlan);
    mnl_attr_put_u32(header, IFLA_VF_LINK_STATE, 0);
    stats = mnl_attr_nest_start(header, IFLA_VF_STATS);
    mnl_attr_put_u64(header, IFLA_VF_STATS_RX_PACKETS, base * 1);
    mnl_attr_put_u64(header, IFLA_VF_STATS_TX_PACKETS, base * 2);
    mnl_attr_put_u64(header, IFLA_VF_STATS_RX_BYTES, base * 3);
    mnl_attr_put_u64(header, IFLA_VF_STATS_TX_BYTES, base * 4);
    mnl_attr_put_u64(header, IFLA_VF_STATS_BROADCAST, base * 5);
    mnl_attr_put_u64(header, IFLA_VF_STATS_MULTICAST, base * 6);
    mnl_attr_put_u64(header, IFLA_VF_STATS_RX_DROPPED, base * 7);
    mnl_attr_put_u64(header, IFLA_VF_STATS_TX_DROPPED, base * 8);
    mnl_attr_nest_end(header, stats);
    mnl_attr_nest_end(header, vf);
}

static GArray *
parse(const Message *message, gsize length, gboolean want)
{
    GArray *vfs = g_array_new(FALSE, FALSE, sizeof(VsfVf));

    g_assert_cmpint(vsf_link_parse_vfs(message->bytes, length, 4, vfs), ==, want);
    return vfs;
}

static void
put_two(Message *message)
{
    struct nlattr *list;

    begin(message);
    list = mnl_attr_nest_start(&message->header, IFLA_VFINFO_LIST);
    put_vf(message, 0, 0);
    put_vf(message, 1, 1000000000000);
    mnl_attr_nest_end(&message->header, list);
    mnl_attr_put_u32(&message->header, IFLA_GROUP, 0);
}

static void
test_each_functions_counters(void)
{
    Message message;
    g_autoptr(GArray) vfs = NULL;
    const VsfVf *vf;

    put_two(&message);
    vfs = parse(&message, message.header.nlmsg_len, TRUE);
    g_assert_cmpuint(vfs->len, ==, 2);
    /* Zeros: its card may count nothing. */
    vf = &g_array_index(vfs, VsfVf, 0);
    g_assert_cmpuint(vf->number, ==, 0);
    g_assert_cmpuint(vf->net.bytes_in, ==, VSF_UNKNOWN);
    g_assert_cmpuint(vf->net.packets_out, ==, VSF_UNKNOWN);
    vf = &g_array_index(vfs, VsfVf, 1);
    g_assert_cmpuint(vf->number, ==, 1);
    g_assert_cmpmem(vf->mac, 6, "\xfa\x16\x3e\x00\x00\x01", 6);
    g_assert_cmpuint(vf->vlan, ==, 41);
    g_assert_cmpuint(vf->net.packets_in, ==, 1000000000000);
    g_assert_cmpuint(vf->net.packets_out, ==, 2000000000000);
    g_assert_cmpuint(vf->net.bytes_in, ==, 3000000000000);
    g_assert_cmpuint(vf->net.bytes_out, ==, 4000000000000);
    g_assert_cmpuint(vf->net.multicast_in, ==, 6000000000000);
    g_assert_cmpuint(vf->net.drops_in, ==, 7000000000000);
    g_assert_cmpuint(vf->net.drops_out, ==, 8000000000000);
    g_assert_cmpuint(vf->net.errors_in, ==, VSF_UNKNOWN);
}

static void
test_another_interfaces_message_is_none(void)
{
    Message message;
    g_autoptr(GArray) vfs = g_array_new(FALSE, FALSE, sizeof(VsfVf));

    put_two(&message);
    g_assert_false(vsf_link_parse_vfs(message.bytes, message.header.nlmsg_len, 5, vfs));
    message.header.nlmsg_type = RTM_DELLINK;
    g_assert_false(vsf_link_parse_vfs(message.bytes, message.header.nlmsg_len, 4, vfs));
    g_assert_cmpuint(vfs->len, ==, 0);
}

/* Wherever a message is cut, and whatever a length in it says. */
static void
test_cut_messages_and_wrong_lengths_do_no_harm(void)
{
    Message message, changed;
    gsize length;

    put_two(&message);
    length = message.header.nlmsg_len;
    for (gsize cut = 0; cut < length; cut++) {
        g_autofree guint8 *copy = g_memdup2(message.bytes, cut);
        g_autoptr(GArray) vfs = g_array_new(FALSE, FALSE, sizeof(VsfVf));

        g_assert_false(vsf_link_parse_vfs(copy, cut, 4, vfs));
    }
    for (gsize at = sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg); at < length; at++) {
        g_autoptr(GArray) vfs = NULL;

        memcpy(&changed, &message, sizeof(changed));
        changed.bytes[at] ^= 0xff;
        vfs = parse(&changed, length, TRUE);
        g_assert_cmpuint(vfs->len, <=, 2);
    }
}

static void
test_the_list_is_bounded(void)
{
    Message message;
    g_autoptr(GArray) vfs = NULL;

    begin(&message);
    /* More than the kernel puts into one list: several lists. */
    for (guint i = 0; i < 300; i += 100) {
        struct nlattr *list = mnl_attr_nest_start(&message.header, IFLA_VFINFO_LIST);

        for (guint j = 0; j < 100; j++)
            put_vf(&message, i + j, 1);
        mnl_attr_nest_end(&message.header, list);
    }
    vfs = parse(&message, message.header.nlmsg_len, TRUE);
    g_assert_cmpuint(vfs->len, ==, VSF_LINK_VFS_MAX);
}

/* Of this machine's kernel. */
static void
test_an_interface_without_functions_has_none(void)
{
    g_autoptr(VsfNetlinkLine) line = vsf_netlink_line_new(NETLINK_ROUTE);
    g_autoptr(GError) error = NULL;
    int loopback = (int)if_nametoindex("lo");
    g_autoptr(GArray) vfs = vsf_link_vfs_read(line, loopback, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(vfs->len, ==, 0);
}

static void
test_an_interface_that_is_not_there_is_an_error(void)
{
    g_autoptr(VsfNetlinkLine) line = vsf_netlink_line_new(NETLINK_ROUTE);
    g_autoptr(GError) error = NULL;

    g_assert_null(vsf_link_vfs_read(line, G_MAXINT, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "netlink: no interface 2147483647");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/link-vfs/each-functions-counters", test_each_functions_counters);
    g_test_add_func("/net/link-vfs/another-interfaces-message-is-none",
                    test_another_interfaces_message_is_none);
    g_test_add_func("/net/link-vfs/cut-messages-and-wrong-lengths-do-no-harm",
                    test_cut_messages_and_wrong_lengths_do_no_harm);
    g_test_add_func("/net/link-vfs/the-list-is-bounded", test_the_list_is_bounded);
    g_test_add_func("/net/link-vfs/an-interface-without-functions-has-none",
                    test_an_interface_without_functions_has_none);
    g_test_add_func("/net/link-vfs/an-interface-that-is-not-there-is-an-error",
                    test_an_interface_that_is_not_there_is_an_error);
    return g_test_run();
}
