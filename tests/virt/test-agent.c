/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conversations with agents through a libvirt that answers, refuses and hangs as a
 * test says; the replies are recorded ones. */
#include "../../daemon/base/order.h"
#include "../../daemon/virt/agent-link.h"
#include "../../daemon/virt/error.h"
#include "../qga/recorded.h"

#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* What happens to a request. Written before a test asks, read by the threads. */
typedef enum { REPLY, HANG, SILENT, REFUSED, PAUSED, PAUSED_LATER, BLOCKED, LONG, LARGE } Way;

static GAsyncQueue *gate; /* a hung request waits for a token here */
static Way way;
static gint n_sent, n_out, most_out, n_closed, n_opened, period_set;
static gint64 fake_now_us;
static GMutex lock;
static GString *asked; /* names of the requests, with one space behind each */

static gpointer
fake_open(const char *uri G_GNUC_UNUSED, GError **error)
{
    if (way == REFUSED) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY, "read only");
        return NULL;
    }
    g_atomic_int_inc(&n_opened);
    return g_new0(char, 1);
}

static gboolean
fake_is_alive(gpointer link G_GNUC_UNUSED)
{
    return TRUE;
}

static void
fake_close(gpointer link)
{
    g_free(link);
    g_atomic_int_inc(&n_closed);
}

static gint64
fake_now(void)
{
    return fake_now_us;
}

static char *
name_of(const char *request)
{
    const char *start = request + strlen("{\"execute\":\"");

    return g_strndup(start, (gsize)(strchr(start, '"') - start));
}

static void
count_out(gint change)
{
    gint out = g_atomic_int_add(&n_out, change) + change;

    vsf_order_lock(&lock);
    most_out = MAX(most_out, out);
    vsf_order_unlock(&lock);
}

/* Of the most values that are read at all. */
static char *
large_reply(void)
{
    GString *text = g_string_new("{\"return\":[");

    for (guint i = 0; i < 1720; i++) {
        g_string_append(text, i > 0 ? "," : "");
        for (guint depth = 0; depth < 28; depth++)
            g_string_append(text, "{\"a\":");
        g_string_append(text, "{}");
        for (guint depth = 0; depth < 28; depth++)
            g_string_append_c(text, '}');
    }
    g_string_append(text, "]}");
    return g_string_free(text, FALSE);
}

static char *
fake_send(gpointer link G_GNUC_UNUSED, const char *uuid, const char *request, int timeout_s,
          GError **error)
{
    g_autofree char *name = name_of(request);

    g_assert_cmpint(timeout_s, >=, 1);
    g_assert_cmpuint(strlen(uuid), >, 0);
    g_atomic_int_inc(&n_sent);
    vsf_order_lock(&lock);
    g_string_append_printf(asked, "%s ", name);
    vsf_order_unlock(&lock);
    switch (way) {
    case HANG:
        count_out(1);
        g_async_queue_pop(gate);
        count_out(-1);
        break;
    case SILENT:
        g_set_error_literal(error, VSF_VIRT_ERROR, VIR_ERR_AGENT_UNRESPONSIVE,
                            "agent is not responding");
        return NULL;
    case PAUSED_LATER:
        if (!g_str_has_prefix(name, "guest-file-") || strcmp(name, "guest-file-open") == 0)
            break;
        G_GNUC_FALLTHROUGH;
    case PAUSED:
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "domain is not running");
        return NULL;
    case BLOCKED:
        if (strcmp(name, "guest-info") != 0) {
            g_propagate_error(error, vsf_qga_error_new(NULL, "The command has not been found"));
            return NULL;
        }
        break;
    case LONG:
        g_set_error_literal(error, VSF_QGA_ERROR, VSF_QGA_ERROR_MALFORMED, "too long");
        return NULL;
    case LARGE:
        return strcmp(name, "guest-get-fsinfo") == 0 ? large_reply()
                                                     : recorded("qemu-ga-7.2", name);
    case REPLY:
    case REFUSED:
        break;
    }
    return recorded("qemu-ga-7.2", name);
}

