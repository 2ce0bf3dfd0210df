/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When physical ports are looked for. The timers are the test's, and so is /sys, which may hang. */
#include "../../daemon/ports.h"
#include "fake-timer.h"

static gint hanging; /* atomic: the reader waits while it is set */
static gint reads;   /* atomic: that were begun */
static gint speed;   /* atomic: what they find, Mbit/s */

typedef struct {
    VsfPorts *ports;
    guint n_found;
    guint64 speed_bps;
} Fixture;

static GArray *
read_ports(void)
{
    GArray *ports = g_array_new(FALSE, FALSE, sizeof(VsfPort));
    VsfPort port = {2, (guint64)g_atomic_int_get(&speed) * 1000000};

    g_atomic_int_inc(&reads);
    while (g_atomic_int_get(&hanging))
        g_usleep(1000);
    g_array_append_val(ports, port);
    return ports;
}

static void
found(const GArray *ports, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_assert_cmpuint(ports->len, ==, 1);
    fixture->n_found++;
    fixture->speed_bps = g_array_index(ports, VsfPort, 0).speed_bps;
}

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hanging = reads = 0;
    speed = 1000;
    *fixture = (Fixture){.ports = vsf_ports_new(read_ports, found, fixture)};
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_ports_free(fixture->ports);
    g_assert_false(fake_timer_is_set());
}

static void
wait_found(const Fixture *fixture, guint n)
{
    while (fixture->n_found < n)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_found, ==, n);
}

static void
wait_reads(gint n)
{
    while (g_atomic_int_get(&reads) < n)
        g_usleep(1000);
}

static void
see(const Fixture *fixture, const char *kind)
{
    VsfLink link = {.ifindex = 2, .name = "eth0"};

    g_strlcpy(link.kind, kind, sizeof(link.kind));
    vsf_ports_link_seen(fixture->ports, &link);
}

static void
test_nobody_looks_unasked(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    see(fixture, "");
    g_assert_false(fake_timer_is_set());
    g_assert_cmpint(vsf_ports_count(fixture->ports), ==, -1);
    vsf_ports_set_wanted(fixture->ports, TRUE);
    wait_found(fixture, 1);
    g_assert_cmpuint(fixture->speed_bps, ==, 1000000000);
    g_assert_cmpint(vsf_ports_count(fixture->ports), ==, 1);
    vsf_ports_set_wanted(fixture->ports, FALSE);
    g_assert_false(fake_timer_is_set());
    see(fixture, "");
    g_assert_false(fake_timer_is_set());
    g_assert_cmpint(vsf_ports_count(fixture->ports), ==, -1);
}

static void
test_a_devices_message_has_it_looked_at_soon(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_ports_set_wanted(fixture->ports, TRUE);
    wait_found(fixture, 1);
    g_assert_cmpuint(fake_timer_ms, ==, 30000);
    /* Not a tap's. */
    see(fixture, "tun");
    g_assert_cmpuint(fake_timer_ms, ==, 30000);
    see(fixture, "");
    g_assert_cmpuint(fake_timer_ms, ==, 200);
    /* More messages put nothing off: a timer that is set anew would fail here. */
    fake_timer_ms = 0;
    see(fixture, "");
    g_assert_cmpuint(fake_timer_ms, ==, 0);
    g_atomic_int_set(&speed, 10000);
    fake_timer_fire();
    wait_found(fixture, 2);
    g_assert_cmpuint(fixture->speed_bps, ==, 10000000000);
    g_assert_cmpuint(fake_timer_ms, ==, 30000);
    fake_timer_fire();
    wait_found(fixture, 3);
}

static void
test_what_comes_during_a_look_makes_another(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_atomic_int_set(&hanging, 1);
    vsf_ports_set_wanted(fixture->ports, TRUE);
    wait_reads(1);
    see(fixture, "");
    g_assert_false(fake_timer_is_set());
    g_atomic_int_set(&hanging, 0);
    wait_found(fixture, 1);
    g_assert_cmpuint(fake_timer_ms, ==, 200);
    fake_timer_fire();
    wait_found(fixture, 2);
    g_assert_cmpuint(fake_timer_ms, ==, 30000);
}

static void
test_a_hang_keeps_one_thread(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_atomic_int_set(&hanging, 1);
    vsf_ports_set_wanted(fixture->ports, TRUE);
    wait_reads(1);
    for (guint i = 0; i < 3; i++) {
        vsf_ports_set_wanted(fixture->ports, FALSE);
        vsf_ports_set_wanted(fixture->ports, TRUE);
    }
    g_atomic_int_set(&hanging, 0);
    wait_found(fixture, 1);
    g_assert_cmpint(g_atomic_int_get(&reads), ==, 1);
    fake_timer_fire();
    wait_found(fixture, 2);
}

static void
test_a_late_answer_is_not_told(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_atomic_int_set(&hanging, 1);
    vsf_ports_set_wanted(fixture->ports, TRUE);
    wait_reads(1);
    vsf_ports_free(g_steal_pointer(&fixture->ports));
    g_atomic_int_set(&hanging, 0);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(fixture->n_found, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add("/daemon/ports/" name, Fixture, NULL, set_up, func, tear_down)
    CASE("nobody-looks-unasked", test_nobody_looks_unasked);
    CASE("a-devices-message-has-it-looked-at-soon", test_a_devices_message_has_it_looked_at_soon);
    CASE("what-comes-during-a-look-makes-another", test_what_comes_during_a_look_makes_another);
    CASE("a-hang-keeps-one-thread", test_a_hang_keeps_one_thread);
    CASE("a-late-answer-is-not-told", test_a_late_answer_is_not_told);
    return g_test_run();
}
