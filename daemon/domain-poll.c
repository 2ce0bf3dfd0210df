/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-net.h"
#include "domain-poll-private.h"

#define FIRST_DEADLINE_MS 300
#define LAST_DEADLINE_MS 50
#define BUSY_RETRIES 5
#define LATE_US (2 * G_USEC_PER_SEC)            /* an answer so late is one of a call that hung */
#define SAME_MOMENT_US 100000                   /* a reading of the process so old is read again */
#define INFO_INTERVAL_US (120 * G_USEC_PER_SEC) /* vCPU hotplug has no event */

static void finish(VsfDomainPoll *poll);

static void
maybe_finish(VsfDomainPoll *poll)
{
    if (poll->running && !poll->waiting_net && !poll->waiting_pid &&
        poll->waiting_stats == STATS_NOTHING)
        finish(poll);
}

/* --- the QEMU process -------------------------------------------------- */

/* Choices are made for a run; without a process that names it, which is the case
 * where QEMU lives in another PID namespace, libvirt's id has to do. Not for a
 * run that only the hook announced: its QEMU is still to be started. */
static void
tell_run(const VsfDomainPoll *poll)
{
    const char *run = vsf_qemu_process_run(poll->qemu);
    g_autofree char *by_id = NULL;

    if (run == NULL && (!poll->waiting_pid || poll->domain->state == VSF_STATE_UNKNOWN))
        return;
    by_id = g_strdup_printf(VSF_GUEST_RUN_BY_ID "%s/%d", vsf_qemu_process_boot(poll->qemu),
                            poll->domain->def->id);
    vsf_guests_run_known(poll->context->guests, poll->domain, run != NULL ? run : by_id);
}

static void
searched(gpointer user_data)
{
    VsfDomainPoll *poll = user_data;

    tell_run(poll);
    poll->waiting_pid = FALSE;
    maybe_finish(poll);
}

gboolean
vsf_domain_poll_read_process(VsfDomainPoll *poll, VsfProcess *process)
{
    VsfQemuLife life = vsf_qemu_process_read(poll->qemu, process);

    if (process->state != '?')
        poll->counters.cpu_time_ns = process->cpu_time_ns;
    return life != VSF_QEMU_GONE;
}

/* --- libvirt ----------------------------------------------------------- */

static void
take_stats(VsfDomainPoll *poll, const VsfDomainStats *stats)
{
    if (stats->has_blocks)
        vsf_domain_poll_set_kept(poll, stats->blocks); /* until the sample leaves */
    if (stats->n_vcpus != VSF_UNKNOWN)
        poll->n_vcpus = stats->n_vcpus;
    vsf_domain_told_take(&poll->told, stats, poll->domain->def, poll->last_blocks, &poll->counters,
                         &poll->detail);
}

static void ask_stats(VsfDomainPoll *poll, const VsfProcess *process);

static gboolean
ask_after_all(gpointer user_data)
{
    VsfDomainPoll *poll = user_data;
    VsfProcess process;

    poll->busy_timer = 0;
    poll->waiting_stats = STATS_NOTHING;
    if (vsf_domain_poll_read_process(poll, &process))
        ask_stats(poll, &process);
    maybe_finish(poll);
    return G_SOURCE_REMOVE;
}

static void
ask_later(VsfDomainPoll *poll)
{
    poll->asked_again = TRUE;
    poll->n_again++;
    poll->waiting_stats = STATS_LATER;
    poll->busy_timer = g_timeout_add(BUSY_RETRY_MS, ask_after_all, poll);
}

/* Another client may ask again and again. One that told of no disk in its last turn is busy for
 * long, or has none to tell of: it is tried once. */
static guint
busy_retries(const VsfDomainPoll *poll)
{
    gboolean has_time = poll->urgency == VSF_POLL_REGULAR || poll->urgency == VSF_POLL_EXTRA;

    if (poll->urgency == VSF_POLL_LAST)
        return 0;
    return has_time && poll->had_blocks ? BUSY_RETRIES : 1;
}

/* Most often another client was asking just then. What this answer has is the turn's, if another
 * does not come in time. */
static gboolean
try_again(VsfDomainPoll *poll, const VsfDomainStats *stats)
{
    poll->has_blocks = stats->has_blocks;
    if (vsf_domain_poll_is_whole(poll, stats) || poll->n_again >= busy_retries(poll))
        return FALSE;
    take_stats(poll, stats);
    ask_later(poll);
    return TRUE;
}

