/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs of domains: how they begin, change and end, in whatever order the
 * messages come. */
#include "registry-fixture.h"

static void
test_a_vm_and_its_tap_in_any_order(void)
{
    Fixture fixture;

    /* The link, then XML: as with a hook, or from STARTED. */
    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    TOLD(&fixture, "a5");
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "+vm1 b5=vm1:net0");
    fixture_clear(&fixture);

    /* XML read before the link was told, as by a hook whose datagram overtakes. */
    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "+vm1");
    see_link(&fixture, tap_link(5, "vnet0", 1), 20);
    TOLD(&fixture, "a5 b5=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_doubled_messages_change_nothing(void)
{
    Fixture fixture;
    VsfDomain *domain;
    VsfTap *tap;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    domain = SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    tap = vsf_registry_tap(fixture.registry, 5);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0");
    see_link(&fixture, tap_link(5, "vnet0", 1), 30);
    TOLD(&fixture, "");
    g_assert_true(SEE_VM(&fixture, 1, 7, 40, TAP_NIC("vnet0", 1)) == domain);
    TOLD(&fixture, "~vm1");
    g_assert_true(vsf_registry_tap(fixture.registry, 5) == tap);
    g_assert_cmpuint(domain->taps->len, ==, 1);
    g_assert_cmpint(domain->since_us, ==, 20);
    g_assert_true(vsf_registry_domain_gone(fixture.registry, uuid_of(1), 50));
    TOLD(&fixture, "r5=vm1 -vm1");
    g_assert_true(vsf_registry_domain_gone(fixture.registry, uuid_of(1), 60));
    vsf_registry_link_gone(fixture.registry, 5);
    vsf_registry_link_gone(fixture.registry, 5);
    TOLD(&fixture, "");
    fixture_clear(&fixture);
}

static void
test_xml_older_than_the_known_is_ignored(void)
{
    Fixture fixture;
    VsfDomain *domain;

    fixture_init(&fixture, NULL);
    domain = SEE_VM(&fixture, 1, 7, 100, TAP_NIC("vnet0", 1), TAP_NIC("vnet1", 2));
    TOLD(&fixture, "+vm1");
    /* Asked for before, delivered after: of this run, or of the one before it. */
    g_assert_true(SEE_VM(&fixture, 1, 7, 90, TAP_NIC("vnet0", 1)) == domain);
    g_assert_true(SEE_VM(&fixture, 1, 6, 90, TAP_NIC("vnet0", 1)) == domain);
    TOLD(&fixture, "");
    g_assert_cmpuint(domain->def->nics->len, ==, 2);
    fixture_clear(&fixture);
}

static void
test_xml_from_before_the_end_brings_nothing_back(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 100, TAP_NIC("vnet0", 1));
    vsf_registry_domain_gone(fixture.registry, uuid_of(1), 200);
    TOLD(&fixture, "+vm1 -vm1");
    g_assert_null(SEE_VM(&fixture, 1, 7, 150, TAP_NIC("vnet0", 1)));
    TOLD(&fixture, "");
    g_assert_nonnull(SEE_VM(&fixture, 1, 8, 250, TAP_NIC("vnet0", 1)));
    TOLD(&fixture, "+vm1");
    fixture_clear(&fixture);
}

static void
test_a_reboot_keeps_all(void)
{
    Fixture fixture;
    VsfTap *tap;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    tap = vsf_registry_tap(fixture.registry, 5);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0");
    SEE_VM(&fixture, 1, 7, 30, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "~vm1");
    g_assert_true(vsf_registry_tap(fixture.registry, 5) == tap);
    fixture_clear(&fixture);
}

/* Destroy and create, managed save and restore: tap and id are new. */
static void
test_another_id_is_another_run(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0");
    vsf_registry_link_gone(fixture.registry, 5);
    TOLD(&fixture, "r5=vm1");
    /* No end of the first run was told yet: the new tap is nobody's. */
    see_link(&fixture, tap_link(9, "vnet0", 1), 30);
    TOLD(&fixture, "a9");
    SEE_VM(&fixture, 1, 8, 40, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "-vm1 +vm1 b9=vm1:net0");
    fixture_clear(&fixture);
}

