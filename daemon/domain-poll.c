/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-poll.h"

#include "host/process.h"

#include <string.h>

#define DEADLINE_MS 1000
#define FIRST_DEADLINE_MS 300
#define LAST_DEADLINE_MS 50
#define SAME_MOMENT_US 20000                    /* a reading of the process so old is read again */
#define INFO_INTERVAL_US (120 * G_USEC_PER_SEC) /* vCPU hotplug has no event */

struct VsfDomainPoll {
    const VsfPollContext *context;
    VsfDomain *domain;

    int pid;
    guint64 pid_start; /* with the pid, names the process for good */
    gboolean finding;  /* a search for the pid is out */
    gboolean ended;    /* the process that was known is gone, and no other was found */
    gboolean stopped;

    gboolean asked; /* a libvirt call of this run is out */
    gint64 last_info_us, last_poll_us, stuck_since_us;
    gint64 process_read_us;
    guint64 n_vcpus; /* 0 until libvirt said it */
    VsfGuestChoice choice;

    /* Taps that ended since the last regular turn. */
    VsfNetCounters final_net;
    guint n_final;

    /* The turn under way. */
    gboolean running, waiting_net, waiting_stats, waiting_pid;
    VsfPollUrgency urgency;
    guint deadline_timer;
    VsfDomainCounters counters;
};

VsfDomain *
vsf_domain_poll_domain(const VsfDomainPoll *poll)
{
    return poll->domain;
}

static void finish(VsfDomainPoll *poll);

static void
maybe_finish(VsfDomainPoll *poll)
{
    if (poll->running && !poll->waiting_net && !poll->waiting_stats && !poll->waiting_pid)
        finish(poll);
}

/* --- the QEMU process -------------------------------------------------- */

typedef struct {
    const VsfPollContext *context;
    char *uuid, *name;
    int id; /* libvirt's, of the run that is meant */
} FindJob;

static void
find_job_free(gpointer data)
{
    FindJob *job = data;

    g_free(job->uuid);
    g_free(job->name);
    g_free(job);
}

/* On a worker. The result is the pid, or -1 so that it is not NULL. */
static gpointer
find_pid(gpointer payload, GError **error G_GNUC_UNUSED)
{
    const FindJob *job = payload;
    int pid = vsf_process_find(job->uuid, job->name);

    return GINT_TO_POINTER(pid > 0 ? pid : -1);
}

static void
pid_found(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    FindJob *job = user_data;
    g_autoptr(GError) error = NULL;
    int pid = GPOINTER_TO_INT(vsf_worker_finish(result, &error));
    VsfDomainPoll *poll = NULL;
    VsfProcess process;

    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        poll = job->context->poll_for(job->uuid, job->context->user_data);
    /* An earlier run's process is not this one's. */
    if (poll != NULL && poll->domain->def->id != job->id)
        poll = NULL;
    find_job_free(job);
    if (poll == NULL || !poll->finding)
        return;
    poll->finding = FALSE;
    if (pid > 0 && vsf_process_read(pid, &process)) {
        poll->pid = pid;
        poll->pid_start = process.start_ticks;
        poll->ended = FALSE;
    }
    poll->waiting_pid = FALSE;
    maybe_finish(poll);
}

static void
start_finding(VsfDomainPoll *poll)
{
    FindJob *job;

    if (poll->finding)
        return;
    poll->finding = TRUE;
    job = g_new0(FindJob, 1);
    job->context = poll->context;
    job->uuid = g_strdup(poll->domain->def->uuid);
    job->name = g_strdup(poll->domain->def->name);
    job->id = poll->domain->def->id;
    vsf_worker_run(poll->context->finder, find_pid, job, NULL, NULL, pid_found, job);
}

/* Reads CPU time and state. FALSE: the process was known and is gone, so this
 * run is over whatever libvirt still says. */
static gboolean
read_process(VsfDomainPoll *poll, VsfProcess *process)
{
    *process = (VsfProcess){.state = '?'};
    poll->stopped = FALSE;
    if (poll->pid == 0)
        return !poll->ended;
    if (!vsf_process_read(poll->pid, process) || process->start_ticks != poll->pid_start ||
        process->state == 'Z' || process->state == 'X') {
        poll->pid = 0;
        poll->ended = TRUE;
        return FALSE;
    }
    poll->counters.cpu_time_ns = process->cpu_time_ns;
    poll->process_read_us = g_get_monotonic_time();
    poll->stopped = process->state == 'T' || process->state == 't';
    return TRUE;
}

/* --- libvirt ----------------------------------------------------------- */

