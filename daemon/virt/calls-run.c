/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "calls-run.h"

#include "detached.h"

#include <string.h>

typedef struct {
    const VsfCallsOps *ops;
    gpointer link;
} Closing;

static gpointer
close_link(gpointer data)
{
    g_autofree Closing *closing = data;

    closing->ops->close(closing->link);
    return NULL;
}

void
vsf_calls_close_later(const VsfCallsOps *ops, gpointer link)
{
    Closing *closing = g_new(Closing, 1);

    *closing = (Closing){.ops = ops, .link = link};
    vsf_detached_run(close_link, closing);
}

VsfCallsRun *
vsf_calls_run_new(VsfCalls *calls, const VsfCallsOps *ops, const char *uri, guint n)
{
    VsfCallsRun *run = g_malloc0(sizeof(*run) + n * sizeof(run->items[0]));

    run->calls = calls;
    run->ops = ops;
    run->uri = g_strdup(uri);
    run->n = n;
    return run;
}

void
vsf_calls_run_free(VsfCallsRun *run)
{
    if (run->link != NULL)
        vsf_calls_close_later(run->ops, run->link);
    for (guint i = 0; i < run->n; i++) {
        VsfCallsItem *item = &run->items[i];

        if (run->ops->question_free != NULL && item->question != NULL)
            run->ops->question_free(item->question);
        if (item->answer != NULL)
            run->ops->answer_free(item->answer);
        g_clear_error(&item->error);
    }
    g_clear_error(&run->error);
    g_free(run->uri);
    g_free(run);
}

static gboolean
has(const VsfCallsRun *run, const char *uuid)
{
    for (guint i = 0; i < run->n; i++)
        if (strcmp(run->items[i].uuid, uuid) == 0)
            return TRUE;
    return FALSE;
}

guint
vsf_calls_runs_begun_before(const GPtrArray *runs, gint64 time_us)
{
    guint n = 0;

    for (guint i = 0; i < runs->len; i++)
        n += ((const VsfCallsRun *)runs->pdata[i])->begun_us < time_us;
    return n;
}

guint
vsf_calls_runs_in_doubt(const GPtrArray *runs, gint64 now_us, gboolean with_batches)
{
    gint64 limit_us = now_us - VSF_CALLS_BATCH_MS * G_TIME_SPAN_MILLISECOND;
    guint n = 0;

    for (guint i = 0; i < runs->len; i++) {
        const VsfCallsRun *run = runs->pdata[i];

        n += run->given_up || run->begun_us < limit_us || (with_batches && run->n > 1);
    }
    return n;
}

gboolean
vsf_calls_runs_may_hang_at(const GPtrArray *runs, const char *uuid)
{
    for (guint i = 0; i < runs->len; i++) {
        const VsfCallsRun *run = runs->pdata[i];

        if (run->given_up && has(run, uuid))
            return TRUE;
    }
    return FALSE;
}

static gboolean
has_all_answers(const VsfCallsRun *run)
{
    for (guint i = 0; i < run->n; i++)
        if (run->items[i].answer == NULL)
            return FALSE;
    return TRUE;
}

static void
call(VsfCallsRun *run)
{
    VsfCallsItem *first = &run->items[0];

    if (run->n == 1)
        first->answer = run->ops->call(run->link, first->uuid, first->question, &first->error);
    else
        run->ops->call_many(run->link, run->items, run->n, &run->error);
}

/* A connection that died while it lay idle (libvirtd restarted) is replaced, so that it costs no
 * answer. One that dies in the call is not: it was most likely libvirtd that hung, and opening
 * another would hang as well. */
gpointer
vsf_calls_run_do(gpointer data, GError **error G_GNUC_UNUSED)
{
    VsfCallsRun *run = data;

    if (run->link != NULL && !run->ops->is_alive(run->link))
        run->ops->close(g_steal_pointer(&run->link));
    if (run->link == NULL)
        run->link = run->ops->open(run->uri, &run->error);
    if (run->link == NULL)
        return run;
    call(run);
    if (!has_all_answers(run) && !run->ops->is_alive(run->link))
        run->ops->close(g_steal_pointer(&run->link));
    return run;
}
