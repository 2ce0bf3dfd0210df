/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's errors as GError. The code is libvirt's (virErrorNumber). */
#pragma once

#include <glib.h>
#include <libvirt/virterror.h>

#define VSF_VIRT_ERROR (vsf_virt_error_quark())
GQuark vsf_virt_error_quark(void);

/* The text of @error (may be NULL) made fit to show; the caller owns it. Names
 * that tenants choose and words of their guests stand in libvirt's texts, so it
 * is one line of bounded length, without anything that moves a cursor. */
char *vsf_virt_error_text(const virError *error);

/* Sets @error to "@what: <libvirt's last error in this thread>". */
void vsf_virt_error_set(GError **error, const char *what);