static guint64
memory_of(VsfDomainPoll *poll, const VsfDomainStats *stats)
{
    VsfBalloon balloon = {
        .current = stats->balloon_current,
        .available = stats->balloon_available,
        .usable = stats->balloon_usable,
        .unused = stats->balloon_unused,
        .disk_caches = stats->balloon_disk_caches,
        .last_update_s = stats->balloon_last_update_s == VSF_UNKNOWN ? 0
                                                                     : stats->balloon_last_update_s,
    };
    gint64 now_us = g_get_monotonic_time();
    VsfTruthTerms terms = {
        .now_us = now_us,
        .now_s = g_get_real_time() / G_USEC_PER_SEC,
        .known_for_s = (now_us - poll->domain->since_us) / G_USEC_PER_SEC,
        .balloon_period_s = poll->domain->def->balloon_period_s,
        .decide = TRUE,
    };

    if (poll->context->config->virt_memory == VSF_VIRT_MEMORY_BALLOON)
        return balloon.current;
    return vsf_truth_memory(&poll->choice, &terms, &balloon, NULL).value;
}

static void
take_stats(VsfDomainPoll *poll, const VsfDomainStats *stats)
{
    VsfDomainCounters *counters = &poll->counters;

    if (stats->state >= 0)
        counters->state = stats->state;
    if (stats->n_vcpus != VSF_UNKNOWN)
        counters->n_vcpus = poll->n_vcpus = stats->n_vcpus;
    counters->max_memory = stats->balloon_current;
    counters->memory = memory_of(poll, stats);
    if (stats->has_blocks)
        counters->disk = vsf_disk_counters_sum(poll->domain->def,
                                               (const VsfBlockStats *)(void *)stats->blocks->data,
                                               stats->blocks->len);
}

static void
stats_came(const char *uuid, const VsfDomainStats *stats, const GError *error, gpointer user_data)
{
    const VsfPollContext *context = user_data;
    VsfDomainPoll *poll = context->poll_for(uuid, context->user_data);

    if (error != NULL)
        g_debug("%s: statistics: %s", uuid, error->message);
    /* Not asked by this run of the domain: an earlier run's answer. */
    if (poll == NULL || !poll->asked)
        return;
    poll->asked = FALSE;
    if (stats != NULL)
        poll->stuck_since_us = 0;
    if (!poll->waiting_stats)
        return; /* too late for its turn; the next one asks again */
    poll->waiting_stats = FALSE;
    if (stats != NULL)
        take_stats(poll, stats);
    maybe_finish(poll);
}

static void
ask_stats(VsfDomainPoll *poll, const VsfProcess *process)
{
    gint64 now_us = g_get_monotonic_time();
    gboolean with_info = poll->last_info_us == 0 || now_us - poll->last_info_us >= INFO_INTERVAL_US;

    /* A call to a QEMU that cannot answer would hang, and hold one of
     * libvirtd's workers with it. */
    if (poll->stopped || process->state == 'D') {
        if (poll->stopped && poll->stuck_since_us == 0)
            poll->stuck_since_us = now_us;
        return;
    }
    if (!poll->context->connected || poll->asked ||
        vsf_stats_ask(poll->context->stats, poll->domain->def->uuid, with_info, stats_came,
                      (gpointer)poll->context) != VSF_STATS_ASKED)
        return;
    poll->asked = poll->waiting_stats = TRUE;
    if (with_info)
        poll->last_info_us = now_us;
}

/* --- taps -------------------------------------------------------------- */

static VsfNetCounters
nic_counters(const VsfPollContext *context, const VsfTap *tap, const VsfLinkStats *stats)
{
    /* The host's view, as other agents send it, is what the kernel says; on a
     * macvtap that is the guest's. */
    if (context->config->virt_net_direction == VSF_NET_DIRECTION_HOST)
        return vsf_net_counters_guest(stats, VSF_NIC_MACVTAP);
    return vsf_net_counters_guest(stats, tap->kind);
}

void
vsf_domain_poll_tap_final(VsfDomainPoll *poll, const VsfTap *tap, const VsfLinkStats *stats)
{
    VsfNetCounters part = nic_counters(poll->context, tap, stats);

    vsf_net_counters_add(&poll->final_net, &part);
    poll->n_final++;
}

