/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

/* Of an interval. Most of what a turn costs is shared by those that come together, so that a slot
 * is to have what one call to libvirt takes, 16 VMs, with a tap each. */
#define SLOTS_MIN 3
#define SLOTS_MAX 12
#define TURNS_OF_SLOT 32
#define SLOT_MAX_US (8 * G_USEC_PER_SEC)
#define GRID_US 3600e6 /* many intervals */

struct VsfSchedule {
    gint64 interval_us;
    gint64 grid_us;   /* where the slots lie: a random time */
    GSequence *turns; /* VsfTurn by due_us */
    guint timer;
    gint64 armed_us; /* what the timer waits for */
    void (*came)(gpointer user_data);
    gpointer user_data;
};

static int
compare_due(gconstpointer a, gconstpointer b, gpointer user_data G_GNUC_UNUSED)
{
    gint64 difference = ((const VsfTurn *)a)->due_us - ((const VsfTurn *)b)->due_us;

    return difference < 0 ? -1 : difference > 0;
}

static VsfTurn *
first_of(const VsfSchedule *schedule)
{
    GSequenceIter *first = g_sequence_get_begin_iter(schedule->turns);

    return g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);
}

static gboolean
slot_came(gpointer user_data)
{
    VsfSchedule *schedule = user_data;

    schedule->timer = 0;
    schedule->came(schedule->user_data);
    return G_SOURCE_REMOVE;
}

void
vsf_schedule_arm(VsfSchedule *schedule)
{
    const VsfTurn *first = first_of(schedule);
    gint64 wait_us;

    /* Most turns that are planned come after those that are. */
    if (schedule->timer != 0 && first != NULL && first->due_us == schedule->armed_us)
        return;
    g_clear_handle_id(&schedule->timer, g_source_remove);
    if (first == NULL)
        return;
    schedule->armed_us = first->due_us;
    wait_us = MAX(first->due_us - g_get_monotonic_time(), 0);
    schedule->timer = g_timeout_add((guint)((wait_us + 999) / 1000), slot_came, schedule);
}

static void
insert(VsfSchedule *schedule, VsfTurn *turn, gint64 due_us)
{
    vsf_schedule_cancel(turn);
    turn->due_us = due_us;
    turn->iter = g_sequence_insert_sorted(schedule->turns, turn, compare_due, NULL);
    vsf_schedule_arm(schedule);
}

gint64
vsf_schedule_interval_us(const VsfSchedule *schedule)
{
    return schedule->interval_us;
}

/* 0: it has no turns. */
static gint64
interval_of(const VsfSchedule *schedule, const VsfTurn *turn)
{
    return turn->own_us == 0 ? schedule->interval_us : MAX(turn->own_us, 0);
}

gboolean
vsf_schedule_has_turns(const VsfSchedule *schedule, const VsfTurn *turn)
{
    return interval_of(schedule, turn) > 0;
}

void
vsf_schedule_at(VsfSchedule *schedule, VsfTurn *turn, gint64 due_us)
{
    if (!vsf_schedule_has_turns(schedule, turn))
        return;
    turn->planned_us = interval_of(schedule, turn);
    turn->anew = FALSE;
    turn->regular_us = due_us;
    insert(schedule, turn, due_us);
}

/* Of twice as many slots each other one is where it was. */
static gint
n_slots(const VsfSchedule *schedule, gint64 interval_us)
{
    gint turns = g_sequence_get_length(schedule->turns), slots = SLOTS_MIN;

    while ((slots < SLOTS_MAX && turns >= slots * TURNS_OF_SLOT) ||
           interval_us / slots > SLOT_MAX_US)
        slots *= 2;
    return slots;
}

/* Any of the slots of one interval from now on. */
void
vsf_schedule_random(VsfSchedule *schedule, VsfTurn *turn)
{
    gint64 interval_us = interval_of(schedule, turn), past_us, now_us = g_get_monotonic_time();
    gint slots = n_slots(schedule, interval_us);
    gint64 slot;

    if (interval_us == 0)
        return;
    past_us = (now_us + schedule->grid_us) % interval_us;
    slot = (past_us * slots + interval_us - 1) / interval_us + g_random_int_range(0, slots);
    vsf_schedule_at(schedule, turn, now_us - past_us + slot * interval_us / slots);
}

