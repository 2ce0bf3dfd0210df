/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The six functions by which libvirt uses the main loop, as libvirt calls them: through its own
 * public names for them, from any thread, with a real main loop. */
#include "../../daemon/virt/event-loop.h"

#include <libvirt/libvirt.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int ends[2]; /* [0] is watched */
    int watch, timer;
    guint n_ready, n_fired, n_freed;
    int events; /* of the last time */
    gboolean removes;
    gboolean in_call;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fixture->ends), ==, 0);
    fixture->watch = fixture->timer = -1;
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    close(fixture->ends[0]);
    if (fixture->ends[1] >= 0)
        close(fixture->ends[1]);
    g_assert_false(g_main_context_pending(NULL));
}

static void
on_ready(int watch, int fd, int events, void *opaque)
{
    Fixture *fixture = opaque;

    g_assert_cmpint(watch, ==, fixture->watch);
    g_assert_cmpint(fd, ==, fixture->ends[0]);
    g_assert_cmpuint(fixture->n_freed, ==, 0);
    fixture->n_ready++;
    fixture->events = events;
    fixture->in_call = TRUE;
    if (fixture->removes)
        g_assert_cmpint(virEventRemoveHandle(watch), ==, 0);
    fixture->in_call = FALSE;
}

static void
on_fired(int timer, void *opaque)
{
    Fixture *fixture = opaque;

    g_assert_cmpint(timer, ==, fixture->timer);
    g_assert_cmpuint(fixture->n_freed, ==, 0);
    fixture->n_fired++;
}

/* With a lock of libvirt's held where it removes: so never inside that. */
static void
on_freed(void *opaque)
{
    Fixture *fixture = opaque;

    g_assert_false(fixture->in_call);
    fixture->n_freed++;
}

static void
add_handle(Fixture *fixture, int events)
{
    fixture->watch = virEventAddHandle(fixture->ends[0], events, on_ready, fixture, on_freed);
    g_assert_cmpint(fixture->watch, >, 0);
}

static void
add_timeout(Fixture *fixture, int interval_ms)
{
    fixture->timer = virEventAddTimeout(interval_ms, on_fired, fixture, on_freed);
    g_assert_cmpint(fixture->timer, >, 0);
}

static void
say_something(const Fixture *fixture)
{
    g_assert_cmpint(write(fixture->ends[1], "?", 1), ==, 1);
}

static void
hear_it(const Fixture *fixture)
{
    char byte;

    g_assert_cmpint(read(fixture->ends[0], &byte, 1), ==, 1);
}

static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
remove_handle(Fixture *fixture)
{
    g_assert_cmpint(virEventRemoveHandle(fixture->watch), ==, 0);
    g_assert_cmpuint(fixture->n_freed, ==, 0);
    settle();
    g_assert_cmpuint(fixture->n_freed, ==, 1);
}

static void
remove_timeout(Fixture *fixture)
{
    g_assert_cmpint(virEventRemoveTimeout(fixture->timer), ==, 0);
    g_assert_cmpuint(fixture->n_freed, ==, 0);
    settle();
    g_assert_cmpuint(fixture->n_freed, ==, 1);
}

static void
test_what_can_be_read_is_told(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    add_handle(fixture, VIR_EVENT_HANDLE_READABLE);
    settle();
    g_assert_cmpuint(fixture->n_ready, ==, 0);
    say_something(fixture);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_ready, ==, 1);
    g_assert_cmpint(fixture->events, ==, VIR_EVENT_HANDLE_READABLE);
    hear_it(fixture);
    settle();
    g_assert_cmpuint(fixture->n_ready, ==, 1);
    remove_handle(fixture);
}

static void
test_what_can_be_written_is_told(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    add_handle(fixture, VIR_EVENT_HANDLE_READABLE);
    virEventUpdateHandle(fixture->watch, VIR_EVENT_HANDLE_WRITABLE);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(fixture->events, ==, VIR_EVENT_HANDLE_WRITABLE);
    virEventUpdateHandle(fixture->watch, 0);
    remove_handle(fixture);
}

