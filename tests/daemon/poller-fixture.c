/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "poller-fixture.h"

#include "decoded.h"
#include "fake-guests.h"
#include "fake-net.h"
#include "fake-poll.h"

#include <net/if.h>
#include <string.h>

static void
collect(const guint8 *data, gsize size, gpointer user_data)
{
    g_ptr_array_add(((Fixture *)user_data)->datagrams, g_bytes_new(data, size));
}

static void
on_domain_added(VsfDomain *domain, gpointer user_data)
{
    Fixture *fixture = user_data;

    vsf_guests_domain_added(fixture->guests, domain);
    vsf_poller_domain_added(fixture->poller, domain);
}

static void
on_domain_changed(VsfDomain *domain, gpointer user_data)
{
    vsf_poller_domain_changed(((Fixture *)user_data)->poller, domain);
}

static void
on_domain_removed(VsfDomain *domain, gpointer user_data)
{
    Fixture *fixture = user_data;

    vsf_poller_domain_removed(fixture->poller, domain);
    vsf_guests_domain_removed(fixture->guests, domain);
    vsf_exporter_forget_domain(fixture->exporter, domain->index);
}

static void
on_tap_added(VsfTap *tap, gpointer user_data)
{
    vsf_poller_tap_added(((Fixture *)user_data)->poller, tap);
}

static void
on_tap_changed(VsfTap *tap, gpointer user_data)
{
    vsf_poller_tap_changed(((Fixture *)user_data)->poller, tap);
}

static void
on_tap_removed(VsfTap *tap, gpointer user_data)
{
    vsf_poller_tap_removed(((Fixture *)user_data)->poller, tap);
}

static void
on_process_gone(const VsfDomain *domain G_GNUC_UNUSED, gpointer user_data)
{
    ((Fixture *)user_data)->n_gone++;
}

static guint32
index_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return 200000u + def->uuid_bytes[15];
}

static const VsfRegistryCallbacks callbacks = {
    .domain_added = on_domain_added,
    .domain_changed = on_domain_changed,
    .domain_removed = on_domain_removed,
    .tap_added = on_tap_added,
    .tap_bound = on_tap_changed,
    .tap_changed = on_tap_changed,
    .tap_removed = on_tap_removed,
    .index_for = index_for,
};

void
poller_set_up(Fixture *fixture, gconstpointer polling)
{
    static const char *const patterns[] = {"vnet*", NULL};
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};

    fake_net_reset();
    fake_poll_reset();
    fake_guests_reset();
    fixture->config = vsf_config_new();
    fixture->config->polling_s = GPOINTER_TO_UINT(polling);
    fixture->datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, collect, fixture);
    fixture->reader = vsf_link_stats_new(NULL);
    fixture->registry = vsf_registry_new(patterns, &callbacks, fixture);
    fixture->guests = vsf_guests_new(fixture->config, NULL, NULL, NULL, NULL);
    fixture->poller = vsf_poller_new(fixture->config, fixture->registry, fixture->exporter, NULL,
                                     fixture->reader, NULL, fixture->guests, fixture->seed + 1,
                                     on_process_gone, fixture);
    vsf_poller_connected(fixture->poller, TRUE);
    fixture->n_gone = 0;
}

void
poller_tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_registry_free(fixture->registry);
    vsf_poller_free(fixture->poller);
    vsf_guests_free(fixture->guests);
    vsf_exporter_free(fixture->exporter);
    vsf_link_stats_free(fixture->reader);
    vsf_config_free(fixture->config);
    g_ptr_array_unref(fixture->datagrams);
}

/* --- what happens -------------------------------------------------------- */

