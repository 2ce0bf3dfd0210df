/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a frame in the ring to a packet. Pure. */
#pragma once

#include "capture-clock.h"
#include "capture-rates.h"
#include "capture.h"

#include <pcap/pcap.h>

/* A frame that @header and @bytes describe (the time in microseconds), taken by a
 * filter for @header_bytes; points into @bytes. */
VsfPacket vsf_capture_frame_packet(const struct pcap_pkthdr *header, const guint8 *bytes,
                                   int ifindex, guint32 header_bytes, const VsfCaptureRates *rates,
                                   const VsfCaptureClock *clock);
