/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The samplers, what they send, and for tests that want no more one VM with one tap. The
 * kernel is fake-net.c. */
#pragma once

#include "../../daemon/flows.h"
#include "decoded.h"
#include "fake-net.h"

#include <net/if.h>

#define MS G_GINT64_CONSTANT(1000000) /* in nanoseconds */
#define IFINDEX 17

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    VsfLinkStatsReader *reader;
    VsfRegistry *registry;
    VsfFlows *flows;
    VsfTap *tap; /* NULL until it is started */
    GPtrArray *datagrams;
} Fixture;

/* Of whoever sends what is picked. */
extern const guint8 flows_fixture_mac[6];

/* The daemon's clock jumps; after a set_up() it is the machine's. */
void flows_fixture_pass(gint64 ms);

/* No VM yet; sampling is 64. */
void flows_fixture_set_up(Fixture *fixture, gconstpointer user_data);
void flows_fixture_tear_down(Fixture *fixture, gconstpointer user_data);

/* The VM and its tap appear. */
void flows_fixture_start(Fixture *fixture);

/* The sampler opens, when the tap has received @frames. */
void flows_fixture_open_at(guint64 frames, gint64 read_ns);

/* A frame is picked, read when the tap has received @frames: the datagram, decoded. */
GHashTable *flows_fixture_sample_at(Fixture *fixture, guint64 frames, gint64 read_ns);

/* A VM of that name runs, whose one NIC is @device with @mac; UUID, id and index end in the MAC's
 * last byte. @sampling: what its metadata want, or VSF_MONITOR_UNSET. */
void flows_fixture_see_vm(Fixture *fixture, const char *name, const char *device,
                          const guint8 mac[6], guint32 sampling);