void
vsf_domain_poll_readings(VsfDomainPoll *poll, GHashTable *table)
{
    gboolean last = poll->urgency == VSF_POLL_LAST;
    VsfNetCounters sum = last ? poll->final_net : vsf_net_counters_zero();
    guint read = last ? poll->n_final : 0;

    if (!poll->running || !poll->waiting_net)
        return;
    for (guint i = 0; table != NULL && i < poll->domain->taps->len; i++) {
        const VsfTap *tap = g_ptr_array_index(poll->domain->taps, i);
        const VsfLinkStats *stats = g_hash_table_lookup(table, GINT_TO_POINTER(tap->link.ifindex));
        VsfNetCounters part;

        if (stats == NULL)
            continue;
        part = nic_counters(poll->context, tap, stats);
        vsf_net_counters_add(&sum, &part);
        read++;
    }
    /* A NIC without a tap that we read makes the sum unknown: less than all
     * would be a lie. */
    poll->counters.net = read == poll->domain->def->nics->len ? sum : vsf_net_counters_unknown();
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

    if (poll->pid != 0 && g_get_monotonic_time() - poll->process_read_us < SAME_MOMENT_US)
        return TRUE;
    if (!read_process(poll, &process))
        return FALSE;
    /* What only the hook announced may never have started. */
    return poll->pid != 0 || poll->domain->state != VSF_STATE_UNKNOWN;
}

/* Ends the turn with its sample, if there is to be one. A last sample leaves
 * whatever became of the process, and at once: company may come too late. */
static void
send_sample(VsfDomainPoll *poll)
{
    gboolean alive = is_alive(poll);

    g_clear_handle_id(&poll->deadline_timer, g_source_remove);
    poll->running = poll->waiting_net = poll->waiting_stats = poll->waiting_pid = FALSE;
    if (!alive && poll->urgency != VSF_POLL_LAST)
        return;
    poll->last_poll_us = g_get_monotonic_time();
    vsf_exporter_domain(poll->context->exporter, poll->domain, &poll->counters);
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
    if (poll->waiting_stats && poll->urgency == VSF_POLL_REGULAR && poll->stuck_since_us == 0)
        poll->stuck_since_us = g_get_monotonic_time();
    finish(poll);
    return G_SOURCE_REMOVE;
}

static void
start_deadline(VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    static const guint deadlines_ms[] = {
        [VSF_POLL_REGULAR] = DEADLINE_MS,
        [VSF_POLL_FIRST] = FIRST_DEADLINE_MS,
        [VSF_POLL_LAST] = LAST_DEADLINE_MS,
    };

    poll->urgency = urgency;
    g_clear_handle_id(&poll->deadline_timer, g_source_remove);
    poll->deadline_timer = g_timeout_add(deadlines_ms[urgency], deadline_came, poll);
}

gboolean
vsf_domain_poll_begin(VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    const VsfDomain *domain = poll->domain;
    VsfProcess process;

    if (poll->running)
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
    if (!read_process(poll, &process)) {
        /* It may have been another's that took this one's looks. */
        start_finding(poll);
        poll->context->process_gone(poll->domain, poll->context->user_data);
        return FALSE;
    }
    if (poll->pid == 0) {
        start_finding(poll);
        poll->waiting_pid = TRUE;
    }
    if (urgency != VSF_POLL_LAST) {
        poll->final_net = vsf_net_counters_zero();
        poll->n_final = 0;
    }
    poll->running = poll->waiting_net = TRUE;
    ask_stats(poll, &process);
    start_deadline(poll, urgency);
    return TRUE;
}

gboolean
vsf_domain_poll_hurry(VsfDomainPoll *poll, VsfPollUrgency urgency)
{
    if (!poll->running)
        return FALSE;
    poll->counters.state = poll->domain->state;
    start_deadline(poll, urgency);
    return TRUE;
}

void
vsf_domain_poll_end(VsfDomainPoll *poll)
{
    if (poll->running && poll->urgency == VSF_POLL_LAST)
        send_sample(poll);
}

VsfDomainPoll *
vsf_domain_poll_new(const VsfPollContext *context, VsfDomain *domain)
{
    VsfDomainPoll *poll = g_new0(VsfDomainPoll, 1);

    poll->context = context;
    poll->domain = domain;
    poll->final_net = vsf_net_counters_zero();
    start_finding(poll);
    return poll;
}

void
vsf_domain_poll_free(VsfDomainPoll *poll)
{
    if (poll == NULL)
        return;
    g_clear_handle_id(&poll->deadline_timer, g_source_remove);
    g_free(poll);
}

VsfPollStatus
vsf_domain_poll_status(const VsfDomainPoll *poll)
{
    return (VsfPollStatus){
        .last_poll_us = poll->last_poll_us,
        .stuck_since_us = poll->stuck_since_us,
        .stopped = poll->stopped,
        .pid = poll->pid,
        .memory_source = poll->context->config->virt_memory == VSF_VIRT_MEMORY_BALLOON
                             ? VSF_SOURCE_HOST
                             : poll->choice.memory,
    };
}
