/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual functions (SR-IOV) that VMs have for NICs: their packets pass no interface of the
 * host, and what their card counts is all that is known of them. They are read every
 * VSF_VFS_INTERVAL_S while any VM has one, on a worker. Main thread only. */
#pragma once

#include "host/vf.h"
#include "model/registry.h"
#include "model/vf.h"

#define VSF_VFS_INTERVAL_S 15
#define VSF_VFS_FRESH_S 60 /* so long a reading is sent */

typedef struct VsfVfs VsfVfs;

typedef struct {
    VsfVfPlace place;
    VsfVf vf;
    gint64 read_us; /* monotonic */
} VsfVfReading;

/* @registry is used until vsf_vfs_free(). */
VsfVfs *vsf_vfs_new(const VsfRegistry *registry);
void vsf_vfs_free(VsfVfs *vfs); /* takes NULL */

/* The newest of that device; NULL: not read yet, it is no virtual function, or its card is not in
 * this namespace. Good until the main loop runs. @pci: of a VsfNic. */
const VsfVfReading *vsf_vfs_get(const VsfVfs *vfs, const char *pci);

/* Its counters, for vsf_exporter_set_hostdevs(). @vfs: a VsfVfs. */
const VsfNetCounters *vsf_vfs_counters(const char *pci, gpointer vfs);

/* What may be sent of @reading at @now_us (monotonic), NULL if nothing: numbers that stand still
 * since the card's driver does not answer would say that nothing passes. @reading: or NULL. */
const VsfNetCounters *vsf_vf_reading_counters(const VsfVfReading *reading, gint64 now_us);

/* The reading itself, for the worker and for tests. @pcis: of "0000:81:00.2". Table of the same ->
 * VsfVfReading; those that are not found are not in it. @root as for vsf_vf_find(). */
typedef GArray *(*VsfVfsAsk)(int ifindex, gpointer user_data); /* of VsfVf, or NULL */
GHashTable *vsf_vfs_read(const char *root, const GPtrArray *pcis, VsfVfsAsk ask,
                         gpointer user_data);
