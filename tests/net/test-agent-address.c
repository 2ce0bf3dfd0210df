/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/net/agent-address.h"

#include <net/if.h>
#include <string.h>

#define UP IFF_UP
#define LOOP (IFF_UP | IFF_LOOPBACK)

typedef struct {
    const char *interface, *address;
    guint flags;
    gboolean is_tap;
} Row;

/* A usual hypervisor; some cases take only the first rows. */
static const Row hypervisor[] = {
    {"lo", "127.0.0.1", LOOP},         {"lo", "::1", LOOP},
    {"virbr0", "192.168.122.1", UP},   {"vnet0", "fe80::fc54:ff:fe00:1", UP, TRUE},
    {"port3", "192.0.2.99", UP, TRUE}, {"eno1", "fe80::1", UP},
    {"eno2", "198.51.100.77", 0},      {"eno1", "2001:db8::10", UP},
    {"eno1", "192.0.2.10", UP},        {"br-mgmt", "10.20.0.5", UP},
    {"br-mgmt", "fe80::5", UP},        {"storage", "169.254.7.7", UP},
    {"only6", "fe80::9", UP},          {"only6", "2001:db8:6::9", UP},
};

typedef struct {
    const char *name;
    guint n_rows; /* of hypervisor[] */
    const char *wanted;
    const char *collector_source, *default_v4, *default_v6;
    const char *want;   /* address; NULL: an error */
    const char *reason; /* words in it, or in the error */
} Choice;

#define ALL G_N_ELEMENTS(hypervisor)

static const Choice choices[] = {
    {"route to the collector", ALL, "auto", "10.20.0.5", "192.0.2.10", NULL, "10.20.0.5",
     "route to the first collector (br-mgmt)"},
    {"route over IPv6", ALL, "auto", "2001:db8::10", "192.0.2.10", NULL, "2001:db8::10",
     "route to the first collector (eno1)"},
    {"collector on loopback", ALL, "auto", "127.0.0.1", "10.20.0.5", NULL, "10.20.0.5",
     "default route (br-mgmt)"},
    {"collector in a VM", ALL, "auto", "192.168.122.1", "192.0.2.10", NULL, "192.0.2.10",
     "default route"},
    {"collector behind a tap", ALL, "auto", "192.0.2.99", NULL, NULL, "192.0.2.10",
     "first address"},
    {"collector by link-local", ALL, "auto", "fe80::1", NULL, NULL, "192.0.2.10", "first address"},
    {"source unknown to the host", ALL, "auto", "203.0.113.1", NULL, NULL, "192.0.2.10", "first"},
    {"nothing known", ALL, "auto", NULL, NULL, NULL, "192.0.2.10", "first address"},
    {"only IPv6", 8, "auto", NULL, NULL, "2001:db8::10", "2001:db8::10", "default route"},
    {"only IPv6, no route", 8, "auto", NULL, NULL, NULL, "2001:db8::10", "first address"},
    {"IPv4 before IPv6's default route", ALL, "auto", NULL, NULL, "2001:db8::10", "192.0.2.10",
     "first address"},
    {"only what never counts", 7, "auto", "192.168.122.1", NULL, NULL, "127.0.0.1", "loopback"},
    {"only loopback", 2, "auto", "127.0.0.1", NULL, NULL, "127.0.0.1", "loopback"},
    {"no address at all", 0, "auto", NULL, NULL, NULL, "127.0.0.1", "loopback"},

    {"address", ALL, "10.20.0.5", NULL, NULL, NULL, "10.20.0.5", "configured"},
    {"address of IPv6", ALL, "2001:db8::10", NULL, NULL, NULL, "2001:db8::10", "configured"},
    {"address of elsewhere", ALL, "203.0.113.9", NULL, NULL, NULL, NULL, "no such address"},
    {"address that auto never takes", ALL, "192.168.122.1", NULL, NULL, NULL, "192.168.122.1",
     "configured"},

    {"interface", ALL, "br-mgmt", NULL, NULL, NULL, "10.20.0.5", "configured interface"},
    {"interface with both families", ALL, "eno1", NULL, NULL, NULL, "192.0.2.10", "interface"},
    {"interface, global before link-local", ALL, "only6", NULL, NULL, NULL, "2001:db8:6::9",
     "interface"},
    {"interface with link-local only", ALL, "storage", NULL, NULL, NULL, "169.254.7.7",
     "interface"},
    {"interface of elsewhere", ALL, "eth9", NULL, NULL, NULL, NULL, "no such interface"},

    {"prefix", ALL, "10.0.0.0/8", NULL, NULL, NULL, "10.20.0.5", "configured prefix"},
    {"prefix of IPv6", ALL, "2001:db8::/32", NULL, NULL, NULL, "2001:db8::10", "prefix"},
    {"prefix skips taps", ALL, "192.0.2.0/24", NULL, NULL, NULL, "192.0.2.10", "prefix"},
    {"prefix of a libvirt bridge", ALL, "192.168.0.0/16", NULL, NULL, NULL, NULL, "libvirt"},
    {"prefix of an interface that is down", ALL, "198.51.100.0/24", NULL, NULL, NULL, NULL, "down"},
    {"prefix of link-local", ALL, "169.254.0.0/16", NULL, NULL, NULL, NULL, "link-local"},
    {"prefix of loopback", ALL, "127.0.0.0/8", NULL, NULL, NULL, "127.0.0.1", "only address"},
    {"prefix of elsewhere", ALL, "172.16.0.0/12", NULL, NULL, NULL, NULL, "no address in it"},
    {"whole IPv4", ALL, "0.0.0.0/0", NULL, NULL, NULL, "192.0.2.10", "prefix"},
};

