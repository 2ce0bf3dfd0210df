/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses the agent address: a pure chooser over the host's addresses and the
 * routes' source addresses, and a thin reader of both. */
#include "agent-address.h"

#include <ifaddrs.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nothing is sent to these: they are documentation prefixes (RFC 5737, RFC
 * 3849) that only the default route covers, so the kernel's answer tells the
 * source address towards the world. */
#define ELSEWHERE_V4 "192.0.2.1"
#define ELSEWHERE_V6 "2001:db8::1"

void
vsf_host_address_free(VsfHostAddress *host)
{
    if (host == NULL)
        return;
    g_free(host->interface);
    g_clear_object(&host->address);
    g_free(host);
}

static gboolean
refuse(GError **error, const char *wanted, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "agent address %s: %s", wanted, what);
    return FALSE;
}

gboolean
vsf_agent_address_check(const char *wanted, GError **error)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(wanted);
    g_autoptr(GInetAddressMask) mask = NULL;
    g_autoptr(GError) why = NULL;
    const char *what = NULL;

    if (strcmp(wanted, "auto") == 0 || address != NULL)
        return TRUE;
    if (strchr(wanted, '/') != NULL) {
        mask = g_inet_address_mask_new_from_string(wanted, &why);
        if (mask == NULL)
            what = "is no CIDR (the part behind the prefix must be zero)";
    } else if (strspn(wanted, "0123456789.") == strlen(wanted) || strchr(wanted, ':') != NULL) {
        what = "is no IP address";
    } else if (strlen(wanted) >= IFNAMSIZ) {
        what = "is longer than an interface name can be";
    }
    for (const char *at = wanted; what == NULL && *at != '\0'; at++)
        if (!g_ascii_isgraph(*at) || *at == '%')
            what = "is no interface name";
    if (what == NULL)
        return TRUE;
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, what);
    return FALSE;
}

/* Why an address says nothing about this host to the world, or NULL if it does. */
static const char *
unfit(const VsfHostAddress *host)
{
    if (!(host->flags & IFF_UP))
        return "its interface is down";
    if ((host->flags & IFF_LOOPBACK) || g_inet_address_get_is_loopback(host->address))
        return "it is loopback";
    if (g_inet_address_get_is_link_local(host->address))
        return "it is link-local";
    if (g_inet_address_get_is_multicast(host->address) || g_inet_address_get_is_any(host->address))
        return "it names no host";
    if (g_str_has_prefix(host->interface, "virbr"))
        return "it is on a libvirt network's bridge";
    if (host->is_tap)
        return "it is on a VM's interface";
    return NULL;
}

static const VsfHostAddress *
find_address(const GPtrArray *hosts, GInetAddress *address)
{
    for (guint i = 0; address != NULL && i < hosts->len; i++) {
        const VsfHostAddress *host = hosts->pdata[i];

        if (g_inet_address_equal(host->address, address))
            return host;
    }
    return NULL;
}

static GInetAddress *
take(const VsfHostAddress *host, char **reason, const char *why)
{
    g_free(*reason);
    *reason = g_strdup_printf("%s (%s)", why, host->interface);
    return g_object_ref(host->address);
}

/* IPv4 first: what most collectors show as the agent; then the kernel's order. */
static const VsfHostAddress *
first_fit(const GPtrArray *hosts)
{
    static const GSocketFamily families[] = {G_SOCKET_FAMILY_IPV4, G_SOCKET_FAMILY_IPV6};

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        for (guint i = 0; i < hosts->len; i++) {
            const VsfHostAddress *host = hosts->pdata[i];

            if (g_inet_address_get_family(host->address) == families[f] && unfit(host) == NULL)
                return host;
        }
    }
    return NULL;
}

