/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent.h"

#include "../base/order.h"
#include "agent-client.h"
#include "agent-link.h"

#include <malloc.h>
#include <string.h>

#define LARGE_BYTES (64 * 1024)

/* Large replies are read one at a time in the whole process, whose memory it is: as a
 * tree 1 MiB takes 20. */
static GMutex large_replies;

struct VsfAgents {
    const VsfAgentOps *ops;
    VsfCalls *calls;
    int timeout_s;
};

/* What travels to the thread. */
typedef struct {
    const VsfAgentOps *ops;
    int balloon_period_s; /* > 0: set it, and nothing else */
    guint32 wants;
    VsfQgaInfo *info;
    gint64 open_handle;
    int timeout_s;
} Question;

#define BUDGET_S(timeout_s) MAX(10, 5 * (timeout_s))

/* Of one conversation, on its thread. */
typedef struct {
    const Question *question;
    gpointer link;
    const char *uuid;
    GError *not_asked; /* whatever it is, it is not the agent's fault */
    gboolean is_large; /* it took much memory */
    gboolean is_alone; /* with the large reply that it reads */
} Talk;

static void
leave_large(Talk *talk)
{
    if (!talk->is_alone)
        return;
    /* Else glibc keeps what it took, for each thread that ever had one. */
    malloc_trim(0);
    talk->is_alone = FALSE;
    vsf_order_unlock(&large_replies);
}

static void
enter_large(Talk *talk)
{
    vsf_order_lock(&large_replies);
    talk->is_alone = TRUE;
}

void
vsf_agent_question_free(gpointer data)
{
    Question *question = data;

    vsf_qga_info_free(question->info);
    g_free(question);
}

void
vsf_agent_answer_free(VsfAgentAnswer *answer)
{
    if (answer == NULL)
        return;
    vsf_qga_info_free(answer->info);
    vsf_guest_facts_free(answer->facts);
    g_free(answer->trouble);
    g_clear_error(&answer->not_asked);
    g_free(answer);
}

static char *
send_request(const char *request, int timeout_s, GError **error, gpointer user_data)
{
    Talk *talk = user_data;
    g_autoptr(GError) why = NULL;
    char *reply;

    leave_large(talk); /* what came before is read */
    reply = talk->question->ops->send(talk->link, talk->uuid, request, timeout_s, &why);
    if (reply != NULL) {
        if (strlen(reply) > LARGE_BYTES)
            enter_large(talk);
        return reply;
    }
    talk->is_large |= g_error_matches(why, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED);
    if (why->domain == G_IO_ERROR && talk->not_asked == NULL)
        talk->not_asked = g_error_copy(why);
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
}

static gint64
clock_us(gpointer user_data G_GNUC_UNUSED)
{
    return g_get_monotonic_time();
}

/* An agent that was only slow has answered. */
static gboolean
has_answered(const VsfQgaReport *report)
{
    return report->error == NULL || report->ended == VSF_QGA_STATE_NO_TIME;
}

static VsfAgentAnswer *
answer_of(VsfQgaReport *report, const Question *question)
{
    VsfAgentAnswer *answer = g_new0(VsfAgentAnswer, 1);

    answer->answered = has_answered(report);
    answer->frozen = report->frozen;
    answer->info = g_steal_pointer(&report->info);
    answer->facts = vsf_guest_facts_of_report(report, question->wants, g_get_monotonic_time());
    answer->trouble = report->error != NULL ? g_strdup(report->error->message) : NULL;
    answer->open_handle = report->open_handle;
    answer->n_requests = report->n_requests;
    answer->slowest_us = report->slowest_us;
    return answer;
}