static GInetAddress *
ip(const char *text)
{
    return text != NULL ? g_inet_address_new_from_string(text) : NULL;
}

static GPtrArray *
host_list(guint n_rows)
{
    GPtrArray *hosts = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_host_address_free);

    for (guint i = 0; i < n_rows; i++) {
        VsfHostAddress *host = g_new0(VsfHostAddress, 1);

        host->interface = g_strdup(hypervisor[i].interface);
        host->address = ip(hypervisor[i].address);
        host->flags = hypervisor[i].flags;
        host->is_tap = hypervisor[i].is_tap;
        g_ptr_array_add(hosts, host);
    }
    return hosts;
}

static void
test_choice(gconstpointer data)
{
    const Choice *choice = data;
    g_autoptr(GPtrArray) hosts = host_list(choice->n_rows);
    g_autoptr(GInetAddress) collector_source = ip(choice->collector_source);
    g_autoptr(GInetAddress) default_v4 = ip(choice->default_v4);
    g_autoptr(GInetAddress) default_v6 = ip(choice->default_v6);
    VsfAgentFacts facts = {hosts, collector_source, default_v4, default_v6};
    g_autofree char *reason = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GInetAddress)
        chosen = vsf_agent_address_choose_from(&facts, choice->wanted, &reason, &error);

    g_assert_true((chosen == NULL) == (error != NULL));
    if (choice->want == NULL) {
        g_assert_null(chosen);
        g_assert_null(reason);
        g_assert_nonnull(strstr(error->message, choice->wanted));
        g_assert_nonnull(strstr(error->message, choice->reason));
        return;
    }
    g_assert_no_error(error);
    text = g_inet_address_to_string(chosen);
    g_assert_cmpstr(text, ==, choice->want);
    g_assert_nonnull(strstr(reason, choice->reason));
}

/* What this very host says must hold together, whatever it is. */
static void
test_this_host_always_has_one(void)
{
    g_autofree char *reason = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GInetAddress) collector = ip("127.0.0.1");
    g_autoptr(GInetAddress) chosen = vsf_agent_address_choose("auto", collector, &reason, NULL);
    g_autoptr(GInetAddress) again = NULL;

    g_assert_nonnull(chosen);
    g_assert_nonnull(reason);
    text = g_inet_address_to_string(chosen);
    again = vsf_agent_address_choose(text, NULL, NULL, NULL);
    g_assert_true(again == NULL || g_inet_address_equal(chosen, again));
}

static void
test_loopback_interface_can_be_named(void)
{
    g_autoptr(GInetAddress) chosen = vsf_agent_address_choose("lo", NULL, NULL, NULL);
    g_autoptr(GError) error = NULL;

    if (chosen != NULL)
        g_assert_true(g_inet_address_get_is_loopback(chosen));
    g_assert_null(vsf_agent_address_choose("vsf-absent0", NULL, NULL, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_device_of_an_address(void)
{
    static const struct {
        const char *agent, *device, *error;
    } cases[] = {
        {"127.0.0.1", "lo", NULL},
        {"192.0.2.10", "eno1", NULL},
        {"2001:db8::10", NULL, "not the first address of eno1, which is 192.0.2.10"},
        {"fe80::9", "only6", NULL},
        {"2001:db8:6::9", NULL, "not the first address of only6, which is fe80::9"},
        {"203.0.113.1", NULL, "no device of this host has the agent address 203.0.113.1"},
    };
    g_autoptr(GPtrArray)
        hosts = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_host_address_free);

    for (guint i = 0; i < G_N_ELEMENTS(hypervisor); i++) {
        VsfHostAddress *host = g_new0(VsfHostAddress, 1);

        host->interface = g_strdup(hypervisor[i].interface);
        host->address = g_inet_address_new_from_string(hypervisor[i].address);
        g_ptr_array_add(hosts, host);
    }
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *device = vsf_agent_address_device_from(hosts, cases[i].agent, &error);

        g_assert_cmpstr(device, ==, cases[i].device);
        if (cases[i].error == NULL)
            g_assert_no_error(error);
        else
            g_assert_nonnull(strstr(error->message, cases[i].error));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(choices); i++) {
        g_autofree char *path = g_strdup_printf("/net/agent-address/%s", choices[i].name);

        g_strdelimit(path, " ", '-');
        g_test_add_data_func(path, &choices[i], test_choice);
    }
    g_test_add_func("/net/agent-address/this-host-always-has-one", test_this_host_always_has_one);
    g_test_add_func("/net/agent-address/loopback-interface-can-be-named",
                    test_loopback_interface_can_be_named);
    g_test_add_func("/net/agent-address/device-of-an-address", test_device_of_an_address);
    return g_test_run();
}