/* STOPPED does not say of which run; it may come after the hook told of the next. */
static void
test_the_end_of_the_replaced_run_spares_the_new_one(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, TAP_NIC("vnet0", 1));
    SEE_VM(&fixture, 1, 8, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "+vm1 -vm1 +vm1");
    g_assert_false(vsf_registry_domain_gone(fixture.registry, uuid_of(1), 30));
    TOLD(&fixture, "");
    g_assert_nonnull(vsf_registry_by_uuid(fixture.registry, uuid_of(1)));
    g_assert_true(vsf_registry_domain_gone(fixture.registry, uuid_of(1), 40));
    TOLD(&fixture, "-vm1");
    fixture_clear(&fixture);
}

static void
test_an_answer_that_it_does_not_run_is_sure(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, TAP_NIC("vnet0", 1));
    SEE_VM(&fixture, 1, 8, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "+vm1 -vm1 +vm1");
    vsf_registry_domain_not_running(fixture.registry, uuid_of(1), 15); /* older than the XML */
    TOLD(&fixture, "");
    vsf_registry_domain_not_running(fixture.registry, uuid_of(1), 30);
    TOLD(&fixture, "-vm1");
    g_assert_null(SEE_VM(&fixture, 1, 8, 25, TAP_NIC("vnet0", 1)));
    fixture_clear(&fixture);
}

static void
test_xml_of_a_stopped_domain_ends_the_run(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    g_assert_null(SEE_VM(&fixture, 1, -1, 5, TAP_NIC("vnet0", 1)));
    TOLD(&fixture, "");
    SEE_VM(&fixture, 1, 7, 10, TAP_NIC("vnet0", 1));
    g_assert_nonnull(SEE_VM(&fixture, 1, -1, 9, TAP_NIC("vnet0", 1))); /* older */
    TOLD(&fixture, "+vm1");
    g_assert_null(SEE_VM(&fixture, 1, -1, 20, TAP_NIC("vnet0", 1)));
    TOLD(&fixture, "-vm1");
    fixture_clear(&fixture);
}

static void
test_states_come_by_event(void)
{
    Fixture fixture;
    VsfDomain *domain;

    fixture_init(&fixture, NULL);
    /* RESUMED comes before STARTED: not known yet, the caller fetches. */
    g_assert_false(
        vsf_registry_domain_state(fixture.registry, uuid_of(1), VSF_STATE_RUNNING, 0, SECOND));
    /* A migration in: paused, until it ends. */
    domain = vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_PAUSED,
                                      2, 10, 10);
    TOLD(&fixture, "+vm1");
    g_assert_true(
        vsf_registry_domain_state(fixture.registry, uuid_of(1), VSF_STATE_RUNNING, 1, SECOND));
    TOLD(&fixture, "~vm1");
    g_assert_true(
        vsf_registry_domain_state(fixture.registry, uuid_of(1), VSF_STATE_RUNNING, 1, SECOND));
    TOLD(&fixture, "");
    /* The hook knows no state and takes none away. */
    vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_UNKNOWN, 0, 20,
                             20);
    g_assert_cmpint(domain->state, ==, VSF_STATE_RUNNING);
    fixture_clear(&fixture);
}

/* XML that is on its way while the event comes tells what was before it. */
static void
test_an_older_answer_takes_back_no_event(void)
{
    Fixture fixture;
    VsfDomain *domain;

    fixture_init(&fixture, NULL);
    domain = vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_PAUSED,
                                      2, 10, 10);
    g_assert_true(
        vsf_registry_domain_state(fixture.registry, uuid_of(1), VSF_STATE_RUNNING, 0, 30));
    vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_PAUSED, 2, 20,
                             40);
    g_assert_cmpint(domain->state, ==, VSF_STATE_RUNNING);
    g_assert_true(domain->here);
    vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_PAUSED, 1, 50,
                             60);
    g_assert_cmpint(domain->reason, ==, 1);
    fixture_clear(&fixture);
}

