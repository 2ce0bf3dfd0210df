/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture under test, and what it told. */
#pragma once

#include "../../daemon/net/capture.h"
#include "tap-lab.h"

#define CAPTURE_LAB_H 128 /* header bytes */

extern const guint8 capture_lab_vm_mac[6], capture_lab_peer_mac[6];

typedef struct {
    VsfPacket packet;
    guint8 header[256];
} CaptureSeen;

/* A capture and what it told. */
typedef struct {
    VsfCapture *capture;
    guint n_opened, n_failed, n_from, n_to, n_room;
    int failed_ifindex;
    GError *error;
    GArray *packets; /* CaptureSeen, of our EtherType and addresses only */
    gboolean keep;
    int close_on_packet; /* ifindex, or 0 */
} CaptureLab;

/* Which backend is under test: VSF_BACKEND in the environment; else libpcap. */
gboolean capture_lab_is_ebpf(void);

/* tap_lab_skip_all(), also where that backend cannot be used. */
gboolean capture_lab_skip_all(void);

void capture_lab_start_with(CaptureLab *lab, VsfDirection direction, guint32 header_bytes);
void capture_lab_start(CaptureLab *lab, VsfDirection direction);
void capture_lab_start_narrow(CaptureLab *lab, guint samplers_max);
void capture_lab_stop(CaptureLab *lab);

/* Opens and waits for it; returns the ifindex. */
int capture_lab_open(CaptureLab *lab, const char *name, VsfSide side, guint32 rate);
gboolean capture_lab_has_opened(gpointer lab);

/* Waits until there were exactly @n packets in all. */
void capture_lab_wait_for(CaptureLab *lab, guint n);

/* Waits for one that fails to open or ends, and checks with which error. */
void capture_lab_wait_failed(CaptureLab *lab, int ifindex, VsfCaptureError code);

/* Bytes of packet rings that are mapped into this process. */
gsize capture_lab_ring_bytes(void);
gboolean capture_lab_has_no_ring(gpointer unused);
