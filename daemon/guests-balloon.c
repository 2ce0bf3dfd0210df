/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets the balloon's period where it is wanted and missing. That goes by the agents' way, and as
 * they do it waits where nobody may be asked. */
#include "guests-private.h"

#define BALLOON_RETRY_US (600 * G_USEC_PER_SEC)

static gboolean
wants_balloon(const VsfGuests *guests, const Guest *guest)
{
    const VsfDomainDef *def = guest->domain->def;

    return guests->config->balloon_period_s > 0 && guests->connected && !guests->paused &&
           def->has_balloon && def->balloon_period_s == 0 && !guest->balloon_asking &&
           guest->domain->state == VSF_STATE_RUNNING;
}

static void
balloon_answered(const char *uuid, gpointer answer G_GNUC_UNUSED, const GError *error,
                 gpointer user_data)
{
    VsfGuests *guests = user_data;
    Guest *guest = vsf_guests_find(guests, uuid);
    gboolean is_refused, is_told;

    vsf_guests_note_permission(guests, NULL, error);
    if (guest == NULL || !guest->balloon_asking)
        return;
    is_refused = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
                 g_error_matches(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
    is_told = guest->balloon_failed;
    guest->balloon_asking = FALSE;
    guest->balloon_failed = error != NULL;
    if (is_refused) {
        /* Of all VMs that is said at once, and all wait for its end. */
        guest->balloon_retry_us = 0;
    } else if (error != NULL && is_told) {
        g_debug("%s: the balloon's period: %s", guest->domain->name, error->message);
    } else if (error != NULL) {
        VSF_GUEST_LOG(MESSAGE, BALLOON_FAILED, guest,
                      "%s: the balloon's period cannot be set: %s; tried again later",
                      guest->domain->name, error->message);
    } else {
        VSF_GUEST_LOG(MESSAGE, BALLOON_SET, guest,
                      "%s: the balloon collects statistics every %u s now, as [guest] "
                      "balloon-period says",
                      guest->domain->name, guests->config->balloon_period_s);
        guest->balloon_set = TRUE;
        guests->callbacks->balloon_set(guest->domain, guests->user_data);
    }
    vsf_guests_arm(guests, guest);
}

void
vsf_guests_set_balloon(VsfGuests *guests, Guest *guest, gint64 now_us)
{
    guest->balloon_retry_us = now_us + BALLOON_RETRY_US;
    guest->balloon_asking = vsf_agents_set_balloon_period(guests->agents, guest->domain->def->uuid,
                                                          (int)guests->config->balloon_period_s,
                                                          balloon_answered, guests);
    if (guest->balloon_asking)
        guests->refused_us = now_us; /* it finds out for all */
    else
        guest->balloon_retry_us = now_us + G_USEC_PER_SEC; /* its agent is being asked */
}

gint64
vsf_guests_balloon_due_us(const VsfGuests *guests, const Guest *guest)
{
    if (!wants_balloon(guests, guest))
        return -1;
    if (guests->refused == NULL)
        return guest->balloon_retry_us;
    return MAX(guest->balloon_retry_us, guests->refused_us + guests->refused_patience_us);
}
