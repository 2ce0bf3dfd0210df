/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages in any order, many of them wrong: after each one the tables agree
 * with each other and no callback was out of turn. The seed is g_test's, so a
 * failure can be run again (--seed). */
#include "registry-fixture.h"

#define N_MESSAGES 20000
#define N_VMS 6
#define N_NAMES 5

static const char *const names[N_NAMES] = {"vnet0", "vnet1", "tap0", "macvtap0", "other"};

static VsfLink
random_link(void)
{
    int ifindex = g_test_rand_int_range(1, 12);
    const char *name = names[g_test_rand_int_range(0, N_NAMES)];
    guint8 mac = (guint8)g_test_rand_int_range(1, 5);
    VsfLink device = odd_link(ifindex, name);

    switch (g_test_rand_int_range(0, 4)) {
    case 3:
        device.kind[0] = '\0';
        return device;
    case 0:
        return odd_link(ifindex, name);
    case 1:
        return macvtap_link(ifindex, name, mac);
    default:
        return tap_link(ifindex, name, mac);
    }
}

static void
send_xml(Fixture *fixture, gint64 now_us)
{
    Nic nics[4];
    guint n = (guint)g_test_rand_int_range(0, G_N_ELEMENTS(nics) + 1);
    guint number = (guint)g_test_rand_int_range(1, N_VMS);

    for (guint i = 0; i < n; i++) {
        const char *device = names[g_test_rand_int_range(0, N_NAMES)];

        nics[i] = (Nic){.device = g_test_rand_bit() ? device : NULL,
                        .mac = (guint8)g_test_rand_int_range(0, 5),
                        .bridge = g_test_rand_bit() ? "br0" : NULL,
                        .kind = (VsfNicKind)g_test_rand_int_range(0, VSF_NIC_OTHER + 1)};
    }
    vsf_registry_domain_seen(
        fixture->registry, make_def(number, g_test_rand_int_range(-1, 3), nics, n),
        g_test_rand_int_range(-1, 5), 0, now_us - g_test_rand_int_range(0, 50), now_us);
}

static void
send_list(Fixture *fixture, gint64 now_us)
{
    const char *uuids[N_VMS + 1] = {NULL};
    guint n = 0;

    for (guint number = 1; number < N_VMS; number++)
        if (g_test_rand_bit())
            uuids[n++] = uuid_of(number);
    vsf_registry_reconcile(fixture->registry, uuids, now_us - g_test_rand_int_range(0, 50));
}

static void
send_dump(Fixture *fixture)
{
    int ifindexes[12];
    guint n = 0;

    for (int ifindex = 1; ifindex < 12; ifindex++)
        if (g_test_rand_int_range(0, 4) > 0)
            ifindexes[n++] = ifindex;
    vsf_registry_links_reconcile(fixture->registry, ifindexes, n);
}

/* Any of them, whatever its messages say. */
static void
send_ports(Fixture *fixture, gint64 now_us)
{
    static const char *const some[] = {"o*", "vnet?", NULL}, *const none[] = {NULL};
    VsfPort ports[3];
    guint n = (guint)g_test_rand_int_range(0, G_N_ELEMENTS(ports) + 1);

    for (guint i = 0; i < n; i++)
        ports[i] = (VsfPort){g_test_rand_int_range(1, 12), (guint64)g_test_rand_int_range(0, 3)};
    vsf_registry_set_ports(fixture->registry, ports, n, now_us);
    if (g_test_rand_int_range(0, 4) == 0)
        vsf_registry_set_port_patterns(fixture->registry, g_test_rand_bit() ? some : none, now_us);
}

static void
send_something(Fixture *fixture, gint64 now_us)
{
    const char *uuid = uuid_of((guint)g_test_rand_int_range(1, N_VMS));

    switch (g_test_rand_int_range(0, 13)) {
    case 0:
        vsf_registry_link_gone(fixture->registry, g_test_rand_int_range(1, 12));
        break;
    case 1:
        vsf_registry_domain_gone(fixture->registry, uuid, now_us);
        break;
    case 2:
        vsf_registry_domain_state(fixture->registry, uuid, g_test_rand_int_range(0, 8), 0, now_us);
        break;
    case 3:
        vsf_registry_domain_not_running(fixture->registry, uuid, now_us - 20);
        break;
    case 4:
        vsf_registry_expire(fixture->registry, now_us);
        break;
    case 5:
        send_list(fixture, now_us);
        break;
    case 6:
        send_dump(fixture);
        break;
    case 7:
        send_ports(fixture, now_us);
        break;
    case 8:
    case 9:
    case 12:
        see_link(fixture, random_link(), now_us);
        break;
    default:
        send_xml(fixture, now_us);
        break;
    }
}

static guint
check_domain(const Fixture *fixture, const VsfDomain *domain)
{
    for (guint i = 0; i < domain->taps->len; i++) {
        const VsfTap *tap = g_ptr_array_index(domain->taps, i);

        g_assert_true(tap->domain == domain);
        g_assert_true(vsf_registry_tap(fixture->registry, tap->link.ifindex) == tap);
        /* One NIC has one tap. */
        for (guint j = 0; j < i; j++)
            g_assert_true(((VsfTap *)domain->taps->pdata[j])->nic != tap->nic);
    }
    return domain->taps->len;
}

static gboolean
check_tap(const Fixture *fixture, const VsfTap *tap)
{
    const VsfLink *link = vsf_registry_link(fixture->registry, tap->link.ifindex);
    const GPtrArray *same;
    gboolean listed;

    g_assert_nonnull(link);
    g_assert_cmpstr(link->name, ==, tap->link.name);
    g_assert_true((tap->domain == NULL) == (tap->nic == NULL));
    g_assert_true((tap->domain != NULL) == (tap->role == VSF_TAP_OF_VM));
    g_assert_true(tap->speed_bps == 0 || tap->role == VSF_TAP_PORT);
    if (tap->domain == NULL)
        return FALSE;
    listed = g_ptr_array_find(tap->domain->def->nics, tap->nic, NULL);
    g_assert_true(listed);
    same = vsf_registry_taps_by_mac(fixture->registry, tap->nic->mac);
    listed = g_ptr_array_find((GPtrArray *)same, tap, NULL);
    g_assert_true(listed);
    return TRUE;
}

static void
check_tables(const Fixture *fixture)
{
    GHashTableIter iter;
    gpointer value;
    guint owned = 0, bound = 0;

    g_hash_table_iter_init(&iter, vsf_registry_domains(fixture->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value))
        owned += check_domain(fixture, value);
    g_hash_table_iter_init(&iter, vsf_registry_taps(fixture->registry));
    while (g_hash_table_iter_next(&iter, NULL, &value))
        bound += check_tap(fixture, value);
    g_assert_cmpuint(owned, ==, bound);
}

static void
test_any_order_keeps_the_tables_together(void)
{
    Fixture fixture;
    gint64 now_us = 1000;

    fixture_init(&fixture, NULL);
    for (guint i = 0; i < N_MESSAGES; i++) {
        now_us += g_test_rand_int_range(0, 100) == 0 ? 4 * SECOND : g_test_rand_int_range(0, 30);
        send_something(&fixture, now_us);
        check_tables(&fixture);
        g_string_truncate(fixture.told, 0);
    }
    fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/registry/any-order-keeps-the-tables-together",
                    test_any_order_keeps_the_tables_together);
    return g_test_run();
}
