/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sampler's program in the kernel: it picks 1 in N frames at random, and
 * the length to which it cuts a frame tells the direction. Pure.
 *
 * A frame of L bytes (VLAN tag counted) arrives with
 *     caplen == min(H + 1, L)      if it came from the VM,
 *     caplen == min(H, L - 1)      if it went to the VM,
 * with H = header bytes; the two never coincide. A tag that the kernel keeps
 * beside the frame is put back by libpcap after the cut (4 bytes more in both
 * numbers), so for such a frame the program returns 4 less. */
#pragma once

#include "../model/sample-pool.h"

#include <linux/filter.h>

#define VSF_CAPTURE_FILTER_MAX 24 /* instructions */

/* libpcap sizes the ring's slots by its snapshot length with a formula that
 * falls short of the kernel's by a few bytes; the kernel then cuts more than
 * the program said. So it is given this much more. */
#define VSF_CAPTURE_SNAPLEN(header_bytes) ((int)(header_bytes) + 1 + 16)

typedef struct {
    guint32 header_bytes; /* H, 64 to 256 */
    guint32 rate;         /* N, 1 to 10,000,000 */
    VsfDirection direction;
    gboolean mirrored; /* the kernel's outgoing frames are the VM's own: macvtap */
} VsfCaptureFilter;

/* Writes the program to @program; returns its length in instructions. */
guint vsf_capture_filter_build(const VsfCaptureFilter *filter,
                               struct sock_filter program[VSF_CAPTURE_FILTER_MAX]);

/* What the lengths of a captured frame say. @wire_length and @captured are
 * libpcap's len and caplen. */
gboolean vsf_capture_filter_from_vm(guint32 header_bytes, guint32 captured, guint32 wire_length);
guint32 vsf_capture_filter_header_length(guint32 header_bytes, guint32 captured);
