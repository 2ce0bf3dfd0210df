/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns-help.h"

#include <string.h>

static void
put16(GByteArray *message, guint value)
{
    const guint8 bytes[] = {(guint8)(value >> 8), (guint8)value};

    g_byte_array_append(message, bytes, sizeof(bytes));
}

static void
put32(GByteArray *message, guint32 value)
{
    put16(message, value >> 16);
    put16(message, value & 0xffff);
}

GByteArray *
dns_labels(const char *name)
{
    GByteArray *bytes = g_byte_array_new();
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);

    for (guint i = 0; labels[i] != NULL; i++) {
        guint8 length = (guint8)strlen(labels[i]);

        if (length == 0)
            continue;
        g_byte_array_append(bytes, &length, 1);
        g_byte_array_append(bytes, (const guint8 *)labels[i], length);
    }
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return bytes;
}

static void
put_name(GByteArray *message, const char *name)
{
    g_autoptr(GByteArray) labels = dns_labels(name);

    g_byte_array_append(message, labels->data, labels->len);
}

GByteArray *
dns_message(guint16 id, guint16 flags, const char *name, guint16 type)
{
    GByteArray *message = g_byte_array_new();

    put16(message, id);
    put16(message, flags);
    put16(message, 1);
    put16(message, 0);
    put32(message, 0);
    put_name(message, name);
    put16(message, type);
    put16(message, 1);
    return message;
}

void
dns_record(GByteArray *message, guint section, const char *name, guint16 type, guint32 ttl_s,
           gconstpointer data, gsize size)
{
    guint8 *count = message->data + 6 + 2 * section;
    guint n = ((guint)count[0] << 8) + count[1] + 1;

    count[0] = (guint8)(n >> 8);
    count[1] = (guint8)n;
    put_name(message, name);
    put16(message, type);
    put16(message, 1);
    put32(message, ttl_s);
    put16(message, (guint)size);
    g_byte_array_append(message, data, (guint)size);
}

void
dns_srv(GByteArray *message, guint32 ttl_s, guint16 priority, guint16 port, const char *host)
{
    g_autoptr(GByteArray) data = g_byte_array_new();

    put16(data, priority);
    put16(data, 0);
    put16(data, port);
    put_name(data, host);
    dns_record(message, 0, DNS_NAME, DNS_SRV, ttl_s, data->data, data->len);
}

void
dns_txt(GByteArray *message, guint32 ttl_s, const char *strings)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_auto(GStrv) parts = g_strsplit(strings, " ", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        guint8 length = (guint8)strlen(parts[i]);

        g_byte_array_append(data, &length, 1);
        g_byte_array_append(data, (const guint8 *)parts[i], length);
    }
    dns_record(message, 0, DNS_NAME, DNS_TXT, ttl_s, data->data, data->len);
}

void
dns_cname(GByteArray *message, guint32 ttl_s, const char *from, const char *to)
{
    g_autoptr(GByteArray) labels = dns_labels(to);

    dns_record(message, 0, from, DNS_CNAME, ttl_s, labels->data, labels->len);
}

void
dns_soa(GByteArray *message, guint32 ttl_s, guint32 minimum_s)
{
    g_autoptr(GByteArray) data = dns_labels("ns.example.test");

    put_name(data, "root.example.test");
    put32(data, 1);
    put32(data, 3600);
    put32(data, 600);
    put32(data, 86400);
    put32(data, minimum_s);
    dns_record(message, 1, "example.test", DNS_SOA, ttl_s, data->data, data->len);
}
