/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a collector as it is written in the configuration. Pure: whether the
 * name exists and the device is there shows only when datagrams are sent. */
#include "sender.h"

#include <net/if.h>
#include <string.h>

#define NAME_MAX_BYTES 253 /* of a DNS name */

G_GNUC_PRINTF(2, 3)
static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error != NULL)
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, args);
    va_end(args);
    return FALSE;
}

static gboolean
check_device(const char *device, GError **error)
{
    if (device[0] == '\0')
        return refuse(error, "has no interface after %%");
    if (strlen(device) >= IFNAMSIZ || strcmp(device, ".") == 0 || strcmp(device, "..") == 0)
        return refuse(error, "has no possible interface name after %%");
    for (; *device != '\0'; device++) {
        if (*device == ':')
            return refuse(error, "has %%DEV before the port, it stands at the end");
        if (*device == '/' || *device == '%' || *device == '[' || *device == ']' ||
            !g_ascii_isgraph(*device))
            return refuse(error, "has no possible interface name after %%");
    }
    return TRUE;
}

static gboolean
parse_port(const char *text, guint16 *port, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &number, NULL))
        return refuse(error, "has no port from 1 to 65535 after the colon");
    *port = (guint16)number;
    return TRUE;
}

/* A name as DNS and /etc/hosts have it, or an IPv4 address. */
static gboolean
check_name(const char *host, GError **error)
{
    gboolean all_numeric = TRUE;
    char previous = '.';

    if (host[0] == '\0')
        return refuse(error, "has no host");
    if (strlen(host) > NAME_MAX_BYTES)
        return refuse(error, "is longer than a host name can be");
    for (const char *at = host; *at != '\0'; at++) {
        if (!g_ascii_isalnum(*at) && *at != '-' && *at != '_' && *at != '.')
            return refuse(error, *at == '/' ? "has a slash, the port follows a colon"
                                            : "is no host name and no IP address");
        if (*at == '.' && previous == '.')
            return refuse(error, "is no host name, it has an empty label");
        all_numeric &= g_ascii_isdigit(*at) || *at == '.';
        previous = *at;
    }
    if (all_numeric && !g_hostname_is_ip_address(host))
        return refuse(error, "is no IPv4 address");
    return TRUE;
}

static gboolean
is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL && g_hostname_is_ip_address(host);
}

/* A link-local address says nothing without its link. */
static gboolean
check_scope(const VsfCollectorAddress *address, GError **error)
{
    g_autoptr(GInetAddress) ip = g_inet_address_new_from_string(address->host);

    if (address->device == NULL && ip != NULL &&
        g_inet_address_get_family(ip) == G_SOCKET_FAMILY_IPV6 &&
        g_inet_address_get_is_link_local(ip))
        return refuse(error, "is link-local and needs %%DEV at its end");
    return TRUE;
}

/* "[V6]" or "[V6]:PORT"; the scope may also stand inside, as people know it. */
static gboolean
split_bracket(char *text, VsfCollectorAddress *address, GError **error)
{
    char *close = strchr(text, ']'), *scope;

    if (close == NULL)
        return refuse(error, "has no closing bracket");
    *close = '\0';
    scope = strchr(text, '%');
    if (scope != NULL) {
        *scope++ = '\0';
        if (address->device != NULL)
            return refuse(error, "has two interfaces");
        if (!check_device(scope, error))
            return FALSE;
        address->device = g_strdup(scope);
    }
    if (!is_ipv6(text + 1))
        return refuse(error, "has no IPv6 address between the brackets");
    address->host = g_strdup(text + 1);
    if (close[1] == '\0')
        return TRUE;
    if (close[1] != ':')
        return refuse(error, "has something other than :PORT after the bracket");
    return parse_port(close + 2, &address->port, error);
}

static gboolean
split_plain(char *text, VsfCollectorAddress *address, GError **error)
{
    char *colon = strchr(text, ':');

    if (colon != NULL && strchr(colon + 1, ':') != NULL) {
        if (!is_ipv6(text))
            return refuse(error, "is no IPv6 address (with a port: [V6]:PORT)");
        address->host = g_strdup(text);
        return TRUE;
    }
    if (colon != NULL) {
        *colon = '\0';
        if (!parse_port(colon + 1, &address->port, error))
            return FALSE;
    }
    if (!check_name(text, error))
        return FALSE;
    address->host = g_strdup(text);
    return TRUE;
}

VsfCollectorAddress *
vsf_collector_address_parse(const char *text, GError **error)
{
    g_autoptr(VsfCollectorAddress) address = g_new0(VsfCollectorAddress, 1);
    g_autofree char *copy = g_strdup(text);
    const char *close = strrchr(copy, ']');
    char *percent = strrchr(close != NULL ? close : copy, '%');

    address->text = g_strdup(text);
    address->port = VSF_SFLOW_PORT;
    if (percent != NULL) {
        *percent = '\0';
        if (!check_device(percent + 1, error))
            return NULL;
        address->device = g_strdup(percent + 1);
    }
    if (!(copy[0] == '[' ? split_bracket(copy, address, error)
                         : split_plain(copy, address, error)) ||
        !check_scope(address, error))
        return NULL;
    return g_steal_pointer(&address);
}

VsfCollectorAddress *
vsf_collector_address_copy(const VsfCollectorAddress *address)
{
    VsfCollectorAddress *copy = g_new0(VsfCollectorAddress, 1);

    copy->text = g_strdup(address->text);
    copy->host = g_strdup(address->host);
    copy->port = address->port;
    copy->device = g_strdup(address->device);
    return copy;
}

void
vsf_collector_address_free(VsfCollectorAddress *address)
{
    if (address == NULL)
        return;
    g_free(address->text);
    g_free(address->host);
    g_free(address->device);
    g_free(address);
}

gboolean
vsf_collector_address_equal(const VsfCollectorAddress *a, const VsfCollectorAddress *b)
{
    return g_ascii_strcasecmp(a->host, b->host) == 0 && a->port == b->port &&
           g_strcmp0(a->device, b->device) == 0;
}

char *
vsf_collector_used_text(GInetAddress *address, guint port)
{
    g_autofree char *host = address != NULL ? g_inet_address_to_string(address) : NULL;

    if (host == NULL)
        return NULL;
    return g_strdup_printf(strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}