static GInetAddress *
choose_auto(const VsfAgentFacts *facts, char **reason)
{
    const VsfHostAddress *host = find_address(facts->hosts, facts->collector_source);
    const VsfHostAddress *fit;

    if (host != NULL && unfit(host) == NULL)
        return take(host, reason, "source address of the route to the first collector");
    host = find_address(facts->hosts, facts->default_source_v4);
    if (host != NULL && unfit(host) == NULL)
        return take(host, reason, "source address of the default route");
    fit = first_fit(facts->hosts);
    host = find_address(facts->hosts, facts->default_source_v6);
    /* An IPv4 address, even one without a default route, is what collectors know best. */
    if (host != NULL && unfit(host) == NULL &&
        g_inet_address_get_family(fit->address) == G_SOCKET_FAMILY_IPV6)
        return take(host, reason, "source address of the default route");
    if (fit != NULL)
        return take(fit, reason, "first address of this host that others can know it by");
    g_free(*reason);
    *reason = g_strdup("loopback, since this host has no other address to be known by");
    return g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
}

static GInetAddress *
choose_in_prefix(const VsfAgentFacts *facts, const char *wanted, char **reason, GError **error)
{
    g_autoptr(GInetAddressMask) mask = g_inet_address_mask_new_from_string(wanted, NULL);
    const VsfHostAddress *loopback = NULL;
    const char *why_not = "this host has no address in it";

    for (guint i = 0; mask != NULL && i < facts->hosts->len; i++) {
        const VsfHostAddress *host = facts->hosts->pdata[i];
        const char *why;

        if (!g_inet_address_mask_matches(mask, host->address))
            continue;
        why = unfit(host);
        if (why == NULL)
            return take(host, reason, "first address of this host in the configured prefix");
        if (host->flags & IFF_LOOPBACK)
            loopback = host;
        why_not = why;
    }
    if (loopback != NULL)
        return take(loopback, reason, "only address of this host in the configured prefix");
    refuse(error, wanted, why_not);
    return NULL;
}

/* What the user names is taken, whatever it is; global before link-local, IPv4 first. */
static GInetAddress *
choose_on_interface(const VsfAgentFacts *facts, const char *wanted, char **reason, GError **error)
{
    const VsfHostAddress *best = NULL;
    int best_rank = -1;

    for (guint i = 0; i < facts->hosts->len; i++) {
        const VsfHostAddress *host = facts->hosts->pdata[i];
        int rank = 2 * !g_inet_address_get_is_link_local(host->address) +
                   (g_inet_address_get_family(host->address) == G_SOCKET_FAMILY_IPV4);

        if (strcmp(host->interface, wanted) == 0 && rank > best_rank) {
            best = host;
            best_rank = rank;
        }
    }
    if (best != NULL)
        return take(best, reason, "address of the configured interface");
    refuse(error, wanted, "this host has no such interface with an IP address");
    return NULL;
}

GInetAddress *
vsf_agent_address_choose_from(const VsfAgentFacts *facts, const char *wanted, char **reason,
                              GError **error)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(wanted);
    g_autofree char *why = NULL;
    GInetAddress *chosen = NULL;

    if (strcmp(wanted, "auto") == 0) {
        chosen = choose_auto(facts, &why);
    } else if (address != NULL) {
        const VsfHostAddress *host = find_address(facts->hosts, address);

        if (host != NULL)
            chosen = take(host, &why, "configured");
        else
            refuse(error, wanted, "this host has no such address");
    } else if (strchr(wanted, '/') != NULL) {
        chosen = choose_in_prefix(facts, wanted, &why, error);
    } else {
        chosen = choose_on_interface(facts, wanted, &why, error);
    }
    if (chosen != NULL && reason != NULL)
        *reason = g_steal_pointer(&why);
    return chosen;
}

/* The kernel chooses the source when a UDP socket is connected; that sends nothing. */
static GInetAddress *
route_source(GInetAddress *to)
{
    g_autoptr(GSocketAddress) target = NULL;
    g_autoptr(GSocketAddress) local = NULL;
    g_autoptr(GSocket) socket = NULL;

    if (to == NULL)
        return NULL;
    target = g_inet_socket_address_new(to, 9);
    socket = g_socket_new(g_inet_address_get_family(to), G_SOCKET_TYPE_DATAGRAM,
                          G_SOCKET_PROTOCOL_UDP, NULL);
    if (socket == NULL || !g_socket_connect(socket, target, NULL, NULL))
        return NULL;
    local = g_socket_get_local_address(socket, NULL);
    if (local == NULL)
        return NULL;
    return g_object_ref(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(local)));
}