static void
test_a_handle_that_waits_for_nothing_is_silent(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    add_handle(fixture, VIR_EVENT_HANDLE_READABLE);
    virEventUpdateHandle(fixture->watch, 0);
    say_something(fixture);
    close(fixture->ends[1]);
    fixture->ends[1] = -1;
    g_assert_false(g_main_context_pending(NULL));
    virEventUpdateHandle(fixture->watch, VIR_EVENT_HANDLE_READABLE);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(fixture->events, ==, VIR_EVENT_HANDLE_READABLE | VIR_EVENT_HANDLE_HANGUP);
    virEventUpdateHandle(fixture->watch, 0);
    remove_handle(fixture);
}

static void
test_a_handle_may_be_removed_in_its_own_call(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->removes = TRUE;
    add_handle(fixture, VIR_EVENT_HANDLE_READABLE);
    say_something(fixture);
    settle();
    g_assert_cmpuint(fixture->n_ready, ==, 1);
    g_assert_cmpuint(fixture->n_freed, ==, 1);
    g_assert_cmpint(virEventRemoveHandle(fixture->watch), ==, -1);
}

static gpointer
add_from_thread(gpointer data)
{
    add_handle(data, VIR_EVENT_HANDLE_READABLE);
    return NULL;
}

static void
test_another_thread_may_add(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_thread_join(g_thread_new("adds", add_from_thread, fixture));
    say_something(fixture);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_ready, ==, 1);
    hear_it(fixture);
    remove_handle(fixture);
}

static void
test_a_timer_fires_again_and_again(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    add_timeout(fixture, 1);
    while (fixture->n_fired < 3)
        g_main_context_iteration(NULL, TRUE);
    remove_timeout(fixture);
}

static void
test_a_timer_of_0_fires_at_each_turn(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    add_timeout(fixture, 0);
    for (guint turn = 1; turn <= 3; turn++) {
        g_main_context_iteration(NULL, FALSE);
        g_assert_cmpuint(fixture->n_fired, ==, turn);
    }
    remove_timeout(fixture);
}

/* libvirt's own timers are off nearly always, and switched on from other threads. */
static void
test_a_timer_is_off_until_switched_on(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    add_timeout(fixture, -1);
    settle();
    g_assert_false(g_main_context_pending(NULL));
    virEventUpdateTimeout(fixture->timer, 0);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_fired, ==, 1);
    virEventUpdateTimeout(fixture->timer, -1);
    settle();
    g_assert_cmpuint(fixture->n_fired, ==, 1);
    remove_timeout(fixture);
}

static void
test_an_excluded_connection_is_not_watched(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    int fd = 0;

    vsf_event_loop_exclude(&fd);
    g_assert_cmpint(fd, ==, -1);
    g_assert_cmpint(
        virEventAddHandle(fixture->ends[0], VIR_EVENT_HANDLE_READABLE, on_ready, fixture, on_freed),
        <, 0);
    g_assert_cmpint(fd, ==, fixture->ends[0]);
    /* Nobody else's. */
    g_thread_join(g_thread_new("adds", add_from_thread, fixture));
    remove_handle(fixture);
    vsf_event_loop_include();
    fixture->n_freed = 0;
    add_handle(fixture, VIR_EVENT_HANDLE_READABLE);
    remove_handle(fixture);
}

#define ADD(name, func) g_test_add("/virt/event-loop/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vsf_event_loop_register();
    ADD("what-can-be-read-is-told", test_what_can_be_read_is_told);
    ADD("what-can-be-written-is-told", test_what_can_be_written_is_told);
    ADD("a-handle-that-waits-for-nothing-is-silent",
        test_a_handle_that_waits_for_nothing_is_silent);
    ADD("a-handle-may-be-removed-in-its-own-call", test_a_handle_may_be_removed_in_its_own_call);
    ADD("another-thread-may-add", test_another_thread_may_add);
    ADD("a-timer-fires-again-and-again", test_a_timer_fires_again_and_again);
    ADD("a-timer-of-0-fires-at-each-turn", test_a_timer_of_0_fires_at_each_turn);
    ADD("a-timer-is-off-until-switched-on", test_a_timer_is_off_until_switched_on);
    ADD("an-excluded-connection-is-not-watched", test_an_excluded_connection_is_not_watched);
    return g_test_run();
}