static void
stats_came(const char *uuid, gpointer answer, const GError *error, gpointer user_data)
{
    const VsfDomainStats *stats = answer;
    const VsfPollContext *context = user_data;
    VsfDomainPoll *poll = context->poll_for(uuid, context->user_data);
    gboolean keeping;
    gint64 asked_us;

    if (error != NULL)
        g_debug("%s: statistics: %s", uuid, error->message);
    /* Not asked by this run of the domain: an earlier run's answer. */
    if (poll == NULL || poll->asked_us == 0)
        return;
    keeping = poll->keeping;
    asked_us = poll->asked_us;
    poll->asked_us = 0;
    poll->keeping = FALSE;
    if (stats != NULL && poll->waiting_stats == STATS_ANSWER && try_again(poll, stats))
        return;
    if (stats != NULL && (!keeping || vsf_domain_poll_is_whole(poll, stats)))
        vsf_domain_poll_note_busy(poll, stats);
    if (poll->waiting_stats != STATS_ANSWER) {
        /* No turn's, or too late for it; the next one asks again. */
        if (stats != NULL)
            vsf_domain_poll_keep_answer(poll, stats, keeping);
        if (stats != NULL && g_get_monotonic_time() - asked_us >= LATE_US)
            context->answered_late(context->user_data);
        return;
    }
    poll->waiting_stats = STATS_NOTHING;
    if (stats != NULL)
        take_stats(poll, stats);
    maybe_finish(poll);
}

/* Most such sleeps are short: one more look. Those that last for two turns are
 * a disk that does not answer. */
static void
look_at_sleeper(VsfDomainPoll *poll, gint64 now_us)
{
    if (poll->urgency == VSF_POLL_LAST)
        return;
    if (!poll->asked_again) {
        ask_later(poll);
        return;
    }
    if (poll->asleep && poll->stuck_since_us == 0)
        poll->stuck_since_us = now_us;
    poll->asleep = TRUE;
}

/* One that is in a hurry, or asks again, does not wait for others. */
static VsfStatsHow
how_to_ask(const VsfDomainPoll *poll, gboolean with_info)
{
    gboolean alone = poll->asked_again || poll->urgency == VSF_POLL_FIRST ||
                     poll->urgency == VSF_POLL_LAST;

    return (with_info ? VSF_STATS_WITH_INFO : 0) | (alone ? 0 : VSF_STATS_WITH_OTHERS);
}

gboolean
vsf_domain_poll_ask(VsfDomainPoll *poll, VsfStatsHow how, gint64 now_us)
{
    if (!poll->context->connected || poll->asked_us != 0 ||
        vsf_stats_ask(poll->context->stats, poll->domain->def->uuid, how, stats_came,
                      (gpointer)poll->context) != VSF_CALLS_ASKED)
        return FALSE;
    poll->asked_us = now_us;
    return TRUE;
}

static void
ask_stats(VsfDomainPoll *poll, const VsfProcess *process)
{
    gint64 now_us = g_get_monotonic_time();
    gboolean with_info = poll->last_info_us == 0 || now_us - poll->last_info_us >= INFO_INTERVAL_US;

    if (!poll->context->connected)
        poll->busy_since_us = 0;
    /* A call to a QEMU that cannot answer would hang, and hold one of
     * libvirtd's workers with it. */
    if (vsf_qemu_process_is_stopped(poll->qemu)) {
        if (poll->stuck_since_us == 0)
            poll->stuck_since_us = now_us;
        return;
    }
    if (process->state == 'D') {
        look_at_sleeper(poll, now_us);
        return;
    }
    poll->asleep = FALSE;
    if (poll->asked_us != 0)
        vsf_domain_poll_note_hung(poll, now_us);
    if (poll->keeping) {
        poll->keeping = FALSE;
        poll->waiting_stats = STATS_ANSWER;
    } else if (vsf_domain_poll_ask(poll, how_to_ask(poll, with_info), now_us)) {
        poll->waiting_stats = STATS_ANSWER;
        if (with_info)
            poll->last_info_us = now_us;
    }
}

/* --- taps -------------------------------------------------------------- */

