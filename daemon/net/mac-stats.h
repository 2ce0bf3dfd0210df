/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as the MACs of interfaces count them, by ethtool's netlink (ETHTOOL_MSG_STATS_GET, the
 * group eth-mac, Linux 5.13). */
#pragma once

#include "../model/host-counters.h"

#define VSF_MAC_STATS_FAMILY "ethtool"

/* Fills in the MAC counters of each of @interfaces (VsfHostInterface) that is no bridge; what its
 * driver does not count, or the kernel does not tell, stays as it is. For worker threads: the
 * kernel asks the drivers, under its rtnl lock. */
void vsf_mac_stats_read(GArray *interfaces);

/* --- what the kernel answers: pure, any thread ------------------------------ */

/* The number of the family VSF_MAC_STATS_FAMILY, by the answer to CTRL_CMD_GETFAMILY; 0: it is
 * none. */
guint16 vsf_mac_stats_parse_family(const guint8 *message, gsize length);

/* The answer about one interface, of the family of that number. What it does not tell is unknown in
 * @counters. FALSE, and untouched, if it is none. */
gboolean vsf_mac_stats_parse(const guint8 *message, gsize length, guint16 family, int *ifindex,
                             VsfMacCounters *counters);
