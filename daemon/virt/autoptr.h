/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cleanup functions for libvirt's own types. Closing a connection and freeing
 * the last reference to one are calls to the daemon: only on workers. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

typedef virDomainStatsRecordPtr *VsfStatsRecords; /* of virDomainListGetStats(), g_auto() */
typedef char VsfVirtString;                       /* what libvirt allocated with malloc() */
typedef virError VsfVirtError;                    /* of virSaveLastError() */

static inline void
vsf_virt_string_free(VsfVirtString *string)
{
    free(string);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfVirtError, virFreeError)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfVirtString, vsf_virt_string_free)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(VsfStatsRecords, virDomainStatsRecordListFree, NULL)
