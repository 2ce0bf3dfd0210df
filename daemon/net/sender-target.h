/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One collector: the addresses of its name, a socket to one of them, what went
 * wrong, and the datagrams that wait for its first address. Knows of no other
 * collector and never blocks. Main thread only. */
#pragma once

#include "sender.h"

typedef struct VsfTarget VsfTarget;

/* @target has an address for the first time or another one. */
typedef void (*VsfTargetMoved)(VsfTarget *target, gpointer user_data);

/* What all collectors have in common; outlives the targets. */
typedef struct {
    GInetAddress *source; /* or NULL */
    guint dscp;
    GResolver *resolver;
    VsfTargetMoved moved;
    gpointer user_data;
} VsfTargetCommon;

/* @address is copied. A name is looked up from here on, for as long as the
 * target lives; a literal address has its socket when this returns, unless that
 * cannot be opened now. */
VsfTarget *vsf_target_new(const VsfCollectorAddress *address, const VsfTargetCommon *common);
void vsf_target_free(VsfTarget *target);

const VsfCollectorAddress *vsf_target_collector(const VsfTarget *target);

/* What all have in common changed: a new socket to where it sends. */
void vsf_target_reopen(VsfTarget *target);

/* Sends at most once; what cannot be sent is counted and gone, unless it may
 * wait for the name's first address. */
void vsf_target_send(VsfTarget *target, const guint8 *data, gsize size);

/* Where it sends to, or NULL while that is not known. The target's. */
GInetAddress *vsf_target_address(const VsfTarget *target);

/* The caller's; vsf_collector_status_free(). */
VsfCollectorStatus *vsf_target_status(const VsfTarget *target);