static void
test_a_guest_on_its_way_is_not_here(void)
{
    Fixture fixture;
    VsfDomain *in, *out, *announced;

    fixture_init(&fixture, NULL);
    in = vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_PAUSED, 2,
                                  10, 10);
    out = vsf_registry_domain_seen(fixture.registry, make_def(2, 8, NULL, 0), VSF_STATE_RUNNING, 1,
                                   10, 10);
    announced = vsf_registry_domain_seen(fixture.registry, make_def(3, 9, NULL, 0),
                                         VSF_STATE_UNKNOWN, 0, 10, 10);
    g_assert_false(in->here);
    g_assert_true(out->here);
    g_assert_false(announced->here);
    g_assert_cmpuint(vsf_registry_n_here(fixture.registry), ==, 1);
    vsf_registry_domain_state(fixture.registry, uuid_of(1), VSF_STATE_RUNNING, 0, 20);
    vsf_registry_domain_state(fixture.registry, uuid_of(2), VSF_STATE_PAUSED, 2, 20);
    vsf_registry_domain_state(fixture.registry, uuid_of(3), VSF_STATE_RUNNING, 0, 20);
    g_assert_true(in->here);
    g_assert_false(out->here);
    g_assert_true(announced->here);
    /* It failed, and runs on where it was. */
    vsf_registry_domain_state(fixture.registry, uuid_of(2), VSF_STATE_RUNNING, 0, 30);
    g_assert_cmpuint(vsf_registry_n_here(fixture.registry), ==, 3);
    fixture_clear(&fixture);
}

/* libvirt calls it "migrating" until it is resumed; we do not. */
static void
test_what_was_restored_paused_is_here(void)
{
    Fixture fixture;
    VsfDomain *seen, *told;

    fixture_init(&fixture, NULL);
    seen = vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_RUNNING, 3,
                                    10, 10);
    vsf_registry_domain_state(fixture.registry, uuid_of(1), VSF_STATE_PAUSED, 0, 20);
    vsf_registry_domain_seen(fixture.registry, make_def(1, 7, NULL, 0), VSF_STATE_PAUSED, 2, 30,
                             40);
    g_assert_true(seen->here);
    g_assert_cmpint(seen->reason, ==, 0);
    told = vsf_registry_domain_seen(fixture.registry, make_def(2, 8, NULL, 0), VSF_STATE_PAUSED, 2,
                                    10, 10);
    g_assert_false(told->here);
    g_assert_cmpint(told->reason, ==, 2);
    vsf_registry_domain_began(fixture.registry, told);
    g_assert_true(told->here);
    g_assert_cmpint(told->reason, ==, 0);
    vsf_registry_domain_seen(fixture.registry, make_def(2, 8, NULL, 0), VSF_STATE_PAUSED, 2, 30,
                             40);
    g_assert_true(told->here);
    g_assert_cmpint(told->reason, ==, 0);
    fixture_clear(&fixture);
}

static void
test_a_list_removes_what_it_does_not_hold(void)
{
    Fixture fixture;
    const char *const listed[] = {uuid_of(1), NULL};
    const char *const none[] = {NULL};

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, TAP_NIC("vnet0", 1));
    SEE_VM(&fixture, 2, 8, 10, TAP_NIC("vnet1", 2));
    SEE_VM(&fixture, 3, 9, 60, TAP_NIC("vnet2", 3)); /* began after the question */
    TOLD(&fixture, "+vm1 +vm2 +vm3");
    vsf_registry_reconcile(fixture.registry, listed, 50);
    TOLD(&fixture, "-vm2");
    g_assert_null(SEE_VM(&fixture, 2, 8, 40, TAP_NIC("vnet1", 2)));
    g_assert_nonnull(SEE_VM(&fixture, 2, 8, 55, TAP_NIC("vnet1", 2)));
    TOLD(&fixture, "+vm2");
    vsf_registry_reconcile(fixture.registry, none, 5);
    TOLD(&fixture, "");
    vsf_registry_reconcile(fixture.registry, NULL, 50);
    TOLD(&fixture, "-vm1");
    fixture_clear(&fixture);
}

