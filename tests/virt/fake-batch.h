/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A libvirt that does what libvirt does with several domains in one call: it asks one after the
 * other, waits for a QEMU that hangs, and leaves out what only QEMU knows of a domain that another
 * call is at. And timers that fire when the test says so (the linker sends g_timeout_add() and
 * g_source_remove() here). */
#pragma once

#include "../../daemon/virt/calls.h"

typedef enum { ANSWERS, HANGS, IS_GONE } Way;

/* Its answer is the UUID; a question is FAKE_QUESTION. */
#define FAKE_QUESTION GUINT_TO_POINTER(7)
extern const VsfCallsOps fake_ops;
extern gint64 fake_now_us; /* main thread */

void fake_reset(void);
/* All that hang answer; waits until every connection is closed, on threads that nobody waits for,
 * and every answer freed. */
void fake_end(void);

void fake_set_way(const char *uuid, Way way);
void fake_set_busy(const char *uuid, gboolean busy); /* another client is at its QEMU */
void fake_batches_fail(gboolean with_connection);
/* Waits until so many calls have come to domains that hang. */
void fake_wait_for_hung(guint n);

/* What came since the reset. */
typedef struct {
    guint singles, batches, largest, smallest, closed;
} FakeCounts;
FakeCounts fake_counts(void);

/* The first timer of this length; there is one. */
void fake_fire(guint interval_ms);
guint fake_n_timers(void);
