/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mac-stats.h"

#include "netlink-ask.h"

#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>

#define TOGETHER_MAX 32 /* whose answers a socket's buffer holds */
#define REQUEST_SIZE 64

typedef struct {
    guint16 family;
    GArray *interfaces;
} Answer;

static struct nlmsghdr *
put_request(guint8 *at, guint32 sequence, guint16 type, guint8 command)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(at);
    struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(request, sizeof(*generic));

    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST;
    request->nlmsg_seq = sequence;
    generic->cmd = command;
    generic->version = 1; /* of the controller, and of ethtool: ETHTOOL_GENL_VERSION */
    return request;
}

static void
take_family(const struct nlmsghdr *reply, gpointer user_data)
{
    *(guint16 *)user_data = vsf_mac_stats_parse_family((const guint8 *)reply, reply->nlmsg_len);
}

/* 0: this kernel has none (ethtool speaks netlink since Linux 5.6). */
static guint16
ask_family(VsfNetlinkLine *line, GError **error)
{
    guint8 bytes[REQUEST_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
    struct nlmsghdr *request = put_request(bytes, 1, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
    guint16 family = 0;

    mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, VSF_MAC_STATS_FAMILY);
    return vsf_netlink_ask(line, bytes, request->nlmsg_len, 1, take_family, &family, NULL, error)
               ? family
               : 0;
}

static void
take_reply(const struct nlmsghdr *reply, gpointer user_data)
{
    const Answer *answer = user_data;
    VsfMacCounters counters;
    int ifindex;

    if (!vsf_mac_stats_parse((const guint8 *)reply, reply->nlmsg_len, answer->family, &ifindex,
                             &counters))
        return;
    for (guint i = 0; i < answer->interfaces->len; i++) {
        VsfHostInterface *one = &g_array_index(answer->interfaces, VsfHostInterface, i);

        if (one->ifindex == ifindex && !one->is_bridge)
            one->mac_counters = counters;
    }
}

/* The set of groups as bits, without a mask. Returns its length. */
static gsize
put_question(guint8 *at, guint32 sequence, guint16 family, int ifindex)
{
    const guint32 groups = 1u << ETHTOOL_STATS_ETH_MAC;
    struct nlmsghdr *request = put_request(at, sequence, family, ETHTOOL_MSG_STATS_GET);
    struct nlattr *nest = mnl_attr_nest_start(request, ETHTOOL_A_STATS_HEADER);

    mnl_attr_put_u32(request, ETHTOOL_A_HEADER_DEV_INDEX, (guint32)ifindex);
    mnl_attr_nest_end(request, nest);
    nest = mnl_attr_nest_start(request, ETHTOOL_A_STATS_GROUPS);
    mnl_attr_put(request, ETHTOOL_A_BITSET_NOMASK, 0, NULL);
    mnl_attr_put_u32(request, ETHTOOL_A_BITSET_SIZE, ETHTOOL_STATS_ETH_MAC + 1);
    mnl_attr_put_u32(request, ETHTOOL_A_BITSET_VALUE, groups);
    mnl_attr_nest_end(request, nest);
    return request->nlmsg_len;
}

static gboolean
ask_all(VsfNetlinkLine *line, Answer *answer, GError **error)
{
    guint8 questions[TOGETHER_MAX * REQUEST_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
    gsize size = 0;
    guint n = 0;

    for (guint i = 0; i < answer->interfaces->len; i++) {
        const VsfHostInterface *one = &g_array_index(answer->interfaces, VsfHostInterface, i);

        if (!one->is_bridge)
            size += put_question(questions + size, ++n, answer->family, one->ifindex);
        if (n == 0 || (n < TOGETHER_MAX && i + 1 < answer->interfaces->len))
            continue;
        if (!vsf_netlink_ask(line, questions, size, n, take_reply, answer, NULL, error))
            return FALSE;
        size = n = 0;
    }
    return TRUE;
}

void
vsf_mac_stats_read(GArray *interfaces)
{
    g_autoptr(VsfNetlinkLine) line = vsf_netlink_line_new(NETLINK_GENERIC);
    g_autoptr(GError) error = NULL;
    Answer answer = {.interfaces = interfaces};

    if (interfaces->len == 0)
        return;
    answer.family = ask_family(line, &error);
    if (answer.family != 0)
        ask_all(line, &answer, &error);
    if (error != NULL)
        g_debug("counters of MACs: %s", error->message);
}
