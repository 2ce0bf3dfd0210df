/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registry-fixture.h"

#include <net/if.h>
#include <string.h>

static void G_GNUC_PRINTF(2, 3) tell(Fixture *fixture, const char *format, ...)
{
    va_list args;

    if (fixture->told->len > 0)
        g_string_append_c(fixture->told, ' ');
    va_start(args, format);
    g_string_append_vprintf(fixture->told, format, args);
    va_end(args);
}

static void
domain_added(VsfDomain *domain, gpointer user_data)
{
    g_assert_true(vsf_registry_by_uuid(((Fixture *)user_data)->registry, domain->def->uuid) ==
                  domain);
    tell(user_data, "+%s", domain->name);
}

static void
domain_changed(VsfDomain *domain, gpointer user_data)
{
    tell(user_data, "~%s", domain->name);
}

static void
domain_removed(VsfDomain *domain, gpointer user_data)
{
    g_assert_cmpuint(domain->taps->len, ==, 0);
    tell(user_data, "-%s", domain->name);
}

static void
tap_added(VsfTap *tap, gpointer user_data)
{
    g_assert_true(vsf_registry_tap(((Fixture *)user_data)->registry, tap->link.ifindex) == tap);
    tell(user_data, "a%d", tap->link.ifindex);
}

static void
tap_bound(VsfTap *tap, gpointer user_data)
{
    gboolean listed = g_ptr_array_find(tap->domain->taps, tap, NULL);
    gboolean owned = g_ptr_array_find(tap->domain->def->nics, tap->nic, NULL);

    g_assert_true(listed);
    g_assert_true(owned);
    tell(user_data, "b%d=%s:%s", tap->link.ifindex, tap->domain->name, tap->nic->alias);
}

static void
tap_changed(VsfTap *tap, gpointer user_data)
{
    tell(user_data, "c%d", tap->link.ifindex);
}

static void
tap_removed(VsfTap *tap, gpointer user_data)
{
    g_assert_null(vsf_registry_tap(((Fixture *)user_data)->registry, tap->link.ifindex));
    if (tap->domain == NULL) {
        tell(user_data, "r%d", tap->link.ifindex);
        return;
    }
    /* Both can still be read. */
    g_assert_nonnull(tap->nic->alias);
    tell(user_data, "r%d=%s", tap->link.ifindex, tap->domain->name);
}

static void
xml_wanted(VsfDomain *domain, gpointer user_data)
{
    tell(user_data, "?%s", domain->name);
}

static guint32
index_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return 200000u + def->uuid_bytes[15];
}

static char *
name_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return g_strdup(def->name);
}

static const VsfRegistryCallbacks callbacks = {
    .domain_added = domain_added,
    .domain_changed = domain_changed,
    .domain_removed = domain_removed,
    .tap_added = tap_added,
    .tap_bound = tap_bound,
    .tap_changed = tap_changed,
    .tap_removed = tap_removed,
    .xml_wanted = xml_wanted,
    .index_for = index_for,
    .name_for = name_for,
};

void
fixture_init(Fixture *fixture, const char *const *patterns)
{
    static const char *const defaults[] = {"vnet*", "tap*", "macvtap*", NULL};

    fixture->told = g_string_new(NULL);
    fixture->registry = vsf_registry_new(patterns != NULL ? patterns : defaults, &callbacks,
                                         fixture);
}

/* The callbacks ask the registry while it is freed. */
void
fixture_free_registry(Fixture *fixture)
{
    vsf_registry_free(fixture->registry);
    fixture->registry = NULL;
}

void
fixture_clear(Fixture *fixture)
{
    fixture_free_registry(fixture);
    g_string_free(fixture->told, TRUE);
}

const char *
uuid_of(guint number)
{
    static char uuids[256][VSF_UUID_TEXT];
    guint8 bytes[16] = {0};

    bytes[15] = (guint8)number;
    vsf_uuid_format(bytes, uuids[number & 0xff]);
    return uuids[number & 0xff];
}

static void
set_guest_mac(guint8 mac[6], guint8 last)
{
    static const guint8 base[6] = {0x52, 0x54, 0, 0, 0, 0};

    memcpy(mac, base, sizeof(base));
    mac[5] = last;
}

VsfDomainDef *
make_def(guint number, int id, const Nic *nics, guint n_nics)
{
    VsfDomainDef *def = vsf_domain_def_new();

    def->id = id;
    def->name = g_strdup_printf("vm%u", number);
    g_strlcpy(def->uuid, uuid_of(number), sizeof(def->uuid));
    vsf_uuid_parse(def->uuid, def->uuid_bytes);
    for (guint i = 0; i < n_nics; i++) {
        VsfNic *nic = g_new0(VsfNic, 1);

        nic->kind = nics[i].kind;
        nic->device = g_strdup(nics[i].device);
        nic->bridge = g_strdup(nics[i].bridge);
        nic->alias = g_strdup_printf("net%u", i);
        set_guest_mac(nic->mac, nics[i].mac);
        g_ptr_array_add(def->nics, nic);
    }
    return def;
}

VsfDomain *
see_vm(Fixture *fixture, guint number, int id, gint64 time_us, const Nic *nics, guint n_nics)
{
    return vsf_registry_domain_seen(fixture->registry, make_def(number, id, nics, n_nics),
                                    VSF_STATE_RUNNING, 1, time_us, time_us);
}

VsfLink
tap_link(int ifindex, const char *name, guint8 mac)
{
    VsfLink link = {.ifindex = ifindex,
                    .kind = "tun",
                    .type = 1,
                    .flags = IFF_UP | IFF_RUNNING,
                    .carrier = 1,
                    .mtu = 1500};

    memcpy(link.name, name, MIN(strlen(name), sizeof(link.name) - 1));
    set_guest_mac(link.mac, mac);
    link.mac[0] = 0xfe;
    return link;
}

VsfLink
odd_link(int ifindex, const char *name)
{
    static const guint8 mac[6] = {0x0a, 0x11, 0x22, 0x33, 0x44, 0x55};
    VsfLink link = tap_link(ifindex, name, 0);

    memcpy(link.mac, mac, sizeof(mac));
    return link;
}

VsfLink
macvtap_link(int ifindex, const char *name, guint8 mac)
{
    VsfLink link = tap_link(ifindex, name, mac);

    g_strlcpy(link.kind, "macvtap", sizeof(link.kind));
    set_guest_mac(link.mac, mac);
    return link;
}

void
see_link(Fixture *fixture, VsfLink link, gint64 time_us)
{
    vsf_registry_link_seen(fixture->registry, &link, time_us);
}
