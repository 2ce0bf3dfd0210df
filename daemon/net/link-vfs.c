/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link-vfs.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

typedef struct {
    int ifindex;
    gboolean found;
    GArray *vfs;
} Answer;

static void
take_reply(const struct nlmsghdr *reply, gpointer user_data)
{
    Answer *answer = user_data;

    if (!answer->found)
        answer->found = vsf_link_parse_vfs((const guint8 *)reply, reply->nlmsg_len, answer->ifindex,
                                           answer->vfs);
}

GArray *
vsf_link_vfs_read(VsfNetlinkLine *line, int ifindex, GError **error)
{
    guint8 buffer[128] __attribute__((aligned(MNL_ALIGNTO)));
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    g_autoptr(GArray) vfs = g_array_new(FALSE, FALSE, sizeof(VsfVf));
    Answer answer = {.ifindex = ifindex, .vfs = vfs};

    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST;
    request->nlmsg_seq = 1;
    header->ifi_family = AF_UNSPEC;
    header->ifi_index = ifindex;
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_VF);
    if (!vsf_netlink_ask(line, buffer, request->nlmsg_len, 1, take_reply, &answer, NULL, error))
        return NULL;
    if (answer.found)
        return g_steal_pointer(&vfs);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "netlink: no interface %d", ifindex);
    return NULL;
}
