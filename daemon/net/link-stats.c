/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link-stats.h"

#include "../base/order.h"
#include "../base/worker.h"
#include "links.h"
#include "netlink-ask.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define SINGLE_MAX 32
#define WAITING_MAX 1000 /* questions; more than that means that the kernel hangs */
#define DUMP_TRIES 3
#define REQUEST_SIZE (MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct if_stats_msg)))

struct VsfLinkStatsReader {
    VsfWorker *worker;
    GCancellable *cancel;  /* tells answers that the reader is gone */
    VsfNetlinkLine **line; /* atomic reference box; the worker's one thread has its content */
};

typedef struct { /* what the worker sees */
    VsfNetlinkLine **line;
    guint n;
    int ifindexes[];
} Question;

typedef struct { /* what the worker gives back */
    GHashTable *wanted, *table;
    gint64 read_ns;
} Answer;

typedef struct { /* who asked */
    VsfLinkStatsFunc done;
    gpointer user_data;
} Asker;

static void
answer_free(Answer *answer)
{
    g_hash_table_unref(answer->wanted);
    g_hash_table_unref(answer->table);
    g_free(answer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

static void
line_clear(gpointer line)
{
    vsf_order_take(line);
    vsf_netlink_line_free(*(VsfNetlinkLine **)line);
}

static void
line_unref(VsfNetlinkLine **line)
{
    vsf_order_give(line);
    g_atomic_rc_box_release_full(line, line_clear);
}

static void
question_free(gpointer data)
{
    Question *question = data;

    line_unref(question->line);
    g_free(question);
}

static void
take_reply(const struct nlmsghdr *reply, gpointer user_data)
{
    Answer *answer = user_data;
    VsfLinkStats stats;
    int ifindex;

    if (!vsf_link_stats_parse_reply((const guint8 *)reply, reply->nlmsg_len, &ifindex, &stats))
        return;
    if (g_hash_table_contains(answer->wanted, GINT_TO_POINTER(ifindex)))
        g_hash_table_replace(answer->table, GINT_TO_POINTER(ifindex),
                             g_memdup2(&stats, sizeof(stats)));
}

static void
put_request(guint8 *at, guint16 flags, guint32 sequence, int ifindex)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(at);
    struct if_stats_msg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

    request->nlmsg_type = RTM_GETSTATS;
    request->nlmsg_flags = NLM_F_REQUEST | flags;
    request->nlmsg_seq = sequence;
    header->ifindex = (guint32)ifindex;
    header->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
}

static gboolean
ask_each(VsfNetlinkLine *line, Answer *answer, GError **error)
{
    guint8 requests[SINGLE_MAX * REQUEST_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
    GHashTableIter iter;
    gpointer ifindex;
    guint n = 0;

    g_hash_table_iter_init(&iter, answer->wanted);
    for (; g_hash_table_iter_next(&iter, &ifindex, NULL); n++)
        put_request(requests + n * REQUEST_SIZE, 0, n + 1, GPOINTER_TO_INT(ifindex));
    return n == 0 ||
           vsf_netlink_ask(line, requests, n * REQUEST_SIZE, n, take_reply, answer, NULL, error);
}

/* A dump that was interrupted (links came or went) may lack some: asked again,
 * and after a few times taken as it is. */
static gboolean
ask_all(VsfNetlinkLine *line, Answer *answer, GError **error)
{
    guint8 request[REQUEST_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
    gboolean interrupted = TRUE;

    put_request(request, NLM_F_DUMP, 1, 0);
    for (guint i = 0; i < DUMP_TRIES && interrupted; i++) {
        g_hash_table_remove_all(answer->table);
        if (!vsf_netlink_ask(line, request, sizeof(request), 1, take_reply, answer, &interrupted,
                             error))
            return FALSE;
    }
    return TRUE;
}

static gpointer
read_counters(gpointer payload, GError **error)
{
    const Question *question = payload;
    g_autoptr(Answer) answer = g_new0(Answer, 1);

    answer->wanted = g_hash_table_new(NULL, NULL);
    answer->table = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    for (guint i = 0; i < question->n; i++)
        g_hash_table_add(answer->wanted, GINT_TO_POINTER(question->ifindexes[i]));
    if (*question->line == NULL)
        *question->line = vsf_netlink_line_new(NETLINK_ROUTE);
    if (!(g_hash_table_size(answer->wanted) > SINGLE_MAX
              ? ask_all(*question->line, answer, error)
              : ask_each(*question->line, answer, error)))
        return NULL;
    answer->read_ns = g_get_monotonic_time() * 1000;
    return g_steal_pointer(&answer);
}

static void
counters_came(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autofree Asker *asker = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Answer) answer = vsf_worker_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (answer == NULL)
        asker->done(NULL, 0, error, asker->user_data);
    else
        asker->done(answer->table, answer->read_ns, NULL, asker->user_data);
}

VsfLinkStatsReader *
vsf_link_stats_new(GError **error G_GNUC_UNUSED)
{
    VsfLinkStatsReader *reader = g_new0(VsfLinkStatsReader, 1);

    reader->worker = vsf_worker_new(1, (GDestroyNotify)answer_free);
    reader->cancel = g_cancellable_new();
    reader->line = g_atomic_rc_box_new0(VsfNetlinkLine *);
    return reader;
}

void
vsf_link_stats_free(VsfLinkStatsReader *reader)
{
    if (reader == NULL)
        return;
    g_cancellable_cancel(reader->cancel);
    g_object_unref(reader->cancel);
    vsf_worker_free(reader->worker);
    line_unref(reader->line);
    g_free(reader);
}

static void
refused(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autofree Asker *asker = user_data;
    g_autoptr(GError) error = NULL;

    g_task_propagate_boolean(G_TASK(result), &error);
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        asker->done(NULL, 0, error, asker->user_data);
}

static void
refuse(VsfLinkStatsReader *reader, Asker *asker)
{
    g_autoptr(GTask) task = g_task_new(NULL, reader->cancel, refused, asker);

    g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_BUSY,
                            "netlink: %u questions wait for an answer", WAITING_MAX);
}

void
vsf_link_stats_ask(VsfLinkStatsReader *reader, const int *ifindexes, guint n_ifindexes,
                   VsfLinkStatsFunc done, gpointer user_data)
{
    Asker *asker = g_new0(Asker, 1);
    Question *question;

    *asker = (Asker){.done = done, .user_data = user_data};
    if (vsf_worker_pending(reader->worker) >= WAITING_MAX) {
        refuse(reader, asker);
        return;
    }
    question = g_malloc0(sizeof(*question) + n_ifindexes * sizeof(int));
    question->line = g_atomic_rc_box_acquire(reader->line);
    question->n = n_ifindexes;
    if (n_ifindexes > 0)
        memcpy(question->ifindexes, ifindexes, n_ifindexes * sizeof(int));
    vsf_worker_run(reader->worker, read_counters, question, question_free, reader->cancel,
                   counters_came, asker);
}
