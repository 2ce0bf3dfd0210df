/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interface counters for those whose turns come together: one question to the kernel for
 * all of them, so that 2,000 taps cost a dump a slot and not one question each or a dump
 * for every few. The answer is handed out some at a time, since what follows from it may
 * take as long as a turn. Main thread only. */
#pragma once

#include "net/link-stats.h"

typedef struct VsfReadings VsfReadings;

/* Embedded in what waits for an answer; zero but for @owner at first. */
typedef struct {
    gpointer owner;
    struct VsfReading *reading; /* NULL: it waits for none */
} VsfReader;

typedef struct {
    /* As VsfLinkStatsFunc, once per question and before its readers are given theirs. */
    void (*came)(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data);
    /* @reader waits no more. @table: NULL if the question failed. */
    void (*give)(VsfReader *reader, GHashTable *table, gpointer user_data);
    /* All readers of an answer have theirs. */
    void (*given)(gpointer user_data);
} VsfReadingsCallbacks;

/* @link_stats and @callbacks are used until vsf_readings_free(). */
VsfReadings *vsf_readings_new(VsfLinkStatsReader *link_stats, const VsfReadingsCallbacks *callbacks,
                              gpointer user_data);
/* Questions that are out must not be answered any more: the kernel's reader is freed before
 * the loop runs again. Takes NULL. */
void vsf_readings_free(VsfReadings *readings);

/* Waits for the next question; not for what it waited for so far, which is older. */
void vsf_readings_wait(VsfReadings *readings, VsfReader *reader);

/* The next question is for this interface too. */
void vsf_readings_add(VsfReadings *readings, int ifindex);

/* It waits no more, if it did. */
void vsf_readings_leave(VsfReader *reader);

/* TRUE if a question is not answered yet, or its answer not handed out. */
gboolean vsf_readings_are_out(const VsfReadings *readings);

/* Asks, if anyone waits. @more: others will wait at once, and so it is put off until a call
 * without, but for 200 ms at most, also where none of them comes and nobody calls. */
void vsf_readings_ask(VsfReadings *readings, gboolean more);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfReadings, vsf_readings_free)
