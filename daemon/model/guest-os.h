/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system a guest runs, in sFlow's words. For guest-facts.c alone. */
#pragma once

#include "../../include/qga.h"

#define VSF_OS_RELEASE_SIZE 32 /* 31 bytes and the NUL: as much as Host sFlow sends */

/* host_descr's os_name (sFlow Host structures, enum os_name). 0: @os tells nothing. */
guint32 vsf_guest_os_name(const VsfQgaOs *os);

/* The kernel's release; of Windows the version. Printable ASCII, '?' for any other
 * character; empty if unknown. */
void vsf_guest_os_release(const VsfQgaOs *os, char release[VSF_OS_RELEASE_SIZE]);
