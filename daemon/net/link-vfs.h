/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual functions of one interface (SR-IOV), asked of the kernel. For worker threads: a
 * driver may ask its card for each of them, under the rtnl lock. */
#pragma once

#include "links.h"
#include "netlink-ask.h"

/* GArray of VsfVf, empty for an interface without any; NULL with @error set if there is none of
 * that index, or netlink failed. */
GArray *vsf_link_vfs_read(VsfNetlinkLine *line, int ifindex,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
