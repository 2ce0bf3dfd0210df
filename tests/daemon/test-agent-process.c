/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent service as a child: the real program, with libvirt's test driver. */
#include "../../daemon/agent-process.h"
#include "../../daemon/base/listen.h"
#include "../../daemon/base/order.h"
#include "../../daemon/virt/agent-client.h"
#include "../../daemon/virt/agent-link.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define URI "test:///default"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f" /* of its domain, which has no agent */

typedef struct {
    char *folder, *path, *place;
} Place;

static void
place_set_up(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    place->folder = g_dir_make_tmp("vsf-agent-XXXXXX", NULL);
    place->path = g_build_filename(place->folder, "agent.sock", NULL);
    place->place = vsf_agent_client_place(URI, place->path);
}

static void
place_tear_down(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_false(g_file_test(place->path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(g_rmdir(place->folder), ==, 0);
    g_free(place->folder);
    g_free(place->path);
    g_free(place->place);
}

/* --- a client on its thread ---------------------------------------------------- */

typedef struct {
    const char *place;
    GError *error; /* of opening, else of the balloon */
    gboolean is_set;
    gint is_done;
} Ask;

static gpointer
ask_on_thread(gpointer data)
{
    Ask *ask = data;
    gpointer link = vsf_agent_service.calls.open(ask->place, &ask->error);

    if (link != NULL) {
        ask->is_set = vsf_agent_service.set_balloon_period(link, UUID, 5, &ask->error);
        vsf_agent_service.calls.close(link);
    }
    vsf_order_give(ask);
    g_atomic_int_set(&ask->is_done, TRUE);
    g_main_context_wakeup(NULL);
    return NULL;
}

/* NULL: the service answered. */
static GError *
ask(const Place *place)
{
    Ask asked = {.place = place->place};
    GThread *thread = g_thread_new("client", ask_on_thread, &asked);

    while (!g_atomic_int_get(&asked.is_done))
        g_main_context_iteration(NULL, TRUE);
    g_thread_join(thread);
    vsf_order_take(&asked);
    g_assert_true(asked.is_set == (asked.error == NULL));
    return asked.error;
}

/* The child answers root alone, as only root's daemon starts one. */
static gboolean
is_root(void)
{
    if (geteuid() != 0)
        g_test_skip("only root is answered");
    return geteuid() == 0;
}

static void
assert_answers(const Place *place)
{
    g_autoptr(GError) error = ask(place);

    g_assert_no_error(error);
}

static const char *
program(void)
{
    return g_getenv("VIRT_SFLOW_AGENT");
}

/* It is nobody's child any more, or a zombie of ours. */
static gboolean
has_ended(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;

    return !g_file_get_contents(path, &text, NULL, NULL) || strstr(text, ") Z ") != NULL;
}

/* --- tests --------------------------------------------------------------------- */

static void
test_it_starts_when_somebody_asks(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    VsfAgentProcess *process = vsf_agent_process_new(program(), place->path, URI);
    int pid;

    g_assert_nonnull(process);
    if (!is_root()) {
        vsf_agent_process_free(process);
        return;
    }
    for (guint i = 0; i < 10; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpint(vsf_agent_process_pid(process), ==, 0);
    assert_answers(place);
    pid = vsf_agent_process_pid(process);
    g_assert_cmpint(pid, >, 0);
    assert_answers(place);
    g_assert_cmpint(vsf_agent_process_pid(process), ==, pid);
    vsf_agent_process_free(process);
    while (!has_ended(pid))
        g_usleep(1000);
}

static void
test_one_that_was_killed_is_started_again(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(VsfAgentProcess) process = vsf_agent_process_new(program(), place->path, URI);
    int pid;

    if (!is_root())
        return;
    assert_answers(place);
    pid = vsf_agent_process_pid(process);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "virt-sflow-agent (process *) ended*");
    kill(pid, SIGKILL);
    while (vsf_agent_process_pid(process) == pid)
        g_main_context_iteration(NULL, TRUE);
    g_test_assert_expected_messages();
    assert_answers(place);
    g_assert_cmpint(vsf_agent_process_pid(process), !=, pid);
}

static void
test_a_program_that_is_not_there_is_told(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *nowhere = g_build_filename(place->folder, "virt-sflow-agent", NULL);
    g_autoptr(VsfAgentProcess) process = vsf_agent_process_new(nowhere, place->path, URI);
    g_autoptr(GError) first = NULL, error = NULL;

    g_assert_nonnull(process);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "virt-sflow-agent cannot be started*");
    first = ask(place);
    g_test_assert_expected_messages();
    g_assert_error(first, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
    /* From then on at once. */
    error = ask(place);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

static void
test_it_leaves_another_service_alone(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    VsfListener listener, other;
    VsfAgentProcess *process;

    g_assert_true(vsf_listener_open(&listener, place->path, &error));
    process = vsf_agent_process_new(program(), place->path, URI);
    for (guint i = 0; i < 10; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpint(vsf_agent_process_pid(process), ==, 0);
    vsf_agent_process_free(process);
    g_assert_false(vsf_listener_open(&other, place->path, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
    g_clear_error(&error);
    vsf_listener_close(&listener, place->path);
    /* One that was killed left its socket. */
    g_assert_true(vsf_listener_open(&listener, place->path, &error));
    close(listener.fd);
    vsf_agent_process_free(vsf_agent_process_new(program(), place->path, URI));
}

static gboolean
end_listening(gpointer user_data)
{
    int *fd = user_data;

    close(*fd);
    *fd = -1;
    return G_SOURCE_REMOVE;
}

/* As the child of a daemon that was killed does. */
static void
test_one_that_ends_soon_is_followed(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(VsfAgentProcess) process = NULL;
    g_autoptr(GError) error = NULL;
    VsfListener listener;

    g_assert_true(vsf_listener_open(&listener, place->path, &error));
    process = vsf_agent_process_new(program(), place->path, URI);
    g_timeout_add(100, end_listening, &listener.fd);
    while (listener.fd >= 0)
        g_main_context_iteration(NULL, TRUE);
    /* Refused until it listens itself. */
    do {
        g_clear_error(&error);
        error = ask(place);
    } while (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED));
    if (is_root()) {
        g_assert_no_error(error);
        g_assert_cmpint(vsf_agent_process_pid(process), >, 0);
    }
}

static void
test_freed_while_it_starts_it_leaves_nothing(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    for (guint i = 0; i < 10; i++) {
        VsfAgentProcess *process = vsf_agent_process_new(program(), place->path, URI);
        Ask asked = {.place = place->place};
        GThread *thread = g_thread_new("client", ask_on_thread, &asked);

        for (guint turn = 0; turn < i; turn++)
            g_main_context_iteration(NULL, FALSE);
        vsf_agent_process_free(process);
        g_thread_join(thread);
        g_clear_error(&asked.error);
    }
}

static void
test_the_wait_grows_to_a_bound(void)
{
    guint wait_ms = 0;
    static const guint wanted[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        wait_ms = vsf_agent_process_next_wait_ms(G_USEC_PER_SEC, wait_ms);
        g_assert_cmpuint(wait_ms, ==, wanted[i]);
    }
    g_assert_cmpuint(vsf_agent_process_next_wait_ms(60 * G_USEC_PER_SEC, wait_ms), ==, 250);
}

static void
test_it_lies_beside_its_starter(void)
{
    g_autofree char *own = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(own);
    g_autofree char *wanted = g_build_filename(folder, "virt-sflow-agent", NULL);
    g_autofree char *found = vsf_agent_process_program();

    g_assert_cmpstr(found, ==, wanted);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) \
    g_test_add("/daemon/agent-process/" name, Place, NULL, place_set_up, func, place_tear_down)
    ADD("it-starts-when-somebody-asks", test_it_starts_when_somebody_asks);
    ADD("one-that-was-killed-is-started-again", test_one_that_was_killed_is_started_again);
    ADD("a-program-that-is-not-there-is-told", test_a_program_that_is_not_there_is_told);
    ADD("it-leaves-another-service-alone", test_it_leaves_another_service_alone);
    ADD("one-that-ends-soon-is-followed", test_one_that_ends_soon_is_followed);
    ADD("freed-while-it-starts-it-leaves-nothing", test_freed_while_it_starts_it_leaves_nothing);
    g_test_add_func("/daemon/agent-process/the-wait-grows-to-a-bound",
                    test_the_wait_grows_to_a_bound);
    g_test_add_func("/daemon/agent-process/it-lies-beside-its-starter",
                    test_it_lies_beside_its_starter);
    return g_test_run();
}
