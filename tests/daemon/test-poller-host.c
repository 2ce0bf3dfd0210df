/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's own turns: its counters, its interfaces, and neither where they are not wanted. */
#include "decoded.h"
#include "fake-host.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <string.h>

#define UPLINK "0:2"
#define BRIDGE "0:3"

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

/* Samples in 100 s, as many as there are intervals in them. */
static void
assert_samples(Fixture *fixture, const char *source, guint n)
{
    g_autofree char *name = NULL;
    guint found = samples(fixture, 100, source, "port_name.name", &name);

    g_test_message("%s: %u samples, %u wanted", source, found, n);
    g_assert_cmpuint(found + 1, >=, n);
    g_assert_cmpuint(found, <=, n + (n > 0 ? 1 : 0));
}

static void
test_a_section_sets_an_interfaces_interval(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_uplink_there = fake_bridge_there = TRUE;
    poller_set_config_text(fixture,
                           "[interface eth*]\npolling = 4\n[interface br0]\npolling = 50\n");
    fake_time_advance(100000);
    assert_samples(fixture, UPLINK, 25);
    assert_samples(fixture, BRIDGE, 2);
    assert_samples(fixture, "2:1", 5);
    /* The first section that matches counts alone. */
    poller_set_config_text(fixture, "[interface br0]\nsampling = 1\n[interface *]\npolling = 10\n");
    fake_time_advance(100000);
    assert_samples(fixture, UPLINK, 10);
    assert_samples(fixture, BRIDGE, 5);
    /* One that says the same as all have is nothing of its own. */
    fake_uplink_reads = 0;
    poller_set_config_text(fixture, "[interface *]\npolling = 20\n");
    fake_time_advance(100000);
    assert_samples(fixture, UPLINK, 5);
    g_assert_cmpuint(fake_uplink_reads, ==, 0);
}

static void
test_one_interface_may_have_none(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *value = NULL;

    fake_uplink_there = fake_bridge_there = TRUE;
    fake_time_advance(30000);
    poller_set_config_text(fixture, "[interface br0]\npolling = 0\n");
    fake_time_advance(20000);
    g_assert_cmpuint(samples(fixture, 100, BRIDGE, "port_name.name", &value), ==, 0);
    assert_samples(fixture, UPLINK, 5);
}

/* The host itself, and who has no section, have none. */
static void
test_a_section_polls_where_nothing_else_is(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *value = NULL;

    fake_uplink_there = fake_bridge_there = TRUE;
    poller_set_config_text(fixture, "[sflow]\npolling = 0\n[interface eth0]\npolling = 10\n");
    assert_samples(fixture, UPLINK, 10);
    g_assert_cmpuint(samples(fixture, 100, BRIDGE, "port_name.name", &value), ==, 0);
    g_assert_cmpuint(samples(fixture, 100, "2:1", "virt_node.cpus", &value), ==, 0);
}

static guint
newest_sequence(Fixture *fixture)
{
    guint newest = 0;

    vsf_exporter_flush(fixture->exporter);
    for (guint i = 0; i < fixture->datagrams->len; i++) {
        GBytes *bytes = fixture->datagrams->pdata[i];
        g_autoptr(GHashTable)
            table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

        for (guint s = 0; s < 4; s++) {
            g_autofree char *source = g_strdup_printf("samples.%u.source", s);
            g_autofree char *sequence = g_strdup_printf("samples.%u.sequence", s);

            if (g_strcmp0(decoded_get(table, source), UPLINK) == 0)
                newest = (guint)g_ascii_strtoull(decoded_get(table, sequence), NULL, 10);
        }
    }
    return newest;
}

/* To another interval and back: the source goes on, and nothing falls between. */
static void
test_another_interval_goes_on(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint before, after;

    fake_uplink_there = fake_bridge_there = TRUE;
    fake_time_advance(100000);
    before = newest_sequence(fixture);
    g_assert_cmpuint(before, >=, 4);
    poller_set_config_text(fixture, "[interface eth0]\npolling = 5\n");
    fake_time_advance(6000);
    after = newest_sequence(fixture);
    g_assert_cmpuint(after, >, before);
    fake_time_advance(50000);
    before = newest_sequence(fixture);
    g_assert_cmpuint(before, >=, after + 9);
    g_assert_cmpuint(before, <=, after + 11);
    poller_set_config_text(fixture, "");
    fake_time_advance(21000);
    after = newest_sequence(fixture);
    g_assert_cmpuint(after, >, before);
    g_assert_cmpuint(after, <=, before + 2);
}

