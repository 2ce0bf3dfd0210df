/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of ethtool's family, as stats_fill_reply() of the kernel writes them: no driver here has
 * such counters. */
#include "../../daemon/net/mac-stats.h"

#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <string.h>

#define FAMILY 0x15

typedef union {
    struct nlmsghdr header;
    guint8 bytes[1024];
} Message;

static const VsfMacCounters mlx5 = {{1000000000000, 20, 3}, {50, 6, 7}};

static void
begin(Message *message, guint16 type, guint8 command)
{
    struct genlmsghdr *generic;

    memset(message, 0, sizeof(*message));
    mnl_nlmsg_put_header(message);
    message->header.nlmsg_type = type;
    generic = mnl_nlmsg_put_extra_header(&message->header, sizeof(*generic));
    generic->cmd = command;
    generic->version = ETHTOOL_GENL_VERSION;
}

static void
begin_answer(Message *message, guint32 ifindex)
{
    struct nlattr *nest;

    begin(message, FAMILY, ETHTOOL_MSG_STATS_GET_REPLY);
    nest = mnl_attr_nest_start(&message->header, ETHTOOL_A_STATS_HEADER);
    mnl_attr_put_u32(&message->header, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
    mnl_attr_put_strz(&message->header, ETHTOOL_A_HEADER_DEV_NAME, "enp1s0");
    mnl_attr_nest_end(&message->header, nest);
}

static struct nlattr *
begin_group(Message *message, guint32 id)
{
    struct nlattr *nest = mnl_attr_nest_start(&message->header, ETHTOOL_A_STATS_GRP);

    mnl_attr_put_u32(&message->header, ETHTOOL_A_STATS_GRP_ID, id);
    mnl_attr_put_u32(&message->header, ETHTOOL_A_STATS_GRP_SS_ID, 17 + id); /* names: not asked */
    return nest;
}

static void
put_counter(Message *message, guint16 type, guint64 value)
{
    struct nlattr *nest = mnl_attr_nest_start(&message->header, ETHTOOL_A_STATS_GRP_STAT);

    mnl_attr_put_u64(&message->header, type, value);
    mnl_attr_nest_end(&message->header, nest);
}

/* In the kernel's order, with others between. */
static void
put_mac(Message *message, const VsfMacCounters *mac)
{
    struct nlattr *nest = begin_group(message, ETHTOOL_STATS_ETH_MAC);

    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_2_TX_PKT, mac->out.frames);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_3_SINGLE_COL, 901);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_5_RX_PKT, mac->in.frames);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_6_FCS_ERR, 902);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_14_RX_BYTES, 903);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_18_TX_MCAST, mac->out.multicast);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_19_TX_BCAST, mac->out.broadcast);
    mnl_attr_put(&message->header, ETHTOOL_A_STATS_GRP_PAD, 0, "");
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_21_RX_MCAST, mac->in.multicast);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_22_RX_BCAST, mac->in.broadcast);
    put_counter(message, ETHTOOL_A_STATS_ETH_MAC_25_TOO_LONG_ERR, 904);
    mnl_attr_nest_end(&message->header, nest);
}

static gboolean
parse(const Message *message, gsize length, VsfMacCounters *counters)
{
    int ifindex = -1;
    gboolean parsed = vsf_mac_stats_parse(message->bytes, length, FAMILY, &ifindex, counters);

    g_assert_cmpint(ifindex, ==, parsed ? 4 : -1);
    return parsed;
}

static void
assert_counters(const VsfMacCounters *counters, const VsfMacCounters *wanted)
{
    g_assert_cmpuint(counters->in.frames, ==, wanted->in.frames);
    g_assert_cmpuint(counters->in.multicast, ==, wanted->in.multicast);
    g_assert_cmpuint(counters->in.broadcast, ==, wanted->in.broadcast);
    g_assert_cmpuint(counters->out.frames, ==, wanted->out.frames);
    g_assert_cmpuint(counters->out.multicast, ==, wanted->out.multicast);
    g_assert_cmpuint(counters->out.broadcast, ==, wanted->out.broadcast);
}

static void
test_all_that_a_driver_counts(void)
{
    Message message;
    VsfMacCounters counters;

    begin_answer(&message, 4);
    put_mac(&message, &mlx5);
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &mlx5);
}

