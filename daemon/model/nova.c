/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nova.h"

#include <string.h>

static void
port_free(gpointer data)
{
    VsfNovaPort *port = data;

    g_free(port->id);
    g_ptr_array_unref(port->addresses);
    g_free(port);
}

VsfNova *
vsf_nova_new(void)
{
    VsfNova *nova = g_new0(VsfNova, 1);

    nova->created_s = VSF_NOVA_UNKNOWN;
    nova->flavor.vcpus = VSF_NOVA_UNKNOWN;
    nova->flavor.memory = nova->flavor.swap = VSF_NOVA_UNKNOWN;
    nova->flavor.disk = nova->flavor.ephemeral = VSF_NOVA_UNKNOWN;
    nova->ports = g_ptr_array_new_with_free_func(port_free);
    return nova;
}

void
vsf_nova_free(VsfNova *nova)
{
    if (nova == NULL)
        return;
    g_free(nova->name);
    g_free(nova->flavor.name);
    g_free(nova->user.id);
    g_free(nova->user.name);
    g_free(nova->project.id);
    g_free(nova->project.name);
    g_free(nova->image);
    g_ptr_array_unref(nova->ports);
    g_free(nova);
}

/* Not control characters, nor what turns the direction of the text around it. */
static gboolean
can_be_shown(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *
vsf_nova_text(const char *text)
{
    g_autoptr(GString) clean = g_string_sized_new(32);

    while (text != NULL && *text != '\0') {
        /* Of a long text no more is looked at than is kept. */
        gunichar c = g_utf8_get_char_validated(text, (gssize)strnlen(text, 6));
        gboolean valid = c != (gunichar)-1 && c != (gunichar)-2;
        gsize before = clean->len;

        if (valid && can_be_shown(c))
            g_string_append_unichar(clean, c);
        else if (clean->len > 0 && clean->str[clean->len - 1] != ' ')
            g_string_append_c(clean, ' ');
        if (clean->len > VSF_NOVA_TEXT_MAX) {
            g_string_truncate(clean, before);
            break;
        }
        text = valid ? g_utf8_next_char(text) : text + 1;
    }
    g_strstrip(clean->str);
    return *clean->str != '\0' ? g_strdup(clean->str) : NULL;
}

char *
vsf_nova_id(const char *text)
{
    gsize length = text != NULL ? strnlen(text, VSF_NOVA_ID_MAX + 1) : 0;

    if (length == 0 || length > VSF_NOVA_ID_MAX)
        return NULL;
    for (gsize i = 0; i < length; i++)
        if (!g_ascii_isalnum(text[i]) && strchr("._-", text[i]) == NULL)
            return NULL;
    return g_strdup(text);
}

/* @width digits at *@at, which then is after them; -1 for anything else. */
static int
take_digits(const char **at, guint width)
{
    int value = 0;

    for (guint i = 0; i < width; i++, (*at)++) {
        if (!g_ascii_isdigit(**at))
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

guint64
vsf_nova_time(const char *text)
{
    static const struct {
        guint width;
        char after;
    } parts[] = {{4, '-'}, {2, '-'}, {2, ' '}, {2, ':'}, {2, ':'}, {2, '\0'}};
    g_autofree char *copy = g_strstrip(g_strndup(text != NULL ? text : "", 64));
    const char *at = copy;
    int values[G_N_ELEMENTS(parts)];
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        values[i] = take_digits(&at, parts[i].width);
        if (values[i] < 0 || *at != parts[i].after)
            return VSF_NOVA_UNKNOWN;
        at++;
    }
    time = g_date_time_new(utc, values[0], values[1], values[2], values[3], values[4], values[5]);
    if (time == NULL || g_date_time_to_unix(time) < 0)
        return VSF_NOVA_UNKNOWN;
    return (guint64)g_date_time_to_unix(time);
}
