/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fakes of net/capture and net/link-stats: no kernel behind them. The test
 * says when a sampler is open, which packets it picked, and what the counters
 * of an interface are; questions are answered when the test says so. */
#pragma once

#include "../../daemon/net/capture.h"
#include "../../daemon/net/link-stats.h"

/* Samplers asked for and not closed: ifindex -> the rate. */
extern GHashTable *fake_samplers;

/* Opened since the reset, and with what the last one was. */
extern guint fake_capture_opens, fake_capture_refusals;
extern guint32 fake_capture_header_bytes;
extern VsfDirection fake_capture_direction;
extern VsfSide fake_capture_side; /* of the last one */

void fake_net_reset(void);

/* Answers of the fake kernel, to the capture that was made last. */
void fake_capture_opened(int ifindex);
void fake_capture_failed(int ifindex, VsfCaptureError code);
void fake_capture_failed_with(int ifindex, VsfCaptureError code, const char *message);
void fake_capture_packet(int ifindex, gboolean from_vm, const guint8 source_mac[6], gint64 time_ns);
/* The same, to one address; the other is to all. */
void fake_capture_packet_to(int ifindex, gboolean from_vm, const guint8 destination_mac[6],
                            const guint8 source_mac[6], gint64 time_ns);
/* The same of a sampler that counts by itself. */
void fake_capture_counted(int ifindex, gboolean from_vm, const guint8 source_mac[6], gint64 time_ns,
                          guint32 gap, gboolean decided);
/* The kernel decided on direction = once of all frames from now on; after the reset of none. */
void fake_capture_set_decided(gboolean decided);
/* One frame that only a drain brings. */
void fake_capture_leave_in_ring(int ifindex, gboolean from_vm, const guint8 source_mac[6],
                                gint64 time_ns);
/* Of that frame, which a sampler that counts by itself left. */
void fake_capture_set_gap_in_ring(guint32 gap);
void fake_capture_set_drops(guint64 drops);
/* No more samplers than these from now on; after the reset any number. */
void fake_capture_set_room(guint samplers);
/* What every sampler is from now on (after the reset libpcap's), and what it counted and did not
 * tell. */
void fake_capture_set_tap(VsfCaptureTap tap, guint64 untold);
/* So many of those that are opened from now on are eBPF's, whatever that says; after the reset
 * none. */
void fake_capture_set_hooks(guint samplers);
/* So many are closed and not at their end; after the reset none. */
void fake_capture_set_ending(guint samplers);
/* What room there is is for nobody who asks from now on. */
void fake_capture_refuse(gboolean refuse);
/* A sampler that was closed has ended. */
void fake_capture_room_came(void);

/* What the next questions are answered with. */
void fake_link_stats_set(int ifindex, const VsfLinkStats *stats);
/* Answers everything that was asked; returns how many questions there were. */
guint fake_link_stats_answer(gint64 read_ns);
/* How many interfaces the last question was for. */
guint fake_link_stats_asked_for(void);
/* Refuses what was asked last, whatever waits. */
void fake_link_stats_refuse(void);