static void
test_what_it_does_not_count_is_unknown(void)
{
    Message message;
    VsfMacCounters counters, wanted = vsf_mac_counters_unknown();
    struct nlattr *nest;

    /* no group, and one without anything in it, which is what the kernel writes for a driver that
     * has no such function */
    begin_answer(&message, 4);
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &wanted);
    nest = begin_group(&message, ETHTOOL_STATS_ETH_MAC);
    mnl_attr_nest_end(&message.header, nest);
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &wanted);

    begin_answer(&message, 4);
    nest = begin_group(&message, ETHTOOL_STATS_ETH_MAC);
    put_counter(&message, ETHTOOL_A_STATS_ETH_MAC_18_TX_MCAST, 0);
    put_counter(&message, ETHTOOL_A_STATS_ETH_MAC_22_RX_BCAST, 9);
    mnl_attr_nest_end(&message.header, nest);
    wanted.out.multicast = 0;
    wanted.in.broadcast = 9;
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &wanted);
}

/* The numbers of two groups' counters are the same. */
static void
test_another_groups_counters_are_none(void)
{
    static const guint32 others[] = {ETHTOOL_STATS_ETH_PHY, ETHTOOL_STATS_ETH_CTRL,
                                     ETHTOOL_STATS_RMON, 1000};
    Message message;
    VsfMacCounters counters;

    begin_answer(&message, 4);
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        struct nlattr *nest = begin_group(&message, others[i]);

        put_counter(&message, ETHTOOL_A_STATS_ETH_MAC_2_TX_PKT, 999);
        put_counter(&message, ETHTOOL_A_STATS_ETH_MAC_5_RX_PKT, 999);
        mnl_attr_nest_end(&message.header, nest);
        if (i == 0)
            put_mac(&message, &mlx5);
    }
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &mlx5);
}

static void
test_other_messages_are_none(void)
{
    Message message;
    VsfMacCounters counters = mlx5;

    begin_answer(&message, 4);
    put_mac(&message, &mlx5);
    message.header.nlmsg_type++;
    g_assert_false(parse(&message, message.header.nlmsg_len, &counters));

    begin_answer(&message, 4);
    ((struct genlmsghdr *)mnl_nlmsg_get_payload(&message.header))->cmd =
        ETHTOOL_MSG_FEATURES_GET_REPLY;
    g_assert_false(parse(&message, message.header.nlmsg_len, &counters));

    begin(&message, FAMILY, ETHTOOL_MSG_STATS_GET_REPLY);
    put_mac(&message, &mlx5);
    g_assert_false(parse(&message, message.header.nlmsg_len, &counters)); /* whose? */
    begin_answer(&message, 0);
    g_assert_false(parse(&message, message.header.nlmsg_len, &counters));
    begin_answer(&message, 0x80000004);
    g_assert_false(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &mlx5);
}

/* An attribute of fewer bytes than its value has. */
static void
test_short_values_are_unknown(void)
{
    Message message;
    VsfMacCounters counters, wanted = vsf_mac_counters_unknown();
    struct nlattr *group, *nest;

    begin_answer(&message, 4);
    group = begin_group(&message, ETHTOOL_STATS_ETH_MAC);
    nest = mnl_attr_nest_start(&message.header, ETHTOOL_A_STATS_GRP_STAT);
    mnl_attr_put_u32(&message.header, ETHTOOL_A_STATS_ETH_MAC_22_RX_BCAST, 9);
    mnl_attr_nest_end(&message.header, nest);
    mnl_attr_put(&message.header, ETHTOOL_A_STATS_GRP_STAT, 3, "\x0c\0\x12");
    mnl_attr_nest_end(&message.header, group);
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &wanted);

    begin_answer(&message, 4);
    group = mnl_attr_nest_start(&message.header, ETHTOOL_A_STATS_GRP);
    mnl_attr_put_u16(&message.header, ETHTOOL_A_STATS_GRP_ID, ETHTOOL_STATS_ETH_MAC);
    put_counter(&message, ETHTOOL_A_STATS_ETH_MAC_22_RX_BCAST, 9);
    mnl_attr_nest_end(&message.header, group);
    g_assert_true(parse(&message, message.header.nlmsg_len, &counters));
    assert_counters(&counters, &wanted);
}

