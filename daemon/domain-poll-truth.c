/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a turn's sample says beside what was read for it: what the guest told, what was kept for the
 * end, how old it is. */
#include "domain-poll-private.h"

static guint64
seconds_up(gint64 us)
{
    return (guint64)us / G_USEC_PER_SEC + 1;
}

/* The end of a guest comes too fast to ask for its disks' final counters: what was read of them
 * since the last sample has nearly all. What that one had itself is not repeated: it would say that
 * nothing was read or written since. */
static void
take_kept(VsfDomainPoll *poll, gint64 now_us)
{
    if (poll->told.has_blocks || poll->kept == NULL ||
        now_us - poll->kept_us > VSF_TRUTH_FRESH_S * G_USEC_PER_SEC)
        return;
    vsf_domain_told_blocks(&poll->told, poll->kept, poll->domain->def, poll->last_blocks,
                           &poll->counters, &poll->detail);
    poll->detail.stale_s = seconds_up(now_us - poll->kept_us);
}

void
vsf_domain_poll_take_truth(VsfDomainPoll *poll, gint64 now_us)
{
    const VsfPollContext *context = poll->context;
    VsfDomainDetail *detail = &poll->detail;

    if (poll->urgency == VSF_POLL_LAST)
        take_kept(poll, now_us);
    vsf_guests_tell(context->guests, poll->domain,
                    poll->told.has_balloon ? &poll->told.balloon : NULL,
                    poll->counters.disk.available, poll->told.has_blocks, detail);
    poll->counters.memory = detail->memory.value;
    poll->counters.disk.available = detail->available.value;
    detail->vcpu_wait_ns = vsf_qemu_process_vcpu_wait_ns(poll->qemu, poll->counters.n_vcpus);
    if (poll->stuck_since_us != 0)
        detail->stuck_s = (guint64)(now_us - poll->stuck_since_us) / G_USEC_PER_SEC;
    /* Rounded up: 0 is for what is in this sample. */
    if (!poll->told.anything)
        detail->stale_s = MAX(detail->stale_s, seconds_up(now_us - poll->answered_us));
    /* That one which does not wait for libvirt lacks it tells nothing about libvirt. */
    if (poll->told.anything || poll->urgency == VSF_POLL_REGULAR)
        poll->stale_since_us = poll->told.anything ? 0 : poll->answered_us;
}