VsfDomain *
poller_see_domain(Fixture *fixture, guint8 number, int id, guint n_nics, int state)
{
    VsfDomainDef *def = vsf_domain_def_new();
    VsfDisk *disk = g_new0(VsfDisk, 1);
    gint64 now_us = g_get_monotonic_time();

    memset(def->uuid_bytes, number, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = id;
    def->name = g_strdup_printf("vm%u", number);
    disk->target = g_strdup("vda");
    g_ptr_array_add(def->disks, disk);
    for (guint i = 0; i < n_nics; i++) {
        VsfNic *nic = g_new0(VsfNic, 1);

        nic->device = g_strdup_printf("vnet%u", i);
        memcpy(nic->mac, ((const guint8[]){0x52, 0x54, 0, 0, number, (guint8)i}), 6);
        g_ptr_array_add(def->nics, nic);
    }
    return vsf_registry_domain_seen(fixture->registry, def, state, 1, now_us, now_us);
}

VsfDomain *
poller_start_vm(Fixture *fixture, guint n_nics)
{
    for (guint i = 0; i < n_nics; i++) {
        VsfLink link = {.ifindex = 17 + (int)i, .kind = "tun", .type = 1, .flags = IFF_UP};
        VsfLinkStats stats = {.rx_bytes = 1000, .tx_bytes = 20, .rx_packets = 10, .tx_packets = 2};

        g_snprintf(link.name, sizeof(link.name), "vnet%u", i);
        memcpy(link.mac, ((const guint8[]){0xfe, 0x54, 0, 0, 1, (guint8)i}), 6);
        vsf_registry_link_seen(fixture->registry, &link, g_get_monotonic_time());
        fake_link_stats_set(link.ifindex, &stats);
    }
    fake_process_set(100, 'S', CPU_NS);
    poller_see_domain(fixture, 1, 5, n_nics, VSF_STATE_RUNNING);
    fake_worker_run();
    return vsf_registry_by_uuid(fixture->registry, UUID_1);
}

void
poller_begin_turn(Fixture *fixture, VsfPollUrgency urgency)
{
    VsfDomain *domain = vsf_registry_by_uuid(fixture->registry, UUID_1);

    vsf_poller_domain_now(fixture->poller, domain, urgency);
    fake_time_advance(0);
}

void
poller_answer_stats(guint64 rd_req)
{
    g_autoptr(GArray) blocks = g_array_new(FALSE, TRUE, sizeof(VsfBlockStats));
    VsfBlockStats block = {.target = "vda", .rd_req = rd_req};
    VsfDomainStats stats = {.uuid = UUID_1,
                            .state = VSF_STATE_RUNNING,
                            .balloon_current = 1 << 30,
                            .n_vcpus = 3,
                            .has_blocks = TRUE,
                            .blocks = blocks};

    g_array_append_val(blocks, block);
    fake_stats_answer(UUID_1, &stats);
}

void
poller_answer_busy(void)
{
    g_autoptr(GArray) none = g_array_new(FALSE, TRUE, sizeof(VsfBlockStats));
    VsfDomainStats stats = {.uuid = UUID_1,
                            .state = VSF_STATE_RUNNING,
                            .balloon_current = 1000,
                            .balloon_available = VSF_UNKNOWN,
                            .balloon_usable = VSF_UNKNOWN,
                            .balloon_unused = VSF_UNKNOWN,
                            .balloon_disk_caches = VSF_UNKNOWN,
                            .balloon_last_update_s = VSF_UNKNOWN,
                            .n_vcpus = VSF_UNKNOWN,
                            .blocks = none};

    fake_stats_answer(UUID_1, &stats);
}

/* --- what left ----------------------------------------------------------- */

guint
poller_count_samples(Fixture *fixture, const char *source, const char *path, char **value)
{
    guint n = 0;

    for (guint i = 0; i < fixture->datagrams->len; i++) {
        GBytes *bytes = fixture->datagrams->pdata[i];
        g_autoptr(GHashTable)
            table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

        for (guint s = 0;; s++) {
            g_autofree char *source_path = g_strdup_printf("samples.%u.source", s);
            g_autofree char *value_path = g_strdup_printf("samples.%u.records.%s", s, path);
            const char *found = decoded_get(table, source_path);

            if (found == NULL)
                break;
            if (strcmp(found, source) != 0)
                continue;
            n++;
            g_free(*value);
            *value = g_strdup(decoded_get(table, value_path));
        }
    }
    return n;
}

guint
poller_n_samples(Fixture *fixture)
{
    g_autofree char *value = NULL;

    vsf_exporter_flush(fixture->exporter);
    return poller_count_samples(fixture, VM_1, "virt_cpu.state", &value);
}

void
poller_assert_newest(Fixture *fixture, const char *path, const char *expected)
{
    g_autofree char *value = NULL;

    vsf_exporter_flush(fixture->exporter);
    poller_count_samples(fixture, VM_1, path, &value);
    g_assert_cmpstr(value, ==, expected);
}

void
poller_start_many(Fixture *fixture)
{
    for (guint8 i = 1; i <= POLLER_MANY; i++)
        poller_see_domain(fixture, i, i, 0, VSF_STATE_RUNNING);
}

void
poller_pass(gint64 ms)
{
    for (gint64 i = 0; i < ms; i += 100) {
        fake_time_advance(100);
        fake_link_stats_answer(0);
    }
}

void
poller_set_config_text(Fixture *fixture, const char *text)
{
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f", text, strlen(text), &error);

    g_assert_no_error(error);
    vsf_poller_set_config(fixture->poller, config);
    vsf_exporter_set_config(fixture->exporter, config,
                            &(VsfSflowAddress){.family = 1, .bytes = {192, 0, 2, 1}});
    vsf_guests_set_config(fixture->guests, config);
    vsf_config_free(fixture->config);
    fixture->config = config;
}
