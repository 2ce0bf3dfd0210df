/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-sd.h"

#include "../base/event.h"
#include "../base/log.h"
#include "../base/worker.h"

#define NOTES_RATE_US (300 * G_USEC_PER_SEC)

struct VsfDnsSd {
    char *domain;
    VsfNameServers *servers; /* NULL: resolv.conf is read for each question */
    VsfDnsSdCallbacks callbacks;
    gpointer user_data;
    VsfDnsPlan plan;
    VsfWorker *worker;
    guint timer;
    VsfDnsRead *read;   /* the last answer or failure, or NULL */
    VsfDnsRead *answer; /* the last answer, or NULL; may be @read */
    gint64 answered_us;
    guint64 n_answers, n_failures;
    char *noted; /* the notes that were logged last */
    VsfLogRate notes_rate;
};

typedef struct {
    char *domain;
    VsfNameServers *servers;
} Question;

static VsfNameServers *
copy_servers(const VsfNameServers *servers)
{
    VsfNameServers *copy;

    if (servers == NULL)
        return NULL;
    copy = g_new0(VsfNameServers, 1);
    copy->servers = g_array_copy(servers->servers);
    copy->search = g_strdupv(servers->search);
    copy->tcp_only = servers->tcp_only;
    return copy;
}

static void
question_free(gpointer data)
{
    Question *question = data;

    g_free(question->domain);
    vsf_name_servers_free(question->servers);
    g_free(question);
}

/* On the worker. */
static gpointer
ask(gpointer payload, GError **error)
{
    const Question *question = payload;
    g_autoptr(VsfNameServers) servers = NULL;

    if (question->servers != NULL)
        return vsf_dns_sd_ask(question->servers, question->domain);
    servers = vsf_name_servers_read(error);
    return servers != NULL ? vsf_dns_sd_ask(servers, question->domain) : NULL;
}

/* --- what is told ------------------------------------------------------ */

/* Once for each different text, and not for ever new ones. */
static void
tell_notes(VsfDnsSd *dns)
{
    guint held_back;

    if (dns->read->notes == NULL || g_strcmp0(dns->read->notes, dns->noted) == 0 ||
        !vsf_log_rate_allow(&dns->notes_rate, g_get_monotonic_time(), NOTES_RATE_US, &held_back))
        return;
    g_free(dns->noted);
    dns->noted = g_strdup(dns->read->notes);
    g_warning("DNS-SD: %s: left out: %s", dns->read->domain, dns->read->notes);
}

/* Beginnings and ends, not each time. */
static void
tell_outcome(const VsfDnsSd *dns, VsfDnsOutcome before)
{
    const VsfDnsRead *read = dns->read;
    const char *domain = read->domain != NULL ? read->domain : "no domain";

    if (read->outcome == before)
        return;
    if (read->outcome == VSF_DNS_FAILED)
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_DNS_FAILING, NULL,
                      "DNS-SD: %s: %s; what is in force stays, trying again", domain, read->why);
    else if (read->outcome == VSF_DNS_NONE)
        vsf_log_event(G_LOG_LEVEL_WARNING, VSF_EVENT_DNS_NOTHING, NULL,
                      "DNS-SD: %s: %s; what is in force stays until that was said %u times over "
                      "%u s",
                      domain, read->why, dns->plan.times->none_answers, dns->plan.times->none_for);
    else
        vsf_log_event(G_LOG_LEVEL_MESSAGE, VSF_EVENT_DNS_ANSWERS, NULL,
                      "DNS-SD: %s: answers, %u collectors", domain,
                      read->settings->collectors->len);
}

/* --- time -------------------------------------------------------------- */

static void go_on(VsfDnsSd *dns);

static void
take_answer(VsfDnsSd *dns)
{
    const VsfDnsRead *read = dns->read;
    gint64 now_us = g_get_monotonic_time();
    g_autoptr(VsfDnsSettings) kept = NULL;

    if (vsf_dns_plan_latest(&dns->plan) != NULL)
        kept = vsf_dns_settings_copy(vsf_dns_plan_latest(&dns->plan));
    if (read->outcome == VSF_DNS_FAILED) {
        dns->n_failures++;
    } else {
        dns->n_answers++;
        dns->answered_us = now_us;
        dns->answer = dns->read;
    }
    vsf_dns_plan_answer(&dns->plan, read->outcome, read->settings, read->has_ttl, read->ttl_s,
                        now_us, g_random_double());
    tell_notes(dns);
    if (dns->callbacks.keep != NULL &&
        !vsf_dns_settings_equal(kept, vsf_dns_plan_latest(&dns->plan)))
        dns->callbacks.keep(dns->user_data);
}

