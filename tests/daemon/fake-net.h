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
extern guint fake_capture_opens;
extern guint32 fake_capture_header_bytes;
extern VsfDirection fake_capture_direction;

void fake_net_reset(void);

/* Answers of the fake kernel, to the capture that was made last. */
void fake_capture_opened(int ifindex);
void fake_capture_failed(int ifindex, VsfCaptureError code);
void fake_capture_failed_with(int ifindex, VsfCaptureError code, const char *message);
void fake_capture_packet(int ifindex, gboolean from_vm, const guint8 source_mac[6], gint64 time_ns);
/* One frame that only a drain brings. */
void fake_capture_leave_in_ring(int ifindex, gboolean from_vm, const guint8 source_mac[6],
                                gint64 time_ns);
void fake_capture_set_drops(guint64 drops);
/* No more samplers than these from now on; after the reset any number. */
void fake_capture_set_room(guint samplers);
/* A sampler that was closed has ended. */
void fake_capture_room_came(void);

/* What the next questions are answered with. */
void fake_link_stats_set(int ifindex, const VsfLinkStats *stats);
/* Answers everything that was asked; returns how many questions there were. */
guint fake_link_stats_answer(gint64 read_ns);
/* Refuses what was asked last, whatever waits. */
void fake_link_stats_refuse(void);
