/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-settings.h"

#include "agent-address.h"

#include <string.h>

#define DOMAIN_MAX_BYTES 220 /* "_sflow._udp." goes in front, and a name has 253 at most */
#define LABEL_MAX_BYTES 63

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, what);
    return FALSE;
}

VsfDnsSettings *
vsf_dns_settings_new(void)
{
    VsfDnsSettings *settings = g_new0(VsfDnsSettings, 1);

    settings->collectors = g_ptr_array_new_with_free_func(
        (GDestroyNotify)vsf_collector_address_free);
    settings->by_speed = vsf_speed_rates_new();
    settings->sampling = settings->polling_s = settings->header_bytes = VSF_DNS_UNSAID;
    return settings;
}

VsfDnsSettings *
vsf_dns_settings_copy(const VsfDnsSettings *settings)
{
    VsfDnsSettings *copy = vsf_dns_settings_new();

    for (guint i = 0; i < settings->collectors->len; i++)
        g_ptr_array_add(copy->collectors,
                        vsf_collector_address_copy(settings->collectors->pdata[i]));
    g_array_append_vals(copy->by_speed, settings->by_speed->data, settings->by_speed->len);
    copy->sampling = settings->sampling;
    copy->polling_s = settings->polling_s;
    copy->header_bytes = settings->header_bytes;
    copy->agent_ip = g_strdup(settings->agent_ip);
    copy->agent_device = g_strdup(settings->agent_device);
    copy->agent_cidr = g_strdup(settings->agent_cidr);
    return copy;
}

void
vsf_dns_settings_free(VsfDnsSettings *settings)
{
    if (settings == NULL)
        return;
    g_ptr_array_unref(settings->collectors);
    g_array_unref(settings->by_speed);
    g_free(settings->agent_ip);
    g_free(settings->agent_device);
    g_free(settings->agent_cidr);
    g_free(settings);
}

/* The text says all there is. */
gboolean
vsf_dns_settings_equal(const VsfDnsSettings *a, const VsfDnsSettings *b)
{
    g_autofree char *one = a != NULL ? vsf_dns_settings_to_text(a) : NULL;
    g_autofree char *other = b != NULL ? vsf_dns_settings_to_text(b) : NULL;

    return g_strcmp0(one, other) == 0;
}

/* --- values ------------------------------------------------------------ */

static gboolean
set_number(gint64 *field, const char *value, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT32, &number, NULL))
        return refuse(error, "is no whole number");
    *field = (gint64)number;
    return TRUE;
}

static gboolean
set_speed(VsfDnsSettings *settings, const char *speed_text, const char *value, GError **error)
{
    guint64 speed = vsf_speed_parse(speed_text);
    gint64 sampling;

    if (speed == 0)
        return refuse(error, "has no speed such as 1G in its name");
    return set_number(&sampling, value, error) &&
           (vsf_speed_rates_set(settings->by_speed, speed, (guint)sampling) ||
            refuse(error, "is one speed too many"));
}

static gboolean
set_address(char **field, const char *value, GError **error)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(value);

    if (address == NULL)
        return refuse(error, "is no IP address");
    g_free(*field);
    *field = g_inet_address_to_string(address);
    return TRUE;
}

/* @has_slash tells an interface's name from a prefix. */
static gboolean
set_agent(char **field, const char *value, gboolean has_slash, GError **error)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(value);

    if (*value == '\0' || address != NULL || strcmp(value, "auto") == 0 ||
        (strchr(value, '/') != NULL) != has_slash)
        return refuse(error, has_slash ? "is no CIDR" : "is no interface name");
    if (!vsf_agent_address_check(value, error))
        return FALSE;
    g_free(*field);
    *field = g_strdup(value);
    return TRUE;
}

/* --- collectors -------------------------------------------------------- */

/* Takes @address. */
static gboolean
add_address(VsfDnsSettings *settings, VsfCollectorAddress *address, GError **error)
{
    g_autoptr(VsfCollectorAddress) added = address;

    for (guint i = 0; i < settings->collectors->len; i++) {
        const VsfCollectorAddress *other = settings->collectors->pdata[i];

        if (g_ascii_strcasecmp(other->host, added->host) == 0 && other->port == added->port &&
            g_strcmp0(other->device, added->device) == 0)
            return TRUE;
    }
    if (settings->collectors->len == VSF_DNS_COLLECTORS_MAX)
        return refuse(error, "is one collector too many");
    g_ptr_array_add(settings->collectors, g_steal_pointer(&added));
    return TRUE;
}

