/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

#include "model/fnv.h"

#include <string.h>

/* Of an interval. Most of what a turn costs is shared by those that come together, so that a slot
 * is to have what one call to libvirt takes, 16 VMs, with a tap each. */
#define SLOTS_MIN 3
#define SLOTS_MAX 12
#define TURNS_OF_SLOT 32
#define SLOT_MAX_US (8 * G_USEC_PER_SEC)

struct VsfSchedule {
    gint64 interval_us;
    guint32 seed;     /* where the slots lie, and whose they are */
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

/* All bits of @bits in each bit of the result: FNV's high bits hang little on the last bytes.
 * (MurmurHash3's finaliser, which is in the public domain.) */
static guint32
mixed(guint32 bits)
{
    bits = (bits ^ bits >> 16) * 0x85ebca6bu;
    bits = (bits ^ bits >> 13) * 0xc2b2ae35u;
    return bits ^ bits >> 16;
}

/* Of @parts equal ones, where @hash lies; a half of them as many lies around it. */
static gint64
part_of(guint32 hash, gint64 parts)
{
    return (gint64)(((guint64)hash * (guint64)parts) >> 32);
}

/* From the schedule's seed and the turn's key. */
static guint32
hash_of(const VsfSchedule *schedule, const VsfTurn *turn)
{
    return mixed(vsf_fnv(schedule->seed, &turn->key, sizeof(turn->key)));
}

/* The first time of its slot from now on. */
void
vsf_schedule_place(VsfSchedule *schedule, VsfTurn *turn)
{
    gint64 interval_us = interval_of(schedule, turn), now_us = g_get_monotonic_time();
    gint64 slots, past_us, slot_us;

    if (interval_us == 0)
        return;
    slots = n_slots(schedule, interval_us);
    past_us = (now_us + part_of(mixed(schedule->seed), interval_us)) % interval_us;
    slot_us = part_of(hash_of(schedule, turn), slots) * interval_us / slots;
    if (slot_us < past_us)
        slot_us += interval_us;
    vsf_schedule_at(schedule, turn, now_us - past_us + slot_us);
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
        vsf_schedule_place(schedule, turn);
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
        vsf_schedule_place(schedule, turn);
    } else if (turn->iter == NULL || interval_us > before_us) {
        turn->anew = TRUE;
    } else {
        vsf_schedule_place(schedule, turn);
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
}

void
vsf_schedule_set_key(VsfTurn *turn, gconstpointer bytes, gsize size)
{
    turn->key = vsf_fnv(VSF_FNV_START, bytes, size);
}

guint32
vsf_schedule_seed(const guint8 uuid[16], const char *name)
{
    guint8 none[16] = {0};

    if (memcmp(uuid, none, sizeof(none)) == 0)
        return g_random_int();
    return vsf_fnv(vsf_fnv(VSF_FNV_START, uuid, sizeof(none)), name, strlen(name));
}

VsfSchedule *
vsf_schedule_new(guint interval_s, guint32 seed, void (*came)(gpointer user_data),
                 gpointer user_data)
{
    VsfSchedule *schedule = g_new0(VsfSchedule, 1);

    vsf_schedule_set_interval(schedule, interval_s);
    schedule->seed = seed;
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
