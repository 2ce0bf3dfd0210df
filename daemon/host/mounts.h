/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mounts of /proc/self/mountinfo are filesystems on the host's own disks, each once, and
 * what they add up to. Pure; the space of a mount is asked of the caller. */
#pragma once

#include "../model/host-counters.h"

typedef struct {
    guint64 id;   /* of the mount */
    char *device; /* "8:1", also of what has no block device, such as btrfs */
    char *path;
    char *pool; /* what its free space is shared by: the ZFS pool, else the device */
} VsfMount;

typedef enum {
    VSF_SPACE_KNOWN,
    VSF_SPACE_HIDDEN, /* another mount covers it, or we may not go there */
    VSF_SPACE_FAILED,
} VsfSpaceAnswer;

/* Fills in bytes of the filesystem that is mounted there: its size, and what is free for others
 * than root. May block. */
typedef VsfSpaceAnswer (*VsfSpaceFunc)(const VsfMount *mount, guint64 *total, guint64 *free,
                                       gpointer user_data);

/* The candidates of /proc/self/mountinfo, in its order. Left out: what lies in memory, on the
 * network, in other mounts (overlay, FUSE), in a file (loop devices), on discs and images that are
 * always full, and what several hosts share (gfs2, ocfs2). */
GPtrArray *vsf_mounts_parse(const char *text, gsize length);

/* Over the filesystems of @mounts, each once however often it is mounted, by the first of its
 * mounts that is not hidden. One that is hidden everywhere does not count; one that fails makes all
 * unknown, and so does a list without any. */
VsfHostSpace vsf_mounts_space(const GPtrArray *mounts, VsfSpaceFunc ask, gpointer user_data);
