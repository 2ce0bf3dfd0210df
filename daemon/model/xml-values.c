/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values inside a domain's XML: numbers, sizes with a unit, MACs. */
#include "xml-values.h"

#include <string.h>

const char *
vsf_xml_attribute(const char **names, const char **values, const char *name)
{
    for (guint i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return values[i];
    return NULL;
}

guint64
vsf_xml_number(const char *text, guint64 max)
{
    g_autofree char *copy = g_strstrip(g_strdup(text != NULL ? text : ""));
    guint64 value = 0;

    return g_ascii_string_to_unsigned(copy, 10, 0, max, &value, NULL) ? value : 0;
}

guint64
vsf_xml_size(const char *text, const char *unit)
{
    static const char prefixes[] = "kmgtpe";
    guint64 value = vsf_xml_number(text, G_MAXUINT64);
    guint64 base = 1024;
    const char *prefix;

    if (unit == NULL || *unit == '\0')
        unit = "KiB";
    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "byte") == 0 ||
        g_ascii_strcasecmp(unit, "bytes") == 0)
        return value;
    if (g_ascii_strcasecmp(unit + 1, "b") == 0)
        base = 1000;
    else if (unit[1] != '\0' && g_ascii_strcasecmp(unit + 1, "ib") != 0)
        return 0;
    prefix = strchr(prefixes, g_ascii_tolower(unit[0]));
    if (prefix == NULL)
        return 0;
    for (const char *at = prefixes; at <= prefix; at++)
        if (!g_uint64_checked_mul(&value, value, base))
            return 0;
    return value;
}

void
vsf_xml_pci(const char **names, const char **values, char pci[VSF_PCI_TEXT])
{
    static const struct {
        const char *name;
        guint64 max;
    } parts[] = {{"domain", 0xffff}, {"bus", 0xff}, {"slot", 0x1f}, {"function", 7}};
    guint64 found[G_N_ELEMENTS(parts)] = {0};

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *text = vsf_xml_attribute(names, values, parts[i].name);
        gboolean hex = text != NULL &&
                       (g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X"));

        /* Only the domain may be left out. */
        if (text == NULL && i == 0)
            continue;
        if (text == NULL || !g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0,
                                                        parts[i].max, &found[i], NULL))
            return;
    }
    g_snprintf(pci, VSF_PCI_TEXT, "%04x:%02x:%02x.%x", (guint)found[0], (guint)found[1],
               (guint)found[2], (guint)found[3]);
}

void
vsf_xml_mac(const char *text, guint8 mac[6])
{
    guint8 parsed[6];

    for (guint i = 0; i < 6; i++) {
        guint value = 0, digits = 0;

        while (g_ascii_isxdigit(*text) && digits++ < 2)
            value = value << 4 | (guint)g_ascii_xdigit_value(*text++);
        if (digits == 0 || *text != (i < 5 ? ':' : '\0'))
            return;
        text++;
        parsed[i] = (guint8)value;
    }
    memcpy(mac, parsed, sizeof(parsed));
}
