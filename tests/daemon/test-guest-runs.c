/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of a VM's run, under which word, and until when. */
#include "guests-fixture.h"

#define BY_ID "id/boot/5"
#define RUN "boot/7"

static void
set_up(Fixture *fixture, gconstpointer user_data)
{
    guests_set_up(fixture, user_data);
    fixture->domain.def->has_agent = FALSE;
    vsf_guests_domain_changed(fixture->guests, &fixture->domain);
}

/* Without an agent and statistics of the balloon the host is chosen at once. */
static void
choose(Fixture *fixture)
{
    g_auto(VsfDomainDetail) detail = {0};

    guests_tell_now(fixture, &detail);
    g_assert_cmpint(detail.available.source, ==, VSF_SOURCE_HOST);
}

static VsfSource
remembered(const char *run)
{
    const VsfGuestRecord *record = vsf_guest_table_get(fake_guest_table(), GUESTS_UUID, run, 1);

    return record != NULL ? record->choice.disk : VSF_SOURCE_UNDECIDED;
}

static void
test_the_word_of_the_process_replaces_one_by_id(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, BY_ID);
    choose(fixture);
    g_assert_cmpint(remembered(BY_ID), ==, VSF_SOURCE_HOST);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    g_assert_cmpint(remembered(RUN), ==, VSF_SOURCE_HOST);
    g_assert_null(vsf_guest_table_get(fake_guest_table(), GUESTS_UUID, BY_ID, 1));
    /* No other follows. */
    vsf_guests_run_known(fixture->guests, &fixture->domain, BY_ID);
    vsf_guests_run_known(fixture->guests, &fixture->domain, "boot/8");
    choose(fixture);
    g_assert_cmpint(remembered(RUN), ==, VSF_SOURCE_HOST);
}

static void
test_what_is_known_of_the_process_counts_more_than_by_id(Fixture *fixture,
                                                         gconstpointer data G_GNUC_UNUSED)
{
    VsfGuestRecord record = {.run = RUN, .choice = {VSF_SOURCE_AGENT, VSF_SOURCE_AGENT}};
    g_auto(VsfDomainDetail) detail = {0};

    vsf_guest_table_set(fake_guest_table(), GUESTS_UUID, &record, 1);
    vsf_guests_run_known(fixture->guests, &fixture->domain, BY_ID);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    guests_tell_now(fixture, &detail);
    g_assert_cmpint(detail.available.source, ==, VSF_SOURCE_AGENT);
}

static void
test_a_run_is_forgotten_when_it_ends_not_when_the_daemon_does(Fixture *fixture,
                                                              gconstpointer data G_GNUC_UNUSED)
{
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    choose(fixture);
    vsf_guests_connected(fixture->guests, FALSE);
    g_assert_cmpint(remembered(RUN), ==, VSF_SOURCE_HOST);
    vsf_guests_domain_removed(fixture->guests, &fixture->domain); /* the daemon ends */
    guests_stop_daemon(fixture);
    g_assert_cmpint(remembered(RUN), ==, VSF_SOURCE_HOST);

    guests_start_daemon(fixture);
    vsf_guests_run_known(fixture->guests, &fixture->domain, RUN);
    vsf_guests_run_ended(fixture->guests, &fixture->domain);
    g_assert_cmpuint(vsf_guest_table_size(fake_guest_table()), ==, 0);
    choose(fixture);
    g_assert_cmpuint(vsf_guest_table_size(fake_guest_table()), ==, 0);
    vsf_guests_domain_removed(fixture->guests, &fixture->domain);
}

#define ADD(path, func) \
    g_test_add("/guest-runs/" path, Fixture, NULL, set_up, func, guests_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("the-word-of-the-process-replaces-one-by-id",
        test_the_word_of_the_process_replaces_one_by_id);
    ADD("what-is-known-of-the-process-counts-more-than-by-id",
        test_what_is_known_of_the_process_counts_more_than_by_id);
    ADD("a-run-is-forgotten-when-it-ends-not-when-the-daemon-does",
        test_a_run_is_forgotten_when_it_ends_not_when_the_daemon_does);
    return g_test_run();
}
