/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host-poll.h"

#include "base/log.h"
#include "base/worker.h"
#include "host/host-read.h"
#include "net/mac-stats.h"

#define DEADLINE_MAX_MS 5000
/* Between two hangs of one question that are told. */
#define LOG_US (3600 * (gint64)G_USEC_PER_SEC)

/* One of the two questions. */
typedef struct {
    VsfWorker *worker;
    gboolean out;      /* it has not come back */
    gboolean expected; /* the turn under way waits for it */
    gboolean hangs;    /* was not there when a turn ended */
    gboolean told;     /* the same, and it was logged */
    const char *what;  /* for the log */
    VsfLogRate rate;
} Question;

struct VsfHostPoll {
    VsfHostReaders readers;
    VsfHostPollDone done;
    gpointer user_data;
    gboolean under_way;
    guint timer, deadline_ms;
    Question counters_question, space_question;
    VsfHostCounters *counters; /* of this turn */
    VsfHostSpace space;
};

static VsfHostCounters *
read_this_machine(void)
{
    VsfHostCounters *counters = vsf_host_read("");

    vsf_mac_stats_read(counters->interfaces);
    return counters;
}

/* --- the end of a turn ------------------------------------------------- */

static void
note_hang(const VsfHostPoll *poll, Question *question)
{
    guint held_back;

    if (!question->out || question->hangs)
        return;
    question->hangs = TRUE;
    question->told = vsf_log_rate_allow(&question->rate, g_get_monotonic_time(), LOG_US,
                                        &held_back);
    if (question->told)
        g_warning("host: %s cannot be read in %u ms (nor %u times before); they are unknown until "
                  "they can",
                  question->what, poll->deadline_ms, held_back);
}

static void
finish(VsfHostPoll *poll)
{
    g_autoptr(VsfHostCounters) counters = g_steal_pointer(&poll->counters);

    g_clear_handle_id(&poll->timer, g_source_remove);
    note_hang(poll, &poll->counters_question);
    note_hang(poll, &poll->space_question);
    poll->counters_question.expected = FALSE;
    poll->space_question.expected = FALSE;
    poll->under_way = FALSE;
    if (counters != NULL)
        counters->space = poll->space;
    poll->done(counters, poll->user_data);
}

static gboolean
deadline_came(gpointer user_data)
{
    VsfHostPoll *poll = user_data;

    poll->timer = 0;
    finish(poll);
    return G_SOURCE_REMOVE;
}

/* TRUE if what came is of the turn under way. */
static gboolean
came_back(Question *question)
{
    gboolean expected = question->expected;

    question->out = FALSE;
    question->expected = FALSE;
    if (question->told)
        g_message("host: %s can be read again", question->what);
    question->hangs = question->told = FALSE;
    return expected;
}

static void
finish_if_complete(VsfHostPoll *poll)
{
    if (poll->under_way && !poll->counters_question.expected && !poll->space_question.expected)
        finish(poll);
}

/* --- the two questions ----------------------------------------------------- */

static gpointer
read_counters(gpointer payload, GError **error G_GNUC_UNUSED)
{
    const VsfHostReaders *readers = payload;

    return readers->counters();
}

static void
counters_came(GObject *object G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfHostPoll *poll = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfHostCounters) counters = vsf_worker_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (came_back(&poll->counters_question))
        poll->counters = g_steal_pointer(&counters);
    finish_if_complete(poll);
}

static gpointer
read_space(gpointer payload, GError **error G_GNUC_UNUSED)
{
    const VsfHostReaders *readers = payload;
    VsfHostSpace space = readers->space();

    return g_memdup2(&space, sizeof(space));
}

static void
space_came(GObject *object G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfHostPoll *poll = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree VsfHostSpace *space = vsf_worker_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (came_back(&poll->space_question) && space != NULL)
        poll->space = *space;
    finish_if_complete(poll);
}

static void
ask(VsfHostPoll *poll, Question *question, VsfWorkerFunc func, GAsyncReadyCallback came)
{
    if (question->out)
        return;
    question->out = TRUE;
    question->expected = TRUE;
    vsf_worker_run(question->worker, func, g_memdup2(&poll->readers, sizeof(poll->readers)), g_free,
                   NULL, came, poll);
}

/* --- the door ------------------------------------------------------------ */

static void
free_counters(gpointer data)
{
    vsf_host_counters_free(data);
}

VsfHostPoll *
vsf_host_poll_new(const VsfHostReaders *readers, VsfHostPollDone done, gpointer user_data)
{
    VsfHostPoll *poll = g_new0(VsfHostPoll, 1);

    poll->readers = readers != NULL ? *readers
                                    : (VsfHostReaders){read_this_machine, vsf_host_read_space};
    poll->done = done;
    poll->user_data = user_data;
    poll->counters_question.what = "its counters";
    poll->counters_question.worker = vsf_worker_new(1, free_counters);
    poll->space_question.what = "the sizes of its filesystems";
    poll->space_question.worker = vsf_worker_new(1, g_free);
    return poll;
}

void
vsf_host_poll_free(VsfHostPoll *poll)
{
    if (poll == NULL)
        return;
    g_clear_handle_id(&poll->timer, g_source_remove);
    vsf_worker_free(poll->counters_question.worker);
    vsf_worker_free(poll->space_question.worker);
    vsf_host_counters_free(poll->counters);
    g_free(poll);
}

guint
vsf_host_poll_deadline_ms(gint64 interval_us)
{
    return (guint)CLAMP(interval_us / 2000, 1, DEADLINE_MAX_MS);
}

gboolean
vsf_host_poll_begin(VsfHostPoll *poll, guint deadline_ms)
{
    if (poll->under_way)
        return FALSE;
    poll->under_way = TRUE;
    poll->deadline_ms = deadline_ms;
    poll->space = vsf_host_space_unknown();
    ask(poll, &poll->counters_question, read_counters, counters_came);
    /* Without the counters there is nothing to wait for. */
    if (poll->counters_question.expected)
        ask(poll, &poll->space_question, read_space, space_came);
    poll->timer = g_timeout_add(poll->counters_question.expected ? deadline_ms : 0, deadline_came,
                                poll);
    return TRUE;
}