static void
test_free_tells_of_all_that_is_left(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    see_link(&fixture, tap_link(6, "vnet1", 2), 10);
    see_link(&fixture, tap_link(7, "br7", 2), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a5 a6 +vm1 b5=vm1:net0");
    fixture_free_registry(&fixture);
    TOLD(&fixture, "r5=vm1 -vm1 r6");
    fixture_clear(&fixture);
    vsf_registry_free(NULL);
}

static void
test_callbacks_may_be_absent(void)
{
    static const VsfRegistryCallbacks none = {0};
    static const char *const patterns[] = {"*", NULL};
    g_autoptr(VsfRegistry) registry = vsf_registry_new(patterns, &none, NULL);
    const Nic nic = TAP_NIC("vnet0", 1);
    VsfLink link = tap_link(5, "vnet0", 1);
    const VsfDomain *domain;

    vsf_registry_link_seen(registry, &link, 1);
    domain = vsf_registry_domain_seen(registry, make_def(1, 1, &nic, 1), 1, 1, 2, 2);
    g_assert_cmpstr(domain->name, ==, "vm1");
    g_assert_cmpuint(domain->taps->len, ==, 1);
}

static void
test_name_and_index_come_from_outside(void)
{
    Fixture fixture;
    VsfDomainDef *renamed = make_def(3, 7, NULL, 0);
    const VsfDomain *domain;

    fixture_init(&fixture, NULL);
    domain = see_vm(&fixture, 3, 7, 10, NULL, 0);
    g_assert_cmpuint(domain->index, ==, 200003);
    g_free(renamed->name);
    renamed->name = g_strdup("other");
    vsf_registry_domain_seen(fixture.registry, renamed, 1, 1, 20, 20);
    TOLD(&fixture, "+vm3 ~other");
    g_assert_cmpstr(domain->name, ==, "other");
    g_assert_cmpuint(g_hash_table_size(vsf_registry_domains(fixture.registry)), ==, 1);
    g_assert_true(vsf_registry_by_uuid(fixture.registry, uuid_of(3)) == domain);
    fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/registry/a-vm-and-its-tap-in-any-order",
                    test_a_vm_and_its_tap_in_any_order);
    g_test_add_func("/model/registry/doubled-messages-change-nothing",
                    test_doubled_messages_change_nothing);
    g_test_add_func("/model/registry/xml-older-than-the-known-is-ignored",
                    test_xml_older_than_the_known_is_ignored);
    g_test_add_func("/model/registry/xml-from-before-the-end-brings-nothing-back",
                    test_xml_from_before_the_end_brings_nothing_back);
    g_test_add_func("/model/registry/a-reboot-keeps-all", test_a_reboot_keeps_all);
    g_test_add_func("/model/registry/another-id-is-another-run", test_another_id_is_another_run);
    g_test_add_func("/model/registry/the-end-of-the-replaced-run-spares-the-new-one",
                    test_the_end_of_the_replaced_run_spares_the_new_one);
    g_test_add_func("/model/registry/an-answer-that-it-does-not-run-is-sure",
                    test_an_answer_that_it_does_not_run_is_sure);
    g_test_add_func("/model/registry/xml-of-a-stopped-domain-ends-the-run",
                    test_xml_of_a_stopped_domain_ends_the_run);
    g_test_add_func("/model/registry/states-come-by-event", test_states_come_by_event);
    g_test_add_func("/model/registry/an-older-answer-takes-back-no-event",
                    test_an_older_answer_takes_back_no_event);
    g_test_add_func("/model/registry/a-guest-on-its-way-is-not-here",
                    test_a_guest_on_its_way_is_not_here);
    g_test_add_func("/model/registry/what-was-restored-paused-is-here",
                    test_what_was_restored_paused_is_here);
    g_test_add_func("/model/registry/a-list-removes-what-it-does-not-hold",
                    test_a_list_removes_what_it_does_not_hold);
    g_test_add_func("/model/registry/free-tells-of-all-that-is-left",
                    test_free_tells_of_all_that_is_left);
    g_test_add_func("/model/registry/callbacks-may-be-absent", test_callbacks_may_be_absent);
    g_test_add_func("/model/registry/name-and-index-come-from-outside",
                    test_name_and_index_come_from_outside);
    return g_test_run();
}
