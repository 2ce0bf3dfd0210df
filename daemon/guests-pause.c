/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking stops for a while: nobody is asked, and nobody's silence counts. */
#include "guests-private.h"

gint64
vsf_guests_paused_us(const VsfGuests *guests, gint64 now_us)
{
    return guests->paused_us + (guests->paused ? now_us - guests->paused_at_us : 0);
}

gint64
vsf_guests_known_for_s(const VsfGuests *guests, const Guest *guest, gboolean agent_possible,
                       gint64 now_us)
{
    const VsfDomainDef *def = guest->domain->def;
    gint64 known_us = now_us - guest->domain->since_us;
    gboolean balloon_possible = guests->config->balloon_period_s > 0 && def->has_balloon &&
                                def->balloon_period_s == 0;

    if (agent_possible || balloon_possible)
        known_us -= vsf_guests_paused_us(guests, now_us) - guest->paused_before_us;
    return MAX(known_us, 0) / G_USEC_PER_SEC;
}

void
vsf_guests_pause(VsfGuests *guests, gboolean paused)
{
    gint64 now_us = g_get_monotonic_time();

    if (guests->paused == paused)
        return;
    guests->paused_us = vsf_guests_paused_us(guests, now_us);
    guests->paused_at_us = now_us;
    guests->paused = paused;
    vsf_guests_arm_all(guests);
}
