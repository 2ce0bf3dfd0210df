/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of one of the host's own interfaces by whom they are for: unicast, multicast, broadcast,
 * as if_counters has them. Two tell of it: the kernel's counters (all packets, and multicast
 * received where the driver counts that), and the interface's MAC, where its driver has those
 * counts. Nothing here reads anything. Unknown is VSF_UNKNOWN. */
#pragma once

#include "counters.h"

/* Of one direction. @frames are all of them (IEEE 802.3, 30.3.1.1: aFramesReceivedOK,
 * aMulticastFramesReceivedOK, ...). */
typedef struct {
    guint64 frames, multicast, broadcast;
} VsfMacFrames;

typedef struct {
    VsfMacFrames in, out;
} VsfMacCounters;

VsfMacCounters vsf_mac_counters_unknown(void);

/* TRUE if the MAC says in any direction how many of its frames were multicast or broadcast. */
gboolean vsf_mac_counters_has_kinds(const VsfMacCounters *mac);

typedef struct {
    guint64 unicast, multicast, broadcast;
} VsfFrameKinds;

typedef struct {
    VsfFrameKinds in, out;
} VsfInterfaceKinds;

/* What is kept of one direction of an interface for its next sample. */
typedef struct {
    VsfMacFrames mac;
    guint64 unicast;
    gboolean begun; /* a sample was made */
} VsfFrameKindsLast;

typedef struct {
    VsfFrameKindsLast in, out;
} VsfInterfaceKindsLast;

VsfInterfaceKindsLast vsf_interface_kinds_last_none(void);

/* By the MAC as far as it tells, multicast else by the kernel, if it counted any. Unicast is what
 * is left: of the MAC's frames where it tells both kinds, since a card counts on the wire (its
 * virtual functions' frames too, that the kernel never sees), else of the kernel's packets.
 *
 * What the MAC once told and does not tell now makes all three of that direction unknown, rather
 * than have unicast jump by what cannot be subtracted. Unicast is of two numbers that are not read
 * at once: where it would fall by that it stands still.
 *
 * @anew: the kernel's counters began anew. TRUE: so do these, for that or another reason, to be
 * told as a restart of the source's sequence. */
gboolean vsf_interface_kinds_next(VsfInterfaceKindsLast *last, const VsfNetCounters *net,
                                  const VsfMacCounters *mac, gboolean anew,
                                  VsfInterfaceKinds *kinds);
