/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "descriptors.h"

#include <sys/resource.h>

#define ENOUGH 65536
#define FEW 4096

void
vsf_descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= ENOUGH)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, ENOUGH);
    /* If it is refused, the limit is what it was, and is asked for where it matters. */
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

guint
vsf_descriptors_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1024;
    return (guint)MIN(limit.rlim_cur, G_MAXINT);
}

guint
vsf_descriptors_kept_max(guint limit)
{
    return limit < FEW ? 0 : limit / 16;
}
