/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many samplers there may be, and how large the packet ring of each: pure
 * arithmetic over two budgets.
 *
 * A sampler of libpcap holds one descriptor. Its ring is kernel memory that is resident in
 * the process, but charged to no memory cgroup (measured on Linux 6.18: 1.5 KiB of
 * 128), so that nobody but us bounds it. Each ring takes 1/512 of what is left of
 * the total: many taps get smaller ones, and the first nearly what they would get
 * alone. With 64 MiB the first has 128 KiB, the 100th 104, the 500th 48, the 1000th
 * 16, and from some 1,400 on each has the least, two pages; 2,060 fit. Where a page has
 * 64 KiB each ring has 128, and 512 fit. */
#pragma once

#include <glib.h>

typedef struct {
    guint samplers_max; /* descriptors of all of them */
    gsize ring_total;   /* bytes */
    guint32 ring_bytes; /* of one ring, at most; whole pages */
    guint32 page_bytes;
    guint n_samplers;
    guint n_descriptors;
    gsize used;                 /* bytes of rings */
    guint hooked_max, n_hooked; /* samplers of eBPF: no ring of their own, but two descriptors */
} VsfCaptureRoom;

#define VSF_CAPTURE_HOOK_DESCRIPTORS 2

#define VSF_CAPTURE_RING_BYTES (128 * 1024)
#define VSF_CAPTURE_RING_PAGES 2 /* of one ring, at least */

/* 0: any number of samplers, 64 MiB of rings, 128 KiB of one. @page_bytes: the kernel's. */
void vsf_capture_room_init(VsfCaptureRoom *room, guint samplers_max, gsize ring_total,
                           guint32 ring_bytes, guint32 page_bytes);

/* Bytes of the next sampler's ring, whole pages; 0: there is no room. */
guint32 vsf_capture_room_take(VsfCaptureRoom *room) G_GNUC_WARN_UNUSED_RESULT;

/* Both are due for each sampler: its ring is not wanted any more; it has ended. In between it
 * is being closed, which takes a while, and others that come have large rings all the same. */
void vsf_capture_room_give_ring(VsfCaptureRoom *room, guint32 ring_bytes);
void vsf_capture_room_give_sampler(VsfCaptureRoom *room);

/* The same for a sampler of eBPF. FALSE: there is no room for one. */
gboolean vsf_capture_room_take_hooks(VsfCaptureRoom *room) G_GNUC_WARN_UNUSED_RESULT;
void vsf_capture_room_give_hooks(VsfCaptureRoom *room);

/* Whether the latter would, and whether one of the two would give something. */
gboolean vsf_capture_room_has_hooks(const VsfCaptureRoom *room);
gboolean vsf_capture_room_is_there(const VsfCaptureRoom *room);

/* How many samplers there may be at most while the hooks that are there stay. */
guint vsf_capture_room_samplers_max(const VsfCaptureRoom *room);
