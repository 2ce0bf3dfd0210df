/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-poll-private.h"

gboolean
vsf_domain_poll_lacks(const VsfDomainPoll *poll)
{
    return poll->lacks && !vsf_qemu_process_is_stopped(poll->qemu);
}

VsfDomain *
vsf_domain_poll_domain(const VsfDomainPoll *poll)
{
    return poll->domain;
}

VsfPollStatus
vsf_domain_poll_status(const VsfDomainPoll *poll)
{
    return (VsfPollStatus){
        .last_poll_us = poll->last_poll_us,
        .stuck_since_us = poll->stuck_since_us,
        .stale_since_us = poll->stale_since_us,
        .stopped = vsf_qemu_process_is_stopped(poll->qemu),
        .pid = vsf_qemu_process_pid(poll->qemu),
        .sent = poll->sent,
        .before = poll->before,
        .before_us = poll->before_us,
    };
}
