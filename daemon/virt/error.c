/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error.h"

#include <libvirt/virterror.h>

#define TEXT_MAX 400

GQuark
vsf_virt_error_quark(void)
{
    return g_quark_from_static_string("vsf-virt-error");
}

void
vsf_virt_error_set(GError **error, const char *what)
{
    virErrorPtr last = virGetLastError();
    g_autofree char *cut = NULL;
    g_autofree char *valid = NULL;

    if (last == NULL || last->message == NULL) {
        g_set_error(error, VSF_VIRT_ERROR, last != NULL ? last->code : VIR_ERR_INTERNAL_ERROR,
                    "%s: libvirt gave no reason", what);
        return;
    }
    cut = g_strndup(last->message, TEXT_MAX);
    valid = g_utf8_make_valid(cut, -1);
    for (char *at = valid; *at != '\0'; at++) {
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    }
    g_set_error(error, VSF_VIRT_ERROR, last->code, "%s: %s", what, valid);
}
