/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which readings of counters came late: vsf_link_stats_ask() with a clock beside it. */
#include "live-lab.h"

#define LATE_US (80 * G_TIME_SPAN_MILLISECOND) /* flows waits for 100 ms */

static guint n_late;
static GHashTable *questions; /* that have no answer yet */

typedef struct {
    VsfLinkStatsFunc done;
    gpointer user_data;
    gint64 asked_us;
} Question;

void __real_vsf_link_stats_ask(VsfLinkStatsReader *reader, const int *ifindexes, guint n,
                               VsfLinkStatsFunc done, gpointer user_data);
void __wrap_vsf_link_stats_ask(VsfLinkStatsReader *reader, const int *ifindexes, guint n,
                               VsfLinkStatsFunc done, gpointer user_data);

static void
reading_came(GHashTable *table, gint64 read_ns, const GError *error, gpointer user_data)
{
    Question question = *(Question *)user_data;

    g_hash_table_remove(questions, user_data);
    if (g_get_monotonic_time() - question.asked_us > LATE_US)
        n_late++;
    question.done(table, read_ns, error, question.user_data);
}

void
__wrap_vsf_link_stats_ask(VsfLinkStatsReader *reader, const int *ifindexes, guint n,
                          VsfLinkStatsFunc done, gpointer user_data)
{
    Question *question = g_new(Question, 1);

    *question = (Question){done, user_data, g_get_monotonic_time()};
    g_hash_table_add(questions, question);
    __real_vsf_link_stats_ask(reader, ifindexes, n, reading_came, question);
}

guint
live_lab_late_readings(void)
{
    GHashTableIter iter;
    gpointer key;
    guint n = n_late;

    /* One that has not come yet is as late. */
    g_hash_table_iter_init(&iter, questions);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        n += g_get_monotonic_time() - ((const Question *)key)->asked_us > LATE_US;
    return n;
}

void
live_late_begin(void)
{
    n_late = 0;
    questions = g_hash_table_new_full(NULL, NULL, g_free, NULL);
}

void
live_late_end(void)
{
    g_clear_pointer(&questions, g_hash_table_unref);
}