static gpointer
converse(gpointer link, const char *uuid, const Question *question, GError **error)
{
    Talk talk = {.question = question, .link = link, .uuid = uuid};
    VsfQgaPlan plan = {
        .send = send_request,
        .now_us = clock_us,
        .user_data = &talk,
        .timeout_s = question->timeout_s,
        .budget_s = BUDGET_S(question->timeout_s),
        .wants = question->wants,
        .info = question->info,
        .open_handle = question->open_handle,
    };
    gint64 began_us = g_get_monotonic_time();
    g_autoptr(VsfQgaReport) report = vsf_qga_inspect(&plan);
    VsfAgentAnswer *answer;

    leave_large(&talk);
    /* Else glibc keeps what the largest reply took, for each thread that ever had one. */
    if (talk.is_large)
        malloc_trim(0);
    /* A file that was opened in the guest must be closed next time, whatever this was. */
    if (talk.not_asked != NULL && report->open_handle == VSF_QGA_NO_HANDLE) {
        g_propagate_error(error, talk.not_asked);
        return NULL;
    }
    answer = answer_of(report, question);
    answer->not_asked = talk.not_asked;
    answer->took_us = g_get_monotonic_time() - began_us;
    return answer;
}

gpointer
vsf_agent_call(gpointer link, const char *uuid, gpointer data, GError **error)
{
    const Question *question = data;

    if (question->balloon_period_s == 0)
        return converse(link, uuid, question, error);
    if (!question->ops->set_balloon_period(link, uuid, question->balloon_period_s, error))
        return NULL;
    return g_new0(VsfAgentAnswer, 1);
}

/* --- main thread ------------------------------------------------------- */

VsfAgents *
vsf_agents_new_with(const VsfAgentOps *ops, const char *place, int timeout_s)
{
    VsfAgents *agents = g_new0(VsfAgents, 1);

    agents->ops = ops;
    agents->calls = vsf_calls_new(&ops->calls, place, VSF_AGENT_THREADS, 0);
    vsf_agents_set_timeout(agents, timeout_s);
    return agents;
}

void
vsf_agents_set_timeout(VsfAgents *agents, int timeout_s)
{
    agents->timeout_s = timeout_s;
    vsf_calls_set_deadline(agents->calls, (BUDGET_S(timeout_s) + 10) * G_USEC_PER_SEC);
}

VsfAgents *
vsf_agents_new(const char *uri, const char *path, int timeout_s)
{
    g_autofree char *place = vsf_agent_client_place(uri, path);

    return vsf_agents_new_with(&vsf_agent_service, place, timeout_s);
}

void
vsf_agents_free(VsfAgents *agents)
{
    if (agents == NULL)
        return;
    vsf_calls_free(agents->calls);
    g_free(agents);
}

static gboolean
ask(VsfAgents *agents, const char *uuid, const Question *question, VsfCallsFunc done,
    gpointer user_data)
{
    Question *taken = g_memdup2(question, sizeof(*question));

    taken->ops = agents->ops;
    return vsf_calls_ask(agents->calls, uuid, taken, done, user_data) == VSF_CALLS_ASKED;
}

gboolean
vsf_agents_ask(VsfAgents *agents, const char *uuid, guint32 wants, const VsfQgaInfo *info,
               gint64 open_handle, VsfCallsFunc done, gpointer user_data)
{
    Question question = {
        .wants = wants,
        .info = vsf_qga_info_copy(info),
        .open_handle = open_handle,
        .timeout_s = agents->timeout_s,
    };

    return ask(agents, uuid, &question, done, user_data);
}

gboolean
vsf_agents_set_balloon_period(VsfAgents *agents, const char *uuid, int period_s, VsfCallsFunc done,
                              gpointer user_data)
{
    Question question = {.balloon_period_s = period_s};

    g_assert(period_s > 0);
    return ask(agents, uuid, &question, done, user_data);
}

guint
vsf_agents_running(const VsfAgents *agents)
{
    return vsf_calls_running(agents->calls);
}

guint
vsf_agents_stuck(const VsfAgents *agents)
{
    return vsf_calls_stuck(agents->calls);
}
