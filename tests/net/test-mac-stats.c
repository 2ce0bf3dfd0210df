/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own answers, in a network namespace of the test's own. No driver there has counters
 * of a MAC; that the kernel takes the question is seen by its answer, which says so. */
#include "../../daemon/net/mac-stats.h"
#include "tap-lab.h"

#include <libmnl/libmnl.h>
#include <stdio.h>
#include <sys/utsname.h>

static guint n_sent, n_answers; /* to the kernel; of its ethtool */

ssize_t __real_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size);
gboolean __real_vsf_mac_stats_parse(const guint8 *message, gsize length, guint16 family,
                                    int *ifindex, VsfMacCounters *counters);
gboolean __wrap_vsf_mac_stats_parse(const guint8 *message, gsize length, guint16 family,
                                    int *ifindex, VsfMacCounters *counters);

ssize_t
__wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size)
{
    n_sent++;
    return __real_mnl_socket_sendto(nl, req, size);
}

/* Counters that no driver here has, in place of those that none has. */
gboolean
__wrap_vsf_mac_stats_parse(const guint8 *message, gsize length, guint16 family, int *ifindex,
                           VsfMacCounters *counters)
{
    if (!__real_vsf_mac_stats_parse(message, length, family, ifindex, counters))
        return FALSE;
    n_answers++;
    g_assert_cmpint(*ifindex, >, 0);
    g_assert_false(vsf_mac_counters_has_kinds(counters));
    counters->in.broadcast = 1000 + (guint64)*ifindex;
    return TRUE;
}

static void
add(GArray *interfaces, int ifindex, gboolean is_bridge)
{
    VsfHostInterface one = {
        .ifindex = ifindex, .is_bridge = is_bridge, .mac_counters = vsf_mac_counters_unknown()};

    g_array_append_val(interfaces, one);
}

static guint64
broadcasts(const GArray *interfaces, guint i)
{
    return g_array_index(interfaces, VsfHostInterface, i).mac_counters.in.broadcast;
}

/* Before Linux 5.13 the kernel does not know the question. */
static gboolean
is_old(void)
{
    struct utsname name;
    int major = 0, minor = 0;

    g_assert_cmpint(uname(&name), ==, 0);
    g_assert_cmpint(sscanf(name.release, "%d.%d", &major, &minor), ==, 2);
    if (major < 5 || (major == 5 && minor < 13))
        g_test_skip("before Linux 5.13");
    return major < 5 || (major == 5 && minor < 13);
}

static void
test_each_interface_has_its_answer(void)
{
    g_autoptr(GArray) interfaces = g_array_new(FALSE, TRUE, sizeof(VsfHostInterface));
    int one, two;

    if (is_old())
        return;
    tap_lab_ip("link add one type veth peer name two");
    one = tap_lab_ifindex("one");
    two = tap_lab_ifindex("two");
    add(interfaces, one, FALSE);
    add(interfaces, 1000000, FALSE); /* none */
    add(interfaces, two, TRUE);      /* a bridge is not asked */
    add(interfaces, two, FALSE);
    n_sent = n_answers = 0;
    vsf_mac_stats_read(interfaces);
    g_assert_cmpuint(n_answers, ==, 2);
    g_assert_cmpuint(n_sent, ==, 2);
    g_assert_cmpuint(broadcasts(interfaces, 0), ==, 1000 + (guint64)one);
    g_assert_cmpuint(broadcasts(interfaces, 1), ==, VSF_UNKNOWN);
    g_assert_cmpuint(broadcasts(interfaces, 2), ==, VSF_UNKNOWN);
    g_assert_cmpuint(broadcasts(interfaces, 3), ==, 1000 + (guint64)two);
    tap_lab_ip("link del one");
}

static void
test_many_are_asked_in_turn(void)
{
    g_autoptr(GArray) interfaces = g_array_new(FALSE, TRUE, sizeof(VsfHostInterface));
    int lo = tap_lab_ifindex("lo");

    if (is_old())
        return;
    for (guint i = 0; i < 100; i++)
        add(interfaces, lo, FALSE);
    add(interfaces, lo, TRUE);
    n_sent = n_answers = 0;
    vsf_mac_stats_read(interfaces);
    g_assert_cmpuint(n_answers, ==, 100);
    g_assert_cmpuint(n_sent, ==, 1 + 4);
}

static void
test_without_interfaces_nobody_is_asked(void)
{
    g_autoptr(GArray) interfaces = g_array_new(FALSE, TRUE, sizeof(VsfHostInterface));

    n_sent = 0;
    vsf_mac_stats_read(interfaces);
    g_assert_cmpuint(n_sent, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (tap_lab_skip_all())
        return 0;
#define ADD(name, func) g_test_add_func("/net/mac-stats/" name, func)
    ADD("each-interface-has-its-answer", test_each_interface_has_its_answer);
    ADD("many-are-asked-in-turn", test_many_are_asked_in_turn);
    ADD("without-interfaces-nobody-is-asked", test_without_interfaces_nobody_is_asked);
    return g_test_run();
}
