/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams that answer a question to rtnetlink: a first byte of 'd' is the dump of
 * all counters, any other three questions for one interface each. The corpus was
 * recorded from a kernel. */
#include "../../daemon/net/links.h"
#include "../../daemon/net/netlink-answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
take_reply(const struct nlmsghdr *reply, gpointer user_data)
{
    const guint8 *bytes = (const guint8 *)reply;
    guint *n_replies = user_data;
    VsfLinkStats stats, untouched;
    VsfLink link;
    int ifindex = 0;

    (*n_replies)++;
    memset(&stats, 0x5a, sizeof(stats));
    untouched = stats;
    if (vsf_link_stats_parse_reply(bytes, reply->nlmsg_len, &ifindex, &stats))
        g_assert_cmpint(ifindex, >, 0);
    else
        g_assert_cmpmem(&stats, sizeof(stats), &untouched, sizeof(untouched));
    if (vsf_link_parse(bytes, reply->nlmsg_len, &link))
        g_assert_cmpint(link.ifindex, >, 0);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    gboolean dump = size > 0 && data[0] == 'd';
    /* A copy of just that size, aligned as malloc() does. */
    g_autofree guint8 *datagram = size > 1 ? g_memdup2(data + 1, size - 1) : NULL;
    guint n_replies = 0;
    VsfNetlinkAnswer answer = {.n_requests = dump ? 1 : 3,
                               .outstanding = dump ? 1 : 3,
                               .dump = dump,
                               .reply = take_reply,
                               .user_data = &n_replies};

    if (datagram == NULL)
        return 0;
    vsf_netlink_answer_take(&answer, datagram, size - 1);
    g_assert_cmpuint(answer.outstanding, <=, answer.n_requests);
    if (!dump)
        g_assert_cmpuint(n_replies, <=, answer.n_requests);
    return 0;
}