void
vsf_domain_poll_tap_final(VsfDomainPoll *poll, const VsfTap *tap, const VsfLinkStats *stats)
{
    VsfNetCounters part = vsf_domain_net_part(poll->context->config, tap, stats);

    vsf_net_counters_add(&poll->final_net, &part);
    poll->n_final++;
}

void
vsf_domain_poll_readings(VsfDomainPoll *poll, GHashTable *table)
{
    VsfNetCounters zero = vsf_net_counters_zero();
    gboolean last = poll->urgency == VSF_POLL_LAST;

    if (!poll->running || !poll->waiting_net)
        return;
    poll->counters.net = vsf_domain_net_sum(poll->context->config, poll->domain, table,
                                            &poll->context->others, last ? &poll->final_net : &zero,
                                            last ? poll->n_final : 0, &poll->detail);
    poll->waiting_net = FALSE;
    maybe_finish(poll);
}

/* --- a turn ------------------------------------------------------------ */

/* TRUE if the run is known to be on. Reads the process once more if the last
 * reading is old, so that CPU time is of the same moment as the rest, and no
 * sample leaves for a VM that ended meanwhile. */
static gboolean
is_alive(VsfDomainPoll *poll)
{
    VsfProcess process;
    gboolean found = vsf_qemu_process_pid(poll->qemu) != 0;

    if (found && g_get_monotonic_time() - vsf_qemu_process_read_us(poll->qemu) < SAME_MOMENT_US)
        return TRUE;
    return vsf_domain_poll_read_process(poll, &process);
}

/* Ends the turn with its sample, if there is to be one. A last sample leaves
 * whatever became of the process, and at once: company may come too late. */
static void
send_sample(VsfDomainPoll *poll)
{
    gboolean alive = is_alive(poll);
    const VsfGuestFacts *facts;

    g_clear_handle_id(&poll->deadline_timer, g_source_remove);
    g_clear_handle_id(&poll->busy_timer, g_source_remove);
    poll->running = poll->waiting_net = poll->waiting_pid = FALSE;
    poll->waiting_stats = STATS_NOTHING;
    if (!alive && poll->urgency != VSF_POLL_LAST)
        return;
    poll->lacks = !poll->told.anything ||
                  (!poll->told.has_blocks && vsf_domain_has_counted_disk(poll->domain->def));
    poll->before = poll->sent;
    poll->before_us = poll->last_poll_us;
    poll->last_poll_us = g_get_monotonic_time();
    vsf_domain_poll_take_truth(poll, poll->last_poll_us);
    if (poll->told.has_blocks)
        vsf_domain_poll_set_kept(poll, NULL);
    poll->sent = poll->counters;
    facts = vsf_guests_facts(poll->context->guests, poll->domain);
    vsf_exporter_domain(poll->context->exporter, poll->domain, &poll->counters,
                        poll->detail.part_fresh[VSF_QGA_PART_OS] ? facts : NULL);
    vsf_exporter_detail(poll->context->exporter, poll->domain, &poll->detail, facts);
    if (poll->urgency == VSF_POLL_LAST)
        vsf_exporter_flush(poll->context->exporter);
}

static void
finish(VsfDomainPoll *poll)
{
    send_sample(poll);
    poll->context->finished(poll, poll->context->user_data);
}

static gboolean
deadline_came(gpointer user_data)
{
    VsfDomainPoll *poll = user_data;

    poll->deadline_timer = 0;
    if (poll->urgency == VSF_POLL_REGULAR || poll->urgency == VSF_POLL_EXTRA)
        vsf_domain_poll_note_stuck(poll);
    finish(poll);
    return G_SOURCE_REMOVE;
}

static void
start_deadline(VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    static const guint deadlines_ms[] = {
        [VSF_POLL_REGULAR] = DEADLINE_MS,
        [VSF_POLL_EXTRA] = DEADLINE_MS,
        [VSF_POLL_FIRST] = FIRST_DEADLINE_MS,
        [VSF_POLL_LAST] = LAST_DEADLINE_MS,
    };

    poll->urgency = urgency;
    g_clear_handle_id(&poll->deadline_timer, g_source_remove);
    poll->deadline_timer = g_timeout_add(deadlines_ms[urgency], deadline_came, poll);
}

gboolean
vsf_domain_poll_may_begin(const VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    return !poll->running && (urgency != VSF_POLL_EXTRA || poll->asked_us == 0);
}