/* By what the kernel says it is: names are anybody's choice. A tun device (a VPN's)
 * carries packets and is no VM's. */
static gboolean
is_tap(const char *interface)
{
    g_autofree char *flags_path = g_build_filename("/sys/class/net", interface, "tun_flags", NULL);
    g_autofree char *macvtap_path = g_build_filename("/sys/class/net", interface, "macvtap", NULL);
    g_autofree char *text = NULL;

    if (g_file_get_contents(flags_path, &text, NULL, NULL))
        return (g_ascii_strtoull(text, NULL, 16) & IFF_TAP) != 0;
    return g_file_test(macvtap_path, G_FILE_TEST_IS_DIR);
}

static void
read_addresses(GPtrArray *hosts)
{
    struct ifaddrs *list = NULL;

    if (getifaddrs(&list) != 0)
        return;
    for (struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        g_autoptr(GSocketAddress) address = NULL;
        VsfHostAddress *host;
        gsize size = 0;

        if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET)
            size = sizeof(struct sockaddr_in);
        else if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET6)
            size = sizeof(struct sockaddr_in6);
        if (size == 0)
            continue;
        address = g_socket_address_new_from_native(at->ifa_addr, size);
        host = g_new0(VsfHostAddress, 1);
        host->interface = g_strdup(at->ifa_name);
        host->flags = at->ifa_flags;
        host->is_tap = is_tap(at->ifa_name);
        host->address = g_object_ref(
            g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
        g_ptr_array_add(hosts, host);
    }
    freeifaddrs(list);
}

/* By which it is known where a device's name is all that is told. */
static GInetAddress *
first_of(const GPtrArray *hosts, const char *device)
{
    GInetAddress *first = NULL;

    for (guint i = 0; i < hosts->len; i++) {
        const VsfHostAddress *host = hosts->pdata[i];

        if (strcmp(host->interface, device) != 0)
            continue;
        if (g_inet_address_get_family(host->address) == G_SOCKET_FAMILY_IPV4)
            return host->address;
        if (first == NULL)
            first = host->address;
    }
    return first;
}

char *
vsf_agent_address_device_from(const GPtrArray *hosts, const char *agent, GError **error)
{
    g_autoptr(GInetAddress) wanted = g_inet_address_new_from_string(agent);

    for (guint i = 0; wanted != NULL && i < hosts->len; i++) {
        const VsfHostAddress *host = hosts->pdata[i];
        GInetAddress *first = first_of(hosts, host->interface);
        g_autofree char *other = NULL;

        if (!g_inet_address_equal(host->address, wanted))
            continue;
        if (g_inet_address_equal(first, wanted))
            return g_strdup(host->interface);
        other = g_inet_address_to_string(first);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "the agent address %s is not the first address of %s, which is %s: set "
                    "agent-address = %s in [sflow]",
                    agent, host->interface, other, other);
        return NULL;
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "no device of this host has the agent address %s: set agent-address in [sflow] to "
                "one that it has",
                agent);
    return NULL;
}

char *
vsf_agent_address_device(const char *agent, GError **error)
{
    g_autoptr(GPtrArray)
        hosts = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_host_address_free);

    read_addresses(hosts);
    return vsf_agent_address_device_from(hosts, agent, error);
}

GInetAddress *
vsf_agent_address_choose(const char *wanted, GInetAddress *collector, char **reason, GError **error)
{
    g_autoptr(GPtrArray)
        hosts = g_ptr_array_new_with_free_func((GDestroyNotify)vsf_host_address_free);
    g_autoptr(GInetAddress) elsewhere_v4 = g_inet_address_new_from_string(ELSEWHERE_V4);
    g_autoptr(GInetAddress) elsewhere_v6 = g_inet_address_new_from_string(ELSEWHERE_V6);
    g_autoptr(GInetAddress) collector_source = route_source(collector);
    g_autoptr(GInetAddress) default_v4 = route_source(elsewhere_v4);
    g_autoptr(GInetAddress) default_v6 = route_source(elsewhere_v6);
    VsfAgentFacts facts = {hosts, collector_source, default_v4, default_v6};

    read_addresses(hosts);
    return vsf_agent_address_choose_from(&facts, wanted, reason, error);
}
