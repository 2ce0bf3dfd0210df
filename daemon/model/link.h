/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One network interface of the host, as an rtnetlink link message tells it. */
#pragma once

#include <glib.h>

#define VSF_LINK_NAME_MAX 16

typedef struct {
    int ifindex;
    char name[VSF_LINK_NAME_MAX]; /* as the kernel has it: any bytes but '/' and NUL */
    char kind[16];                /* IFLA_INFO_KIND: "tun", "macvtap", "bridge", "veth"; "" */
    guint16 type;                 /* ARPHRD_*, 1 = Ethernet */
    guint32 flags;                /* IFF_* */
    int master;                   /* ifindex of the bridge or bond, 0 if none */
    int lower;                    /* IFLA_LINK: ifindex below a macvtap or VLAN, 0 if none */
    guint32 mtu;
    guint8 mac[6]; /* zero if not Ethernet */
    guint8 carrier;
    gboolean tun_l3;         /* kind "tun" without an Ethernet header (IFLA_TUN_TYPE is IFF_TUN) */
    gboolean vlan_filtering; /* of a bridge: which ports reach each other depends on their VLANs */
    gboolean isolated;       /* of a port of a bridge: it does not reach other isolated ones */
    gboolean macvlan_bridge; /* of a macvtap: it reaches others like it on its lower interface */
} VsfLink;

/* Its frames begin with two MAC addresses; those of a tun in layer 3 or of a tunnel do not. */
static inline gboolean
vsf_link_is_ethernet(const VsfLink *link)
{
    return link->type == 1 && !link->tun_l3; /* ARPHRD_ETHER */
}