/* Wherever a message is cut, and whatever a length in it says. */
static void
test_cut_messages_and_wrong_lengths_do_no_harm(void)
{
    Message whole;
    VsfMacCounters counters;

    begin_answer(&whole, 4);
    put_mac(&whole, &mlx5);
    for (gsize length = 0; length < whole.header.nlmsg_len; length++) {
        /* Just that size: a read beyond it is one beyond the end. */
        g_autofree guint8 *cut = length > 0 ? g_memdup2(whole.bytes, length) : NULL;
        g_autofree guint8 *lies = NULL;
        int ifindex;

        g_assert_false(vsf_mac_stats_parse(cut, length, FAMILY, &ifindex, &counters));
        if (length < sizeof(struct nlmsghdr))
            continue;
        lies = g_memdup2(whole.bytes, length);
        ((struct nlmsghdr *)(void *)lies)->nlmsg_len = (guint32)length;
        if (vsf_mac_stats_parse(lies, length, FAMILY, &ifindex, &counters))
            g_assert_cmpint(ifindex, ==, 4);
    }
    for (gsize at = 0; at + 1 < whole.header.nlmsg_len; at++) {
        static const guint16 lengths[] = {0, 1, 3, 4, 5, 0x7fff, 0xffff};

        for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
            g_autofree guint8 *copy = g_memdup2(whole.bytes, whole.header.nlmsg_len);
            int ifindex;

            memcpy(copy + at, &lengths[i], sizeof(lengths[i]));
            if (vsf_mac_stats_parse(copy, whole.header.nlmsg_len, FAMILY, &ifindex, &counters))
                g_assert_cmpint(ifindex, >, 0);
        }
    }
}

/* --- the family's number ----------------------------------------------------- */

static guint16
family_of(guint16 type, guint8 command, const char *name, guint16 number)
{
    Message message;

    begin(&message, type, command);
    mnl_attr_put_strz(&message.header, CTRL_ATTR_FAMILY_NAME, name);
    mnl_attr_put_u16(&message.header, CTRL_ATTR_FAMILY_ID, number);
    mnl_attr_put_u32(&message.header, CTRL_ATTR_VERSION, 1);
    return vsf_mac_stats_parse_family(message.bytes, message.header.nlmsg_len);
}

static void
test_the_familys_number(void)
{
    Message message;

    g_assert_cmpuint(family_of(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, "ethtool", 0x15), ==, 0x15);
    g_assert_cmpuint(family_of(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, "ethtool2", 0x15), ==, 0);
    g_assert_cmpuint(family_of(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, "ethtoo", 0x15), ==, 0);
    g_assert_cmpuint(family_of(GENL_ID_CTRL, CTRL_CMD_DELFAMILY, "ethtool", 0x15), ==, 0);
    g_assert_cmpuint(family_of(GENL_ID_CTRL + 1, CTRL_CMD_NEWFAMILY, "ethtool", 0x15), ==, 0);
    /* Those below are netlink's own: NLMSG_ERROR, NLMSG_DONE ... */
    g_assert_cmpuint(family_of(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, "ethtool", NLMSG_DONE), ==, 0);
    begin(&message, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
    mnl_attr_put_u16(&message.header, CTRL_ATTR_FAMILY_ID, 0x15);
    g_assert_cmpuint(vsf_mac_stats_parse_family(message.bytes, message.header.nlmsg_len), ==, 0);
    mnl_attr_put_strz(&message.header, CTRL_ATTR_FAMILY_NAME, "ethtool");
    for (gsize length = 0; length < message.header.nlmsg_len; length++) {
        g_autofree guint8 *cut = length > 0 ? g_memdup2(message.bytes, length) : NULL;

        g_assert_cmpuint(vsf_mac_stats_parse_family(cut, length), ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/net/mac-stats-parse/" name, func)
    ADD("all-that-a-driver-counts", test_all_that_a_driver_counts);
    ADD("what-it-does-not-count-is-unknown", test_what_it_does_not_count_is_unknown);
    ADD("another-groups-counters-are-none", test_another_groups_counters_are_none);
    ADD("other-messages-are-none", test_other_messages_are_none);
    ADD("short-values-are-unknown", test_short_values_are_unknown);
    ADD("cut-messages-and-wrong-lengths-do-no-harm",
        test_cut_messages_and_wrong_lengths_do_no_harm);
    ADD("the-familys-number", test_the_familys_number);
    return g_test_run();
}