static gboolean
fake_set_period(gpointer link G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, int period_s,
                GError **error)
{
    if (way == PAUSED) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "domain is not running");
        return FALSE;
    }
    g_atomic_int_set(&period_set, period_s);
    return TRUE;
}

static const VsfAgentOps fake_ops = {
    .calls =
        {
            .open = fake_open,
            .call = vsf_agent_call,
            .is_alive = fake_is_alive,
            .close = fake_close,
            .question_free = vsf_agent_question_free,
            .answer_free = (GDestroyNotify)vsf_agent_answer_free,
            .now_us = fake_now,
        },
    .send = fake_send,
    .set_balloon_period = fake_set_period,
};

typedef struct {
    VsfAgents *agents;
    guint n_answers, n_errors;
    gint last_code;
    VsfAgentAnswer last; /* its pointers are ours */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    gate = g_async_queue_new();
    asked = g_string_new(NULL);
    way = REPLY;
    n_sent = n_out = most_out = n_closed = n_opened = period_set = 0;
    fake_now_us = 1000000;
    fixture->agents = vsf_agents_new_with(&fake_ops, "fake:///", 2);
}

static void
forget(Fixture *fixture)
{
    g_clear_pointer(&fixture->last.info, vsf_qga_info_free);
    g_clear_pointer(&fixture->last.facts, vsf_guest_facts_free);
    g_clear_pointer(&fixture->last.trouble, g_free);
    g_clear_error(&fixture->last.not_asked);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_agents_free(g_steal_pointer(&fixture->agents));
    while (g_atomic_int_get(&n_closed) != g_atomic_int_get(&n_opened))
        g_main_context_iteration(NULL, FALSE);
    forget(fixture);
    g_async_queue_unref(gate);
    g_string_free(asked, TRUE);
}

static void
note(const char *uuid G_GNUC_UNUSED, gpointer data, const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;
    VsfAgentAnswer *answer = data;

    g_assert_true((answer != NULL) != (error != NULL));
    if (answer == NULL) {
        g_assert_true(error->domain == G_IO_ERROR);
        fixture->last_code = error->code;
        fixture->n_errors++;
        return;
    }
    forget(fixture);
    fixture->last = *answer;
    answer->info = NULL;
    answer->facts = NULL;
    answer->trouble = NULL;
    answer->not_asked = NULL;
    fixture->n_answers++;
}

static void
wait_for(Fixture *fixture, guint n)
{
    while (fixture->n_answers + fixture->n_errors < n)
        g_main_context_iteration(NULL, TRUE);
}

static void
wait_for_out(gint n)
{
    while (g_atomic_int_get(&n_out) < n)
        g_main_context_iteration(NULL, FALSE);
}

static gboolean
ask(Fixture *fixture, const char *uuid, const VsfQgaInfo *info)
{
    return vsf_agents_ask(fixture->agents, uuid,
                          VSF_QGA_WANT(VSF_QGA_PART_FILESYSTEMS) |
                              VSF_QGA_WANT(VSF_QGA_PART_MEMORY) | VSF_QGA_WANT(VSF_QGA_PART_OS),
                          info, VSF_QGA_NO_HANDLE, note, fixture);
}

static void
test_a_conversation_brings_facts(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(VsfQgaInfo) info = NULL;

    g_assert_true(ask(fixture, "a", NULL));
    g_assert_cmpuint(fixture->n_answers, ==, 0);
    wait_for(fixture, 1);
    g_assert_true(fixture->last.answered);
    g_assert_false(fixture->last.frozen);
    g_assert_null(fixture->last.trouble);
    g_assert_cmpuint(fixture->last.n_requests, ==, 6);
    g_assert_cmpuint(fixture->last.facts->available, !=, G_MAXUINT64);
    g_assert_cmpuint(fixture->last.facts->os_name, ==, 2);
    g_assert_cmpint(fixture->last.facts->state[VSF_QGA_PART_LOAD], ==, VSF_QGA_STATE_NOT_ASKED);
    g_assert_cmpstr(asked->str, ==,
                    "guest-info guest-get-fsinfo guest-file-open guest-file-read "
                    "guest-file-close guest-get-osinfo ");
    /* What guest-info said is not asked for again; the caller's is copied. */
    info = g_steal_pointer(&fixture->last.info);
    g_assert_nonnull(info);
    g_string_truncate(asked, 0);
    g_assert_true(ask(fixture, "a", info));
    g_clear_pointer(&info, vsf_qga_info_free);
    wait_for(fixture, 2);
    g_assert_null(fixture->last.info);
    g_assert_false(g_str_has_prefix(asked->str, "guest-info"));
    g_assert_cmpint(n_opened, ==, 1);
}

