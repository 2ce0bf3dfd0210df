/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose turn is when: each once per interval (the schedule's, or one of its own), at a phase of
 * its own. Phases lie on slots, so that one wake-up serves all that are due: a third of the
 * interval but at most eight seconds long, a sixth from 96 turns on and a twelfth from 192 on.
 * Where they lie is a hash of the schedule's seed, and which of them is a turn's a hash of the seed
 * and its key, on the monotonic clock: a process that is started anew goes on with the phases of
 * the one before, and daemons with the same clock and different seeds do not meet. Where slots are
 * a sixth or a twelfth, a phase may differ from the one before by a quarter of the interval. Main
 * thread only. */
#pragma once

#include <glib.h>

typedef struct VsfSchedule VsfSchedule;

/* Embedded in what has turns; all zero at first. */
typedef struct {
    gint64 due_us;       /* monotonic time of the next turn, or of the one that was taken */
    gint64 regular_us;   /* the same, but for turns out of order: what keeps the phase */
    GSequenceIter *iter; /* NULL: not scheduled, or its turn is under way */
    gint64 own_us;       /* its interval; 0: the schedule's, -1: it has no turns */
    gint64 planned_us;   /* the interval that it was scheduled by last */
    guint32 key;         /* vsf_schedule_set_key() */
    gboolean anew;       /* the phase begins anew after its next turn */
} VsfTurn;

/* A host's seed; a random one if @uuid is all zero. @name: what tells hosts with the same UUID
 * apart. */
guint32 vsf_schedule_seed(const guint8 uuid[16], const char *name);

/* @came is called when a turn is due; it takes turns and calls vsf_schedule_arm().
 * @interval_s 0: nothing is ever scheduled that has no interval of its own. */
VsfSchedule *vsf_schedule_new(guint interval_s, guint32 seed, void (*came)(gpointer user_data),
                              gpointer user_data);
/* All turns were cancelled before. Takes NULL. */
void vsf_schedule_free(VsfSchedule *schedule);

gint64 vsf_schedule_interval_us(const VsfSchedule *schedule);

/* Another interval of the schedule, or of one turn (0: no turns): then vsf_schedule_retime()
 * of each that it may concern. */
void vsf_schedule_set_interval(VsfSchedule *schedule, guint interval_s);
void vsf_schedule_set_own(VsfTurn *turn, guint interval_s);

/* Whose turn it is, by which its slot is chosen from the next vsf_schedule_place() on: what is the
 * same after a restart. Those with the same key and interval meet. Without one: 0. */
void vsf_schedule_set_key(VsfTurn *turn, gconstpointer bytes, gsize size);

/* FALSE: it has no turns as things are. */
gboolean vsf_schedule_has_turns(const VsfSchedule *schedule, const VsfTurn *turn);

/* If its interval is not what it was scheduled by: a shorter one begins within itself, at
 * the slot of the turn's key; a longer one after the turn that is planned, so that the time between
 * two turns is never longer than both; without turns none follows. Else nothing happens. */
void vsf_schedule_retime(VsfSchedule *schedule, VsfTurn *turn);

/* The phase begins anew: at that time, or at the slot of the turn's key in the next interval, so
 * that the wait is never longer than that. */
void vsf_schedule_at(VsfSchedule *schedule, VsfTurn *turn, gint64 due_us);
void vsf_schedule_place(VsfSchedule *schedule, VsfTurn *turn);

/* After a turn: the next of its phase. Due times do not drift, and after a loop
 * that was late each still has its own phase. */
void vsf_schedule_next(VsfSchedule *schedule, VsfTurn *turn);

/* From now on @turn has the phase of @other, if both have the same interval and are scheduled, so
 * that they are taken together. @keep: before that it is taken as it was planned, so that no gap
 * is longer than the interval. */
void vsf_schedule_join(VsfSchedule *schedule, VsfTurn *turn, const VsfTurn *other, gboolean keep);

/* Brings the next turn of one that is scheduled forward and leaves its phase as it
 * is. FALSE: it is due by then as it is, or not scheduled. */
gboolean vsf_schedule_hasten(VsfSchedule *schedule, VsfTurn *turn, gint64 due_us);

void vsf_schedule_cancel(VsfTurn *turn);

/* The first turn that is due at @now_us, no more scheduled; NULL: none is. */
VsfTurn *vsf_schedule_take(VsfSchedule *schedule, gint64 now_us);

/* TRUE if vsf_schedule_take() would return one. */
gboolean vsf_schedule_is_due(const VsfSchedule *schedule, gint64 now_us);

/* TRUE if the turn is late by a whole interval: then those of that time are skipped
 * rather than taken in a burst. */
gboolean vsf_schedule_is_missed(const VsfSchedule *schedule, const VsfTurn *turn, gint64 now_us);

/* Waits for the first turn. */
void vsf_schedule_arm(VsfSchedule *schedule);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfSchedule, vsf_schedule_free)
