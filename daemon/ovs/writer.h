/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps what is wanted in Open vSwitch's database: as bridges come and go and as what is wanted
 * changes; one transaction at a time. It gives up, until something else is wanted, when what it
 * wrote vanished or was changed twice within 5 minutes: then another agent claims the bridges.
 * Main thread; time is an argument. */
#pragma once

#include "client.h"
#include "plan.h"

#define VSF_OVS_CLAIM_US (300 * G_USEC_PER_SEC)

typedef struct VsfOvsWriter VsfOvsWriter;

VsfOvsWriter *vsf_ovs_writer_new(VsfOvsClient *client); /* which outlives it */
void vsf_ovs_writer_free(VsfOvsWriter *writer);         /* takes NULL; what is written stays */

/* @wanted: copied; NULL: nothing of ours is to be there. Until it is told for the first time
 * nothing is written: what is there may be just what will be wanted. */
void vsf_ovs_writer_want(VsfOvsWriter *writer, const VsfOvsWanted *wanted, gint64 now_us);

/* The client has changed, or some seconds passed: what was refused is tried again. */
void vsf_ovs_writer_look(VsfOvsWriter *writer, gint64 now_us);

/* Nothing is begun any more. FALSE: a transaction is out, of which vsf_ovs_writer_leave() cannot
 * know what it brought; to be asked again. @patience_us after the first time it is TRUE in any
 * case. */
gboolean vsf_ovs_writer_may_leave(VsfOvsWriter *writer, gint64 now_us, gint64 patience_us);

/* The switch itself does not run, so that nobody sends what it was told to; or it does again. */
void vsf_ovs_writer_set_dead(VsfOvsWriter *writer, gboolean dead);

/* The params of a transaction that takes away what is ours; NULL: nothing is. The caller's. */
char *vsf_ovs_writer_leave(const VsfOvsWriter *writer);

/* Why not each bridge that is wanted has our row, in words that name the rival; NULL: each has, or
 * will in a moment. The writer's, until it looks again. */
const char *vsf_ovs_writer_trouble(const VsfOvsWriter *writer);
gboolean vsf_ovs_writer_has_stopped(const VsfOvsWriter *writer);

/* Whether the interface's packets and counters are sent by its bridge, for us. @port may be
 * NULL. */
gboolean vsf_ovs_writer_covers(const VsfOvsWriter *writer, const VsfOvsPort *port);
guint vsf_ovs_writer_n_bridges(const VsfOvsWriter *writer); /* that do */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfOvsWriter, vsf_ovs_writer_free)
