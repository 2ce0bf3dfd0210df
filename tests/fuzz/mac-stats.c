/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of generic netlink: the number of ethtool's family, and what it tells of a MAC. The
 * corpus was recorded from a kernel, but for counters, which no driver there has. */
#include "../../daemon/net/mac-stats.h"
#include "../../daemon/net/netlink-answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    /* A copy of just that size, aligned as malloc() does. */
    g_autofree guint8 *datagram = size > 0 ? g_memdup2(data, size) : NULL;
    const guint8 *at = datagram;
    const struct nlmsghdr *message;

    while (datagram != NULL && (message = vsf_netlink_next(&at, &size)) != NULL) {
        const guint8 *bytes = (const guint8 *)message;
        guint16 family = vsf_mac_stats_parse_family(bytes, message->nlmsg_len);
        VsfMacCounters counters, untouched;
        int ifindex = 0;

        g_assert_true(family == 0 || family >= NLMSG_MIN_TYPE);
        memset(&counters, 0x5a, sizeof(counters));
        untouched = counters;
        if (vsf_mac_stats_parse(bytes, message->nlmsg_len, message->nlmsg_type, &ifindex,
                                &counters))
            g_assert_cmpint(ifindex, >, 0);
        else
            g_assert_cmpmem(&counters, sizeof(counters), &untouched, sizeof(untouched));
    }
    return 0;
}