static void
asked(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    VsfDnsRead *read = vsf_worker_finish(result, &error);
    VsfDnsSd *dns = user_data;
    VsfDnsOutcome before;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (read == NULL) {
        read = g_new0(VsfDnsRead, 1);
        read->outcome = VSF_DNS_FAILED;
        read->domain = g_strdup(dns->domain);
        read->why = g_strdup(error->message);
    }
    before = dns->read != NULL ? dns->read->outcome : (VsfDnsOutcome)-1;
    if (dns->read != dns->answer)
        vsf_dns_read_free(dns->read);
    if (read->outcome != VSF_DNS_FAILED)
        g_clear_pointer(&dns->answer, vsf_dns_read_free);
    dns->read = read;
    take_answer(dns);
    tell_outcome(dns, before);
    go_on(dns);
}

static void
start_question(VsfDnsSd *dns)
{
    Question *question = g_new0(Question, 1);

    question->domain = g_strdup(dns->domain);
    question->servers = copy_servers(dns->servers);
    vsf_worker_run(dns->worker, ask, question, question_free, NULL, asked, dns);
}

static gboolean
came(gpointer user_data)
{
    VsfDnsSd *dns = user_data;

    dns->timer = 0;
    go_on(dns);
    return G_SOURCE_REMOVE;
}

static void
wait_for_next(VsfDnsSd *dns)
{
    gint64 next_us = vsf_dns_plan_next_us(&dns->plan);

    g_clear_handle_id(&dns->timer, g_source_remove);
    if (next_us >= 0)
        dns->timer = g_timeout_add((guint)(MAX(next_us - g_get_monotonic_time(), 0) / 1000 + 1),
                                   came, dns);
}

static void
go_on(VsfDnsSd *dns)
{
    VsfDnsPlanStep step;

    while ((step = vsf_dns_plan_step(&dns->plan, g_get_monotonic_time())) != VSF_DNS_PLAN_WAIT) {
        if (step == VSF_DNS_PLAN_ASK)
            start_question(dns);
        else
            dns->callbacks.changed(dns->plan.in_force, dns->user_data);
    }
    wait_for_next(dns);
}

/* --- up and down ------------------------------------------------------- */

VsfDnsSd *
vsf_dns_sd_new(const VsfDnsSdOptions *options, const VsfDnsSdCallbacks *callbacks,
               gpointer user_data)
{
    VsfDnsSd *dns = g_new0(VsfDnsSd, 1);

    dns->domain = g_strdup(options->domain);
    dns->servers = copy_servers(options->servers);
    dns->callbacks = *callbacks;
    dns->user_data = user_data;
    dns->worker = vsf_worker_new(1, (GDestroyNotify)vsf_dns_read_free);
    vsf_dns_plan_init(&dns->plan, options->times != NULL ? options->times : &vsf_dns_times,
                      options->last, g_get_monotonic_time(), g_random_double());
    wait_for_next(dns);
    return dns;
}

void
vsf_dns_sd_free(VsfDnsSd *dns)
{
    if (dns == NULL)
        return;
    g_clear_handle_id(&dns->timer, g_source_remove);
    vsf_worker_free(dns->worker);
    vsf_dns_plan_clear(&dns->plan);
    if (dns->read != dns->answer)
        vsf_dns_read_free(dns->read);
    vsf_dns_read_free(dns->answer);
    vsf_name_servers_free(dns->servers);
    g_free(dns->domain);
    g_free(dns->noted);
    g_free(dns);
}

const VsfDnsSettings *
vsf_dns_sd_latest(const VsfDnsSd *dns)
{
    return vsf_dns_plan_latest(&dns->plan);
}

const VsfDnsSettings *
vsf_dns_sd_in_force(const VsfDnsSd *dns)
{
    return dns->plan.in_force;
}

VsfDnsSdStatus
vsf_dns_sd_status(const VsfDnsSd *dns)
{
    static const char *const states[] = {
        [VSF_DNS_FOUND] = "answered",
        [VSF_DNS_NONE] = "nothing",
        [VSF_DNS_FAILED] = "failing",
    };
    VsfDnsSdStatus status = {
        .domain = dns->domain,
        .state = "waiting",
        .answered_us = dns->answered_us,
        .next_us = dns->plan.due_us == G_MAXINT64 ? 0 : dns->plan.due_us,
        .change_us = dns->plan.apply_us,
        .ttl_s = VSF_DNS_UNSAID,
        .n_answers = dns->n_answers,
        .n_failures = dns->n_failures,
    };

    if (dns->read == NULL)
        return status;
    status.state = states[dns->read->outcome];
    status.error = dns->read->why;
    if (dns->answer == NULL) {
        status.domain = dns->read->domain;
        return status;
    }
    status.domain = dns->answer->domain;
    status.ignored = dns->answer->notes;
    if (dns->answer->has_ttl)
        status.ttl_s = dns->answer->ttl_s;
    return status;
}