static void
test_silence_is_an_answer_that_says_so(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    way = SILENT;
    ask(fixture, "a", NULL);
    wait_for(fixture, 1);
    g_assert_false(fixture->last.answered);
    g_assert_cmpstr(fixture->last.trouble, ==, "agent is not responding");
    g_assert_cmpuint(fixture->last.n_requests, ==, 1);
    g_assert_cmpint(fixture->last.facts->state[VSF_QGA_PART_OS], ==, VSF_QGA_STATE_NO_REPLY);
    g_assert_cmpint(fixture->last.facts->state[VSF_QGA_PART_LOAD], ==, VSF_QGA_STATE_NOT_ASKED);
}

static void
test_garbage_for_guest_info_is_no_answer(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    way = LONG;
    ask(fixture, "a", NULL);
    wait_for(fixture, 1);
    g_assert_false(fixture->last.answered);
    g_assert_cmpint(fixture->last.facts->state[VSF_QGA_PART_OS], ==, VSF_QGA_STATE_MALFORMED);
}

static void
test_a_refused_command_is_an_answer(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    way = BLOCKED;
    ask(fixture, "a", NULL);
    wait_for(fixture, 1);
    g_assert_true(fixture->last.answered);
    g_assert_cmpint(fixture->last.facts->state[VSF_QGA_PART_FILESYSTEMS], ==,
                    VSF_QGA_STATE_NOT_FOUND);
}

static void
test_what_is_not_the_agents_fault_is_an_error(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    way = REFUSED;
    ask(fixture, "a", NULL);
    wait_for(fixture, 1);
    g_assert_cmpint(fixture->last_code, ==, G_IO_ERROR_READ_ONLY);
    way = PAUSED;
    ask(fixture, "a", NULL);
    wait_for(fixture, 2);
    g_assert_cmpint(fixture->last_code, ==, G_IO_ERROR_NOT_CONNECTED);
    g_assert_cmpuint(fixture->n_answers, ==, 0);
}

static void
test_at_most_four_at_a_time_and_one_per_domain(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    way = HANG;
    for (guint i = 0; i < 10; i++) {
        g_autofree char *uuid = g_strdup_printf("vm%u", i);

        g_assert_true(ask(fixture, uuid, NULL));
        g_assert_false(ask(fixture, uuid, NULL));
    }
    wait_for_out(VSF_AGENT_THREADS);
    g_assert_cmpuint(vsf_agents_running(fixture->agents), ==, VSF_AGENT_THREADS);
    for (guint i = 0; i < 10 * 6; i++)
        g_async_queue_push(gate, gate);
    wait_for(fixture, 10);
    g_assert_cmpuint(fixture->n_answers, ==, 10);
    g_assert_cmpint(most_out, ==, VSF_AGENT_THREADS);
    g_assert_cmpuint(vsf_agents_running(fixture->agents), ==, 0);
}

/* Of the process, in KiB. */
static glong
peak_kib(void)
{
    g_autofree char *status = NULL;
    const char *at;

    g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
    at = strstr(status, "VmHWM:");
    g_assert_nonnull(at);
    return (glong)g_ascii_strtoll(at + strlen("VmHWM:"), NULL, 10);
}

