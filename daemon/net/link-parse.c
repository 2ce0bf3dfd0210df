/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads one rtnetlink link message. Pure: bytes in, values out. */
#include "links.h"
#include "netlink-attributes.h"

#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>

G_STATIC_ASSERT(VSF_LINK_NAME_MAX == IFNAMSIZ);

/* The link's own message of this type, whole; NULL for any other. The header is
 * copied to @header, since @message need not be aligned. Bridge ports send
 * RTM_NEWLINK and RTM_DELLINK too, with family AF_BRIDGE: such a DELLINK only
 * says that the tap left its bridge. */
static const guint8 *
link_attributes(const guint8 *message, gsize length, guint16 type, struct ifinfomsg *header,
                gsize *attributes_length)
{
    struct nlmsghdr nlh;

    if (length < MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(*header)))
        return NULL;
    memcpy(&nlh, message, sizeof(nlh));
    memcpy(header, message + MNL_NLMSG_HDRLEN, sizeof(*header));
    if (nlh.nlmsg_len < MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(*header)) || nlh.nlmsg_len > length)
        return NULL;
    if (nlh.nlmsg_type != type || header->ifi_family != AF_UNSPEC || header->ifi_index <= 0)
        return NULL;
    *attributes_length = nlh.nlmsg_len - MNL_NLMSG_HDRLEN - MNL_ALIGN(sizeof(*header));
    return message + MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(*header));
}

static guint32
as_u32(const VsfNetlinkAttributes *attributes)
{
    guint32 value = 0;

    if (attributes->length >= sizeof(value))
        memcpy(&value, attributes->value, sizeof(value));
    return value;
}

/* Copies up to the first NUL; the rest of @text is zero. */
static void
as_text(const VsfNetlinkAttributes *attributes, char *text, gsize size)
{
    gsize length = strnlen((const char *)attributes->value, attributes->length);

    memset(text, 0, size);
    memcpy(text, attributes->value, MIN(length, size - 1));
}

static gboolean
as_flag(const VsfNetlinkAttributes *attributes)
{
    return attributes->length >= 1 && attributes->value[0] != 0;
}

/* What a kind alone has; the numbers of two kinds may be the same. */
static void
parse_kind_data(VsfNetlinkAttributes data, VsfLink *link)
{
    gboolean is_tun = strcmp(link->kind, "tun") == 0;
    gboolean is_bridge = strcmp(link->kind, "bridge") == 0;
    gboolean is_macvtap = strcmp(link->kind, "macvtap") == 0;

    while (vsf_netlink_attribute_next(&data)) {
        if (is_tun && data.type == IFLA_TUN_TYPE && data.length >= 1)
            link->tun_l3 = data.value[0] == IFF_TUN;
        else if (is_bridge && data.type == IFLA_BR_VLAN_FILTERING)
            link->vlan_filtering = as_flag(&data);
        else if (is_macvtap && data.type == IFLA_MACVLAN_MODE)
            link->macvlan_bridge = as_u32(&data) == MACVLAN_MODE_BRIDGE;
    }
}

static void
parse_port_data(VsfNetlinkAttributes data, VsfLink *link)
{
    while (vsf_netlink_attribute_next(&data))
        if (data.type == IFLA_BRPORT_ISOLATED)
            link->isolated = as_flag(&data);
}

static void
parse_info(const VsfNetlinkAttributes *nest, VsfLink *link)
{
    VsfNetlinkAttributes info = {.at = nest->value, .left = nest->length};
    VsfNetlinkAttributes data = {0}, port_data = {0};
    char port_kind[sizeof(link->kind)] = "";

    while (vsf_netlink_attribute_next(&info)) {
        if (info.type == IFLA_INFO_KIND)
            as_text(&info, link->kind, sizeof(link->kind));
        else if (info.type == IFLA_INFO_DATA)
            data = (VsfNetlinkAttributes){.at = info.value, .left = info.length};
        else if (info.type == IFLA_INFO_SLAVE_KIND)
            as_text(&info, port_kind, sizeof(port_kind));
        else if (info.type == IFLA_INFO_SLAVE_DATA)
            port_data = (VsfNetlinkAttributes){.at = info.value, .left = info.length};
    }
    parse_kind_data(data, link);
    if (strcmp(port_kind, "bridge") == 0)
        parse_port_data(port_data, link);
}

