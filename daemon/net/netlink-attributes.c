/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink-attributes.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <string.h>

gboolean
vsf_netlink_attribute_next(VsfNetlinkAttributes *attributes)
{
    struct nlattr attr;
    gsize step;

    if (attributes->left < sizeof(attr))
        return FALSE;
    memcpy(&attr, attributes->at, sizeof(attr));
    if (attr.nla_len < sizeof(attr) || attr.nla_len > attributes->left)
        return FALSE;
    attributes->type = attr.nla_type & NLA_TYPE_MASK;
    attributes->value = attributes->at + sizeof(attr);
    attributes->length = attr.nla_len - sizeof(attr);
    step = MIN(MNL_ALIGN((gsize)attr.nla_len), attributes->left);
    attributes->at += step;
    attributes->left -= step;
    return TRUE;
}
