/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink link messages. The corpus was recorded from a kernel: links of each
 * kind, changes, deletions and a bridge port's own messages. */
#include "../../daemon/net/links.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    VsfLinkStats final;
    gboolean has_final;
    VsfLink link;
    VsfLink untouched;
    g_autoptr(GArray) vfs = g_array_new(FALSE, FALSE, sizeof(VsfVf));

    memset(&link, 0x5a, sizeof(link));
    untouched = link;
    if (vsf_link_parse(data, size, &link)) {
        g_assert_cmpint(link.ifindex, >, 0);
        g_assert_nonnull(memchr(link.name, '\0', sizeof(link.name)));
        g_assert_nonnull(memchr(link.kind, '\0', sizeof(link.kind)));
        g_assert_cmpuint(link.name[0], !=, '\0');
        g_assert_cmpint(vsf_link_parse_gone(data, size, &final, &has_final), ==, 0);
    } else {
        g_assert_cmpmem(&link, sizeof(link), &untouched, sizeof(untouched));
        g_assert_cmpint(vsf_link_parse_gone(data, size, &final, &has_final), >=, 0);
    }
    for (int ifindex = 1; ifindex < 8; ifindex++)
        (void)vsf_link_parse_vfs(data, size, ifindex, vfs);
    g_assert_cmpuint(vfs->len, <=, VSF_LINK_VFS_MAX);
    return 0;
}
