/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/self/mountinfo: who may mount chooses paths and sources. */
#include "../../daemon/host/mounts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Sizes of all kinds, by the path. */
static VsfSpaceAnswer
ask(const VsfMount *mount, guint64 *total, guint64 *free, gpointer user_data G_GNUC_UNUSED)
{
    guint hash = g_str_hash(mount->path);

    g_assert_nonnull(mount->pool);
    *total = (guint64)hash << (hash % 40);
    *free = *total / (1 + hash % 7);
    return hash % 5 == 0 ? VSF_SPACE_HIDDEN : VSF_SPACE_KNOWN;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *exact = g_memdup2(data, size);
    g_autoptr(GPtrArray) mounts = vsf_mounts_parse(exact != NULL ? exact : "", size);
    VsfHostSpace space = vsf_mounts_space(mounts, ask, NULL);

    if (space.total != VSF_UNKNOWN) {
        g_assert_cmpuint(space.free, <=, space.total);
        g_assert_cmpuint(space.most_used, <=, 10000);
    }
    return 0;
}
