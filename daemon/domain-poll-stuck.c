/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Since when libvirt or QEMU does not answer for a domain. */
#include "domain-poll-private.h"

/* A batch's members are asked one by one after 400 ms, and their time begins anew. */
#define HANGS_US (250 * G_TIME_SPAN_MILLISECOND)

/* With NOWAIT libvirt leaves out what it could not ask QEMU for. */
gboolean
vsf_domain_poll_is_whole(const VsfDomainPoll *poll, const VsfDomainStats *stats)
{
    return stats->has_blocks || !vsf_domain_has_counted_disk(poll->domain->def);
}

/* Short questions of others are over by the next turn: one that lasts longer hangs, and keeps us
 * from asking QEMU, which so is known to be stuck as well as by a call of our own. One that was
 * asked and tells of no disk is not. When a VM starts, or libvirt is just back, libvirt itself is
 * busy with it. */
void
vsf_domain_poll_note_busy(VsfDomainPoll *poll, const VsfDomainStats *stats)
{
    gboolean is_whole = vsf_domain_poll_is_whole(poll, stats);

    if (is_whole)
        poll->answered_us = g_get_monotonic_time();
    if (is_whole || stats->asked_qemu) {
        poll->busy_since_us = poll->stuck_since_us = 0;
    } else if (poll->urgency == VSF_POLL_REGULAR) {
        if (poll->busy_since_us == 0)
            poll->busy_since_us = g_get_monotonic_time();
        else if (poll->stuck_since_us == 0)
            poll->stuck_since_us = poll->busy_since_us;
    }
}

/* The call of an earlier turn is still out: it hangs, if it does not wait behind those of
 * others; its own turn may have been too short to tell, or over before a thread took it. */
void
vsf_domain_poll_note_hung(VsfDomainPoll *poll, gint64 now_us)
{
    gint64 since_us = vsf_calls_outstanding_since(poll->context->stats, poll->domain->def->uuid);

    if (poll->stuck_since_us == 0 && since_us != 0 && now_us - since_us >= DEADLINE_MS * 1000)
        poll->stuck_since_us = since_us;
}

/* One whose call waits behind those of others is not what hangs, nor is it one that was asked once
 * more just now: the next turn finds it still out if it does. */
void
vsf_domain_poll_note_stuck(VsfDomainPoll *poll)
{
    gint64 now_us = g_get_monotonic_time();
    gint64 since_us = vsf_calls_outstanding_since(poll->context->stats, poll->domain->def->uuid);

    if (poll->waiting_stats == STATS_ANSWER && poll->stuck_since_us == 0 && since_us != 0 &&
        now_us - since_us >= HANGS_US)
        poll->stuck_since_us = now_us;
}