/* Sections of taps cost no reading of the host's drivers each second. */
static void
test_an_interval_without_interfaces_rests(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *value = NULL;

    poller_set_config_text(fixture,
                           "[interface vnet*]\npolling = 1\n[interface eth0]\npolling = 2\n");
    fake_time_advance(600000);
    g_assert_cmpuint(fake_uplink_reads, >=, 2 * 9);
    g_assert_cmpuint(fake_uplink_reads, <=, 2 * 12);
    /* The host's own turn sees it come: a minute before anyone else would. */
    poller_set_config_text(fixture, "[interface eth0]\npolling = 2\n");
    fake_time_advance(120000);
    for (guint before = fake_uplink_reads; fake_uplink_reads == before;)
        fake_time_advance(100);
    fake_uplink_there = TRUE;
    fake_time_advance(23000);
    assert_samples(fixture, UPLINK, 50);
    /* It goes: it is looked for again seldom. */
    fake_uplink_there = FALSE;
    fake_time_advance(4000);
    fake_uplink_reads = 0;
    g_assert_cmpuint(samples(fixture, 100, UPLINK, "port_name.name", &value), ==, 0);
    g_assert_cmpuint(fake_uplink_reads, <=, 3);
    /* Another configuration may name others. */
    fake_uplink_there = TRUE;
    poller_set_config_text(fixture, "[sflow]\npolling = 300\n[interface *]\npolling = 2\n");
    fake_time_advance(3000);
    assert_samples(fixture, UPLINK, 50);
}

static void
test_off_is_off_for_sections_too(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const offs[] = {"enabled = off", "interfaces = off"};

    fake_uplink_there = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(offs); i++) {
        g_autofree char *text = g_strdup_printf("[host]\n%s\n[interface eth0]\npolling = 5\n",
                                                offs[i]);
        g_autofree char *value = NULL;

        poller_set_config_text(fixture, "[interface eth0]\npolling = 5\n");
        assert_samples(fixture, UPLINK, 20);
        poller_set_config_text(fixture, text);
        g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 0);
        fake_uplink_reads = 0;
        g_assert_cmpuint(samples(fixture, 100, UPLINK, "port_name.name", &value), ==, 0);
        g_assert_cmpuint(fake_uplink_reads, ==, 0);
    }
}

static void
test_what_there_is_is_known(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    gboolean by_switch = TRUE;
    const VsfUplink *known;

    fake_uplink_there = fake_bridge_there = TRUE;
    g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 0);
    poller_set_config_text(fixture, "[sflow]\npolling = 0\n[interface br*]\npolling = 5\n");
    fake_time_advance(6000);
    g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 2);
    known = (const VsfUplink *)(const void *)vsf_poller_uplinks(fixture->poller)->data;
    g_assert_cmpstr(known[0].name, ==, "eth0");
    g_assert_cmpint(known[0].ifindex, ==, FAKE_UPLINK);
    g_assert_false(known[0].is_bridge || known[0].elsewhere || known[0].has_kinds);
    g_assert_cmpstr(known[1].name, ==, "br0");
    g_assert_true(known[1].is_bridge);

    fake_bridge_there = FALSE;
    poller_set_config_text(fixture, "[interface eth*]\npolling = 5\n");
    vsf_poller_set_elsewhere(fixture->poller, elsewhere, &by_switch);
    fake_time_advance(6000);
    g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 1);
    known = (const VsfUplink *)(const void *)vsf_poller_uplinks(fixture->poller)->data;
    g_assert_true(known[0].elsewhere);
}

/* What nobody reads any more may be another one, or none, when it is read again. */
static void
test_what_nobody_reads_is_not_known(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_uplink_there = TRUE;
    fake_time_advance(100000);
    g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 1);
    g_assert_cmpuint(newest_sequence(fixture), >=, 4);
    poller_set_config_text(fixture, "[sflow]\npolling = 0\n");
    g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 0);
    fake_time_advance(100000);
    g_assert_cmpuint(vsf_poller_uplinks(fixture->poller)->len, ==, 0);
    poller_set_config_text(fixture, "");
    fake_time_advance(20000);
    g_assert_cmpuint(newest_sequence(fixture), <=, 2);
}

static void
set_up(Fixture *fixture, gconstpointer polling)
{
    fake_uplink_there = fake_bridge_there = FALSE;
    fake_uplink_reads = 0;
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
    ADD("a-section-sets-an-interfaces-interval", test_a_section_sets_an_interfaces_interval);
    ADD("one-interface-may-have-none", test_one_interface_may_have_none);
    ADD("a-section-polls-where-nothing-else-is", test_a_section_polls_where_nothing_else_is);
    ADD("another-interval-goes-on", test_another_interval_goes_on);
    ADD("an-interval-without-interfaces-rests", test_an_interval_without_interfaces_rests);
    ADD("off-is-off-for-sections-too", test_off_is_off_for_sections_too);
    ADD("what-there-is-is-known", test_what_there_is_is_known);
    ADD("what-nobody-reads-is-not-known", test_what_nobody_reads_is_not_known);
    return g_test_run();
}
