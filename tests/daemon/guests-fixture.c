/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests-fixture.h"

#include <string.h>

static void
named(VsfDomain *domain G_GNUC_UNUSED, gpointer user_data)
{
    ((Fixture *)user_data)->n_named++;
}

static void
balloon_set(VsfDomain *domain G_GNUC_UNUSED, gpointer user_data)
{
    ((Fixture *)user_data)->n_balloon_set++;
}

static const VsfGuestsCallbacks callbacks = {.named = named, .balloon_set = balloon_set};

VsfDomainDef *
guests_def_new(guint8 byte)
{
    VsfDomainDef *def = vsf_domain_def_new();

    memset(def->uuid_bytes, byte, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = 5;
    def->name = g_strdup("web01");
    def->has_agent = TRUE;
    def->agent = VSF_AGENT_DISCONNECTED;
    def->has_balloon = TRUE;
    return def;
}

void
guests_start_daemon(Fixture *fixture)
{
    fixture->guests = vsf_guests_new(fixture->config, NULL, NULL, &callbacks, fixture);
    vsf_guests_connected(fixture->guests, TRUE);
    fixture->domain.since_us = g_get_monotonic_time();
    vsf_guests_domain_added(fixture->guests, &fixture->domain);
}

void
guests_set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_poll_reset();
    fake_guests_reset();
    fixture->config = vsf_config_new();
    fixture->domain = (VsfDomain){
        .def = guests_def_new(1), .name = g_strdup("web01"), .state = VSF_STATE_RUNNING};
    fixture->n_named = fixture->n_balloon_set = 0;
    guests_start_daemon(fixture);
}

void
guests_tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_guests_free(fixture->guests);
    vsf_domain_def_free(fixture->domain.def);
    g_free(fixture->domain.name);
    vsf_config_free(fixture->config);
    fake_guests_reset();
}

void
guests_stop_daemon(Fixture *fixture)
{
    g_clear_pointer(&fixture->guests, vsf_guests_free);
}

void
guests_agent_comes(Fixture *fixture)
{
    vsf_guests_agent_event(fixture->guests, GUESTS_UUID, TRUE);
    fake_time_advance(GUESTS_FIRST_MS);
}

void
guests_agent_comes_again(Fixture *fixture)
{
    fake_time_advance(10000);
    guests_agent_comes(fixture);
}

VsfGuestStatus
guests_status_of(Fixture *fixture)
{
    VsfGuestStatus status;

    g_assert_true(vsf_guests_status(fixture->guests, &fixture->domain, &status));
    return status;
}

void
guests_tell_now(Fixture *fixture, VsfDomainDetail *detail)
{
    VsfBalloon balloon = {.current = 1000,
                          .available = VSF_UNKNOWN,
                          .usable = VSF_UNKNOWN,
                          .unused = VSF_UNKNOWN,
                          .disk_caches = VSF_UNKNOWN};

    vsf_domain_detail_init(detail);
    vsf_guests_tell(fixture->guests, &fixture->domain, &balloon, 777, TRUE, detail);
}

void
guests_assert_told(Fixture *fixture, guint64 memory, guint64 available)
{
    g_auto(VsfDomainDetail) detail = {0};

    guests_tell_now(fixture, &detail);
    g_assert_cmpuint(detail.memory.value, ==, memory);
    g_assert_cmpuint(detail.available.value, ==, available);
}