/* FALSE if the message is of another kind than the link's whole state. */
static gboolean
parse_attribute(const VsfNetlinkAttributes *attributes, VsfLink *link)
{
    switch (attributes->type) {
    case IFLA_WIRELESS: /* an event of a wireless driver, without the link's state */
        return FALSE;
    case IFLA_IFNAME:
        as_text(attributes, link->name, sizeof(link->name));
        break;
    case IFLA_MTU:
        link->mtu = as_u32(attributes);
        break;
    case IFLA_MASTER:
        link->master = (int)as_u32(attributes);
        break;
    case IFLA_LINK:
        link->lower = (int)as_u32(attributes);
        break;
    case IFLA_ADDRESS:
        if (link->type == ARPHRD_ETHER && attributes->length == sizeof(link->mac))
            memcpy(link->mac, attributes->value, sizeof(link->mac));
        break;
    case IFLA_CARRIER:
        link->carrier = attributes->length >= 1 && attributes->value[0] != 0;
        break;
    case IFLA_LINKINFO:
        parse_info(attributes, link);
        break;
    default:
        break;
    }
    return TRUE;
}

gboolean
vsf_link_parse(const guint8 *message, gsize length, VsfLink *link)
{
    struct ifinfomsg header;
    VsfNetlinkAttributes attributes = {0};
    VsfLink parsed = {0};

    attributes.at = link_attributes(message, length, RTM_NEWLINK, &header, &attributes.left);
    if (attributes.at == NULL)
        return FALSE;
    parsed.ifindex = header.ifi_index;
    parsed.type = header.ifi_type;
    parsed.flags = header.ifi_flags;
    while (vsf_netlink_attribute_next(&attributes))
        if (!parse_attribute(&attributes, &parsed))
            return FALSE;
    if (parsed.name[0] == '\0')
        return FALSE;
    *link = parsed;
    return TRUE;
}

static guint64
as_u64(const VsfNetlinkAttributes *attributes)
{
    guint64 value = VSF_UNKNOWN;

    if (attributes->length >= sizeof(value))
        memcpy(&value, attributes->value, sizeof(value));
    return value;
}

/* What the VF received is what its guest did. A driver that counts nothing leaves the kernel's
 * zeros. */
static void
parse_vf_stats(VsfNetlinkAttributes stats, VsfNetCounters *net)
{
    guint64 all = 0;

    *net = vsf_net_counters_unknown();
    while (vsf_netlink_attribute_next(&stats)) {
        guint64 value = as_u64(&stats);

        if (stats.type == IFLA_VF_STATS_RX_PACKETS)
            net->packets_in = value;
        else if (stats.type == IFLA_VF_STATS_TX_PACKETS)
            net->packets_out = value;
        else if (stats.type == IFLA_VF_STATS_RX_BYTES)
            net->bytes_in = value;
        else if (stats.type == IFLA_VF_STATS_TX_BYTES)
            net->bytes_out = value;
        else if (stats.type == IFLA_VF_STATS_MULTICAST)
            net->multicast_in = value;
        else if (stats.type == IFLA_VF_STATS_RX_DROPPED)
            net->drops_in = value;
        else if (stats.type == IFLA_VF_STATS_TX_DROPPED)
            net->drops_out = value;
        else
            continue;
        all |= value;
    }
    if (all == 0)
        *net = vsf_net_counters_unknown();
}