void
vsf_schedule_next(VsfSchedule *schedule, VsfTurn *turn)
{
    gint64 late_us = g_get_monotonic_time() - turn->regular_us;
    gint64 interval_us = interval_of(schedule, turn);
    gint64 turns = 0;

    if (interval_us == 0)
        return;
    if (turn->anew) {
        vsf_schedule_random(schedule, turn);
        return;
    }
    /* One that was hastened has its regular turn still before it. */
    if (late_us >= 0 || turn->due_us == turn->regular_us)
        turns = 1 + MAX(late_us, 0) / interval_us;
    vsf_schedule_at(schedule, turn, turn->regular_us + turns * interval_us);
}

void
vsf_schedule_retime(VsfSchedule *schedule, VsfTurn *turn)
{
    gint64 interval_us = interval_of(schedule, turn), before_us = turn->planned_us;
    gint64 due_us = turn->due_us;

    if (interval_us == before_us)
        return;
    turn->planned_us = interval_us;
    if (interval_us == 0) {
        vsf_schedule_cancel(turn);
    } else if (before_us == 0) {
        vsf_schedule_random(schedule, turn);
    } else if (turn->iter == NULL || interval_us > before_us) {
        turn->anew = TRUE;
    } else {
        vsf_schedule_random(schedule, turn);
        if (turn->due_us > due_us)
            vsf_schedule_at(schedule, turn, due_us);
    }
}

void
vsf_schedule_join(VsfSchedule *schedule, VsfTurn *turn, const VsfTurn *other, gboolean keep)
{
    gint64 due_us = turn->due_us;

    if (turn->iter == NULL || turn->anew || other->iter == NULL || other->anew ||
        interval_of(schedule, turn) != interval_of(schedule, other) ||
        turn->regular_us == other->regular_us)
        return;
    vsf_schedule_at(schedule, turn, other->regular_us);
    if (keep)
        vsf_schedule_hasten(schedule, turn, due_us);
}

gboolean
vsf_schedule_hasten(VsfSchedule *schedule, VsfTurn *turn, gint64 due_us)
{
    if (turn->iter == NULL || turn->due_us <= due_us)
        return FALSE;
    insert(schedule, turn, due_us);
    return TRUE;
}

void
vsf_schedule_cancel(VsfTurn *turn)
{
    g_clear_pointer(&turn->iter, g_sequence_remove);
}

gboolean
vsf_schedule_is_due(const VsfSchedule *schedule, gint64 now_us)
{
    const VsfTurn *first = first_of(schedule);

    return first != NULL && first->due_us <= now_us;
}

VsfTurn *
vsf_schedule_take(VsfSchedule *schedule, gint64 now_us)
{
    VsfTurn *turn = first_of(schedule);

    if (turn == NULL || turn->due_us > now_us)
        return NULL;
    vsf_schedule_cancel(turn);
    return turn;
}

gboolean
vsf_schedule_is_missed(const VsfSchedule *schedule, const VsfTurn *turn, gint64 now_us)
{
    return now_us - turn->due_us >= interval_of(schedule, turn);
}

void
vsf_schedule_set_own(VsfTurn *turn, guint interval_s)
{
    turn->own_us = interval_s == 0 ? -1 : (gint64)interval_s * G_USEC_PER_SEC;
}

void
vsf_schedule_set_interval(VsfSchedule *schedule, guint interval_s)
{
    schedule->interval_us = (gint64)interval_s * G_USEC_PER_SEC;
    schedule->grid_us = (gint64)(g_random_double() * GRID_US);
}

VsfSchedule *
vsf_schedule_new(guint interval_s, void (*came)(gpointer user_data), gpointer user_data)
{
    VsfSchedule *schedule = g_new0(VsfSchedule, 1);

    vsf_schedule_set_interval(schedule, interval_s);
    schedule->turns = g_sequence_new(NULL);
    schedule->came = came;
    schedule->user_data = user_data;
    return schedule;
}

void
vsf_schedule_free(VsfSchedule *schedule)
{
    if (schedule == NULL)
        return;
    g_clear_handle_id(&schedule->timer, g_source_remove);
    g_sequence_free(schedule->turns);
    g_free(schedule);
}