/* One alone takes 23 MiB, and GSlice keeps as much for another thread; four at once take 90. */
static void
test_large_replies_are_read_one_at_a_time(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    glong before;

    way = LARGE;
    /* Makes the peak start anew from what is in use. */
    g_file_set_contents_full("/proc/self/clear_refs", "5", 1, G_FILE_SET_CONTENTS_NONE, 0, NULL);
    before = peak_kib();
    for (guint i = 0; i < 3 * VSF_AGENT_THREADS; i++) {
        g_autofree char *uuid = g_strdup_printf("vm%u", i);

        g_assert_true(ask(fixture, uuid, NULL));
    }
    wait_for(fixture, 3 * VSF_AGENT_THREADS);
    g_assert_cmpuint(fixture->n_answers, ==, 3 * VSF_AGENT_THREADS);
    g_test_message("peak: %ld KiB more", peak_kib() - before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (g_getenv("VSF_SANITIZER") == NULL) /* of valgrind the build knows nothing */
        g_assert_cmpint(peak_kib() - before, <, 64 * 1024);
#endif
}

/* A VM that is paused between two requests keeps the file open. */
static void
test_a_file_left_open_is_remembered_whatever_happened(Fixture *fixture,
                                                      gconstpointer data G_GNUC_UNUSED)
{
    way = PAUSED_LATER;
    ask(fixture, "a", NULL);
    wait_for(fixture, 1);
    g_assert_error(fixture->last.not_asked, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
    g_assert_cmpint(fixture->last.open_handle, ==, 1000);
    g_assert_true(
        g_str_has_suffix(asked->str, "guest-file-open guest-file-read guest-file-close "));
}

static void
test_an_open_file_is_closed_next_time(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_true(vsf_agents_ask(fixture->agents, "a", VSF_QGA_WANT(VSF_QGA_PART_OS), NULL, 1000,
                                 note, fixture));
    wait_for(fixture, 1);
    g_assert_cmpstr(asked->str, ==, "guest-info guest-file-close guest-get-osinfo ");
    g_assert_cmpint(fixture->last.open_handle, ==, VSF_QGA_NO_HANDLE);
}

static void
test_the_balloons_period_is_set(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_true(vsf_agents_set_balloon_period(fixture->agents, "a", 7, note, fixture));
    wait_for(fixture, 1);
    g_assert_cmpint(period_set, ==, 7);
    g_assert_cmpint(n_sent, ==, 0);
    way = PAUSED;
    vsf_agents_set_balloon_period(fixture->agents, "a", 9, note, fixture);
    wait_for(fixture, 2);
    g_assert_cmpint(fixture->last_code, ==, G_IO_ERROR_NOT_CONNECTED);
    g_assert_cmpint(period_set, ==, 7);
}

static void
test_no_callback_after_free(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    way = HANG;
    for (guint i = 0; i < 6; i++) {
        g_autofree char *uuid = g_strdup_printf("vm%u", i);

        ask(fixture, uuid, NULL);
    }
    wait_for_out(VSF_AGENT_THREADS);
    vsf_agents_free(g_steal_pointer(&fixture->agents));
    for (guint i = 0; i < 4 * 6; i++)
        g_async_queue_push(gate, gate);
    while (g_atomic_int_get(&n_closed) != VSF_AGENT_THREADS)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->n_answers + fixture->n_errors, ==, 0);
}

#define ADD(path, func) g_test_add("/virt/agent/" path, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-conversation-brings-facts", test_a_conversation_brings_facts);
    ADD("silence-is-an-answer-that-says-so", test_silence_is_an_answer_that_says_so);
    ADD("garbage-for-guest-info-is-no-answer", test_garbage_for_guest_info_is_no_answer);
    ADD("a-refused-command-is-an-answer", test_a_refused_command_is_an_answer);
    ADD("what-is-not-the-agents-fault-is-an-error", test_what_is_not_the_agents_fault_is_an_error);
    ADD("at-most-four-at-a-time-and-one-per-domain",
        test_at_most_four_at_a_time_and_one_per_domain);
    ADD("large-replies-are-read-one-at-a-time", test_large_replies_are_read_one_at_a_time);
    ADD("a-file-left-open-is-remembered-whatever-happened",
        test_a_file_left_open_is_remembered_whatever_happened);
    ADD("an-open-file-is-closed-next-time", test_an_open_file_is_closed_next_time);
    ADD("the-balloons-period-is-set", test_the_balloons_period_is_set);
    ADD("no-callback-after-free", test_no_callback_after_free);
    return g_test_run();
}
