/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt's errors as GError. The code is libvirt's (virErrorNumber). */
#pragma once

#include <glib.h>

#define VSF_VIRT_ERROR (vsf_virt_error_quark())
GQuark vsf_virt_error_quark(void);

/* Sets @error to "@what: <libvirt's last error in this thread>". Names that
 * tenants choose stand in libvirt's texts, so control characters are replaced
 * and the length is bounded. */
void vsf_virt_error_set(GError **error, const char *what);
