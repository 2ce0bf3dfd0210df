/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was chosen for each VM's run and must outlive the daemon: the sources of
 * its memory and disk numbers, and its agent's quarantine. Pure: text in, text
 * out; the app reads and writes the file (/var/lib/virt-sflow/guests). */
#pragma once

#include "domain.h"
#include "guest-truth.h"

/* More entries than this are never held: the one used longest ago is forgotten. One
 * that was read or set since the table was made is in use until it is removed: its
 * run is on. */
#define VSF_GUEST_TABLE_MAX 65536

/* An entry that is not in use, and was not for so long, is not written any more. */
#define VSF_GUEST_TABLE_KEPT_S (30 * 24 * 3600)

#define VSF_GUEST_TABLE_ERROR (vsf_guest_table_error_quark())
GQuark vsf_guest_table_error_quark(void);

typedef enum {
    VSF_GUEST_TABLE_ERROR_SYNTAX,  /* nothing, or only some entries were read */
    VSF_GUEST_TABLE_ERROR_VERSION, /* written by a newer release: nothing was read */
} VsfGuestTableError;

#define VSF_GUEST_RUN_MAX 63

typedef struct {
    char run[VSF_GUEST_RUN_MAX + 1]; /* names the run: boot and start time of its QEMU */
    VsfGuestChoice choice;
    gint64 quarantined_until_s; /* since the epoch, 0: is not */
    guint quarantines;          /* in this run */
    gint64 used_s;              /* since the epoch: when its run was last known to be on */
} VsfGuestRecord;

typedef struct VsfGuestTable VsfGuestTable;

VsfGuestTable *vsf_guest_table_new(void);
void vsf_guest_table_free(VsfGuestTable *table);

/* Reads what vsf_guest_table_to_text() wrote. From a broken or foreign text
 * what can be trusted is kept, and FALSE returned with @error set. */
gboolean vsf_guest_table_load(VsfGuestTable *table, const char *text, gsize length, GError **error);

/* All entries used since @now_s - KEPT_S, or in use, which is noted as @now_s; sorted
 * by UUID. The caller frees. */
char *vsf_guest_table_to_text(const VsfGuestTable *table, gint64 now_s, gsize *length);

/* NULL if there is none for @uuid (lower case, with dashes), or it is another
 * run's. Owned by the table, until the next set(). */
const VsfGuestRecord *vsf_guest_table_get(VsfGuestTable *table, const char *uuid, const char *run,
                                          gint64 now_s);

/* Replaces the entry of @uuid. */
void vsf_guest_table_set(VsfGuestTable *table, const char *uuid, const VsfGuestRecord *record,
                         gint64 now_s);

/* Its run ended: nothing of it is of use any more. FALSE: there was none. */
gboolean vsf_guest_table_remove(VsfGuestTable *table, const char *uuid);

guint vsf_guest_table_size(const VsfGuestTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfGuestTable, vsf_guest_table_free)
