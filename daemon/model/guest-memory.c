/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-memory.h"

/* Memory that no process could have: what is free, and caches that would be
 * given up. Unknown if the guest does not tell enough. */
static guint64
in_use(const VsfBalloon *balloon)
{
    guint64 spare;

    if (balloon->available == VSF_UNKNOWN)
        return VSF_UNKNOWN;
    if (balloon->usable != VSF_UNKNOWN) {
        spare = balloon->usable;
    } else {
        if (balloon->unused == VSF_UNKNOWN || balloon->disk_caches == VSF_UNKNOWN)
            return VSF_UNKNOWN;
        spare = balloon->unused > balloon->available
                    ? balloon->available
                    : balloon->unused + MIN(balloon->disk_caches, balloon->available);
    }
    /* Guests lie: never negative. */
    return balloon->available - MIN(spare, balloon->available);
}

static gboolean
is_fresh(const VsfBalloon *balloon, guint period_s, gint64 now_s)
{
    gint64 fresh_s = MAX((gint64)period_s * 3, VSF_GUEST_MEMORY_FRESH_S);
    gint64 age_s;

    if (balloon->last_update_s == 0 || balloon->last_update_s > G_MAXINT64)
        return FALSE;
    age_s = now_s - (gint64)balloon->last_update_s;
    /* A wall clock that was set back makes it seem to come from the future. */
    return age_s <= fresh_s && age_s >= -fresh_s;
}

guint64
vsf_guest_memory(VsfMemoryMeaning *meaning, const VsfBalloon *balloon, guint period_s, gint64 now_s,
                 gint64 known_for_s)
{
    guint64 used = period_s > 0 && is_fresh(balloon, period_s, now_s) ? in_use(balloon)
                                                                      : VSF_UNKNOWN;

    if (*meaning == VSF_MEMORY_UNDECIDED) {
        if (used != VSF_UNKNOWN)
            *meaning = VSF_MEMORY_GUEST;
        else if (period_s == 0 || known_for_s >= VSF_GUEST_MEMORY_PATIENCE_S)
            *meaning = VSF_MEMORY_HOST;
    }
    switch (*meaning) {
    case VSF_MEMORY_GUEST:
        return used;
    case VSF_MEMORY_HOST:
        return balloon->current;
    case VSF_MEMORY_UNDECIDED:
        break;
    }
    return VSF_UNKNOWN;
}
