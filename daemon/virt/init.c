/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "init.h"

#include "event-loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static void
on_virt_error(void *user_data G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

void
vsf_virt_init(void)
{
    /* Otherwise libvirt writes every error to stderr by itself. */
    virSetErrorFunc(NULL, on_virt_error);
    vsf_event_loop_register();
    if (virInitialize() != 0)
        g_warning("libvirt cannot be initialised: %s; no connection will succeed",
                  virGetLastErrorMessage());
}
