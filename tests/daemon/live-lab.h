/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's path of packets, from real taps to datagrams, without libvirt: links, registry,
 * flows, the capture of either backend, exporter. One VM, whose NICs' taps are the test's. */
#pragma once

#include "../../daemon/flows.h"
#include "../../daemon/net/links.h"
#include "../net/tap-lab.h"

#define LIVE_LAB_ANY_RATE 0

typedef struct { /* a flow sample, as a collector sees it */
    guint32 ifindex, sequence, rate, pool, drops, input, output, frame_length, stripped;
    guint8 header[256];
    gsize header_length;
} LiveSample;

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    VsfLinkStatsReader *reader;
    VsfRegistry *registry;
    VsfFlows *flows;
    VsfLinks *links;
    GArray *samples;  /* LiveSample, of frames that tap_lab_frame() made */
    guint32 sequence; /* that was told last */
    guint n_nics;
} LiveLab;

typedef struct {
    guint64 rx_packets, rx_bytes, tx_packets, tx_bytes;
} LiveCounters;

/* VSF_BACKEND; else libpcap. */
gboolean live_lab_is_ebpf(void);

/* Enters a network namespace; TRUE: main() shall return 0 now. */
gboolean live_lab_skip_all(void);

/* A VM with @n_nics, whose taps are to be vnet0 and so on. */
void live_lab_start(LiveLab *lab, guint n_nics, guint32 rate, VsfDirection direction);
void live_lab_stop(LiveLab *lab);

/* Of NIC @nic; and somebody's outside. */
void live_lab_mac(guint nic, guint8 mac[6]);
extern const guint8 live_lab_outside[6];

/* The taps vnet0 to vnet<n-1> exist: they get their NICs' addresses, go up, and have a sampler
 * when this returns. */
void live_lab_plug(LiveLab *lab, guint n);

/* Takes them all away at once, and waits until the daemon knows. */
void live_lab_unplug(LiveLab *lab);

/* What a reload does. */
void live_lab_set_rate(LiveLab *lab, guint32 rate);

/* Empties the rings, which the daemon lets fill for a while, and lets be done what can be done
 * without waiting: however slow the machine is, nothing is lost. */
void live_lab_turn(const LiveLab *lab);

/* The same where @n samples, or more, are to be expected of what was sent so far: it waits while
 * so many of them are missing that they might be too many to wait for a late reading. */
void live_lab_turn_of(LiveLab *lab, guint n);

/* Until no more samples come. */
void live_lab_settle(LiveLab *lab);

const LiveSample *live_lab_sample(const LiveLab *lab, guint i);

/* The interface's own counters. */
LiveCounters live_lab_counters(const char *name);

/* What ended samplers counted and no sample told of; 0 with libpcap, which does not count. */
guint64 live_lab_untold(void);

/* Answers of the kernel about counters that came later than samples wait for them, or are not
 * there yet, since live_lab_start(): then a sample tells the pool that was known. */
guint live_lab_late_readings(void);

/* Of live_lab_start() and live_lab_stop(), around the life of the reader. */
void live_late_begin(void);
void live_late_end(void);