/* From its parts, as the configuration would have it. */
static VsfCollectorAddress *
address_of(const char *host, const char *port, const char *device, GError **error)
{
    gboolean is_v6 = strchr(host, ':') != NULL;
    g_autofree char *text = NULL;

    if (host[0] == '\0' || strpbrk(host, "[]%") != NULL || strpbrk(port, ":%[]") != NULL) {
        refuse(error, "is no collector");
        return NULL;
    }
    text = g_strdup_printf("%s%s%s%s%s%s%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                           *port != '\0' ? ":" : "", port, *device != '\0' ? "%" : "", device);
    return vsf_collector_address_parse(text, error);
}

gboolean
vsf_dns_settings_add_collector(VsfDnsSettings *settings, const char *host, guint port,
                               GError **error)
{
    g_autofree char *port_text = g_strdup_printf("%u", port);
    /* A name of one label is whole as it is: without its dot it is searched for. */
    g_autofree char *whole = g_strconcat(host, strpbrk(host, ".:") == NULL ? "." : "", NULL);
    VsfCollectorAddress *address = address_of(whole, port_text, "", error);

    return address != NULL && add_address(settings, address, error);
}

/* Host sFlow's IP/PORT/DEV/NAMESPACE, of which all but the first may be missing or empty. */
static gboolean
set_collector(VsfDnsSettings *settings, const char *value, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(value, "/", -1);
    guint n = g_strv_length(parts);
    VsfCollectorAddress *address;

    if (n <= 1)
        address = vsf_collector_address_parse(value, error);
    else if (n > 4)
        return refuse(error, "is no IP/PORT/DEV");
    else if (n == 4 && *parts[3] != '\0')
        return refuse(error, "is in another network namespace, where nothing is sent");
    else
        address = address_of(parts[0], parts[1], n > 2 ? parts[2] : "", error);
    return address != NULL && add_address(settings, address, error);
}

/* --- keys -------------------------------------------------------------- */

#define BY_SPEED "sampling."

gboolean
vsf_dns_settings_set(VsfDnsSettings *settings, const char *key, const char *value, GError **error)
{
    g_autofree char *name = g_ascii_strdown(key, -1);
    g_autofree char *plain = g_strstrip(g_strdup(value));

    if (strcmp(name, "txtvers") == 0)
        return TRUE;
    if (strcmp(name, "sampling") == 0)
        return set_number(&settings->sampling, plain, error);
    if (strcmp(name, "polling") == 0)
        return set_number(&settings->polling_s, plain, error);
    if (strcmp(name, "headerbytes") == 0)
        return set_number(&settings->header_bytes, plain, error);
    if (g_str_has_prefix(name, BY_SPEED))
        return set_speed(settings, name + strlen(BY_SPEED), plain, error);
    if (strcmp(name, "agentip") == 0)
        return set_address(&settings->agent_ip, plain, error);
    if (strcmp(name, "agent") == 0)
        return set_agent(&settings->agent_device, plain, FALSE, error);
    if (strcmp(name, "agent.cidr") == 0)
        return set_agent(&settings->agent_cidr, plain, TRUE, error);
    if (strcmp(name, "collector") == 0)
        return set_collector(settings, plain, error);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "unknown");
    return FALSE;
}

/* --- as text ----------------------------------------------------------- */

static void
append_number(GString *text, const char *key, gint64 number)
{
    if (number != VSF_DNS_UNSAID)
        g_string_append_printf(text, "%s=%" G_GINT64_FORMAT "\n", key, number);
}

static void
append_word(GString *text, const char *key, const char *word)
{
    if (word != NULL)
        g_string_append_printf(text, "%s=%s\n", key, word);
}

static void
append_speed(GString *text, const VsfSpeedRate *rate)
{
    g_autofree char *speed = vsf_speed_text(rate->bits_per_second);

    g_string_append_printf(text, BY_SPEED "%s=%u\n", speed, rate->sampling);
}

char *
vsf_dns_settings_to_text(const VsfDnsSettings *settings)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < settings->collectors->len; i++) {
        const VsfCollectorAddress *address = settings->collectors->pdata[i];
        g_autofree char *host = g_ascii_strdown(address->host, -1);

        g_string_append_printf(text, "collector=%s/%u/%s\n", host, address->port,
                               address->device != NULL ? address->device : "");
    }
    append_number(text, "sampling", settings->sampling);
    for (guint i = 0; i < settings->by_speed->len; i++)
        append_speed(text, &g_array_index(settings->by_speed, VsfSpeedRate, i));
    append_number(text, "polling", settings->polling_s);
    append_number(text, "headerBytes", settings->header_bytes);
    append_word(text, "agentIP", settings->agent_ip);
    append_word(text, "agent", settings->agent_device);
    append_word(text, "agent.cidr", settings->agent_cidr);
    return g_string_free(text, FALSE);
}

VsfDnsSettings *
vsf_dns_settings_parse(const char *text, GError **error)
{
    g_autoptr(VsfDnsSettings) settings = vsf_dns_settings_new();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        char *equals = strchr(lines[i], '=');

        if (*lines[i] == '\0')
            continue;
        if (equals == NULL) {
            refuse(error, "a line without =");
            return NULL;
        }
        *equals = '\0';
        if (!vsf_dns_settings_set(settings, lines[i], equals + 1, error)) {
            g_prefix_error(error, "%.40s: ", lines[i]);
            return NULL;
        }
    }
    return g_steal_pointer(&settings);
}

gboolean
vsf_dns_domain_check(const char *domain, GError **error)
{
    gsize label = 0;

    if (*domain == '.')
        domain++;
    if (*domain == '\0' || strlen(domain) > DOMAIN_MAX_BYTES)
        return refuse(error, "is no domain name");
    for (; *domain != '\0'; domain++) {
        if (*domain == '.' ? label == 0 || label > LABEL_MAX_BYTES
                           : !g_ascii_isalnum(*domain) && *domain != '-' && *domain != '_')
            return refuse(error, "is no domain name");
        label = *domain == '.' ? 0 : label + 1;
    }
    return label <= LABEL_MAX_BYTES || refuse(error, "is no domain name");
}