static void
parse_vf(VsfNetlinkAttributes info, GArray *vfs)
{
    VsfVf vf = {.net = vsf_net_counters_unknown()};
    gboolean numbered = FALSE;

    while (vsf_netlink_attribute_next(&info)) {
        struct ifla_vf_mac mac;
        struct ifla_vf_vlan vlan;

        if (info.type == IFLA_VF_MAC && info.length >= sizeof(mac)) {
            memcpy(&mac, info.value, sizeof(mac));
            vf.number = mac.vf;
            numbered = TRUE;
            memcpy(vf.mac, mac.mac, sizeof(vf.mac));
        } else if (info.type == IFLA_VF_VLAN && info.length >= sizeof(vlan)) {
            memcpy(&vlan, info.value, sizeof(vlan));
            vf.vlan = (guint16)vlan.vlan;
        } else if (info.type == IFLA_VF_STATS) {
            parse_vf_stats((VsfNetlinkAttributes){.at = info.value, .left = info.length}, &vf.net);
        }
    }
    if (numbered && vfs->len < VSF_LINK_VFS_MAX)
        g_array_append_val(vfs, vf);
}

gboolean
vsf_link_parse_vfs(const guint8 *message, gsize length, int ifindex, GArray *vfs)
{
    struct ifinfomsg header;
    VsfNetlinkAttributes attributes = {0};

    attributes.at = link_attributes(message, length, RTM_NEWLINK, &header, &attributes.left);
    if (attributes.at == NULL || header.ifi_index != ifindex)
        return FALSE;
    while (vsf_netlink_attribute_next(&attributes)) {
        VsfNetlinkAttributes list = {.at = attributes.value, .left = attributes.length};

        while (attributes.type == IFLA_VFINFO_LIST && vsf_netlink_attribute_next(&list))
            if (list.type == IFLA_VF_INFO)
                parse_vf((VsfNetlinkAttributes){.at = list.value, .left = list.length}, vfs);
    }
    return TRUE;
}

VsfLinkStats
vsf_link_stats_parse(const void *bytes, gsize length)
{
    struct rtnl_link_stats64 kernel = {0};

    memcpy(&kernel, bytes, MIN(sizeof(kernel), length));
    return (VsfLinkStats){
        .rx_packets = kernel.rx_packets,
        .tx_packets = kernel.tx_packets,
        .rx_bytes = kernel.rx_bytes,
        .tx_bytes = kernel.tx_bytes,
        .rx_errors = kernel.rx_errors,
        .tx_errors = kernel.tx_errors,
        .rx_dropped = kernel.rx_dropped,
        .tx_dropped = kernel.tx_dropped,
        .multicast = kernel.multicast,
    };
}

int
vsf_link_parse_gone(const guint8 *message, gsize length, VsfLinkStats *final, gboolean *has_final)
{
    struct ifinfomsg header;
    VsfNetlinkAttributes attributes = {0};

    *has_final = FALSE;
    attributes.at = link_attributes(message, length, RTM_DELLINK, &header, &attributes.left);
    if (attributes.at == NULL)
        return 0;
    while (vsf_netlink_attribute_next(&attributes)) {
        if (attributes.type != IFLA_STATS64)
            continue;
        *final = vsf_link_stats_parse(attributes.value, attributes.length);
        *has_final = TRUE;
    }
    return header.ifi_index;
}

gboolean
vsf_link_stats_parse_reply(const guint8 *message, gsize length, int *ifindex, VsfLinkStats *stats)
{
    const gsize skip = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct if_stats_msg));
    struct if_stats_msg header;
    struct nlmsghdr nlh;
    VsfNetlinkAttributes attributes;

    if (length < skip)
        return FALSE;
    memcpy(&nlh, message, sizeof(nlh));
    memcpy(&header, message + MNL_NLMSG_HDRLEN, sizeof(header));
    if (nlh.nlmsg_type != RTM_NEWSTATS || nlh.nlmsg_len < skip || nlh.nlmsg_len > length ||
        header.ifindex == 0 || header.ifindex > G_MAXINT)
        return FALSE;
    attributes = (VsfNetlinkAttributes){.at = message + skip, .left = nlh.nlmsg_len - skip};
    while (vsf_netlink_attribute_next(&attributes)) {
        if (attributes.type != IFLA_STATS_LINK_64)
            continue;
        *ifindex = (int)header.ifindex;
        *stats = vsf_link_stats_parse(attributes.value, attributes.length);
        return TRUE;
    }
    return FALSE;
}