gboolean
vsf_domain_poll_begin(VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    const VsfDomain *domain = poll->domain;
    VsfProcess process;
    gboolean gone;

    if (!vsf_domain_poll_may_begin(poll, urgency))
        return FALSE;
    poll->counters = (VsfDomainCounters){
        .state = domain->state,
        .cpu_time_ns = VSF_UNKNOWN,
        .n_vcpus = poll->n_vcpus != 0 ? poll->n_vcpus : domain->def->n_vcpus,
        .memory = VSF_UNKNOWN,
        .max_memory = VSF_UNKNOWN,
        .disk = vsf_disk_counters_unknown(),
        .net = vsf_net_counters_unknown(),
    };
    poll->told = (VsfDomainTold){0};
    poll->asked_again = FALSE;
    poll->n_again = 0;
    poll->had_blocks = poll->has_blocks;
    poll->has_blocks = FALSE;
    vsf_domain_detail_clear(&poll->detail);
    vsf_domain_detail_init(&poll->detail);
    gone = !vsf_domain_poll_read_process(poll, &process);
    if (gone && urgency != VSF_POLL_LAST) {
        /* It may have been another's that took this one's looks. */
        vsf_qemu_process_find(poll->qemu, domain->def, FALSE);
        poll->context->process_gone(poll->domain, poll->context->user_data);
        return FALSE;
    }
    if (!gone && vsf_qemu_process_pid(poll->qemu) == 0) {
        vsf_qemu_process_find(poll->qemu, domain->def, urgency == VSF_POLL_FIRST);
        poll->waiting_pid = TRUE;
    }
    if (urgency != VSF_POLL_LAST) {
        poll->final_net = vsf_net_counters_zero();
        poll->n_final = 0;
    }
    poll->running = poll->waiting_net = TRUE;
    start_deadline(poll, urgency);
    if (!gone)
        ask_stats(poll, &process);
    return TRUE;
}

void
vsf_domain_poll_look(VsfDomainPoll *poll)
{
    VsfProcess process;

    if (poll->running)
        return;
    if (!vsf_domain_poll_read_process(poll, &process))
        poll->context->process_gone(poll->domain, poll->context->user_data);
    else if (vsf_qemu_process_pid(poll->qemu) == 0)
        vsf_qemu_process_find(poll->qemu, poll->domain->def, FALSE);
    else
        vsf_registry_domain_runs(poll->context->registry, poll->domain, g_get_monotonic_time());
}

gboolean
vsf_domain_poll_hurry(VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    if (!poll->running)
        return FALSE;
    poll->counters.state = poll->domain->state;
    start_deadline(poll, urgency);
    /* It would be over before it is asked again. */
    if (urgency == VSF_POLL_LAST && poll->busy_timer != 0) {
        g_clear_handle_id(&poll->busy_timer, g_source_remove);
        ask_after_all(poll);
    }
    return TRUE;
}

gboolean
vsf_domain_poll_end(VsfDomainPoll *poll)
{
    gboolean was_running = poll->running;

    if (was_running && poll->urgency == VSF_POLL_LAST)
        send_sample(poll);
    return was_running;
}

VsfDomainPoll *
vsf_domain_poll_new(const VsfPollContext *context, VsfDomain *domain)
{
    VsfDomainPoll *poll = g_new0(VsfDomainPoll, 1);

    poll->context = context;
    poll->domain = domain;
    poll->lacks = TRUE;
    poll->sent = poll->before = vsf_domain_counters_none();
    poll->answered_us = g_get_monotonic_time(); /* stale from now on, if it never does */
    poll->final_net = vsf_net_counters_zero();
    poll->last_blocks = vsf_block_history_new();
    vsf_domain_detail_init(&poll->detail);
    poll->qemu = vsf_qemu_process_new(context->finder, searched, poll);
    vsf_qemu_process_find(poll->qemu, domain->def, TRUE);
    return poll;
}

void
vsf_domain_poll_free(VsfDomainPoll *poll)
{
    if (poll == NULL)
        return;
    g_clear_handle_id(&poll->deadline_timer, g_source_remove);
    g_clear_handle_id(&poll->busy_timer, g_source_remove);
    vsf_qemu_process_free(poll->qemu);
    vsf_domain_detail_clear(&poll->detail);
    g_hash_table_unref(poll->last_blocks);
    g_clear_handle_id(&poll->keep_timer, g_source_remove);
    vsf_domain_poll_set_kept(poll, NULL);
    g_free(poll);
}
