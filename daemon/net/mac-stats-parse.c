/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads messages of generic netlink: which number ethtool has, and what it tells of a MAC. Pure. */
#include "mac-stats.h"
#include "netlink-attributes.h"

#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <string.h>

#define HEADERS (MNL_NLMSG_HDRLEN + GENL_HDRLEN)

/* The attributes of a message of that type and command, whole; FALSE for any other. */
static gboolean
open_message(const guint8 *message, gsize length, guint16 type, guint8 command,
             VsfNetlinkAttributes *attributes)
{
    struct nlmsghdr header;
    struct genlmsghdr generic;

    if (length < HEADERS)
        return FALSE;
    memcpy(&header, message, sizeof(header));
    memcpy(&generic, message + MNL_NLMSG_HDRLEN, sizeof(generic));
    if (header.nlmsg_type != type || generic.cmd != command || header.nlmsg_len < HEADERS ||
        header.nlmsg_len > length)
        return FALSE;
    *attributes = (VsfNetlinkAttributes){.at = message + HEADERS,
                                         .left = header.nlmsg_len - HEADERS};
    return TRUE;
}

static VsfNetlinkAttributes
open_nest(const VsfNetlinkAttributes *nest)
{
    return (VsfNetlinkAttributes){.at = nest->value, .left = nest->length};
}

/* FALSE, and untouched, if it is too short. */
static gboolean
take(const VsfNetlinkAttributes *attribute, gpointer value, gsize size)
{
    if (attribute->length < size)
        return FALSE;
    memcpy(value, attribute->value, size);
    return TRUE;
}

guint16
vsf_mac_stats_parse_family(const guint8 *message, gsize length)
{
    VsfNetlinkAttributes attributes;
    guint16 family = 0;
    gboolean named = FALSE;

    if (!open_message(message, length, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, &attributes))
        return 0;
    while (vsf_netlink_attribute_next(&attributes)) {
        if (attributes.type == CTRL_ATTR_FAMILY_ID)
            take(&attributes, &family, sizeof(family));
        else if (attributes.type == CTRL_ATTR_FAMILY_NAME)
            named = attributes.length == sizeof(VSF_MAC_STATS_FAMILY) &&
                    memcmp(attributes.value, VSF_MAC_STATS_FAMILY, attributes.length) == 0;
    }
    return named && family >= NLMSG_MIN_TYPE ? family : 0;
}

/* --- one interface's ----------------------------------------------------------- */

static int
parse_ifindex(VsfNetlinkAttributes header)
{
    guint32 ifindex = 0;

    while (vsf_netlink_attribute_next(&header))
        if (header.type == ETHTOOL_A_HEADER_DEV_INDEX)
            take(&header, &ifindex, sizeof(ifindex));
    return ifindex <= G_MAXINT ? (int)ifindex : 0;
}

static gboolean
is_of_the_mac(VsfNetlinkAttributes group)
{
    guint32 id = G_MAXUINT32;

    while (vsf_netlink_attribute_next(&group))
        if (group.type == ETHTOOL_A_STATS_GRP_ID)
            take(&group, &id, sizeof(id));
    return id == ETHTOOL_STATS_ETH_MAC;
}

static guint64 *
counter_of(VsfMacCounters *counters, guint16 type)
{
    switch (type) {
    case ETHTOOL_A_STATS_ETH_MAC_2_TX_PKT:
        return &counters->out.frames;
    case ETHTOOL_A_STATS_ETH_MAC_18_TX_MCAST:
        return &counters->out.multicast;
    case ETHTOOL_A_STATS_ETH_MAC_19_TX_BCAST:
        return &counters->out.broadcast;
    case ETHTOOL_A_STATS_ETH_MAC_5_RX_PKT:
        return &counters->in.frames;
    case ETHTOOL_A_STATS_ETH_MAC_21_RX_MCAST:
        return &counters->in.multicast;
    case ETHTOOL_A_STATS_ETH_MAC_22_RX_BCAST:
        return &counters->in.broadcast;
    default:
        return NULL;
    }
}

/* Each counter stands in a nest of its own. */
static void
parse_group(VsfNetlinkAttributes group, VsfMacCounters *counters)
{
    while (vsf_netlink_attribute_next(&group)) {
        VsfNetlinkAttributes counter = open_nest(&group);

        while (group.type == ETHTOOL_A_STATS_GRP_STAT && vsf_netlink_attribute_next(&counter)) {
            guint64 *value = counter_of(counters, counter.type);

            if (value != NULL)
                take(&counter, value, sizeof(*value));
        }
    }
}

gboolean
vsf_mac_stats_parse(const guint8 *message, gsize length, guint16 family, int *ifindex,
                    VsfMacCounters *counters)
{
    VsfMacCounters parsed = vsf_mac_counters_unknown();
    VsfNetlinkAttributes attributes;
    int found = 0;

    if (!open_message(message, length, family, ETHTOOL_MSG_STATS_GET_REPLY, &attributes))
        return FALSE;
    while (vsf_netlink_attribute_next(&attributes)) {
        if (attributes.type == ETHTOOL_A_STATS_HEADER)
            found = parse_ifindex(open_nest(&attributes));
        else if (attributes.type == ETHTOOL_A_STATS_GRP && is_of_the_mac(open_nest(&attributes)))
            parse_group(open_nest(&attributes), &parsed);
    }
    if (found == 0)
        return FALSE;
    *ifindex = found;
    *counters = parsed;
    return TRUE;
}
