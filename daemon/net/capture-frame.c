/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-frame.h"

#include "capture-filter.h"

VsfPacket
vsf_capture_frame_packet(const struct pcap_pkthdr *header, const guint8 *bytes, int ifindex,
                         guint32 header_bytes, const VsfCaptureRates *rates,
                         const VsfCaptureClock *clock)
{
    gint64 stamp_ns = (gint64)header->ts.tv_sec * 1000000000 + header->ts.tv_usec * 1000;
    gint64 time_ns = vsf_capture_clock_time(clock, stamp_ns);

    return (VsfPacket){
        .ifindex = ifindex,
        .time_ns = time_ns,
        .stamp_ns = stamp_ns,
        .from_vm = vsf_capture_filter_from_vm(header_bytes, header->caplen, header->len),
        .rate = vsf_capture_rates_at(rates, time_ns),
        .frame_length = header->len,
        .header = bytes,
        .header_length = vsf_capture_filter_header_length(header_bytes, header->caplen),
    };
}
