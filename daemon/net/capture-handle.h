/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One libpcap handle on one interface, sampled by the kernel. Opening and
 * closing block (RCU grace periods) and run on workers; the rest does not. A
 * handle is used by one thread at a time. */
#pragma once

#include "capture-filter.h"

#include <gio/gio.h>
#include <net/if.h>
#include <pcap/pcap.h>

typedef struct VsfCaptureHandle VsfCaptureHandle;

typedef struct {
    int ifindex;
    char name[IFNAMSIZ];
    VsfCaptureFilter filter;
    guint32 ring_bytes; /* 0 = default */
} VsfCaptureHandleConfig;

/* Errors are VsfCaptureError. From the return on, every frame in the ring was
 * picked by the filter. */
VsfCaptureHandle *vsf_capture_handle_open(const VsfCaptureHandleConfig *config,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_capture_handle_close(VsfCaptureHandle *handle);

/* Picks 1 in @rate from now on; does not block. Frames in the ring keep what they
 * were picked at. FALSE: the kernel refused, and the old rate goes on. */
gboolean vsf_capture_handle_set_rate(VsfCaptureHandle *handle, guint32 rate,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

int vsf_capture_handle_fd(const VsfCaptureHandle *handle);

/* The frames that a ring made by this configuration holds, at least. */
guint vsf_capture_handle_ring_frames(guint32 header_bytes, guint32 ring_bytes);

/* Takes at most @max frames that are there. Returns how many, or -1. */
int vsf_capture_handle_read(VsfCaptureHandle *handle, int max, pcap_handler frame, gpointer user);

/* Whether the interface is still there and up; @failed: the last read was -1.
 * Clears the socket's pending error, of which libpcap makes no return value. */
gboolean vsf_capture_handle_check(VsfCaptureHandle *handle, gboolean failed,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Frames that found the ring full since the open. Asks the kernel at most every
 * 50 ms. */
guint64 vsf_capture_handle_drops(VsfCaptureHandle *handle, gint64 now_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCaptureHandle, vsf_capture_handle_close)
