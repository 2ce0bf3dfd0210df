/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of a domain's disks for its last sample: QEMU is gone at a guest's end before it can
 * be asked. */
#include "domain-poll-private.h"

void
vsf_domain_poll_set_kept(VsfDomainPoll *poll, GArray *blocks)
{
    g_clear_pointer(&poll->kept, g_array_unref);
    poll->kept = blocks != NULL ? g_array_ref(blocks) : NULL;
    poll->kept_us = poll->answered_us;
}

static void
ask(VsfDomainPoll *poll, VsfStatsHow how)
{
    VsfProcess process;

    if (poll->running || !vsf_domain_has_counted_disk(poll->domain->def) ||
        !vsf_domain_poll_read_process(poll, &process) || vsf_qemu_process_is_stopped(poll->qemu) ||
        process.state == 'D')
        return;
    if (vsf_domain_poll_ask(poll, how, g_get_monotonic_time()))
        poll->keeping = TRUE;
}

void
vsf_domain_poll_keep(VsfDomainPoll *poll)
{
    if (poll->keep_timer != 0)
        return;
    poll->kept_again = FALSE;
    ask(poll, VSF_STATS_WITH_OTHERS);
}

static gboolean
ask_again(gpointer user_data)
{
    VsfDomainPoll *poll = user_data;

    poll->keep_timer = 0;
    poll->kept_again = TRUE;
    ask(poll, 0);
    return G_SOURCE_REMOVE;
}

/* Where two heard that the agent left, both ask at once, and one of them in vain. */
void
vsf_domain_poll_keep_answer(VsfDomainPoll *poll, const VsfDomainStats *stats, gboolean wanted)
{
    poll->has_blocks = poll->has_blocks || stats->has_blocks;
    if (stats->has_blocks)
        vsf_domain_poll_set_kept(poll, stats->blocks);
    else if (wanted && !poll->kept_again && poll->keep_timer == 0)
        poll->keep_timer = g_timeout_add(BUSY_RETRY_MS, ask_again, poll);
}

/* What the sample before had itself is not repeated: it would say that nothing was read or written
 * since. */
void
vsf_domain_poll_take_kept(VsfDomainPoll *poll, gint64 now_us)
{
    if (poll->told.has_blocks || poll->kept == NULL ||
        now_us - poll->kept_us > VSF_TRUTH_FRESH_S * G_USEC_PER_SEC)
        return;
    vsf_domain_told_blocks(&poll->told, poll->kept, poll->domain->def, poll->last_blocks,
                           &poll->counters, &poll->detail);
    poll->detail.stale_s = vsf_domain_poll_age_s(poll->kept_us, now_us);
}
