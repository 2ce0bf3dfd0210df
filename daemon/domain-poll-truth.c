/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a turn's sample says beside what was read for it: what the guest told, and how old it
 * all is. */
#include "domain-poll-private.h"

void
vsf_domain_poll_take_truth(VsfDomainPoll *poll, gint64 now_us)
{
    const VsfPollContext *context = poll->context;
    VsfDomainDetail *detail = &poll->detail;

    if (poll->urgency == VSF_POLL_LAST)
        vsf_domain_poll_take_kept(poll, now_us);
    vsf_guests_tell(context->guests, poll->domain,
                    poll->told.has_balloon ? &poll->told.balloon : NULL,
                    poll->counters.disk.available, poll->told.has_blocks, detail);
    poll->counters.memory = detail->memory.value;
    poll->counters.disk.available = detail->available.value;
    detail->vcpu_wait_ns = vsf_qemu_process_vcpu_wait_ns(poll->qemu, poll->counters.n_vcpus);
    if (poll->stuck_since_us != 0)
        detail->stuck_s = (guint64)(now_us - poll->stuck_since_us) / G_USEC_PER_SEC;
    if (poll->lacks)
        detail->stale_s = MAX(detail->stale_s, vsf_domain_poll_age_s(poll->answered_us, now_us));
    /* That one which does not wait for libvirt lacks it tells nothing about libvirt. */
    if (!poll->lacks || poll->urgency == VSF_POLL_REGULAR)
        poll->stale_since_us = poll->lacks ? poll->answered_us : 0;
}
