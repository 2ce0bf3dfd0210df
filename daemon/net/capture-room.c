/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-room.h"

#define RING_TOTAL (64 * 1024 * 1024)
#define SHARE 512

static guint32
least_ring(const VsfCaptureRoom *room)
{
    return VSF_CAPTURE_RING_PAGES * room->page_bytes;
}

void
vsf_capture_room_init(VsfCaptureRoom *room, guint samplers_max, gsize ring_total,
                      guint32 ring_bytes, guint32 page_bytes)
{
    guint32 most = ring_bytes != 0 ? MIN(ring_bytes, VSF_CAPTURE_RING_BYTES)
                                   : VSF_CAPTURE_RING_BYTES;

    *room = (VsfCaptureRoom){
        .samplers_max = samplers_max != 0 ? samplers_max : G_MAXUINT,
        .ring_total = ring_total != 0 ? ring_total : RING_TOTAL,
        .page_bytes = page_bytes,
    };
    room->ring_bytes = MAX(most / page_bytes * page_bytes, least_ring(room));
}

static guint32
next_ring(const VsfCaptureRoom *room)
{
    gsize left = room->ring_total - room->used;
    gsize share = left / SHARE / room->page_bytes * room->page_bytes;

    if (room->n_descriptors >= room->samplers_max || left < least_ring(room))
        return 0;
    return (guint32)CLAMP(share, least_ring(room), room->ring_bytes);
}

guint32
vsf_capture_room_take(VsfCaptureRoom *room)
{
    guint32 ring_bytes = next_ring(room);

    if (ring_bytes == 0)
        return 0;
    room->n_samplers++;
    room->n_descriptors++;
    room->used += ring_bytes;
    return ring_bytes;
}

void
vsf_capture_room_give_ring(VsfCaptureRoom *room, guint32 ring_bytes)
{
    g_assert(room->used >= ring_bytes);
    room->used -= ring_bytes;
}

void
vsf_capture_room_give_sampler(VsfCaptureRoom *room)
{
    g_assert(room->n_samplers > 0);
    room->n_samplers--;
    room->n_descriptors--;
}

gboolean
vsf_capture_room_has_hooks(const VsfCaptureRoom *room)
{
    return room->n_hooked < room->hooked_max && room->n_descriptors < room->samplers_max &&
           room->samplers_max - room->n_descriptors >= VSF_CAPTURE_HOOK_DESCRIPTORS;
}

gboolean
vsf_capture_room_take_hooks(VsfCaptureRoom *room)
{
    if (!vsf_capture_room_has_hooks(room))
        return FALSE;
    room->n_samplers++;
    room->n_hooked++;
    room->n_descriptors += VSF_CAPTURE_HOOK_DESCRIPTORS;
    return TRUE;
}

void
vsf_capture_room_give_hooks(VsfCaptureRoom *room)
{
    g_assert(room->n_hooked > 0);
    room->n_samplers--;
    room->n_hooked--;
    room->n_descriptors -= VSF_CAPTURE_HOOK_DESCRIPTORS;
}

gboolean
vsf_capture_room_is_there(const VsfCaptureRoom *room)
{
    return next_ring(room) > 0 || vsf_capture_room_has_hooks(room);
}

guint
vsf_capture_room_samplers_max(const VsfCaptureRoom *room)
{
    return room->samplers_max - (room->n_descriptors - room->n_samplers);
}
