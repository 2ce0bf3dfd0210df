/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The name under which a domain is exported (host_descr.hostname). Collectors
 * key VMs by it and copy it raw into XML and file names, and nova's display
 * names are tenant input, so only [A-Za-z0-9._-] leaves, at most 63 bytes. */
#pragma once

#include "domain.h"

#define VSF_VM_NAME_MAX 63

typedef enum {
    VSF_VM_NAME_AUTO,   /* with nova metadata <display name>-<first 8 of UUID>, else the domain name
                         */
    VSF_VM_NAME_NOVA,   /* nova display name, always suffixed; domain name if there is none */
    VSF_VM_NAME_DOMAIN, /* the domain name */
    VSF_VM_NAME_TITLE,  /* <title>, domain name if there is none */
    VSF_VM_NAME_GUEST,  /* the guest's own host name, domain name until it is known */
} VsfVmNameMode;

/* Never NULL or empty. If sanitising or cutting changed the name, it ends in
 * "-<first 8 of UUID>", so that no two VMs swap names over restarts.
 * @guest_name is what the agent said, or NULL. */
char *vsf_vm_name(const VsfDomainDef *def, VsfVmNameMode mode, const char *guest_name);
