/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hsflowd-values.h"

#include "hsflowd-file.h"

#include <errno.h>
#include <gio/gio.h>
#include <net/if.h>
#include <string.h>

#define DEFAULT_PORT 6343
#define NAME_BYTES_MAX 253 /* of a DNS name */

G_GNUC_PRINTF(2, 3)
static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error != NULL)
        *error = g_error_new_valist(VSF_HSFLOWD_ERROR, VSF_HSFLOWD_ERROR_VALUE, format, args);
    va_end(args);
    return FALSE;
}

/* What a letter at the end of a number multiplies it by; 1: there is none. */
static guint64
multiplier(char last)
{
    switch (g_ascii_toupper(last)) {
    case 'K':
        return 1000;
    case 'M':
        return 1000000;
    case 'G':
        return 1000000000;
    default:
        return 1;
    }
}

gboolean
vsf_hsflowd_number(const char *text, guint64 min, guint64 max, guint64 *number, GError **error)
{
    guint64 factor, value;
    char *end = NULL;

    if (!g_ascii_isdigit(text[0]))
        return refuse(error, "must be a whole number");
    errno = 0;
    value = g_ascii_strtoull(text, &end, 0);
    factor = multiplier(*end);
    if (end == text || end[factor > 1 ? 1 : 0] != '\0')
        return refuse(error, "must be a whole number, with K, M or G behind it at most");
    if (errno != 0 || value > max / factor || value * factor < min)
        return refuse(error, "must be from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, min, max);
    *number = value * factor;
    return TRUE;
}

gboolean
vsf_hsflowd_on_off(const char *text, gboolean *on, GError **error)
{
    *on = g_ascii_strcasecmp(text, "on") == 0;
    if (!*on && g_ascii_strcasecmp(text, "off") != 0)
        return refuse(error, "must be on or off");
    return TRUE;
}

static gboolean
has_only(const char *text, const char *others)
{
    for (; *text != '\0'; text++)
        if (!g_ascii_isalnum(*text) && strchr(others, *text) == NULL)
            return FALSE;
    return TRUE;
}

static gboolean
is_numeric(const char *text)
{
    return text[strspn(text, "0123456789.")] == '\0';
}

gboolean
vsf_hsflowd_check_device(const char *text, GError **error)
{
    if (text[0] == '\0' || strlen(text) >= IFNAMSIZ || !has_only(text, "._-@+") || is_numeric(text))
        return refuse(error, "must be the name of an interface, of at most %d bytes", IFNAMSIZ - 1);
    return TRUE;
}

static gboolean
is_link_local(const char *ip)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(ip);

    return address != NULL && g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 &&
           g_inet_address_get_is_link_local(address);
}

/* A name as DNS and /etc/hosts have it, or an IPv4 address. */
static gboolean
check_name(const char *host, GError **error)
{
    if (host[0] == '\0' || host[0] == '.' || strlen(host) > NAME_BYTES_MAX ||
        strstr(host, "..") != NULL || !has_only(host, "-_."))
        return refuse(error, "must be an IP address or a host name");
    if (is_numeric(host) && !g_hostname_is_ip_address(host))
        return refuse(error, "is no whole IPv4 address");
    return TRUE;
}

char *
vsf_hsflowd_collector(const char *ip, guint port, const char *device, GError **error)
{
    g_autofree char *host = g_strdup(ip);
    char *scope = strchr(host, '%');
    gboolean is_v6;
    GString *text;

    if (scope != NULL) {
        *scope++ = '\0';
        device = device != NULL ? device : scope;
    }
    is_v6 = strchr(host, ':') != NULL && g_hostname_is_ip_address(host);
    if ((!is_v6 && !check_name(host, error)) ||
        (device != NULL && !vsf_hsflowd_check_device(device, error)))
        return NULL;
    if (device == NULL && is_v6 && is_link_local(host)) {
        refuse(error, "is link-local and needs dev = INTERFACE beside it");
        return NULL;
    }
    text = g_string_new(NULL);
    g_string_append_printf(text, is_v6 ? "[%s]" : "%s", host);
    if (port != DEFAULT_PORT)
        g_string_append_printf(text, ":%u", port);
    if (device != NULL)
        g_string_append_printf(text, "%%%s", device);
    return g_string_free(text, FALSE);
}

gboolean
vsf_hsflowd_is_address(const char *text)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(text);

    return address != NULL;
}

char *
vsf_hsflowd_network(const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    g_autoptr(GInetAddress) address = NULL, network = NULL;
    g_autofree guint8 *bytes = NULL;
    g_autofree char *shown = NULL;
    guint64 length;
    gsize size;

    if (parts[0] != NULL && parts[1] != NULL)
        address = g_inet_address_new_from_string(parts[0]);
    if (address == NULL) {
        refuse(error, "must be a network such as 10.0.0.0/8");
        return NULL;
    }
    size = g_inet_address_get_native_size(address);
    if (!g_ascii_string_to_unsigned(parts[1], 10, 0, size * 8, &length, NULL)) {
        refuse(error, "must end in a prefix length from 0 to %" G_GSIZE_FORMAT, size * 8);
        return NULL;
    }
    bytes = g_memdup2(g_inet_address_to_bytes(address), size);
    for (gsize bit = length; bit < size * 8; bit++)
        bytes[bit / 8] &= (guint8) ~(0x80 >> bit % 8);
    network = g_inet_address_new_from_bytes(bytes, g_inet_address_get_family(address));
    shown = g_inet_address_to_string(network);
    return g_strdup_printf("%s/%" G_GUINT64_FORMAT, shown, length);
}

#define DOMAIN_BYTES_MAX 200 /* so that _sflow._udp. before it fits into a name too */
#define LABEL_BYTES_MAX 63

static gboolean
is_domain(const char *domain)
{
    g_auto(GStrv) labels = g_strsplit(domain, ".", -1);

    for (guint i = 0; labels[i] != NULL; i++)
        if (strlen(labels[i]) > LABEL_BYTES_MAX)
            return FALSE;
    return strlen(domain) <= DOMAIN_BYTES_MAX && !is_numeric(domain) && check_name(domain, NULL);
}

char *
vsf_hsflowd_domain(const char *text, GError **error)
{
    const char *domain = text[0] == '.' ? text + 1 : text;

    if (!is_domain(domain)) {
        refuse(error, "must be a domain such as .example.net");
        return NULL;
    }
    return g_strdup(domain);
}
