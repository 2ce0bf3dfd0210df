/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The data-source index of every VM: derived from its UUID and remembered, so
 * that it survives restarts and collisions. Pure: text in, text out; the app
 * reads and writes the file (/var/lib/virt-sflow/indexes; indexes-hsflowd has
 * those of VSF_INDEX_HSFLOWD, so that neither is lost while the other is in use). */
#pragma once

#include <glib.h>

/* Which index a UUID has where no other one is in the way. */
typedef enum {
    VSF_INDEX_OWN, /* out of 200000 to 16777215, where few ever meet */
    /* Host sFlow's: 100000 + FNV-1a(UUID) % 50000. Its hash adds plain chars, whose sign is the
     * processor's, so that the index is the one that this host had. */
    VSF_INDEX_HSFLOWD,
} VsfIndexKind;

#define VSF_INDEX_MIN 200000u
#define VSF_INDEX_MAX 16777215u
#define VSF_INDEX_HSFLOWD_MIN 100000u
#define VSF_INDEX_HSFLOWD_MAX 149999u

/* More entries than this are never held, nor more than for half of the indexes: the
 * one used longest ago is forgotten for a new one. */
#define VSF_INDEX_TABLE_MAX (1u << 20)

/* The index that Host sFlow gives @uuid where no other VM has it. */
guint32 vsf_index_hsflowd(const guint8 uuid[16], gboolean char_is_signed);

#define VSF_INDEX_TABLE_ERROR (vsf_index_table_error_quark())
GQuark vsf_index_table_error_quark(void);

typedef enum {
    VSF_INDEX_TABLE_ERROR_SYNTAX,
    VSF_INDEX_TABLE_ERROR_VERSION, /* written by a newer release: nothing was read; do not replace
                                    */
} VsfIndexTableError;

typedef struct VsfIndexTable VsfIndexTable;

VsfIndexTable *vsf_index_table_new(VsfIndexKind kind);
void vsf_index_table_free(VsfIndexTable *table);

/* Reads what vsf_index_table_to_text() wrote. A broken, cut or foreign text
 * keeps what can be trusted (whole valid lines before the fault, if the first line is ours) and
 * returns FALSE with @error naming line and fault; the table stays usable. */
gboolean vsf_index_table_load(VsfIndexTable *table, const char *text, gsize length, GError **error);

/* The whole table, sorted by UUID. The caller frees. */
char *vsf_index_table_to_text(const VsfIndexTable *table, gsize *length);

/* The index of @uuid, given out now if it has none; *@is_new (may be NULL)
 * tells. Never the index of another UUID in the table. @now_s (seconds since
 * the epoch) marks the entry as used, so that vsf_index_table_prune() keeps it:
 * before pruning, ask for each running VM, or a long-lived one is forgotten. */
guint32 vsf_index_table_get(VsfIndexTable *table, const guint8 uuid[16], gint64 now_s,
                            gboolean *is_new);

/* Forgets entries not used since @before_s. Returns how many. */
guint vsf_index_table_prune(VsfIndexTable *table, gint64 before_s);

guint vsf_index_table_size(const VsfIndexTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfIndexTable, vsf_index_table_free)
