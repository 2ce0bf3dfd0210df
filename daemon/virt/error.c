/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error.h"

#define TEXT_MAX 400

GQuark
vsf_virt_error_quark(void)
{
    return g_quark_from_static_string("vsf-virt-error");
}

static gboolean
can_be_shown(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *
vsf_virt_error_text(const virError *error)
{
    g_autofree char *cut = NULL;
    g_autofree char *valid = NULL;
    GString *shown;

    if (error == NULL || error->message == NULL)
        return g_strdup("libvirt gave no reason");
    cut = g_strndup(error->message, TEXT_MAX);
    valid = g_utf8_make_valid(cut, -1);
    shown = g_string_sized_new(TEXT_MAX);
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        g_string_append_unichar(shown, can_be_shown(c) ? c : ' ');
    }
    return g_string_free(shown, FALSE);
}

void
vsf_virt_error_set(GError **error, const char *what)
{
    const virError *last = virGetLastError();
    g_autofree char *text = vsf_virt_error_text(last);

    g_set_error(error, VSF_VIRT_ERROR, last != NULL ? last->code : VIR_ERR_INTERNAL_ERROR, "%s: %s",
                what, text);
}
