/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's own turns: its counters, its interfaces, and neither where they are not wanted. */
#include "decoded.h"
#include "fake-host.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <string.h>

#define UPLINK "0:2"

/* Samples of @source in so many seconds; *@value: of the newest one's @path, to be freed. */
static guint
samples(Fixture *fixture, guint seconds, const char *source, const char *path, char **value)
{
    g_ptr_array_set_size(fixture->datagrams, 0);
    fake_time_advance(seconds * 1000);
    vsf_exporter_flush(fixture->exporter);
    return poller_count_samples(fixture, source, path, value);
}

/* Within 100 s and the half second that a datagram waits. */
static void
assert_five(guint n)
{
    g_assert_cmpuint(n, >=, 4);
    g_assert_cmpuint(n, <=, 6);
}

static void
test_a_turn_tells_the_counters(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *cpus = NULL;

    assert_five(samples(fixture, 100, "2:1", "host_cpu.cpu_num", &cpus));
    g_assert_cmpstr(cpus, ==, "3");
}

static void
test_what_precedes_a_vm_waits_for_nothing(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *cpus = NULL;
    g_autofree char *memory = NULL;

    vsf_poller_host_first(fixture->poller);
    g_assert_cmpuint(poller_count_samples(fixture, "2:1", "host_cpu.cpu_num", &cpus), ==, 1);
    g_assert_null(cpus);
    poller_count_samples(fixture, "2:1", "virt_node.memory", &memory);
    g_assert_nonnull(memory);
}

static void
test_interfaces_come_with_it_and_begin_anew(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *value = NULL;

    fake_uplink_there = TRUE;
    assert_five(samples(fixture, 100, UPLINK, "port_name.name", &value));
    g_assert_cmpstr(value, ==, "eth0");
    /* It goes and comes: another source, from 1. */
    fake_uplink_there = FALSE;
    g_assert_cmpuint(samples(fixture, 100, UPLINK, "port_name.name", &value), ==, 0);
    fake_uplink_there = TRUE;
    while (samples(fixture, 1, UPLINK, "port_name.name", &value) == 0)
        ;
    g_assert_cmpuint(fixture->datagrams->len, >=, 1);
    for (guint i = 0; i < fixture->datagrams->len; i++) {
        GBytes *bytes = fixture->datagrams->pdata[i];
        g_autoptr(GHashTable)
            table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

        if (g_strcmp0(decoded_get(table, "samples.0.source"), UPLINK) == 0) {
            assert_decoded(table, "samples.0.sequence", "1");
            return;
        }
    }
    g_assert_not_reached();
}

/* They are more than the host's sample alone, and no timer sends them later. */
static void
test_interfaces_have_left_when_the_turn_ends(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *cpus = NULL, *value = NULL;

    fake_uplink_there = TRUE;
    while (poller_count_samples(fixture, "2:1", "host_cpu.cpu_num", &cpus) == 0)
        fake_time_advance(1);
    g_assert_cmpuint(poller_count_samples(fixture, UPLINK, "port_name.name", &value), ==, 1);
}

static void
test_off_tells_nothing(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *value = NULL;

    fake_uplink_there = TRUE;
    poller_set_config_text(fixture, "[sflow]\npolling = 20\n[host]\nenabled = off\n");
    vsf_poller_host_first(fixture->poller);
    g_assert_cmpuint(samples(fixture, 100, "2:1", "virt_node.cpus", &value), ==, 0);
    g_assert_cmpuint(samples(fixture, 100, UPLINK, "port_name.name", &value), ==, 0);

    poller_set_config_text(fixture, "[sflow]\npolling = 20\n[host]\ninterfaces = off\n");
    assert_five(samples(fixture, 100, "2:1", "virt_node.cpus", &value));
    g_assert_cmpuint(samples(fixture, 100, UPLINK, "port_name.name", &value), ==, 0);

    poller_set_config_text(fixture, "[sflow]\npolling = 20\n");
    assert_five(samples(fixture, 100, UPLINK, "port_name.name", &value));
}

/* A VsfElsewhereFunc. */
static gboolean
elsewhere(const char *name, int ifindex, gpointer user_data)
{
    g_autofree char *source = g_strdup_printf("0:%d", ifindex);

    g_assert_cmpstr(source, ==, UPLINK);
    g_assert_cmpstr(name, !=, "");
    return *(const gboolean *)user_data;
}

static void
test_what_its_switch_tells_is_not_told(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *value = NULL;
    gboolean by_switch = TRUE;

    fake_uplink_there = TRUE;
    vsf_poller_set_elsewhere(fixture->poller, elsewhere, &by_switch);
    g_assert_cmpuint(samples(fixture, 100, UPLINK, "port_name.name", &value), ==, 0);
    by_switch = FALSE;
    assert_five(samples(fixture, 100, UPLINK, "port_name.name", &value));
}

static void
set_up(Fixture *fixture, gconstpointer polling)
{
    fake_uplink_there = FALSE;
    poller_set_up(fixture, polling);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func)                                                                  \
    g_test_add("/daemon/poller-host/" name, Fixture, GUINT_TO_POINTER(20), set_up, func, \
               poller_tear_down)
    ADD("a-turn-tells-the-counters", test_a_turn_tells_the_counters);
    ADD("what-precedes-a-vm-waits-for-nothing", test_what_precedes_a_vm_waits_for_nothing);
    ADD("interfaces-come-with-it-and-begin-anew", test_interfaces_come_with_it_and_begin_anew);
    ADD("interfaces-have-left-when-the-turn-ends", test_interfaces_have_left_when_the_turn_ends);
    ADD("what-its-switch-tells-is-not-told", test_what_its_switch_tells_is_not_told);
    ADD("off-tells-nothing", test_off_tells_nothing);
    return g_test_run();
}
