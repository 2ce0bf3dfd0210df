/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-batch.h"

#include "../../daemon/base/order.h"

#include <string.h>

/* --- timers ------------------------------------------------------------ */

typedef struct {
    guint id, interval_ms;
    GSourceFunc func;
    gpointer user_data;
} Timer;

static GArray *timers;
static guint last_id;

guint __wrap_g_timeout_add(guint interval_ms, GSourceFunc func, gpointer user_data);
gboolean __wrap_g_source_remove(guint id);

guint
__wrap_g_timeout_add(guint interval_ms, GSourceFunc func, gpointer user_data)
{
    Timer timer = {++last_id, interval_ms, func, user_data};

    g_array_append_val(timers, timer);
    return timer.id;
}

gboolean
__wrap_g_source_remove(guint id)
{
    for (guint i = 0; i < timers->len; i++) {
        if (g_array_index(timers, Timer, i).id == id) {
            g_array_remove_index(timers, i);
            return TRUE;
        }
    }
    g_assert_not_reached();
}

void
fake_fire(guint interval_ms)
{
    for (guint i = 0; i < timers->len; i++) {
        Timer timer = g_array_index(timers, Timer, i);

        if (timer.interval_ms != interval_ms)
            continue;
        g_array_remove_index(timers, i);
        g_assert_false(timer.func(timer.user_data));
        return;
    }
    g_assert_not_reached();
}

/* --- libvirt ----------------------------------------------------------- */

typedef struct {
    Way way;
    gboolean busy; /* a call is at its QEMU */
} Machine;

typedef struct {
    gint alive;
} FakeLink;

static GMutex lock;          /* guards all of these */
static GCond changed;        /* a machine answers again, or a call has come to one that hangs */
static GHashTable *machines; /* UUID -> Machine; without one: it answers */
static FakeCounts counts;
static guint n_at_hung;
static gboolean batches_fail, batches_kill;
static gint n_opened, n_closed, n_answers_out;
gint64 fake_now_us;

static void
wait_for_change(void)
{
    vsf_order_give(&lock); /* the wait unlocks it */
    g_cond_wait(&changed, &lock);
    vsf_order_take(&lock);
}

static Machine *
machine(const char *uuid)
{
    Machine *found = g_hash_table_lookup(machines, uuid);

    if (found == NULL) {
        found = g_new0(Machine, 1);
        g_hash_table_insert(machines, g_strdup(uuid), found);
    }
    return found;
}

void
fake_set_way(const char *uuid, Way way)
{
    vsf_order_lock(&lock);
    machine(uuid)->way = way;
    g_cond_broadcast(&changed);
    vsf_order_unlock(&lock);
}

void
fake_set_busy(const char *uuid, gboolean busy)
{
    vsf_order_lock(&lock);
    machine(uuid)->busy = busy;
    vsf_order_unlock(&lock);
}

/* With the lock held. The answer is the UUID, with a question mark if QEMU was not asked. */
static char *
ask_machine(const char *uuid, GError **error)
{
    Machine *asked = machine(uuid);

    if (asked->way == IS_GONE) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no such domain");
        return NULL;
    }
    n_answers_out++;
    if (asked->busy)
        return g_strconcat(uuid, "?", NULL);
    asked->busy = TRUE;
    n_at_hung += asked->way == HANGS;
    g_cond_broadcast(&changed);
    while (asked->way == HANGS)
        wait_for_change();
    asked->busy = FALSE;
    return g_strdup(uuid);
}

static gpointer
fake_open(const char *uri G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    FakeLink *link = g_new0(FakeLink, 1);

    link->alive = TRUE;
    g_atomic_int_inc(&n_opened);
    return link;
}

static gpointer
fake_call(gpointer link G_GNUC_UNUSED, const char *uuid, gpointer question, GError **error)
{
    char *answer;

    g_assert_true(question == FAKE_QUESTION);
    vsf_order_lock(&lock);
    counts.singles++;
    answer = ask_machine(uuid, error);
    vsf_order_unlock(&lock);
    return answer;
}

static gboolean
fake_call_many(gpointer link, VsfCallsItem *items, guint n, GError **error)
{
    gboolean fails;

    vsf_order_lock(&lock);
    counts.batches++;
    counts.largest = MAX(counts.largest, n);
    counts.smallest = MIN(counts.smallest, n);
    fails = batches_fail;
    if (batches_kill)
        g_atomic_int_set(&((FakeLink *)link)->alive, FALSE);
    for (guint i = 0; i < n && !fails; i++) {
        g_assert_true(items[i].question == FAKE_QUESTION);
        items[i].answer = ask_machine(items[i].uuid, &items[i].error);
    }
    vsf_order_unlock(&lock);
    if (fails)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "out of memory");
    return !fails;
}

static gboolean
fake_is_partial(gconstpointer answer)
{
    return g_str_has_suffix(answer, "?");
}

static gboolean
fake_is_alive(gpointer link)
{
    return g_atomic_int_get(&((FakeLink *)link)->alive);
}

static void
fake_close(gpointer link)
{
    g_free(link);
    g_atomic_int_inc(&n_closed);
}

static void
fake_answer_free(gpointer answer)
{
    g_free(answer);
    vsf_order_lock(&lock);
    n_answers_out--;
    vsf_order_unlock(&lock);
}

static gint64
fake_now(void)
{
    return fake_now_us;
}

const VsfCallsOps fake_ops = {
    .open = fake_open,
    .call = fake_call,
    .call_many = fake_call_many,
    .is_partial = fake_is_partial,
    .is_alive = fake_is_alive,
    .close = fake_close,
    .answer_free = fake_answer_free,
    .now_us = fake_now,
};

/* --- the test's side --------------------------------------------------- */

void
fake_reset(void)
{
    timers = g_array_new(FALSE, FALSE, sizeof(Timer));
    machines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    counts = (FakeCounts){.smallest = G_MAXUINT};
    n_at_hung = 0;
    batches_fail = batches_kill = FALSE;
    n_opened = n_closed = n_answers_out = 0;
    fake_now_us = G_USEC_PER_SEC;
}

static void
let_all_go(void)
{
    GHashTableIter iter;
    gpointer value;

    vsf_order_lock(&lock);
    g_hash_table_iter_init(&iter, machines);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Machine *)value)->way = ANSWERS;
    g_cond_broadcast(&changed);
    vsf_order_unlock(&lock);
}

void
fake_end(void)
{
    gboolean all = FALSE;

    let_all_go();
    while (!all) {
        g_main_context_iteration(NULL, FALSE);
        vsf_order_lock(&lock);
        all = n_answers_out == 0 && g_atomic_int_get(&n_closed) == g_atomic_int_get(&n_opened);
        vsf_order_unlock(&lock);
    }
    g_array_unref(timers);
    g_hash_table_unref(machines);
}

void
fake_batches_fail(gboolean with_connection)
{
    batches_fail = TRUE;
    batches_kill = with_connection;
}

void
fake_wait_for_hung(guint n)
{
    vsf_order_lock(&lock);
    while (n_at_hung < n)
        wait_for_change();
    vsf_order_unlock(&lock);
}

FakeCounts
fake_counts(void)
{
    FakeCounts now;

    vsf_order_lock(&lock);
    now = counts;
    vsf_order_unlock(&lock);
    now.closed = (guint)g_atomic_int_get(&n_closed);
    return now;
}

guint
fake_n_timers(void)
{
    return timers->len;
}
