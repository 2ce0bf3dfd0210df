/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who talks to whom: the local VMs at the two ends of a frame that was picked on a tap.
 *
 * On its own side the tap tells, whatever addresses the frame has: a guest can forge
 * those. The other side is known by its MAC, and only if nothing speaks against it: one
 * running VM alone has it where the tap's frames get (vsf_registry_holders()), its tap is
 * up and was there before the frame, no other interface was seen to send with it, and it
 * is not the bridge's own. Otherwise it is unknown: a tenant chooses its MACs, and a VM
 * that is being migrated in is still elsewhere. Pure; main thread only. */
#pragma once

#include "registry.h"

typedef struct {
    const VsfTap *from; /* the VM's that sent it, or the port; NULL: not known, or none of ours */
    const VsfTap *to;   /* the VM's that gets it, or the port; NULL: the same, or it is for many */
} VsfEnds;

/* @tap is a VM's or a port. A port is the end on its own side as a VM's tap is, though no VM: what
 * comes in by it is from outside, and what goes out by it gets there. It tells nothing about
 * others' addresses, since a switch gives frames back to another port of a bond. @time_ns: when the
 * frame passed, monotonic. @header: the frame's first bytes; shorter than its addresses, they are
 * unknown. A frame whose source address is that of another interface than it came by makes that
 * one's doubtful: what has it as source or destination is unknown then, for as long as bridges
 * remember an address. */
VsfEnds vsf_ends_of(const VsfRegistry *registry, const VsfTap *tap, gboolean from_vm,
                    gint64 time_ns, const guint8 *header, gsize header_length);

#define VSF_DOUBTFUL_US (300 * G_USEC_PER_SEC)
